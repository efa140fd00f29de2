import { COLUMNS } from '../../pipeline/import-row.ts';
import type { WebApp } from '../web-app.ts';
import { Button, ButtonLink, Form, Labelled } from './components/form.tsx';
import { Badge, Empty, Notice, type Tone } from './components/notice.tsx';
import { Facts, Pager, Section, Table } from './components/table.tsx';
import { dateTime, number, Time } from './format.tsx';
import type { Typed } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { POLL, type View } from './view.ts';
import { imports as words } from './words/imports.ts';
import { subscribers } from './words/subscribers.ts';

export const HOME = '/console/imports';

export type ImportRecord = Awaited<ReturnType<WebApp['imports']['get']>>;
type Refusal = Awaited<ReturnType<WebApp['imports']['refusals']>>[number];
type NameOf = (id: number | null) => string;

const TONES: Readonly<Record<ImportRecord['state'], Tone>> = {
  running: 'info',
  done: 'good',
  failed: 'danger',
};

/** A refusal's code in words. */
export const reasonOf = ({ locale }: Pick<View, 'locale'>, code: string): string => {
  const t = words[locale];
  return Object.hasOwn(t, code) ? String(t[code as 'duplicate']) : t.other;
};

const trailOf = (view: View) =>
  [
    ['/console/subscribers', subscribers[view.locale].title],
    [HOME, words[view.locale].title],
  ] as const;

const State = ({ view, state }: { readonly view: View; readonly state: ImportRecord['state'] }): Markup => (
  <Badge tone={TONES[state]}>{words[view.locale][state]}</Badge>
);

const counts = (view: View, { rowsRead, taken, refused }: ImportRecord) =>
  words[view.locale].progress(number(view, rowsRead), number(view, taken), number(view, refused));

/**
 * What the visitor's own upload has come to, asked for again and again while the browser is sending; it is nothing but a
 * place for that before.
 */
export const UploadPart = ({
  view,
  record,
  sending,
}: {
  readonly view: View;
  readonly record?: ImportRecord | undefined;
  readonly sending: boolean;
}): Markup => {
  const t = words[view.locale];
  const trigger = sending ? 'every 1s' : 'htmx:beforeSend from:#upload delay:300ms';
  return (
    <div hx-get={`${HOME}/mine`} hx-trigger={trigger} hx-swap="outerHTML" hx-request={POLL}>
      {sending && (
        <div class="progress progress-info">
          <div class="progress-words">
            <span>{t.under}</span>
            <span class="progress-text">{record ? counts(view, record) : t.waiting}</span>
          </div>
          <progress aria-label={t.under} />
        </div>
      )}
    </div>
  );
};

export const ImportsPage = (props: {
  readonly view: View;
  readonly records: readonly ImportRecord[];
  readonly nameOf: NameOf;
  readonly pageOf: (id: number) => string;
  readonly typed: Typed;
  /** What the rules say about the file, in English. */
  readonly detail?: string | undefined;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const { view, records, nameOf, pageOf, typed, detail } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="subscribers" trail={trailOf(view).slice(0, 1)}>
      <p class="intro">{t.intro}</p>
      <p class="hint">
        {t.columns} <code>{COLUMNS.join(', ')}</code>
        <br />
        {t.columnsText} <a href={`${HOME}/example.csv`}>{t.example}</a>
      </p>
      <Form
        view={view}
        action={`${HOME}?_csrf=${view.csrf}`}
        typed={typed}
        class="upload"
        id="upload"
        enctype="multipart/form-data"
        hx-post={`${HOME}?_csrf=${view.csrf}`}
        hx-encoding="multipart/form-data"
        hx-target="body"
      >
        <Labelled view={view} typed={typed} name="file" label={t.file}>
          <input
            id="file"
            name="file"
            type="file"
            accept=".csv,text/csv"
            required
            aria-describedby={typed.errors.file ? 'file-error' : undefined}
            aria-invalid={typed.errors.file ? 'true' : undefined}
          />
        </Labelled>
        {detail && (
          <p class="hint" lang="en">
            {detail}
          </p>
        )}
        <Button>{t.start}</Button>
      </Form>
      <UploadPart view={view} sending={false} />
      <Section id="earlier" title={t.earlier}>
        {records.length === 0 ? (
          <Empty title={t.none}>{t.noneHint}</Empty>
        ) : (
          <Table
            caption={t.earlier}
            columns={[
              { label: t.started },
              { label: t.state },
              { label: t.who },
              { label: t.rowsRead, numeric: true },
              { label: t.taken, numeric: true },
              { label: t.refused, numeric: true },
            ]}
            rows={records.map((one) => [
              <a href={pageOf(one.id)}>
                <Time view={view} at={one.createdAt} />
              </a>,
              <State view={view} state={one.state} />,
              nameOf(one.createdBy),
              number(view, one.rowsRead),
              number(view, one.taken),
              number(view, one.refused),
            ])}
          />
        )}
        <Pager view={view} earlier={props.earlier} later={props.later} />
      </Section>
    </Page>
  );
};

/** How far an import has come; asks for itself again while it runs. */
export const StatePart = (props: {
  readonly view: View;
  readonly record: ImportRecord;
  readonly page: string;
  readonly nameOf: NameOf;
}): Markup => {
  const { view, record, page, nameOf } = props;
  const t = words[view.locale];
  const runs = record.state === 'running';
  const ask = runs
    ? { 'hx-get': `${page}/state`, 'hx-trigger': 'every 2s', 'hx-swap': 'outerHTML', 'hx-request': POLL }
    : {};
  return (
    <div {...ask}>
      {record.error !== null && (
        <Notice kind="danger" title={t.why}>
          <span lang="en">{record.error}</span>
        </Notice>
      )}
      <Facts
        facts={[
          [t.state, <State view={view} state={record.state} />],
          [t.rowsRead, number(view, record.rowsRead)],
          [t.taken, number(view, record.taken)],
          [t.refused, number(view, record.refused)],
          [t.who, nameOf(record.createdBy)],
          [t.started, <Time view={view} at={record.createdAt} />],
          ...(record.finishedAt ? [[t.finished, <Time view={view} at={record.finishedAt} />] as const] : []),
        ]}
      />
      {runs && <a href={page}>{t.refresh}</a>}
    </div>
  );
};

export const ImportPage = (props: {
  readonly view: View;
  readonly record: ImportRecord;
  readonly refusals: readonly Refusal[];
  readonly page: string;
  readonly nameOf: NameOf;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const { view, record, refusals, page } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={t.one(dateTime(view, record.createdAt))}
      place="subscribers"
      trail={trailOf(view)}
      actions={record.refused > 0 && <ButtonLink href={`${page}/refusals.csv`}>{t.csv}</ButtonLink>}
    >
      <StatePart {...props} />
      <Section id="refusals" title={t.refusals} intro={refusals.length > 0 && t.refusalsIntro}>
        {refusals.length === 0 ? (
          <Empty title={t.noRefusals} />
        ) : (
          <Table
            caption={t.refusals}
            columns={[{ label: t.line }, { label: t.reason }, { label: t.detail }]}
            rows={refusals.map(({ line, code, message }) => [
              t.lineNo(number(view, line)),
              reasonOf(view, code),
              <span lang="en">{message}</span>,
            ])}
          />
        )}
        <Pager view={view} earlier={props.earlier} later={props.later} />
      </Section>
    </Page>
  );
};
