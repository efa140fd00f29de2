import { STATES } from '../../domain/announcement.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import type { DeliverySums } from '../../pipeline/report-store.ts';
import { headlineOf, StateBadge } from './announcement-frame.tsx';
import { Button, ButtonLink, Field, Select } from './components/form.tsx';
import { Badge, Empty } from './components/notice.tsx';
import { Pager, Table } from './components/table.tsx';
import { number, Time } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { announcements } from './words/announcements.ts';

/** When it last went on. */
const latest = (one: AnnouncementRecord): Date =>
  one.endedAt ?? one.approvedAt ?? one.submittedAt ?? one.createdAt;

/** Announcements under headings; the same on the home page. */
export const AnnouncementTable = (props: {
  readonly view: View;
  readonly caption: string;
  readonly records: readonly AnnouncementRecord[];
  readonly sums: ReadonlyMap<number, DeliverySums>;
  readonly nameOf: (id: number | null) => string;
  readonly pageOf: (id: number) => string;
}): Markup => {
  const { view, records, sums, nameOf, pageOf } = props;
  const t = announcements[view.locale];
  return (
    <Table
      caption={props.caption}
      columns={[
        { label: t.headline },
        { label: t.state },
        { label: t.kind },
        { label: t.who },
        { label: t.when },
        { label: t.reach, numeric: true },
      ]}
      rows={records.map((one) => {
        const sent = sums.get(one.id);
        return [
          <span class="announcement-name">
            <a href={pageOf(one.id)}>{headlineOf(view, one)}</a>
            <small>
              {one.case.reference} · {one.case.title}
            </small>
          </span>,
          <span class="badges">
            <StateBadge view={view} state={one.state} />
            {one.mode === 'exercise' && <Badge tone="warning">{t.exercise}</Badge>}
            {one.breakGlassReason !== null && <Badge tone="danger">{t.breakGlass}</Badge>}
          </span>,
          <span>
            {t[one.kind]}
            {one.urgency === 'urgent' && <strong class="urgent"> {t.urgent}</strong>}
          </span>,
          nameOf(one.createdBy),
          <Time view={view} at={latest(one)} />,
          sent ? t.sentOf(number(view, sent.sent), number(view, sent.total)) : '—',
        ];
      })}
    />
  );
};

export const AnnouncementsPage = (props: {
  readonly view: View;
  readonly records: readonly AnnouncementRecord[];
  readonly sums: ReadonlyMap<number, DeliverySums>;
  readonly nameOf: (id: number | null) => string;
  readonly pageOf: (id: number) => string;
  readonly state: string;
  readonly search: string;
  readonly first?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const { view, records, state, search } = props;
  const t = announcements[view.locale];
  return (
    <Page
      view={view}
      title={t.title}
      place="announcements"
      actions={
        <ButtonLink href="/console/announcements/new" look="primary">
          {t.write}
        </ButtonLink>
      }
    >
      <form method="get" action="/console/announcements" class="filter" aria-label={t.filter}>
        <Field view={view} name="search" type="search" label={t.search} value={search} optional />
        <Select
          view={view}
          name="state"
          label={t.state}
          value={state}
          options={[
            ['', t.all],
            ['open', t.open],
            ['closed', t.closed],
            ...STATES.map((one) => [one, t[one]] as const),
          ]}
        />
        <Button look="plain">{t.find}</Button>
      </form>
      {records.length > 0 ? (
        <AnnouncementTable {...props} caption={t.title} />
      ) : (
        <Empty title={t.nothing}>
          <p>{t.nothingText}</p>
        </Empty>
      )}
      <Pager view={view} earlier={props.first} later={props.later} />
    </Page>
  );
};
