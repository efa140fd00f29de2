import { STOPPABLE } from '../../domain/announcement.ts';
import type { ActRecord, AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { AnnouncementPage } from './announcement-frame.tsx';
import { Act, ButtonLink } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { FollowUp, type Recall } from './follow-up-section.tsx';
import { duration, number, Time } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import type { View } from './view.ts';
import { announcements } from './words/announcements.ts';

/** Everything that the page of one announcement is drawn from. */
export interface Hub {
  readonly view: View;
  readonly record: AnnouncementRecord;
  readonly acts: readonly ActRecord[];
  readonly nameOf: (id: number | null) => string;
  readonly pageOf: (id: number) => string;
  /** A field's label, by locale and name. */
  readonly labelOf: (locale: string, field: string) => string;
  readonly listName: (list: 'topics' | 'districts', code: string) => string;
  readonly done?: string | undefined;
  /** Undefined while nobody has seen it. */
  readonly recall: Recall | undefined;
}

const DONE = {
  submitted: 'submittedDone',
  cancel: 'cancelledDone',
} as const;

export const HubPage = (hub: Hub): Markup => {
  const { view, record, nameOf, pageOf, done } = hub;
  const t = announcements[view.locale];
  const page = pageOf(record.id);
  const notice = Object.hasOwn(DONE, done ?? '') ? DONE[done as keyof typeof DONE] : undefined;
  const isMoving = STOPPABLE.includes(record.state);
  // What was superseded is followed up by what follows up its successor.
  const followUp = hub.recall && record.replacedBy.length === 0 && (
    <FollowUp view={view} page={page} state={record.state} recall={hub.recall} />
  );
  return (
    <AnnouncementPage
      view={view}
      record={record}
      page={page}
      current=""
      nameOf={nameOf}
      actions={<NextStep {...hub} />}
    >
      {notice && <Notice kind="good">{t[notice]}</Notice>}
      {record.reason &&
        record.reason !== 'superseded' &&
        ['draft', 'paused', 'rejected', 'cancelled'].includes(record.state) && (
          <Notice kind="warning" title={t.reason}>
            {record.reason}
          </Notice>
        )}
      {record.replacedBy.length > 0 && (
        <Notice kind="info" title={t.superseded}>
          {record.replacedBy.map((id) => (
            <a href={pageOf(id)}>{t.supersededBy} </a>
          ))}
        </Notice>
      )}
      {isMoving && followUp}
      <Section id="texts" title={t.text}>
        <Texts {...hub} />
      </Section>
      <Section id="facts" title={t.facts}>
        <HubFacts {...hub} />
      </Section>
      {record.state === 'draft' && (
        <Section id="acts" title={t.acts} intro={t.submitHint}>
          <div class="actions">
            <Act view={view} action={`${page}/submit`} look="primary">
              {t.submit}
            </Act>
            <details class="confirm">
              <summary class="button button-plain">{t.discard}</summary>
              <div>
                <p>{t.discardConfirm}</p>
                <Act view={view} action={`${page}/cancel`} look="danger">
                  {t.discardNow}
                </Act>
              </div>
            </details>
          </div>
        </Section>
      )}
      {!isMoving && followUp}
      <Section id="history" title={t.history}>
        <History {...hub} />
      </Section>
    </AnnouncementPage>
  );
};

const NextStep = ({ view, record, pageOf }: Hub): Markup => {
  const t = announcements[view.locale];
  const page = pageOf(record.id);
  if (record.state === 'draft') return <ButtonLink href={`${page}/edit`}>{t.edit}</ButtonLink>;
  if (record.state === 'submitted' && view.session?.role !== 'author')
    return (
      <ButtonLink href={`${page}/approve`} look="primary">
        {t.look}
      </ButtonLink>
    );
  return <Fragment />;
};

/** What was written, language beside language. */
export const Texts = ({ record, labelOf }: Pick<Hub, 'record' | 'labelOf'>): Markup => (
  <div class="languages">
    {Object.entries(record.draft.content).map(([locale, fields]) => (
      <dl class="text" lang={locale}>
        {Object.entries(fields)
          .filter(([, text]) => text.trim() !== '')
          .map(([field, text]) => (
            <div>
              <dt>{labelOf(locale, field)}</dt>
              <dd class="written">{text}</dd>
            </div>
          ))}
      </dl>
    ))}
  </div>
);

/** Who gets it, by what, when, and why it may be published. */
export const HubFacts = ({ view, record, nameOf, pageOf, listName }: Hub): Markup => {
  const t = announcements[view.locale];
  const { draft } = record;
  const named = (list: 'topics' | 'districts', all: string) =>
    draft.audience[list].map((code) => listName(list, code)).join('、') || all;
  const time = (at: Date | string | null | undefined, without: string) =>
    at ? <Time view={view} at={new Date(at)} /> : without;
  const waited =
    record.submittedAt && ((record.approvedAt ?? new Date()).getTime() - record.submittedAt.getTime()) / 1000;
  return (
    <Facts
      facts={[
        [t.case, `${record.case.reference} ${record.case.title}`],
        [t.channels, draft.channels.map((channel) => t[channel]).join('、')],
        [t.audience, `${named('topics', t.everyTopic)} · ${named('districts', t.everyDistrict)}`],
        [t.scheduled, time(record.scheduledAt ?? draft.scheduledAt, t.atOnce)],
        [t.expires, time(record.expiresAt ?? draft.expiresAt, t.byDefault)],
        [t.mode, t[record.mode]],
        [t.who, nameOf(record.createdBy)],
        [t.revision, t.revisionOf(number(view, record.revision))],
        [t.basis, <span class="written">{draft.basis || '—'}</span>],
        ...(waited !== null && record.state !== 'draft'
          ? [[record.approvedAt ? t.waited : t.waiting, duration(view, Math.max(0, waited))] as const]
          : []),
        ...(record.supersedes !== null
          ? [[t.supersedes, <a href={pageOf(record.supersedes)}>{t.supersedes}</a>] as const]
          : []),
      ]}
    />
  );
};

const History = ({ view, acts, nameOf }: Hub): Markup => {
  const t = announcements[view.locale];
  const name = (act: string) => {
    const key = `act-${act}`;
    return Object.hasOwn(t, key) ? String(t[key as 'act-create']) : act;
  };
  return (
    <Table
      caption={t.history}
      columns={[
        { label: t.what },
        { label: t.by },
        { label: t.when },
        { label: t.revision },
        { label: t.reason },
      ]}
      rows={acts.map((act) => [
        name(act.act),
        act.userId === null ? t.herald : nameOf(act.userId),
        <Time view={view} at={act.at} />,
        t.revisionOf(number(view, act.revision)),
        act.reason ?? '—',
      ])}
    />
  );
};
