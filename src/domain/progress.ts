import type { Channel } from './channel.ts';
import { type DeliveryStatus, OPEN_STATUSES } from './delivery.ts';

/** What became of messages, as people ask about it; each status is in one of these. */
export const FATES = ['confirmed', 'accepted', 'doubtful', 'failed', 'notSent', 'waiting'] as const;
export type Fate = (typeof FATES)[number];

const FATE_OF: Readonly<Record<DeliveryStatus, Fate>> = {
  delivered: 'confirmed',
  sent: 'accepted',
  queued: 'waiting',
  sending: 'waiting',
  unknown: 'doubtful',
  failed: 'failed',
  undelivered: 'failed',
  suppressed: 'notSent',
  expired: 'notSent',
  cancelled: 'notSent',
};
/** The provider has them: nothing calls them back. */
const BEYOND_RECALL: readonly DeliveryStatus[] = ['unknown', 'sent', 'undelivered', 'delivered'];

export type Counts = Readonly<Partial<Record<DeliveryStatus, number>>>;

/** How far one channel has come. */
export interface Progress {
  readonly total: number;
  readonly fates: Readonly<Record<Fate, number>>;
  /** Nothing more is to be done for them. */
  readonly done: number;
  readonly beyondRecall: number;
}

export function progressOf(counts: Counts): Progress {
  const fates: Record<Fate, number> = {
    confirmed: 0,
    accepted: 0,
    waiting: 0,
    doubtful: 0,
    failed: 0,
    notSent: 0,
  };
  let [total, open, beyondRecall] = [0, 0, 0];
  for (const [status, n = 0] of Object.entries(counts) as [DeliveryStatus, number | undefined][]) {
    total += n;
    fates[FATE_OF[status]] += n;
    if (OPEN_STATUSES.includes(status)) open += n;
    if (BEYOND_RECALL.includes(status)) beyondRecall += n;
  }
  return { total, fates, done: total - open, beyondRecall };
}

/** How many had left the queue at a moment. */
export interface Sample {
  /** Milliseconds on one clock. */
  readonly atMs: number;
  readonly left: number;
}

/** Rates are reckoned over so long. Milliseconds. */
export const RATE_WINDOW_MS = 15_000;

/** Messages a second over the samples' time, oldest first; null while they are too few, or nothing moves. */
export function rateOf(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < 1_000) return null;
  const rate = ((last.left - first.left) * 1_000) / (last.atMs - first.atMs);
  return rate > 0 ? rate : null;
}

/**
 * Seconds until all of a channel's messages have left: by the rate that is seen; before there is one, by the limit.
 * @param limitPerSecond messages; null: none @returns null when it cannot be told; 0 when none waits
 */
export function secondsLeft(
  { fates }: Progress,
  perSecond: number | null,
  limitPerSecond: number | null,
): number | null {
  if (fates.waiting === 0) return 0;
  const rate = perSecond ?? limitPerSecond;
  return rate === null || rate <= 0 ? null : fates.waiting / rate;
}

/** Messages that were not delivered as they should be, for one reason. */
export interface Trouble {
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  /** The provider's, or Herald's. */
  readonly code: string;
  readonly n: number;
}

/** Reasons why messages did not arrive. */
export interface Troubles {
  readonly groups: readonly Trouble[];
  /** Reckoned from this share of the messages, 0 … 1; 1: all were looked at. */
  readonly share: number;
}
