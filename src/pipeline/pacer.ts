import type { Clock, Limiter } from './ports.ts';

/** What may be sent now. The pacer changes it as it is spent. */
export interface Allowance {
  /** Tokens that may be spent; 0: ask again in `inMs`. Negative: spent on credit. */
  tokens: number;
  /** When the first of them may be spent, on the monotonic clock. */
  atMs: number;
  /** Milliseconds until then, or until asking again makes sense. */
  readonly inMs: number;
}

/**
 * This process's share of the limits. A message may cost more tokens than were granted, or less: the difference is
 * settled with the limiter at once where it is worth more than a block, because the other processes must know of it;
 * smaller ones with the next request.
 */
export interface Pacer {
  /**
   * Asks for up to `wanted` tokens, or takes what an allowance has left over. They are the caller's alone, so that
   * shards that ask at the same time do not spend the same ones.
   * @param atLeast what one message is thought to cost
   */
  take(wanted: number, priority: number, atLeast?: number): Promise<Allowance>;
  /**
   * Pays for messages.
   * @returns when each may go, on the monotonic clock: tokens are spent evenly, so that the limit holds in any interval.
   *   Messages that cost a little more than was granted share its time, because the next tokens are already another's
   */
  spend(allowance: Allowance, costs: readonly number[]): number[];
  /**
   * Asked when the turn of a message has come: a process that was held up may find that it passed. Where others wait for
   * the same limit, the time since is theirs, so the message pays once more for a later turn. When none comes soon, or what is
   * more urgent takes all, it goes as it is, one after another: everything has paid once, and nothing waits for ever.
   * @param at its turn, from {@link spend}
   * @returns when it may go, on the monotonic clock
   */
  confirm(at: number, cost: number, priority: number): Promise<number>;
  /** The allowance is done with, spent or not. */
  giveBack(allowance: Allowance): void;
}

/** A turn is kept when the message goes no later than this after it, or than a twelfth of the time to the next. Milliseconds. */
const LATE_MS = 8;
/** A message whose turn passed takes another one so far ahead; the next claim's turns come after it. Milliseconds. */
const SOON_MS = 1_000;
/** Least part of a token's time that it is given where there are too few of them. */
const FASTEST = 0.92;
/** Left-over tokens are good for so long after their time; older ones would let two blocks overlap. Milliseconds. */
const KEEPS_MS = 100;
/** What the limiter grants at a time. Seconds. */
const BLOCK = 0.1;

/** A message whose turn passed, and what tells it when to go. */
interface Late {
  readonly cost: number;
  readonly go: (at: number) => void;
}

const total = (costs: readonly number[]) => costs.reduce((sum, cost) => sum + cost, 0);

export function createPacer(limiter: Limiter, bucket: string, ratePerSecond: number, clock: Clock): Pacer {
  const everyMs = 1_000 / ratePerSecond;
  const block = ratePerSecond * BLOCK;
  const lateMs = Math.max(LATE_MS, everyMs / 12);
  let left: { readonly tokens: number; readonly atMs: number } | undefined;
  let owed = 0;
  /** Whether the limit is what messages wait for. */
  let isBusy = false;
  /** By priority: nobody rides on the urgency of others. */
  const late = new Map<number, Late[]>();
  let settling: Promise<unknown> = Promise.resolve();
  /** What waits for the limiter's answer. */
  let asking: { readonly priority: number; readonly answer: Promise<Allowance> } | undefined;
  /** The limiter's last answer, where it was no: it holds for whoever is no more urgent. */
  let refusal: { readonly priority: number; readonly untilMs: number } | undefined;

  const ask = async (
    wanted: number,
    priority: number,
    atLeast: number,
    withinMs?: number,
  ): Promise<Allowance> => {
    const settled = owed;
    owed = 0;
    const askedAt = clock.monotonicMs();
    try {
      const order = { bucket, ratePerSecond, wanted, priority, atLeast, owed: settled };
      const { granted, inMs } = await limiter.reserve({ ...order, ...(withinMs && { withinMs }) });
      if (wanted > 0) isBusy = inMs > 0;
      // The limiter's answer was true somewhere on the way; a process that was held up reads it late.
      return { tokens: granted, inMs, atMs: (askedAt + clock.monotonicMs()) / 2 + inMs };
    } catch (error) {
      owed += settled;
      throw error;
    }
  };
  const isFresh = (what: { readonly atMs: number }, forMs = KEEPS_MS) =>
    clock.monotonicMs() - what.atMs <= forMs;

  /** What is known without asking: something left over, or that nothing is to be had yet. */
  const known = (priority: number, atLeast: number): Allowance | undefined => {
    const kept = left;
    left = undefined;
    if (kept && isFresh(kept, isBusy ? lateMs : KEEPS_MS)) {
      if (kept.tokens >= atLeast) return { ...kept, inMs: Math.max(0, kept.atMs - clock.monotonicMs()) };
      owed -= kept.tokens;
    }
    // What is owed is told; others may be waiting for it, or must wait because of it.
    if (!refusal || priority < refusal.priority || owed !== 0) return undefined;
    const inMs = refusal.untilMs - clock.monotonicMs();
    return inMs > 0 ? { tokens: 0, atMs: refusal.untilMs, inMs } : undefined;
  };

  /** Later turns for those that missed theirs, for all at once that came while the last were asked for. */
  const catchUp = async (waiting: Late[], priority: number) => {
    while (waiting[0]) {
      const wanted = total(waiting.map(({ cost }) => cost));
      // That a limiter cannot be asked is told by the next claim; here it only means that no turn comes soon.
      const granted = await ask(wanted, priority, waiting[0].cost, SOON_MS).catch(() => undefined);
      if (!granted || granted.tokens <= 0) {
        let at = clock.monotonicMs();
        for (const { cost, go } of waiting.splice(0)) {
          go(at);
          at += cost * everyMs;
        }
      } else {
        let met = 0;
        for (let sum = 0; met < waiting.length && sum < granted.tokens; met += 1)
          sum += waiting[met]?.cost ?? 0;
        const served = waiting.splice(0, met);
        const turns = pacer.spend(
          granted,
          served.map(({ cost }) => cost),
        );
        for (const [i, { go }] of served.entries()) go(turns[i] ?? clock.monotonicMs());
        pacer.giveBack(granted);
      }
    }
  };

  const pacer: Pacer = {
    async take(wanted, priority, atLeast = 1) {
      // One ask at a time: what is refused to one shard is refused to the others of this process.
      for (;;) {
        const allowance = known(priority, atLeast);
        if (allowance) return allowance;
        // What is more urgent does not wait for an answer that is not its own.
        if (!asking || priority < asking.priority) break;
        await asking.answer;
      }
      const mine = { priority, answer: settling.then(() => ask(wanted, priority, atLeast)) };
      asking = mine;
      try {
        const allowance = await mine.answer;
        refusal =
          allowance.tokens > 0 ? undefined : { priority, untilMs: clock.monotonicMs() + allowance.inMs };
        return allowance;
      } finally {
        if (asking === mine) asking = undefined;
      }
    },

    spend(allowance, costs) {
      if (!isBusy) allowance.atMs = Math.max(clock.monotonicMs(), allowance.atMs);
      const price = total(costs);
      const isShort = allowance.tokens < price;
      const paceMs = isShort ? everyMs * Math.max(FASTEST, allowance.tokens / price) : everyMs;
      allowance.tokens -= price;
      return costs.map((cost) => {
        const turn = allowance.atMs;
        allowance.atMs += cost * paceMs;
        return turn;
      });
    },

    async confirm(at, cost, priority) {
      if (!isBusy || clock.monotonicMs() - at <= lateMs) return at;
      const waiting = late.get(priority) ?? [];
      late.set(priority, waiting);
      return new Promise((go) => {
        if (waiting.push({ cost, go }) === 1) void catchUp(waiting, priority);
      });
    },

    giveBack(allowance) {
      const { tokens, atMs } = allowance;
      if (tokens > 0 && tokens <= block && !left) left = { tokens, atMs };
      else if (tokens < 0 || isFresh(allowance)) owed -= tokens;
      if (Math.abs(owed) > block)
        // Not told now, it is told with the next request.
        settling = ask(0, 1, 1).catch(() => undefined);
    },
  };
  return pacer;
}
