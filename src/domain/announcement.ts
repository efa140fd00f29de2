import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CHANNELS } from './channel.ts';
import { HeraldError, type Issue } from './errors.ts';
import { localeSchema } from './template.ts';

export const KINDS = ['notice', 'update', 'correction', 'retraction'] as const;
export type Kind = (typeof KINDS)[number];
/** What is kept like an announcement: a single message is one to one person, without a case, and not published. */
export type RecordKind = Kind | 'message';

/** In order of rank: an urgent message goes before every normal one. */
export const URGENCIES = ['urgent', 'normal', 'routine'] as const;
export type Urgency = (typeof URGENCIES)[number];

export const MODES = ['live', 'exercise'] as const;
export type Mode = (typeof MODES)[number];

export const STATES = [
  'draft',
  'submitted',
  'approved',
  'sending',
  'paused',
  'completed',
  'rejected',
  'cancelled',
  'expired',
] as const;
export type AnnouncementState = (typeof STATES)[number];

/** Of announcements that were approved, and of which something may still be sent. */
export const STOPPABLE: readonly AnnouncementState[] = ['approved', 'sending', 'paused'];

/** Of announcements that readers may have seen: they can be superseded, and no longer be changed. */
export const SEEN: readonly AnnouncementState[] = [
  'approved',
  'sending',
  'paused',
  'completed',
  'cancelled',
  'expired',
];

/** The acts that move an announcement, each with the states it may start from and the one it leads to. */
export const TRANSITIONS = {
  edit: { from: ['draft'], to: 'draft' },
  submit: { from: ['draft'], to: 'submitted' },
  approve: { from: ['submitted'], to: 'approved' },
  return: { from: ['submitted'], to: 'draft' },
  reject: { from: ['submitted'], to: 'rejected' },
  start: { from: ['approved'], to: 'sending' },
  pause: { from: ['approved', 'sending'], to: 'paused' },
  resume: { from: ['paused'], to: 'sending' },
  cancel: { from: ['draft', 'submitted', 'approved', 'sending', 'paused'], to: 'cancelled' },
  complete: { from: ['sending'], to: 'completed' },
  expire: { from: ['submitted', 'approved', 'paused'], to: 'expired' },
  /** The author takes over what an approver suggested. */
  revise: { from: ['submitted'], to: 'submitted' },
} as const satisfies Record<string, { from: readonly AnnouncementState[]; to: AnnouncementState }>;
export type Act = keyof typeof TRANSITIONS;

/** What to do instead, where something helps. */
const FIXES: Readonly<Partial<Record<Act, Readonly<Partial<Record<AnnouncementState, string>>>>>> = {
  edit: {
    submitted: 'have it returned to the author first',
    sending: 'write a correction that supersedes it',
    completed: 'write a correction that supersedes it',
  },
  approve: { draft: 'its author submits it first' },
  return: { approved: 'cancel it, and write a new one' },
  reject: { draft: 'cancel it', approved: 'cancel it' },
  pause: { submitted: 'return or reject it: nothing is sent yet' },
  resume: { approved: 'wait: it starts by itself', draft: 'its author submits it first' },
  cancel: { completed: 'write a retraction that supersedes it' },
};

/**
 * The state that an act leads to.
 * @throws HeraldError `illegal-transition` (conflict) when the act is not allowed from this state.
 */
export function nextState(state: AnnouncementState, act: Act): AnnouncementState {
  const { from, to } = TRANSITIONS[act];
  if ((from as readonly AnnouncementState[]).includes(state)) return to;
  throw new HeraldError(
    'conflict',
    'illegal-transition',
    `cannot ${act} an announcement that is ${state}; it must be ${from.join(' or ')}`,
    { fix: FIXES[act]?.[state] ?? '' },
  );
}

/** Who may approve: a user with the right who wrote none of it. Asked in one place, so that no door goes round it. */
export function mayApprove(
  user: { readonly id: number; readonly role: Role },
  authorIds: readonly number[],
): void {
  requireRole(user.role, 'approver');
  if (authorIds.includes(user.id)) {
    throw new HeraldError(
      'forbidden',
      'own-announcement',
      'you wrote part of this announcement, so somebody else must approve it',
      {
        fix: 'ask another approver',
      },
    );
  }
}

/**
 * Who may approve what they wrote part of: an admin, when every approver was called and none answered. It is marked for ever.
 * @throws HeraldError `role-required` (forbidden), `still-being-called` (conflict)
 */
export function mayBreakGlass(user: { readonly role: Role }, nobodyLeftAt: Date | null): void {
  requireRole(user.role, 'admin');
  if (nobodyLeftAt === null) {
    throw new HeraldError(
      'conflict',
      'still-being-called',
      'approvers are still being called, so the glass may not be broken',
      { fix: 'wait until the last one had five minutes, or ask an approver yourself' },
    );
  }
}

export const ROLES = ['author', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Roles are ordered: an approver may do what an author may, an admin everything.
 * @throws HeraldError `role-required` (forbidden)
 */
export function requireRole(role: Role, least: Role): void {
  if (ROLES.indexOf(role) >= ROLES.indexOf(least)) return;
  throw new HeraldError(
    'forbidden',
    'role-required',
    `this needs the role ${least}; you have the role ${role}`,
    { fix: `ask somebody who is ${ROLES.slice(ROLES.indexOf(least)).join(' or ')}` },
  );
}

export const codeSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'not a code such as "missing-persons"');

/**
 * Control characters but for tab and line ends, and halves of surrogate pairs: no database keeps and no phone shows them.
 * Nor what turns the reading direction of the text after it (the isolates U+2066…2069 do it properly).
 */
const UNPRINTABLE = /[^\P{Cc}\t\r\n]|\p{Cs}|[\u202a-\u202e]/u;
export const text = () =>
  z.string().refine((t) => !UNPRINTABLE.test(t), 'contains a character that cannot be shown');

/** Characters of a reason why something may be published. */
export const MOST_OF_A_REASON = 500;

/** What `POST /v1/announcements` takes; see docs/architecture.md. Lengths are code points unless said. */
export const draftSchema = z.strictObject({
  case: z.strictObject({
    reference: text().trim().min(1).max(64),
    title: text().trim().min(1).max(200),
  }),
  kind: z.enum(KINDS).default('notice'),
  /** Opaque id of the announcement that this one supersedes. */
  supersedes: z.string().max(64).optional(),
  urgency: z.enum(URGENCIES).optional(),
  mode: z.enum(MODES),
  template: codeSchema,
  content: z
    .record(localeSchema, z.record(z.string().max(32), text().max(20_000)))
    .refine((c) => Object.keys(c).length > 0, 'needs at least one language'),
  basis: text().trim().max(2_000).optional(),
  /** Why a finding of the privacy lint may be published, by its key; those of findings that are gone are dropped at submission. */
  lintReasons: z
    .record(z.string().max(120), text().trim().min(1).max(MOST_OF_A_REASON))
    .refine((reasons) => Object.keys(reasons).length <= 1_000, 'has more than 1,000 reasons')
    .optional(),
  /** It must be there: whoever means everybody says so. */
  audience: z.strictObject({
    /** Everybody who chose at least one of these; empty: every topic. */
    topics: z.array(codeSchema).max(200).default([]),
    /** Everybody who lives in or follows one of these; empty: every district. */
    districts: z.array(codeSchema).max(1_000).default([]),
  }),
  channels: z
    .array(z.enum(CHANNELS))
    .min(1, 'needs at least one channel')
    .refine((c) => new Set(c).size === c.length, 'names a channel twice'),
  scheduledAt: z.iso.datetime({ offset: true }).optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});
export type Draft = z.infer<typeof draftSchema>;
export type DraftInput = z.input<typeof draftSchema>;

/** Corrections, updates and retractions are urgent unless said otherwise. */
export function urgencyOf(draft: Draft): Urgency {
  return draft.urgency ?? (draft.kind === 'notice' ? 'normal' : 'urgent');
}

const DAY_MS = 86_400_000;
/** How far ahead an announcement may be planned. */
const AHEAD_DAYS = 366;

/**
 * What the schema cannot say: relations between the fields of a draft, and to the clock.
 * @param now milliseconds since the epoch, from the database's clock
 */
export function draftIssues(draft: Draft, now: number): readonly Issue[] {
  const issues: Issue[] = [];
  if (draft.kind !== 'notice' && !draft.supersedes) {
    issues.push({
      path: 'supersedes',
      message: `a ${draft.kind} must name the announcement that it supersedes`,
    });
  }
  if (draft.kind === 'notice' && draft.supersedes) {
    issues.push({
      path: 'supersedes',
      message: 'a notice supersedes nothing; make it a correction, an update or a retraction',
    });
  }
  const scheduled = draft.scheduledAt ? Date.parse(draft.scheduledAt) : undefined;
  const expires = draft.expiresAt ? Date.parse(draft.expiresAt) : undefined;
  if (scheduled !== undefined && scheduled < now - DAY_MS) {
    issues.push({ path: 'scheduledAt', message: 'lies in the past; leave it out to send at once' });
  }
  for (const [path, at] of [
    ['scheduledAt', scheduled],
    ['expiresAt', expires],
  ] as const) {
    if (at !== undefined && at > now + AHEAD_DAYS * DAY_MS)
      issues.push({ path, message: `lies more than ${AHEAD_DAYS} days ahead` });
  }
  if (expires !== undefined && expires <= now) {
    issues.push({ path: 'expiresAt', message: 'lies in the past, so nothing could be sent' });
  } else if (expires !== undefined && scheduled !== undefined && expires <= scheduled) {
    issues.push({ path: 'expiresAt', message: 'lies before scheduledAt, so nothing could be sent' });
  }
  return issues;
}

/** Minutes for which an author's saving goes on writing one revision, so that there is none for every keystroke. */
const WRITING_MINUTES = 15;

/** Whether saving changes a revision instead of making the next one: it is one's own, young, and nobody was asked to approve it. */
export const isBeingWritten = (
  revision: { readonly authorId: number; readonly writtenAt: Date; readonly wasSubmitted: boolean },
  userId: number,
  now: number,
): boolean =>
  revision.authorId === userId &&
  !revision.wasSubmitted &&
  now - revision.writtenAt.getTime() < WRITING_MINUTES * 60_000;

/** Names what somebody has before them while they write: another as soon as anything of it was changed. */
export const versionOf = ({
  revision,
  draft,
}: {
  readonly revision: number;
  readonly draft: Draft;
}): string => `${revision}-${canonicalSha256(draft).toString('hex').slice(0, 16)}`;

/** When an announcement began, or will begin, to be sent: at its approval, or at its hour if that is later. */
export function startOf(times: {
  readonly approvedAt: Date | null;
  readonly scheduledAt: Date | null;
}): Date | null {
  const { approvedAt, scheduledAt } = times;
  return approvedAt && scheduledAt && scheduledAt > approvedAt ? scheduledAt : approvedAt;
}

/** Hours after approval (or schedule) at which messages to citizens expire when the draft says nothing. */
export const DEFAULT_EXPIRY_HOURS = 24;
/** How long webhooks keep trying, whatever `expiresAt` says: a newsroom's weekend. */
export const WEBHOOK_HOURS = 72;

/** SHA-256 over a canonical JSON form (sorted keys), to which approval is bound. */
export function canonicalSha256(value: unknown): Buffer {
  return createHash('sha256').update(canonicalJson(value)).digest();
}

/** JSON with object keys sorted and `undefined` left out: equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((v) => canonicalJson(v ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
