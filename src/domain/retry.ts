import { WEBHOOK_HOURS } from './announcement.ts';
import type { Channel } from './channel.ts';
import type { DeliveryStatus } from './delivery.ts';
import type { FailureCategory } from './outcome.ts';

/** How a channel tries again. Delays in milliseconds. */
export interface RetryPolicy {
  /** Tries that count, the first included, before a refused message has failed. */
  readonly maxTries: number;
  /** The same for one whose answer never came, and which the other side may have taken each time; then it stays in doubt. */
  readonly maxUnanswered: number;
  /** Upper bound of the first delay; doubles (or `delays` say) with every further try. */
  readonly baseMs: number;
  readonly capMs: number;
  /** The same where no try was used up: the provider was not there, and is to be found soon after it comes back. */
  readonly unburntCapMs: number;
  /** Milliseconds after its beginning when nothing is tried any more; absent: the announcement's expiry decides. */
  readonly maxAgeMs?: number;
}

const WITHOUT_END = Number.POSITIVE_INFINITY;

export const RETRY_POLICIES: Readonly<Record<Channel, RetryPolicy>> = {
  // Some twelve minutes; the answer that never came is asked for.
  sms: { maxTries: 12, maxUnanswered: WITHOUT_END, baseMs: 2_000, capMs: 5 * 60_000, unburntCapMs: 30_000 },
  // Some two hours: greylisting takes minutes, seldom an hour.
  email: { maxTries: 16, maxUnanswered: 8, baseMs: 5_000, capMs: 30 * 60_000, unburntCapMs: 30_000 },
  // Standard Webhooks recommends retries over days; a newsroom's weekend is three, however often that is.
  webhook: {
    maxTries: WITHOUT_END,
    maxUnanswered: WITHOUT_END,
    baseMs: 2_000,
    capMs: 2 * 3_600_000,
    unburntCapMs: 2 * 3_600_000,
    maxAgeMs: WEBHOOK_HOURS * 3_600_000,
  },
};

/** A shard that so many workers died holding is set apart: its rows are taken one by one, and it is shown. */
export const SET_APART_DEATHS = 3;
/** Over so many deaths of its worker (the last ones alone) a row itself is to blame, and is not sent again. */
export const MAX_DEATHS = 5;

/**
 * Exponential backoff with full jitter, so that a thousand failed sends do not come back at the same instant.
 * @param tries how many have been made, ≥ 1
 * @param random 0 ≤ random < 1
 * @returns milliseconds, 0 … `capMs`, but never before `retryAfterMs` (what the provider asked for, at most a day)
 */
export function backoffMs(policy: RetryPolicy, tries: number, random: number, retryAfterMs = 0): number {
  const bound = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(30, Math.max(0, tries - 1)));
  return Math.max(Math.round(bound * random), Math.min(retryAfterMs, 86_400_000));
}

/** What a refusal means for the row and for everything around it. */
export interface Verdict {
  readonly status: Extract<DeliveryStatus, 'queued' | 'failed' | 'suppressed' | 'expired'>;
  readonly burnt: boolean;
  readonly consequence?: 'open-breaker' | 'pause-announcement' | 'suppress-address';
}

/** The table that drives everything: category → what happens. `failed` after a retry means "tries used up". */
export const VERDICTS: Readonly<Record<FailureCategory, Verdict>> = {
  temporary: { status: 'queued', burnt: true },
  throttled: { status: 'queued', burnt: false },
  permanent: { status: 'failed', burnt: true },
  'opted-out': { status: 'suppressed', burnt: true, consequence: 'suppress-address' },
  'rejected-content': { status: 'failed', burnt: true, consequence: 'pause-announcement' },
  configuration: { status: 'queued', burnt: false, consequence: 'open-breaker' },
  expired: { status: 'expired', burnt: true },
};
