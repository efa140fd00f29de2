import type { SendOutcome } from '../domain/outcome.ts';
import { backoffMs, RETRY_POLICIES, type RetryPolicy, VERDICTS, type Verdict } from '../domain/retry.ts';
import type { AttemptRecord, ClaimedDelivery, ShardClaim } from './stores.ts';

/** How long an unanswered send rests before it is settled, in milliseconds: the request's own time and half a minute. */
export const settleAfterMs = (requestTimeoutMs: number): number => requestTimeoutMs + 30_000;

/** Longer than any announcement is sent: what is still in doubt when all tries are used up stays so. Milliseconds. */
const RESTS_MS = 14 * 24 * 3_600_000;

export interface Judged {
  readonly record: AttemptRecord;
  readonly consequence?: Verdict['consequence'];
}

/**
 * What to write of an attempt, and what follows for others. Pure: the tables of src/domain/retry.ts decide.
 * @param context.ageMs milliseconds since the announcement began to be sent
 * @param context.random 0 ≤ random < 1, for the jitter
 */
export function judge(
  claim: ShardClaim,
  row: ClaimedDelivery,
  outcome: SendOutcome,
  context: {
    readonly ageMs: number;
    readonly random: number;
    readonly requestTimeoutMs: number;
    readonly segments: number | null;
  },
): Judged {
  const base = unsettled(claim, row, context.segments);

  switch (outcome.outcome) {
    case 'accepted':
      base.providerMessageId = outcome.providerMessageId;
      base.detail = outcome.detail ?? null;
      return { record: ended(base, outcome.delivered ? 'delivered' : 'sent') };
    case 'unknown': {
      // SMS is asked for; the others are sent again under the same id, after their backoff, and not for ever: a relay that
      // takes each one and never answers would deliver dozens.
      const policy = RETRY_POLICIES[claim.channel];
      const dueInMs =
        claim.channel === 'sms'
          ? settleAfterMs(context.requestTimeoutMs)
          : backoffMs(policy, row.tries + 1, context.random);
      const spent = isSpent(policy, policy.maxUnanswered, row.doubts, context.ageMs + dueInMs);
      base.dueInMs = spent ? RESTS_MS : dueInMs;
      base.code = outcome.code;
      base.detail = outcome.message;
      return { record: ended(base, 'unknown') };
    }
    case 'refused': {
      const verdict = VERDICTS[outcome.category];
      const all = RETRY_POLICIES[claim.channel];
      // What burns no try waits longer each time all the same, but not for long.
      const [tries, policy] = verdict.burnt
        ? [row.tries + 1, all]
        : [row.attempt, { ...all, capMs: all.unburntCapMs }];
      const again =
        verdict.status === 'queued' ? backoffMs(policy, tries, context.random, outcome.retryAfterMs) : null;
      const spent =
        again !== null &&
        (verdict.burnt
          ? isSpent(all, all.maxTries, row.tries, context.ageMs + again)
          : isTooOld(all, context.ageMs + again));
      // What an earlier attempt left in doubt is decided by a refusal for good only.
      const doubted = row.doubts > 0 && (again !== null || verdict.status === 'expired');
      const status = doubted ? 'unknown' : spent ? 'failed' : verdict.status;
      base.burnt = verdict.burnt;
      base.dueInMs = again !== null && !spent ? again : doubted ? RESTS_MS : null;
      base.code = outcome.code;
      base.detail = outcome.message;
      base.suppress = verdict.consequence === 'suppress-address';
      return {
        record: ended(base, status, again !== null && !spent ? 'retry' : status),
        ...(verdict.consequence && { consequence: verdict.consequence }),
      };
    }
  }
}

type Writing = { -readonly [K in keyof AttemptRecord]: AttemptRecord[K] };

/** Of an attempt of which nothing is known yet. Filled in where it is known: one object a message, never copied. */
function unsettled(claim: ShardClaim, row: ClaimedDelivery, segments: number | null): Writing {
  return {
    shardId: claim.shardId,
    announcementId: claim.announcementId,
    n: row.n,
    attempt: row.attempt,
    status: 'unknown',
    dueInMs: null,
    burnt: true,
    providerMessageId: null,
    code: null,
    detail: null,
    segments,
    event: '',
    dedupe: '',
    suppress: false,
  };
}

function ended(record: Writing, status: AttemptRecord['status'], event: string = status): AttemptRecord {
  record.status = status;
  record.event = event;
  record.dedupe = `a${record.attempt}:${event}`;
  return record;
}

/** @param before how many there were before this one, of at most so many */
function isSpent(policy: RetryPolicy, most: number, before: number, ageMs: number): boolean {
  return before + 1 >= most || isTooOld(policy, ageMs);
}

function isTooOld({ maxAgeMs }: RetryPolicy, ageMs: number): boolean {
  return maxAgeMs !== undefined && ageMs > maxAgeMs;
}

/** A row that was claimed and never sent (drain, lost lease): back to what it was, nothing burnt. */
export function givenBack(claim: ShardClaim, row: ClaimedDelivery, why: string, dueInMs = 0): AttemptRecord {
  const record = unsettled(claim, row, null);
  record.burnt = false;
  record.dueInMs = dueInMs;
  record.detail = why;
  return ended(record, row.doubts > 0 ? 'unknown' : 'queued', 'given-back');
}
