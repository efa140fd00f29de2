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
   * Pays for a message.
   * @returns when it may go, on the monotonic clock: tokens are spent evenly, so that the limit holds in any interval
   */
  spend(allowance: Allowance, cost: number): number;
  /** The allowance is done with, spent or not. */
  giveBack(allowance: Allowance): void;
}

/** Left-over tokens are good for so long after their time; older ones would let two blocks overlap. Milliseconds. */
const KEEPS_MS = 100;
/** What the limiter grants at a time. Seconds. */
const BLOCK = 0.1;

export function createPacer(limiter: Limiter, bucket: string, ratePerSecond: number, clock: Clock): Pacer {
  const everyMs = 1_000 / ratePerSecond;
  const block = ratePerSecond * BLOCK;
  let left: { readonly tokens: number; readonly atMs: number } | undefined;
  let owed = 0;
  let settling: Promise<unknown> = Promise.resolve();

  const ask = async (wanted: number, priority: number, atLeast: number) => {
    const settled = owed;
    owed = 0;
    try {
      return await limiter.reserve({ bucket, ratePerSecond, wanted, priority, atLeast, owed: settled });
    } catch (error) {
      owed += settled;
      throw error;
    }
  };
  const isFresh = (what: { readonly atMs: number }) => clock.monotonicMs() - what.atMs <= KEEPS_MS;

  return {
    async take(wanted, priority, atLeast = 1) {
      const kept = left;
      left = undefined;
      if (kept && isFresh(kept)) {
        if (kept.tokens >= atLeast) return { ...kept, inMs: Math.max(0, kept.atMs - clock.monotonicMs()) };
        owed -= kept.tokens;
      }
      await settling;
      const { granted, inMs } = await ask(wanted, priority, atLeast);
      return { tokens: granted, inMs, atMs: clock.monotonicMs() + inMs };
    },

    spend(allowance, cost) {
      const turn = Math.max(clock.monotonicMs(), allowance.atMs);
      allowance.tokens -= cost;
      allowance.atMs = turn + cost * everyMs;
      return turn;
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
}
