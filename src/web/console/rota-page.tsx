import { gaps, type Span, within } from '../../domain/rota.ts';
import type { Duty, RotaWeek } from '../../pipeline/admin-store.ts';
import { Act, Button, ButtonLink, Field, Form, Select } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import { dayOf, Time, timeOfDay } from './format.tsx';
import type { Typed } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { common } from './words/common.ts';
import { rota as words } from './words/rota.ts';

interface Props {
  readonly view: View;
  readonly week: RotaWeek;
  readonly approvers: readonly {
    readonly id: string;
    readonly name: string;
    readonly canBeCalled: boolean;
  }[];
  readonly mayChange: boolean;
  readonly typed: Typed;
  readonly done?: 'added' | 'removed' | undefined;
}

/** `08:00–24:00`: midnight at the end of a day is written as people say it. */
const spanOf = (view: View, span: Span, day: Span): string =>
  `${timeOfDay(view, span.startsAt)}–${Number(span.endsAt) === Number(day.endsAt) ? '24:00' : timeOfDay(view, span.endsAt)}`;

const Day = ({
  view,
  day,
  duties,
}: {
  readonly view: View;
  readonly day: Span;
  readonly duties: readonly Duty[];
}) => {
  const t = words[view.locale];
  return (
    <ul class="plain">
      {duties.map((duty) => (
        <li>
          <b>{duty.name}</b> <span class="nowrap">{spanOf(view, duty, day)}</span>{' '}
          <span class="hint">{t.order(duty.position)}</span>{' '}
          {!duty.canBeCalled && <Badge tone="warning">{t.unreachable}</Badge>}
        </li>
      ))}
    </ul>
  );
};

/** A week of the rota, what it leaves open, and how to fill that. */
export const RotaPage = ({ view, week, approvers, mayChange, typed, done }: Props): Markup => {
  const t = words[view.locale];
  const first = week.days[0]?.startsAt ?? new Date(0);
  const last = week.days.at(-1)?.startsAt ?? first;
  const toWeek = (date: string) => `/console/admin/rota?week=${date}`;
  const unreachable = [...new Set(week.duties.filter((d) => !d.canBeCalled).map(({ name }) => name))];
  const rows = week.days.map((day) => {
    const duties = week.duties.flatMap((duty) => within(duty, day) ?? []);
    const open = gaps(
      day,
      duties.filter(({ canBeCalled }) => canBeCalled),
    );
    return [
      <span class="nowrap">{dayOf(view, day.startsAt)}</span>,
      duties.length > 0 ? <Day view={view} day={day} duties={duties} /> : '—',
      open.length > 0
        ? open.map((gap) => <Badge tone="warning">{t.nobody(spanOf(view, gap, day))}</Badge>)
        : t.noGap,
    ];
  });
  return (
    <Page
      view={view}
      title={t.title}
      place="admin"
      trail={[['/console/admin', common[view.locale].admin]]}
      actions={[
        <ButtonLink href={toWeek(week.previous)}>{t.earlier}</ButtonLink>,
        <ButtonLink href="/console/admin/rota">{t.thisWeek}</ButtonLink>,
        <ButtonLink href={toWeek(week.next)}>{t.later}</ButtonLink>,
      ]}
    >
      {done && <Notice kind="good">{t[done]}</Notice>}
      <p class="intro">{t.intro}</p>
      {unreachable.length > 0 && <Notice kind="warning">{t.unreachableText(unreachable.join('、'))}</Notice>}
      <Section id="week" title={t.week(dayOf(view, first), dayOf(view, last))}>
        <Table
          caption={t.title}
          columns={[{ label: t.day }, { label: t.onDuty }, { label: t.gaps }]}
          rows={rows}
        />
      </Section>
      {mayChange && <Duties view={view} week={week} />}
      {mayChange && (
        <Section id="add" title={t.add} intro={t.timesHint(view.timezone)}>
          <Form view={view} action="/console/admin/rota" typed={typed} class="columns">
            <input type="hidden" name="week" value={week.monday} />
            <Select
              view={view}
              typed={typed}
              name="user"
              label={t.who}
              options={approvers.map(({ id, name, canBeCalled }) => [
                id,
                canBeCalled ? name : `${name} (${t.unreachable})`,
              ])}
            />
            <Field
              view={view}
              typed={typed}
              name="from"
              label={t.from}
              type="datetime-local"
              value={`${week.monday}T08:00`}
            />
            <Field
              view={view}
              typed={typed}
              name="until"
              label={t.until}
              type="datetime-local"
              value={`${week.monday}T20:00`}
            />
            <Field
              view={view}
              typed={typed}
              name="position"
              label={t.position}
              hint={t.positionHint}
              type="number"
              value="1"
              class="short"
            />
            <Button>{t.addNow}</Button>
          </Form>
        </Section>
      )}
    </Page>
  );
};

const Duties = ({ view, week }: { readonly view: View; readonly week: RotaWeek }): Markup => {
  const t = words[view.locale];
  return (
    <Section id="duties" title={t.duties}>
      {week.duties.length === 0 ? (
        <Empty title={t.noDuties} />
      ) : (
        <Table
          caption={t.duties}
          columns={[
            { label: t.who },
            { label: t.from },
            { label: t.until },
            { label: t.position, numeric: true },
            { label: t.remove },
          ]}
          rows={week.duties.map((duty) => [
            duty.name,
            <Time view={view} at={duty.startsAt} />,
            <Time view={view} at={duty.endsAt} />,
            String(duty.position),
            <Act
              view={view}
              action="/console/admin/rota/remove"
              look="quiet"
              fields={{ id: String(duty.id), week: week.monday }}
              label={t.removeOf(duty.name, `${dayOf(view, duty.startsAt)} ${timeOfDay(view, duty.startsAt)}`)}
            >
              {t.remove}
            </Act>,
          ])}
        />
      )}
    </Section>
  );
};
