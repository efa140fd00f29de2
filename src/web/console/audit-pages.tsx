import type { AuditEntry } from '../../pipeline/audit-store.ts';
import type { auditView } from '../api/audit.ts';
import { Button, Field, Select } from './components/form.tsx';
import { Empty } from './components/notice.tsx';
import { Pager, Section, Table } from './components/table.tsx';
import { number, Time } from './format.tsx';
import type { Typed } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { acts, details, subjects, values, audit as words } from './words/audit.ts';
import { common } from './words/common.ts';

export const HOME = '/console/admin/audit';
export const ACTS = Object.keys(acts.en) as readonly (keyof typeof acts.en)[];

/** A row with its ids as they are outside. */
export interface Row {
  readonly entry: AuditEntry;
  readonly shown: ReturnType<typeof auditView>;
}

/** A user, by their id outside. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

/** What things are called that rows name. */
export interface Names {
  /** A user, by their id outside. */
  readonly user: (id: string) => string | undefined;
  /** Anything else, by its id outside. */
  readonly subject: (id: string) => string | undefined;
}

const say = <T extends object>(table: T, key: string): string =>
  Object.hasOwn(table, key) ? String(table[key as keyof T]) : key;

/** Types of subjects → where one of them is shown. */
const PAGES: Readonly<Record<string, (id: string) => string>> = {
  announcement: (id) => `/console/announcements/${id}`,
  delivery: (id) => `/console/deliveries/${id}`,
  subscriber: (id) => `/console/subscribers/${id}`,
  endpoint: (id) => `/console/outlets/${id}`,
  user: (id) => `/console/admin/users/${id}`,
  totp: (id) => `/console/admin/users/${id}`,
  passkey: (id) => `/console/admin/users/${id}`,
  'recovery-codes': (id) => `/console/admin/users/${id}`,
  import: (id) => `/console/imports/${id}`,
  topic: () => '/console/admin/lists',
  district: () => '/console/admin/lists',
  duty: () => '/console/admin/rota',
  'quiet-hours': () => '/console/admin/quiet-hours',
  templates: () => '/console/admin/templates',
};

/** `sub_3802…rt4`: enough to tell one from another; of a hash, its beginning. */
function short(text: string): string {
  if (/^[a-z]{3}_\w{26}$/.test(text)) return `${text.slice(0, 8)}…${text.slice(-4)}`;
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 12)}…`;
  return [...text].length > 80 ? `${[...text].slice(0, 80).join('')}…` : text;
}

const Subject = ({
  view,
  row,
  names,
}: {
  readonly view: View;
  readonly row: Row;
  readonly names: Names;
}): Markup => {
  const { type, id } = row.shown.subject;
  const kind = say(subjects[view.locale], type);
  if (id === null) return <Fragment>{kind}</Fragment>;
  const name = names.user(id) ?? names.subject(id);
  const text = name === undefined ? short(id) : `“${name}”`;
  // A removed person's page is gone; that their row stays is what the log is for.
  const page = Object.hasOwn(PAGES, type) ? PAGES[type]?.(id) : undefined;
  return (
    <Fragment>
      {kind} {page ? <a href={page}>{text}</a> : text}
    </Fragment>
  );
};

const Who = (props: { readonly view: View; readonly row: Row; readonly names: Names }): Markup => {
  const { view, row, names } = props;
  const t = words[view.locale];
  const { actor, details: told } = row.shown;
  return (
    <span class="who">
      {actor !== null ? (
        <a href={`/console/admin/users/${actor}`}>{names.user(actor) ?? short(actor)}</a>
      ) : told.operator ? (
        t.operator(told.operator)
      ) : (
        t.herald
      )}
    </span>
  );
};

/** References to rows of ours, of use to nobody who reads this; and who is named already. */
const UNSAID = ['operator', 'record', 'invitation'];
/** What is told first. */
const FIRST = ['count', 'from', 'to'];

/** Of whom a search found, so many are shown, and as many more as there are are counted. */
const MOST_FOUND = 10;

const Found = ({ ids }: { readonly ids: readonly string[] }): Markup => (
  <Fragment>
    {ids.slice(0, MOST_FOUND).map((id) => (
      <Fragment>
        <a href={`/console/subscribers/${id}`}>{short(id)}</a>{' '}
      </Fragment>
    ))}
    {ids.length > MOST_FOUND && `+ ${ids.length - MOST_FOUND}`}
  </Fragment>
);

const Details = (props: { readonly view: View; readonly row: Row; readonly names: Names }): Markup => {
  const { view, row, names } = props;
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const told = Object.entries(row.shown.details)
    .filter(([name]) => !UNSAID.includes(name))
    .sort(([a], [b]) => rank(a) - rank(b));
  return (
    <span class="hint">
      {told.map(([name, text], i) => (
        <Fragment>
          {i > 0 && ' · '}
          {say(details[view.locale], name)}{' '}
          <span class="address">
            {name === 'found' ? (
              <Found ids={text.split(' ')} />
            ) : (
              (names.user(text) ?? say(values[view.locale], short(text)))
            )}
          </span>
        </Fragment>
      ))}
    </span>
  );
};

export const AuditPage = (props: {
  readonly view: View;
  readonly rows: readonly Row[];
  readonly names: Names;
  readonly users: readonly Person[];
  readonly typed: Typed;
  readonly head: string;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const { view, rows, names, users, typed, head } = props;
  const t = words[view.locale];
  const filtered = Object.values(typed.values).some(Boolean);
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      <p class="intro">{t.intro}</p>
      <form method="get" action={HOME} class="columns filters">
        <Select
          view={view}
          typed={typed}
          name="actor"
          label={t.who}
          options={[['', t.any], ['herald', t.herald], ...users.map(({ id, name }) => [id, name] as const)]}
        />
        <Select
          view={view}
          typed={typed}
          name="act"
          label={t.act}
          options={[['', t.any], ...ACTS.map((act) => [act, acts[view.locale][act]] as const)]}
        />
        <Field
          view={view}
          typed={typed}
          name="subject"
          label={`${t.subject} · ${t.subjectHint}`}
          autocomplete="off"
          maxlength={200}
          optional
        />
        <Field view={view} typed={typed} name="since" label={t.since} type="datetime-local" optional />
        <Field view={view} typed={typed} name="until" label={t.until} type="datetime-local" optional />
        <p class="acts">
          <Button look="plain">{t.filter}</Button> {filtered && <a href={HOME}>{t.clear}</a>}
        </p>
      </form>
      {rows.length === 0 ? (
        <Empty title={t.none} />
      ) : (
        <Table
          caption={t.title}
          columns={[
            { label: t.at },
            { label: t.who },
            { label: t.what },
            { label: t.details },
            { label: t.number, numeric: true },
          ]}
          rows={rows.map((row) => [
            <Time view={view} at={row.entry.at} />,
            <Who view={view} row={row} names={names} />,
            <span>
              {say(acts[view.locale], row.shown.act)} <Subject view={view} row={row} names={names} />
              {row.shown.revision !== null && ` · ${t.revision(String(row.shown.revision))}`}
            </span>,
            <Details view={view} row={row} names={names} />,
            number(view, row.entry.id),
          ])}
        />
      )}
      <Pager view={view} earlier={props.earlier} later={props.later} />
      <Section id="head" title={t.head} intro={t.headText}>
        <pre class="message" tabindex={0}>
          {head}
        </pre>
      </Section>
      <Section id="verify" title={t.verify} intro={t.verifyText}>
        <pre class="message" tabindex={0}>
          {`herald audit verify --anchor "${head}"`}
        </pre>
      </Section>
    </Page>
  );
};
