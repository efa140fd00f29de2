import type { Channel } from '../../src/domain/channel.ts';
import type { DeliveryStatus } from '../../src/domain/delivery.ts';
import { MAX_DEATHS } from '../../src/domain/retry.ts';
import { magicFor } from '../../src/sandbox/magic.ts';
import { magicMailbox } from '../../src/sandbox/magic-mailboxes.ts';
import type { Follower } from './interventions.ts';
import type { Part } from './population.ts';

/** A delivery as Herald's tables have it at the end. */
export interface Row {
  readonly part: Part | Follower;
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  readonly address: string;
  readonly sid: string | null;
  readonly code: string | null;
  /** How many of its attempts were in doubt at some time. */
  readonly doubts: number;
  /** How many of them a strike explains: their worker was struck, or answers were lost then. */
  readonly explained: number;
  /** How many of those because their worker was struck. */
  readonly struck: number;
  readonly leftAt: Date | null;
  /** When its announcement was cancelled, or expired. */
  readonly stoppedAt: Date | null;
}

/** What a gateway took. */
export interface Entry {
  readonly channel: Channel;
  readonly deliveryId?: string;
  readonly gatewayMessageId: string;
  readonly takenAt: string;
  /** What the gateway said became of it, and what Herald answered; absent: nothing was said. */
  readonly told?: { readonly status: string; readonly answer: number | null };
}

/** When the main announcement was paused, for certain. Milliseconds since the epoch. */
export interface Pause {
  readonly from: number;
  readonly until: number;
}

export const NOTHING_COUNTED = {
  missing: 0,
  duplicateSms: 0,
  /** Deliveries that were in doubt at some time; the SMS among them. */
  inDoubt: 0,
  inDoubtSms: 0,
  repeatedEmail: 0,
  repeatedWebhook: 0,
  /** Repeats that no doubt explains. */
  unexplained: 0,
  afterOptOut: 0,
  afterStop: 0,
  afterPause: 0,
  unsettled: 0,
  /** Never taken, and given up with a name because as many workers died over it as may (`worker-died`). */
  gaveUp: 0,
  stillOpen: 0,
  /** SMS that Herald shows otherwise than their receipts say, which it was told of. */
  wrongReceipts: 0,
  /** Readers of the superseded texts whom the correction or the retraction missed, and others whom it reached. */
  wrongReaders: 0,
};
export type Counts = Readonly<typeof NOTHING_COUNTED>;

/** Something to count, and what is wrong about it if anything is. */
export interface Finding {
  readonly count: keyof Counts;
  readonly n: number;
  readonly why?: string;
}

/** What may still leave after an opt-out, a pause, a cancellation or expiry: it was in flight. Milliseconds. */
export const GRACE_MS = 2_000;
/** Nobody stops these: everybody in their audiences is to be reached. */
const WHOLE: readonly Row['part'][] = ['main', 'outage', 'correction', 'retraction'];

/** One delivery against what the gateways took of it. */
export function judgeRow(row: Row, entries: readonly Entry[], pause: Pause): readonly Finding[] {
  const found: Finding[] = [];
  const find = (count: keyof Counts, why?: string, n = 1) =>
    found.push({ count, n, ...(why !== undefined && { why }) });
  const isOpen = row.status === 'queued' || row.status === 'sending';

  if (row.doubts > 0) find('inDoubt');
  if (row.doubts > 0 && row.channel === 'sms') find('inDoubtSms');
  if (row.status === 'unknown') find('unsettled');
  if (isOpen) find('stillOpen', `is still ${row.status}`);
  const gaveUp = row.code === 'worker-died' && row.struck >= MAX_DEATHS && entries.length === 0;
  if (gaveUp) find('gaveUp');

  if (entries.length === 0 && row.sid !== null)
    find('missing', `is ${row.status}, but the gateway never took it`);
  else if (entries.length === 0 && !isOpen && WHOLE.includes(row.part) && !gaveUp && !isExplained(row))
    find('missing', `is ${row.status}, and nothing explains why no gateway took it`);

  // A bounce that comes while the worker dies tells as well that the mail was taken.
  const bounced = row.channel === 'email' && row.status === 'undelivered';
  if (row.sid === null && entries.length > 0 && row.status !== 'unknown' && !bounced)
    find('unexplained', `is ${row.status}, but the gateway took it`);

  const repeats = entries.length - 1;
  if (repeats > 0 && row.channel === 'sms')
    find('duplicateSms', `was taken ${entries.length} times`, repeats);
  else if (repeats > 0) {
    find(row.channel === 'email' ? 'repeatedEmail' : 'repeatedWebhook', undefined, repeats);
    // Each repeat follows an attempt whose answer we have taken away: Herald's own doubts do not count.
    const excused = row.explained + Math.min(answersTaken(row), row.doubts - row.explained);
    if (repeats > excused)
      find('unexplained', `was repeated ${repeats} times, and strikes explain ${excused}`);
    if (new Set(entries.map((entry) => entry.gatewayMessageId)).size > 1)
      find('unexplained', `was repeated ${repeats} times under another id`);
  }

  const [only] = entries;
  const receipt = only && row.channel === 'sms' && repeats === 0 ? wrongReceipt(row, only) : undefined;
  if (receipt) find('wrongReceipts', receipt);

  for (const { takenAt } of entries) {
    const at = Date.parse(takenAt);
    const left = row.leftAt ? at - row.leftAt.getTime() : 0;
    if (left > GRACE_MS) find('afterOptOut', `was taken ${left} ms after its recipient left`);
    const stopped = row.stoppedAt ? at - row.stoppedAt.getTime() : 0;
    if (stopped > GRACE_MS) find('afterStop', `was taken ${stopped} ms after the announcement was stopped`);
    if (row.part === 'main' && at > pause.from + GRACE_MS && at < pause.until)
      find('afterPause', `was taken ${at - pause.from} ms after the announcement was paused`);
  }
  return found;
}

/** Statuses that a final receipt may lead to: Twilio's word → ours. */
const ENDS: Readonly<Record<string, readonly DeliveryStatus[]>> = {
  delivered: ['delivered'],
  undelivered: ['undelivered', 'failed'],
  failed: ['undelivered', 'failed'],
};

/** A receipt that was taken and does not show, or proof that nobody gave. */
function wrongReceipt({ status, address }: Row, { told }: Entry): string | undefined {
  const isTaken = told?.answer != null && told.answer >= 200 && told.answer < 300;
  const ends = ENDS[told?.status ?? ''];
  if (isTaken && ends && !ends.includes(status))
    return `is ${status}, though its receipt was taken: ${told.status}`;
  // Of some numbers the provider tells only who asks.
  const effect = magicFor(address)?.effect;
  const tellsWhoAsks = effect?.kind === 'silent' && effect.status === 'delivered';
  if (status === 'delivered' && told?.status !== 'delivered' && !tellsWhoAsks)
    return `is delivered, and the gateway said ${told?.status ?? 'nothing'}`;
  return undefined;
}

/** Why a message that nobody stopped may never have been taken: its reader left, its address is refused, or it says so. */
function isExplained({ status, leftAt, channel, address }: Row): boolean {
  // An unknown one is shown as such, and counted.
  if (status === 'unknown' || leftAt) return true;
  const effect = effectOf({ channel, address });
  const neverTaken = effect?.kind === 'refuse' && effect.times === undefined;
  // The bounce of an earlier announcement's mail has barred it.
  return neverTaken || (effect?.kind === 'bounce' && status === 'suppressed');
}

/** How many answers about an address the gateway takes away by itself; of mails, as SMS may not be repeated. */
function answersTaken({ channel, address }: Pick<Row, 'channel' | 'address'>): number {
  const effect = channel === 'email' ? magicMailbox(address)?.effect : undefined;
  return effect?.kind === 'take-and-cut' || effect?.kind === 'take-and-hang' ? effect.times : 0;
}

/** What the gateway does to an address by itself. */
const effectOf = ({ channel, address }: Pick<Row, 'channel' | 'address'>) =>
  channel === 'webhook' ? undefined : (channel === 'sms' ? magicFor(address) : magicMailbox(address))?.effect;
