import type { EndpointTest, LastDelivery, OutletDelivery } from '../../pipeline/outlet-store.ts';
import type { WebApp } from '../web-app.ts';
import { headlineOf } from './announcement-frame.tsx';
import { Act, Button, ButtonLink, Field, Form } from './components/form.tsx';
import { Badge, Empty, Notice, type Tone } from './components/notice.tsx';
import { Facts, Pager, Section, Table } from './components/table.tsx';
import { TONES } from './deliveries-pages.tsx';
import { number, Time } from './format.tsx';
import type { Typed } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { ListChoices, type Lists, namesOf } from './list-choices.tsx';
import { OutletTests } from './outlet-tests.tsx';
import type { View } from './view.ts';
import { common } from './words/common.ts';
import { deliveries } from './words/deliveries.ts';
import { outlets as words } from './words/outlets.ts';
import { reasonFor } from './words/reasons.ts';

export const HOME = '/console/outlets';
export type Outlet = Awaited<ReturnType<WebApp['endpoints']['get']>>;

type Health = 'disabled' | 'never' | 'trying' | 'well' | 'failing';
const HEALTH: Readonly<Record<Health, Tone>> = {
  disabled: 'neutral',
  never: 'neutral',
  trying: 'info',
  well: 'good',
  failing: 'danger',
};

function healthOf(one: Outlet, last: LastDelivery | undefined): Health {
  if (one.disabledAt) return 'disabled';
  if (!last) return 'never';
  if (last.status === 'delivered') return 'well';
  return last.status === 'queued' && last.code === null ? 'trying' : 'failing';
}

const HealthBadge = (props: {
  readonly view: View;
  readonly one: Outlet;
  readonly last: LastDelivery | undefined;
}): Markup => {
  const { view, one, last } = props;
  const t = words[view.locale];
  const health = healthOf(one, last);
  return (
    <span class="badges">
      <Badge tone={HEALTH[health]}>{t[health]}</Badge>
      {one.secretCount > 1 && <Badge tone="warning">{t.rotating}</Badge>}
    </span>
  );
};

const why = (view: View, { code, status }: LastDelivery) =>
  code === null ? '' : reasonFor(view.locale, 'webhook', code || status).why;

export const OutletsPage = (props: {
  readonly view: View;
  readonly rows: readonly Outlet[];
  readonly last: ReadonlyMap<number, LastDelivery>;
  readonly lists: Lists;
  readonly mayChange: boolean;
  readonly removed: boolean;
  readonly pageOf: (id: number) => string;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const { view, rows, last, lists, mayChange, pageOf } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={t.title}
      place="outlets"
      actions={
        mayChange && (
          <ButtonLink href={`${HOME}/new`} look="primary">
            {t.add}
          </ButtonLink>
        )
      }
    >
      {props.removed && <Notice kind="good">{t.removed}</Notice>}
      <p class="intro">{t.intro}</p>
      {rows.length === 0 ? (
        <Empty title={t.none}>{t.noneHint}</Empty>
      ) : (
        <Table
          caption={t.title}
          columns={[
            { label: t.outlet },
            { label: t.url },
            { label: t.topics },
            { label: t.health },
            { label: t.last },
          ]}
          rows={rows.map((one) => [
            <a href={pageOf(one.id)}>{one.outlet}</a>,
            <span class="address">{one.url}</span>,
            namesOf(view, lists.topics, one.topics, t.everything),
            <HealthBadge view={view} one={one} last={last.get(one.id)} />,
            lastAt(view, last.get(one.id)),
          ])}
        />
      )}
      <Pager view={view} earlier={props.earlier} later={props.later} />
    </Page>
  );
};

const lastAt = (view: View, last: LastDelivery | undefined) =>
  last?.at ? <Time view={view} at={last.at} /> : '—';

export const SecretPage = (props: {
  readonly view: View;
  readonly name: string;
  readonly secret: string;
  readonly page: string;
}): Markup => {
  const { view, name, secret, page } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={t.secretTitle}
      place="outlets"
      trail={[
        [HOME, t.title],
        [page, name],
      ]}
      narrow
    >
      <Notice kind="warning">{t.secretText(name)}</Notice>
      <p>
        <code class="secret">{secret}</code>
      </p>
      <ButtonLink href={page}>{common[view.locale].back}</ButtonLink>
    </Page>
  );
};

export const OutletFormPage = (props: {
  readonly view: View;
  readonly typed: Typed;
  readonly lists: Lists;
  readonly one?: Outlet | undefined;
  /** Of the outlet; where there is none yet, of the list. */
  readonly page: string;
  readonly chosen: Readonly<Record<keyof Lists, readonly string[]>>;
}): Markup => {
  const { view, typed, lists, one, page, chosen } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={one ? t.edit : t.add}
      place="outlets"
      trail={[[HOME, t.title], ...(one ? [[page, one.outlet] as const] : [])]}
    >
      <Form view={view} action={`${page}/${one ? 'edit' : 'new'}`} typed={typed} class="pairs">
        <Field
          view={view}
          typed={typed}
          name="outlet"
          label={t.outlet}
          value={one?.outlet ?? null}
          autocomplete="off"
          maxlength={200}
        />
        <Field
          view={view}
          typed={typed}
          name="url"
          label={t.url}
          hint={t.urlHint}
          value={one?.url ?? null}
          autocomplete="off"
          maxlength={2000}
        />
        <ListChoices view={view} lists={lists} words={t} chosen={chosen} />
        <Button>{common[view.locale].save}</Button>
      </Form>
    </Page>
  );
};

/** Codes of what was done → its words and how they are said. */
const DONE = {
  added: ['added', 'good'],
  saved: ['saved', 'good'],
  test: ['tested', 'info'],
  'drop-old-secret': ['dropped', 'good'],
  disable: ['wasDisabled', 'good'],
  enable: ['wasEnabled', 'good'],
  again: ['sent', 'good'],
  'not-taken': ['notSent', 'warning'],
  'may-not': ['mayNotSend', 'warning'],
  rotating: ['rotationUnderWay', 'warning'],
} as const;

interface OutletProps {
  readonly view: View;
  readonly one: Outlet;
  readonly id: string;
  readonly last: LastDelivery | undefined;
  readonly lists: Lists;
  readonly rows: readonly OutletDelivery[];
  readonly tests: readonly EndpointTest[];
  readonly nameOf: (id: number | null) => string;
  readonly idOf: (row: OutletDelivery) => string;
  readonly mayChange: boolean;
  readonly typed: Typed;
  readonly done?: string | undefined;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}

export const OutletPage = (props: OutletProps): Markup => {
  const { view, one, id, last, lists, mayChange, done = '' } = props;
  const t = words[view.locale];
  const page = `${HOME}/${id}`;
  const said = Object.hasOwn(DONE, done) ? DONE[done as keyof typeof DONE] : undefined;
  return (
    <Page
      view={view}
      title={one.outlet}
      place="outlets"
      trail={[[HOME, t.title]]}
      actions={mayChange && <ButtonLink href={`${page}/edit`}>{t.edit}</ButtonLink>}
    >
      {said && <Notice kind={said[1]}>{t[said[0]]}</Notice>}
      {one.disabledReason !== null && <Notice kind="warning">{t.disabledBecause(one.disabledReason)}</Notice>}
      <Facts
        facts={[
          [t.health, <HealthBadge view={view} one={one} last={last} />],
          [t.url, <span class="address">{one.url}</span>],
          [t.topics, namesOf(view, lists.topics, one.topics, t.everything)],
          [t.districts, namesOf(view, lists.districts, one.districts, t.everywhere)],
          [t.sequence, number(view, one.lastSequence)],
          [t.last, lastAt(view, last)],
          [t.since, <Time view={view} at={one.createdAt} />],
          [t.id, <code>{id}</code>],
        ]}
      />
      <Deliveries {...props} page={page} />
      <OutletTests {...props} page={page} />
      {mayChange && <Changes {...props} page={page} />}
    </Page>
  );
};

const Deliveries = (props: OutletProps & { readonly page: string }): Markup => {
  const { view, rows, idOf, mayChange, one, page } = props;
  const t = words[view.locale];
  const mayAgain = (row: OutletDelivery) =>
    mayChange && !one.disabledAt && !['queued', 'sending', 'unknown'].includes(row.status);
  return (
    <Section id="deliveries" title={t.deliveries} intro={mayChange && rows.length > 0 && t.againHint}>
      {rows.length === 0 ? (
        <Empty title={t.noDeliveries} />
      ) : (
        <Table
          caption={t.deliveries}
          columns={[
            { label: t.what },
            { label: t.status },
            { label: t.why },
            { label: t.attempts, numeric: true },
            { label: t.at },
            ...(mayChange ? [{ label: t.again }] : []),
          ]}
          rows={rows.map((row) => {
            const what = headlineOf(view, { draft: { content: row.content } });
            return [
              <a href={`/console/deliveries/${idOf(row)}`}>{what}</a>,
              <Badge tone={TONES[row.status]}>{deliveries[view.locale][row.status]}</Badge>,
              why(view, row) || '—',
              number(view, row.attempt),
              lastAt(view, row),
              ...(mayChange
                ? [
                    mayAgain(row) ? (
                      <Act
                        view={view}
                        action={`${page}/again`}
                        look="quiet"
                        fields={{ delivery: idOf(row) }}
                        label={t.againOf(what)}
                      >
                        {t.again}
                      </Act>
                    ) : (
                      '—'
                    ),
                  ]
                : []),
            ];
          })}
        />
      )}
      <Pager view={view} earlier={props.earlier} later={props.later} />
    </Section>
  );
};

/** Asks once, and works without scripts. */
const Confirm = (props: {
  readonly view: View;
  readonly action: string;
  readonly ask: string;
  readonly text: string;
  readonly now: string;
  readonly danger?: boolean;
}): Markup => (
  <details class="confirm">
    <summary class="button button-plain">{props.ask}</summary>
    <div>
      <p>{props.text}</p>
      <Act view={props.view} action={props.action} look={props.danger ? 'danger' : 'primary'}>
        {props.now}
      </Act>
    </div>
  </details>
);

const Changes = ({ view, one, page, typed }: OutletProps & { readonly page: string }): Markup => {
  const t = words[view.locale];
  return (
    <Fragment>
      <Section id="secret" title={t.secret} intro={t.secretIntro}>
        {one.secretCount > 1 ? (
          <Confirm
            view={view}
            action={`${page}/drop-old-secret`}
            ask={t.drop}
            text={t.dropConfirm}
            now={t.dropNow}
          />
        ) : (
          <Confirm
            view={view}
            action={`${page}/rotate`}
            ask={t.rotate}
            text={t.rotateConfirm}
            now={t.rotateNow}
          />
        )}
      </Section>
      <Section
        id="state"
        title={t.state}
        intro={`${one.disabledAt ? '' : `${t.disableIntro} `}${t.removeIntro}`}
      >
        {one.disabledAt ? (
          <Act view={view} action={`${page}/enable`}>
            {t.enable}
          </Act>
        ) : (
          <Form view={view} action={`${page}/disable`} typed={typed} class="search">
            <Field
              view={view}
              typed={typed}
              name="reason"
              label={t.reason}
              autocomplete="off"
              maxlength={500}
            />
            <Button look="plain">{t.disable}</Button>
          </Form>
        )}
        <Confirm
          view={view}
          action={`${page}/remove`}
          ask={t.remove}
          text={t.removeConfirm(one.outlet)}
          now={t.removeNow}
          danger
        />
      </Section>
    </Fragment>
  );
};
