import { z } from 'zod';
import type { App } from '../../app.ts';
import { KINDS, MODES, STATES, URGENCIES } from '../../domain/announcement.ts';
import { CHANNELS, type Channel } from '../../domain/channel.ts';
import { DELIVERY_STATUSES } from '../../domain/delivery.ts';
import { FINDING_KINDS, reasonedFindings } from '../../domain/privacy-lint.ts';
import { iso, isoOrNull, time, timeOrNull } from './common.ts';

type Announcement = Awaited<ReturnType<App['announce']['get']>>;
type Act = Awaited<ReturnType<App['announce']['acts']>>[number];
type Reports = Awaited<ReturnType<App['reports']['channels']>>;

const perChannel = <T extends z.ZodType>(schema: T) => z.partialRecord(z.enum(CHANNELS), schema);

/** An announcement in a list. */
export const summarySchema = z.object({
  id: z.string(),
  state: z.enum(STATES),
  kind: z.enum(KINDS),
  mode: z.enum(MODES),
  urgency: z.enum(URGENCIES),
  gateway: z
    .enum(['live', 'sandbox'])
    .nullable()
    .describe('Fixed at approval; everything goes to the sandbox in trial mode'),
  case: z.object({ reference: z.string(), title: z.string() }),
  template: z.string(),
  channels: z.array(z.enum(CHANNELS)),
  supersedes: z.string().nullable(),
  supersededBy: z.array(z.string()),
  revision: z.int(),
  sha256: z.string().nullable().describe('Of the submitted revision; what an approval binds to'),
  reason: z.string().nullable().describe('Why it is paused, returned, rejected or cancelled'),
  breakGlassReason: z
    .string()
    .nullable()
    .describe('Why an admin who wrote part of it approved it: nobody else answered'),
  createdAt: time,
  submittedAt: timeOrNull,
  approvedAt: timeOrNull,
  scheduledAt: timeOrNull,
  expiresAt: timeOrNull,
  firstSentAt: timeOrNull,
  endedAt: timeOrNull,
});

const secondsSchema = z.object({
  p50: z.number().nullable(),
  p95: z.number().nullable(),
  max: z.number().nullable(),
});

/** What the privacy lint found: {@link ReasonedFinding}. */
export const findingSchema = z
  .object({
    key: z.string().describe('What to give its reason under, in `lintReasons` of the draft'),
    kind: z.enum(FINDING_KINDS),
    locale: z.string(),
    field: z.string(),
    start: z.int().describe('In UTF-16 code units of the field’s text'),
    end: z.int().describe('The first code unit after it'),
    excerpt: z.string(),
    message: z.string(),
    reason: z.string().nullable().describe('Why it may be published; null: submission is refused'),
  })
  .meta({ id: 'Finding' });

/** An announcement by itself. */
export const announcementSchema = summarySchema.extend({
  content: z.record(z.string(), z.record(z.string(), z.string())),
  basis: z.string().nullable(),
  findings: z.array(findingSchema).describe('Of the privacy lint, by language, field and place'),
  audience: z.object({ topics: z.array(z.string()), districts: z.array(z.string()) }),
  expanded: z.boolean().describe('All its deliveries are known'),
  counts: perChannel(z.partialRecord(z.enum(DELIVERY_STATUSES), z.int())).describe(
    'Deliveries by channel and status',
  ),
  totals: perChannel(z.int()).describe('Deliveries by channel'),
  withoutReceipt: perChannel(z.int()).describe(
    'Sent ones of which the provider, asked after the last moment, knows no end',
  ),
  segments: z.int().describe('SMS segments so far'),
  timings: z.object({
    approvedAt: timeOrNull,
    firstSentAt: timeOrNull,
    seconds: perChannel(secondsSchema).describe('From approval (or schedule) to sent'),
  }),
  heldUntil: perChannel(time).describe('Quiet hours hold it on these channels until then'),
  acts: z.array(
    z.object({
      act: z.string(),
      revision: z.int(),
      userId: z.string().nullable(),
      reason: z.string().nullable(),
      at: time,
    }),
  ),
  calls: z
    .array(
      z.object({
        userId: z.string(),
        revision: z.int(),
        calledAt: timeOrNull.describe('Null: looked at it without being called'),
        channels: z.array(z.enum(['sms', 'email'])),
        escalateAt: time.describe('When the next one is called, while it is not decided'),
        answeredAt: timeOrNull.describe('Decided, or said that they are looking'),
      }),
    )
    .describe('Approvers who were asked to look at it, in order'),
});

export function summaryView(ids: App['ids'], record: Announcement): z.infer<typeof summarySchema> {
  return {
    id: ids.encode('announcement', record.id),
    state: record.state,
    kind: record.kind,
    mode: record.mode,
    urgency: record.urgency,
    gateway: record.gateway,
    case: { ...record.case },
    template: record.draft.template,
    channels: [...record.draft.channels],
    supersedes: record.supersedes === null ? null : ids.encode('announcement', record.supersedes),
    supersededBy: record.supersededBy.map((id) => ids.encode('announcement', id)),
    revision: record.revision,
    sha256: record.sha256,
    reason: record.reason,
    breakGlassReason: record.breakGlassReason,
    createdAt: iso(record.createdAt),
    submittedAt: isoOrNull(record.submittedAt),
    approvedAt: isoOrNull(record.approvedAt),
    // A draft's wish, until approval makes it a fact.
    scheduledAt: isoOrNull(record.scheduledAt) ?? record.draft.scheduledAt ?? null,
    expiresAt: isoOrNull(record.expiresAt) ?? record.draft.expiresAt ?? null,
    firstSentAt: isoOrNull(record.firstSentAt),
    endedAt: isoOrNull(record.endedAt),
  };
}

export type AnnouncementApp = Pick<App, 'announce' | 'approverCalls' | 'reports' | 'quietHours' | 'ids'>;

/** An announcement as the API and `herald status` show it. @throws HeraldError `no-such-announcement` */
export async function readAnnouncement(
  { announce, approverCalls, reports, quietHours, ids }: AnnouncementApp,
  id: number,
): Promise<z.infer<typeof announcementSchema>> {
  const record = await announce.get(id);
  const waits = record.urgency !== 'urgent' && ['approved', 'sending', 'paused'].includes(record.state);
  const [acts, calls, channels, expanded, held] = await Promise.all([
    announce.acts(id),
    approverCalls.of(id),
    reports.channels(id),
    reports.expanded(id),
    waits ? quietHours.heldUntil(record.draft.channels) : {},
  ]);
  return announcementView(ids, record, { acts, calls, reports: channels, expanded, held });
}

function announcementView(
  ids: App['ids'],
  record: Announcement,
  facts: {
    readonly acts: readonly Act[];
    readonly calls: Awaited<ReturnType<App['approverCalls']['of']>>;
    readonly reports: Reports;
    readonly expanded: boolean;
    readonly held: Partial<Record<Channel, Date>>;
  },
): z.infer<typeof announcementSchema> {
  const { draft } = record;
  const each = <T>(pick: (report: NonNullable<Reports['sms']>) => T) =>
    Object.fromEntries(
      CHANNELS.flatMap((channel) =>
        facts.reports[channel] ? [[channel, pick(facts.reports[channel])]] : [],
      ),
    );
  const summary = summaryView(ids, record);
  return {
    ...summary,
    content: draft.content,
    basis: draft.basis ?? null,
    findings: [...reasonedFindings(draft)],
    audience: draft.audience,
    expanded: facts.expanded,
    counts: each((report) => ({ ...report.counts })),
    totals: each((report) => report.total),
    withoutReceipt: each((report) => report.withoutReceipt),
    segments: facts.reports.sms?.segments ?? 0,
    timings: {
      approvedAt: summary.approvedAt,
      firstSentAt: summary.firstSentAt,
      seconds: each(({ p50, p95, max }) => ({ p50, p95, max })),
    },
    heldUntil: Object.fromEntries(Object.entries(facts.held).map(([channel, end]) => [channel, iso(end)])),
    acts: facts.acts.map((act) => ({
      act: act.act,
      revision: act.revision,
      userId: act.userId === null ? null : ids.encode('user', act.userId),
      reason: act.reason,
      at: iso(act.at),
    })),
    calls: facts.calls.map((call) => ({
      userId: ids.encode('user', call.userId),
      revision: call.revision,
      calledAt: isoOrNull(call.calledAt),
      channels: [...call.channels],
      escalateAt: iso(call.escalateAt),
      answeredAt: isoOrNull(call.answeredAt),
    })),
  };
}
