import type { HistoryEntry, Suppression } from '../../pipeline/citizen-store.ts';
import type { WebApp } from '../web-app.ts';
import { headlineOf } from './announcement-frame.tsx';
import { Act, Button, ButtonLink, Field } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Facts, Pager, Section, Table } from './components/table.tsx';
import { TONES } from './deliveries-pages.tsx';
import { languageName, Time } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { type Lists, namesOf } from './list-choices.tsx';
import type { View } from './view.ts';
import { deliveries } from './words/deliveries.ts';
import { progress } from './words/progress.ts';
import { subscribers as words } from './words/subscribers.ts';

export const HOME = '/console/subscribers';

/** A citizen as this visitor may see them. */
export type Shown = Awaited<ReturnType<WebApp['subscribers']['get']>>;

export const SubscribersPage = (props: {
  readonly view: View;
  readonly rows: readonly Shown[];
  readonly lists: Lists;
  readonly q: string;
  readonly mayChange: boolean;
  readonly done?: string | undefined;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
  readonly pageOf: (id: number) => string;
}): Markup => {
  const { view, rows, lists, q, mayChange, done, pageOf } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={t.title}
      place="subscribers"
      actions={
        mayChange && (
          <Fragment>
            <ButtonLink href="/console/imports">{t.imports}</ButtonLink>
            <ButtonLink href={`${HOME}/new`} look="primary">
              {t.add}
            </ButtonLink>
          </Fragment>
        )
      }
    >
      {done === 'removed' && <Notice kind="good">{t.removed}</Notice>}
      <p class="intro">{mayChange ? t.intro : t.introMasked}</p>
      <form method="get" action={HOME} class="search">
        <Field
          view={view}
          name="q"
          type="search"
          label={t.search}
          hint={t.searchHint}
          value={q}
          autocomplete="off"
          maxlength={300}
          optional
        />
        <Button look="plain">{t.find}</Button>
      </form>
      {rows.length === 0 ? (
        <Empty title={q ? t.none : t.empty}>
          <p>{q ? t.noneHint : t.emptyHint}</p>
          {q && <a href={HOME}>{t.all}</a>}
        </Empty>
      ) : (
        <Table
          caption={t.title}
          columns={[
            { label: t.name },
            { label: t.phone },
            { label: t.email },
            { label: t.topics },
            { label: t.districts },
            { label: t.since },
          ]}
          rows={rows.map((one) => [
            <a href={pageOf(one.id)}>{one.name ?? t.noName}</a>,
            one.phone ? <span class="nowrap">{one.phone}</span> : '—',
            one.email ?? '—',
            namesOf(view, lists.topics, one.topics, t.everything),
            namesOf(view, lists.districts, one.districts, t.everywhere),
            <Time view={view} at={one.createdAt} />,
          ])}
        />
      )}
      <Pager view={view} earlier={props.earlier} later={props.later} />
    </Page>
  );
};

const Address = (props: {
  readonly view: View;
  readonly address: string | null;
  readonly suppression: Suppression | undefined;
}): Markup => {
  const { view, address, suppression } = props;
  const t = words[view.locale];
  return (
    <Fragment>
      {address ?? '—'}{' '}
      {suppression && (
        <Fragment>
          <Badge tone="warning">{t.suppressed(t[suppression.reason])}</Badge>{' '}
          <Time view={view} at={suppression.createdAt} />
        </Fragment>
      )}
    </Fragment>
  );
};

export const SubscriberPage = (props: {
  readonly view: View;
  readonly one: Shown;
  readonly id: string;
  readonly lists: Lists;
  readonly suppressions: readonly Suppression[];
  readonly history: readonly HistoryEntry[];
  readonly mayChange: boolean;
  readonly done?: 'added' | 'saved' | undefined;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
  readonly deliveryPage: (entry: HistoryEntry) => string;
}): Markup => {
  const { view, one, id, lists, suppressions, history, mayChange, done } = props;
  const t = words[view.locale];
  const d = deliveries[view.locale];
  const name = one.name ?? t.noName;
  const page = `${HOME}/${id}`;
  const suppressionOf = (channel: 'sms' | 'email') => suppressions.find((it) => it.channel === channel);
  return (
    <Page
      view={view}
      title={name}
      place="subscribers"
      trail={[[HOME, t.title]]}
      actions={mayChange && <ButtonLink href={`${page}/edit`}>{t.edit}</ButtonLink>}
    >
      {done && <Notice kind="good">{t[done]}</Notice>}
      <Facts
        facts={[
          [t.phone, <Address view={view} address={one.phone} suppression={suppressionOf('sms')} />],
          [t.email, <Address view={view} address={one.email} suppression={suppressionOf('email')} />],
          [t.language, languageName(view, one.locale)],
          [t.topics, namesOf(view, lists.topics, one.topics, t.everything)],
          [t.districts, namesOf(view, lists.districts, one.districts, t.everywhere)],
          [t.consentAt, <Time view={view} at={one.consentAt} />],
          [t.consentSource, one.consentSource],
          [t.since, <Time view={view} at={one.createdAt} />],
          [t.changed, <Time view={view} at={one.updatedAt} />],
          [t.id, <code>{id}</code>],
        ]}
      />
      <Section id="history" title={t.history} intro={t.historyIntro}>
        {history.length === 0 ? (
          <Empty title={t.noHistory} />
        ) : (
          <Table
            caption={t.history}
            columns={[{ label: t.what }, { label: t.channel }, { label: t.status }, { label: t.at }]}
            rows={history.map((entry) => [
              entry.kind === 'message' ? (
                t.single
              ) : (
                <a href={props.deliveryPage(entry)}>
                  {headlineOf(view, { draft: { content: entry.content } })}
                </a>
              ),
              progress[view.locale][entry.channel],
              <Badge tone={TONES[entry.status]}>{d[entry.status]}</Badge>,
              entry.at ? <Time view={view} at={entry.at} /> : '—',
            ])}
          />
        )}
        <Pager view={view} earlier={props.earlier} later={props.later} />
      </Section>
      {mayChange && (
        <Section id="remove" title={t.remove} intro={t.removeIntro}>
          <details class="confirm">
            <summary class="button button-plain">{t.remove}</summary>
            <div>
              <p>{t.removeConfirm(name)}</p>
              <Act view={view} action={`${page}/remove`} look="danger">
                {t.removeNow}
              </Act>
            </div>
          </details>
        </Section>
      )}
    </Page>
  );
};
