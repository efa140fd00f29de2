import type { Channel, Gateway } from '../domain/channel.ts';
import type { SendOutcome } from '../domain/outcome.ts';
import { SET_APART_DEATHS } from '../domain/retry.ts';
import { withoutNul } from '../domain/text.ts';
import { type AskReceiptsDeps, askReceipts } from './ask-receipts.ts';
import { givenBack, judge } from './attempt.ts';
import type { Batcher } from './batcher.ts';
import type { Composed, Composer, Composition } from './compose.ts';
import type { Lease } from './lease.ts';
import type { Allowance, Pacer } from './pacer.ts';
import type { AdapterFor, ChannelAdapter, Clock, Logger, WakeUps } from './ports.ts';
import { CLAIM_ROWS, type Room } from './room.ts';
import { settle } from './settle.ts';
import type { AttemptRecord, BreakerStore, ClaimedDelivery, DeliveryStore, ShardClaim } from './stores.ts';

/** A run of a shard claims for so long, then puts it back: urgency is decided anew. Milliseconds. */
const SLICE_MS = 1_000;
/** An answer that takes longer than this is not waited for before the next rows are claimed. Milliseconds. */
const SLOW_MS = 500;
/** But for no longer than this: what holds a shard for minutes is taken for dead. Milliseconds. */
const HELD_UP_MS = 60_000;
/** Longest pause between two looks at the limits and at what is in flight. Milliseconds. */
const PAUSE_MS = 100;
/**
 * A row whose request cannot start so soon after its turn, because every connection waits for an answer, is given back:
 * whoever leaves, and whatever is stopped, meanwhile is then seen by the next claim. Milliseconds.
 */
const STALE_MS = 1_000;
/**
 * So is one that was claimed so long ago, because this process or the database's answer was held up: whoever left within the
 * last two seconds may still be written to, nobody who left before. Milliseconds.
 */
const CLAIM_GOOD_MS = 1_800;
/** What is due sooner than a timer can tell goes at once. Milliseconds. */
const TIMER_MS = 2;

export interface DeliverDeps extends Pick<AskReceiptsDeps, 'receipts' | 'receiptQuestions' | 'mode'> {
  readonly deliveries: DeliveryStore;
  readonly breakers: BreakerStore;
  readonly adapterFor: AdapterFor;
  readonly composer: Composer;
  readonly wakeUps: WakeUps;
  /** Writes results; keeps trying until they are written. */
  readonly recorder: Batcher<AttemptRecord>;
  /** Repeats a database call until it works; for what must not be left undone. */
  readonly persist: <T>(call: () => Promise<T>) => Promise<T>;
  readonly lease: Lease;
  /** The limit of a channel and gateway; undefined: none. */
  readonly pacerFor: (channel: Channel, gateway: Gateway) => Pacer | undefined;
  /** Waits a little for an endpoint's turn at its own limit. @returns milliseconds until asking again makes sense; 0: now */
  readonly endpointTurn: (endpointId: number) => Promise<number>;
  readonly room: Room;
  readonly clock: Clock;
  readonly random: () => number;
  /** Aborted by SIGTERM: finish what is in flight, give the rest back. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

/** Its turn came after the announcement's time. */
const EXPIRED: SendOutcome = {
  outcome: 'refused',
  category: 'expired',
  code: 'expired',
  message: 'not sent in time',
};

/**
 * One run of one shard: claim it, ask for receipts that never came, settle what is in doubt, send for a second, put it back.
 * @param giveWay called when its time is over and answers are still awaited: what is more urgent need not wait for them.
 *   May be called often.
 * @returns when nothing of it is in flight
 */
export async function deliver(
  deps: DeliverDeps,
  job: { readonly id: number; readonly generation: number },
  giveWay: () => void = () => {},
): Promise<void> {
  const { deliveries, lease } = deps;
  if (deps.stopping.aborted || !lease.valid()) return;
  const claim = await claimShard(deps, job);
  if (!claim) return; // another worker's, or an older generation's job
  const began = deps.clock.monotonicMs();
  let sent = 0;
  let askInMs: number | null = 0;
  try {
    const adapter = deps.adapterFor(claim.channel, claim.gateway);
    if (adapter) {
      if (claim.asks) askInMs = await askReceipts(deps, claim, adapter);
      if (claim.sends) await settle(deps, claim, adapter);
      if (claim.sends) sent = await sendFor(deps, claim, adapter, SLICE_MS, giveWay);
    } else {
      await deps.breakers.open({
        provider: 'none',
        channel: claim.channel,
        gateway: claim.gateway,
        code: 'no-provider',
        message: `this worker has no ${claim.gateway} provider for ${claim.channel}; set its environment`,
      });
    }
  } finally {
    const again = await deps.persist(() => deliveries.releaseShard(claim, lease.workerId, askInMs));
    const ms = Math.round(deps.clock.monotonicMs() - began);
    deps.log.debug(
      {
        announcement: claim.announcementId,
        shard: claim.shardId,
        channel: claim.channel,
        sent,
        ms,
        again: again !== null,
      },
      'ran a slice of a shard',
    );
    if (again) await deps.wakeUps.enqueue([again]);
  }
}

/** What was claimed and not told to us would be nobody's: whoever asks for it again finds it taken. */
async function claimShard(
  { deliveries, lease, persist }: DeliverDeps,
  { id, generation }: { readonly id: number; readonly generation: number },
): Promise<ShardClaim | null> {
  try {
    return await deliveries.claimShard(id, generation, lease.workerId);
  } catch (error) {
    await persist(() => deliveries.dropShard(id, lease.workerId));
    throw error;
  }
}

/**
 * Reserve, claim just those rows, send them while claiming the next. While a slow answer is awaited it goes on beyond
 * its time, so that one message that hangs does not hold up its shard.
 * @returns how many, when all of them are recorded
 */
async function sendFor(
  deps: DeliverDeps,
  claim: ShardClaim,
  adapter: ChannelAdapter,
  forMs: number,
  giveWay: () => void,
): Promise<number> {
  const { clock, lease, room } = deps;
  const composition = await deps.composer.open(claim);
  const pacer = deps.pacerFor(claim.channel, claim.gateway);
  const until = clock.monotonicMs() + forMs;
  const underWay = new Map<Promise<void>, number>();
  const isHeldUp = () => {
    const [oldest] = underWay.values();
    return oldest !== undefined && clock.monotonicMs() - oldest > SLOW_MS;
  };
  /** Set by an answer that would be the same for all others, at once and not only when it is written down. */
  let refused = false;
  const halt = () => {
    const first = !refused;
    refused = true;
    return first;
  };
  const slice: Slice = { deps, claim, adapter, composition, pacer, halt };
  let failed: { readonly error: unknown } | undefined;
  let claimed = 0;

  const mayClaim = () => !deps.stopping.aborted && lease.valid() && !refused;
  // A shard that keeps killing its workers is taken row by row, so that one row cannot hide among a hundred.
  const single = claim.deaths >= SET_APART_DEATHS;
  const size = claim.toN - claim.fromN + 1;

  try {
    while (mayClaim()) {
      const left = until - clock.monotonicMs();
      if (left <= 0 && (!isHeldUp() || left < -HELD_UP_MS)) break;
      if (left <= 0) giveWay();
      const pause = Math.min(PAUSE_MS, Math.max(left, 0) || PAUSE_MS);
      if (single && underWay.size > 0) {
        await Promise.race([...underWay.keys(), clock.sleep(pause)]);
        continue;
      }
      const places = await room.enter(single ? 1 : Math.min(CLAIM_ROWS, size - claimed), pause);
      if (places === 0) continue;
      if (!mayClaim()) {
        room.leave(places);
        break;
      }
      const { rows, allowance, askedAt } = await claimSome(deps, claim, composition, pacer, places);
      if (rows.length === 0) {
        if (!allowance || allowance.tokens > 0) break;
        await clock.sleep(Math.min(allowance.inMs, pause), deps.stopping);
        continue;
      }
      claimed += rows.length;
      const whole = claimed >= size;
      const messages = rows.map((row) => ({ row, composed: composition.compose(row, adapter) }));
      const costs = messages.map(({ composed }) => composed.cost);
      const turns = allowance && pacer?.spend(allowance, costs);
      for (const [i, { row, composed }] of messages.entries()) {
        const when = { at: turns?.[i] ?? clock.monotonicMs(), latest: askedAt + CLAIM_GOOD_MS };
        const sent = sendOne(slice, row, composed, when)
          .catch((error: unknown) => {
            failed ??= { error }; // its result is not written down; putting the shard back finds it
          })
          .finally(() => underWay.delete(sent));
        underWay.set(sent, clock.monotonicMs());
      }
      if (allowance) pacer?.giveBack(allowance);
      // Nothing is left to ask the limit for.
      if (whole) break;
    }
  } catch (error) {
    failed ??= { error };
  }
  // Whatever ended the loop: the shard stays ours until nothing of it is in flight.
  const rest = Promise.all(underWay.keys());
  await Promise.race([rest, clock.sleep(Math.max(0, until - clock.monotonicMs()))]);
  if (underWay.size > 0) giveWay();
  await rest;
  if (failed) throw failed.error;
  return claimed;
}

/**
 * Tokens, then as many rows.
 * @param places taken in the room for them; those that stay empty are given back
 * @returns no rows and no tokens: the limit's turn has not come; no rows with tokens: nothing is due. With rows, the
 *   tokens are still taken: the caller spends them and gives back the rest. And when they were asked for, on the
 *   monotonic clock
 */
async function claimSome(
  { deliveries, lease, room, clock }: DeliverDeps,
  claim: ShardClaim,
  { cost }: Composition,
  pacer: Pacer | undefined,
  places: number,
): Promise<{
  readonly rows: readonly ClaimedDelivery[];
  readonly allowance: Allowance | undefined;
  readonly askedAt: number;
}> {
  let rows: readonly ClaimedDelivery[] = [];
  let askedAt = 0;
  try {
    const allowance = await pacer?.take(Math.ceil(places * cost), claim.priority, cost);
    if (allowance && allowance.tokens <= 0) return { rows, allowance, askedAt };
    try {
      const affordable = allowance ? Math.max(1, Math.floor(allowance.tokens / cost)) : places;
      askedAt = clock.monotonicMs();
      rows = await deliveries.claimRows(claim, Math.min(places, affordable), lease.workerId);
    } finally {
      if (allowance && rows.length === 0) pacer?.giveBack(allowance);
    }
    return { rows, allowance, askedAt };
  } finally {
    room.leave(places - rows.length);
  }
}

/** What all messages of one run of a shard share. */
interface Slice {
  readonly deps: DeliverDeps;
  readonly claim: ShardClaim;
  readonly adapter: ChannelAdapter;
  readonly composition: Composition;
  readonly pacer: Pacer | undefined;
  /** No more is claimed. @returns whether this is the first to say so */
  readonly halt: () => boolean;
}

/** Monotonic milliseconds. */
interface When {
  readonly at: number;
  /** It may go no more. */
  readonly latest: number;
}

/** Send at its turn, record. Whatever happens to one message is written as its result; nothing is thrown for it. */
async function sendOne(slice: Slice, row: ClaimedDelivery, composed: Composed, when: When): Promise<void> {
  const { deps, claim, adapter, composition } = slice;
  let outcome: SendOutcome;
  let started = false;
  try {
    await waitForTurn(slice, composed, when);
    const laterMs = claim.channel === 'webhook' ? await deps.endpointTurn(row.contactId) : 0;
    started = await deps.room.start(STALE_MS);
    // The last look before the request is written: a process that was stopped sends nothing from memory.
    const leftMs = when.latest - deps.clock.monotonicMs();
    const not = whyNot(deps, started, laterMs, leftMs);
    if (not) {
      await deps.recorder.add(givenBack(claim, row, not, laterMs));
      return;
    }
    if (!composed.ready) outcome = composed.outcome;
    else if (composition.expiresInMs() > 0) outcome = await handOver(composed, leftMs);
    else outcome = EXPIRED;
  } finally {
    if (started) deps.room.end();
    deps.room.leave();
  }
  const { record, consequence } = judge(claim, row, outcome, {
    ageMs: composition.ageMs(),
    random: deps.random(),
    requestTimeoutMs: adapter.requestTimeoutMs,
    segments: composed.segments,
  });
  const halts = consequence === 'open-breaker' || consequence === 'pause-announcement';
  const first = halts && slice.halt();
  await deps.recorder.add(record);
  // Those that were in flight with it hear the same; once is enough.
  if (first && outcome.outcome === 'refused') await follow(deps, claim, adapter, outcome, consequence);
}

/** Hundreds wait for a turn that comes soon; the end of the worker need not be told to each of them. */
async function waitUntil({ clock, stopping }: DeliverDeps, at: number): Promise<void> {
  const early = at - clock.monotonicMs();
  if (early > TIMER_MS) await clock.sleep(early, early > PAUSE_MS ? stopping : undefined);
}

async function waitForTurn(
  { deps, claim, pacer }: Slice,
  { ready, cost }: Composed,
  { at, latest }: When,
): Promise<void> {
  await waitUntil(deps, at);
  // What cannot go needs no other turn.
  const goes = ready && !deps.stopping.aborted && deps.lease.valid() && deps.clock.monotonicMs() < latest;
  if (pacer && goes) await waitUntil(deps, await pacer.confirm(at, cost, claim.priority));
}

function whyNot(
  { stopping, lease }: DeliverDeps,
  started: boolean,
  laterMs: number,
  leftMs: number,
): string | undefined {
  if (stopping.aborted) return 'worker is stopping';
  if (!lease.valid()) return 'lease ran out';
  if (laterMs > 0) return 'the limit of its endpoint is used up';
  if (!started) return 'every connection waits for an answer';
  return leftMs > 0 ? undefined : 'claimed too long ago';
}

/** What the provider said; an adapter that throws has broken its rule, and nobody knows whether the message left. */
async function handOver(
  composed: Extract<Composed, { ready: true }>,
  startWithinMs: number,
): Promise<SendOutcome> {
  try {
    const outcome = await composed.send(startWithinMs);
    return outcome.outcome === 'accepted'
      ? { ...outcome, ...(outcome.detail !== undefined && { detail: withoutNul(outcome.detail) }) }
      : { ...outcome, code: withoutNul(outcome.code), message: withoutNul(outcome.message) };
  } catch (error) {
    return { outcome: 'unknown', code: 'adapter-failed', message: withoutNul(String(error)) };
  }
}

/** What one refusal means for the others; an address that is to be suppressed was written with the result itself. */
async function follow(
  deps: DeliverDeps,
  claim: ShardClaim,
  adapter: ChannelAdapter,
  outcome: Extract<SendOutcome, { outcome: 'refused' }>,
  consequence: 'open-breaker' | 'pause-announcement',
): Promise<void> {
  const { code, message } = outcome;
  switch (consequence) {
    case 'open-breaker':
      deps.log.error(
        { channel: claim.channel, gateway: claim.gateway, code },
        `the provider refuses us, so ${claim.channel} stops until it works again: ${message}`,
      );
      await deps.persist(() =>
        deps.breakers.open({
          provider: adapter.provider,
          channel: claim.channel,
          gateway: claim.gateway,
          code,
          message,
        }),
      );
      break;
    case 'pause-announcement':
      deps.log.error(
        { announcement: claim.announcementId, code },
        `the provider refuses the text, so the announcement is paused: ${message}`,
      );
      await deps.persist(() =>
        deps.deliveries.pauseFor(
          claim.announcementId,
          `${adapter.provider} refused the text (${code}): ${message}`,
        ),
      );
  }
}
