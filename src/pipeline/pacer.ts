import type { Clock, Limiter } from './ports.ts';

/** What may be sent now. */
export interface Allowance {
  /** Tokens that may be spent; 0: ask again in `inMs`. */
  readonly tokens: number;
  /** Milliseconds until the first of them, or until asking again makes sense. */
  readonly inMs: number;
  /** Milliseconds from one token to the next: they are spent evenly, so that the limit holds in any interval. */
  readonly everyMs: number;
}

/**
 * This process's share of the limits. A message may cost more tokens than were granted (an SMS of four segments at
 * one a second): it is sent on credit, and the debt is paid before the next one.
 */
export interface Pacer {
  /**
   * Asks for up to `wanted` tokens, less what is still owed or left over. They are the caller's alone, so that shards
   * that ask at the same time do not spend the same ones.
   */
  take(wanted: number, priority: number): Promise<Allowance>;
  /** What was taken, just before messages are paid from it, or when there are none. */
  giveBack(tokens: number): void;
  /** What the messages really cost. */
  spent(tokens: number): void;
}

/** Left-over tokens are good for so long; older ones would let two blocks overlap. Milliseconds. */
const KEEPS_MS = 100;

export function createPacer(limiter: Limiter, bucket: string, ratePerSecond: number, clock: Clock): Pacer {
  const everyMs = 1_000 / ratePerSecond;
  let balance = 0;
  let grantedAt = 0;
  const handOut = (inMs: number): Allowance => {
    const tokens = balance;
    balance = 0;
    return { tokens, inMs, everyMs };
  };
  return {
    async take(wanted, priority) {
      if (balance > 0 && clock.monotonicMs() - grantedAt > KEEPS_MS) balance = 0;
      if (balance > 0) return handOut(0);
      const { granted, inMs } = await limiter.reserve({
        bucket,
        ratePerSecond,
        wanted: wanted - balance,
        priority,
      });
      grantedAt = clock.monotonicMs() + inMs;
      balance += granted;
      return balance > 0 ? handOut(inMs) : { tokens: 0, inMs: granted > 0 ? 0 : inMs, everyMs };
    },
    giveBack(tokens) {
      balance += tokens;
    },
    spent(tokens) {
      balance -= tokens;
    },
  };
}
