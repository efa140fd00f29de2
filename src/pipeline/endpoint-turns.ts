import { createPacer, type Pacer } from './pacer.ts';
import type { Clock, Limiter, Logger } from './ports.ts';

/** Longest that a row waits for its endpoint's turn; then it is given back. Milliseconds. */
const WAIT_MS = 1_000;
/** How long a row that was given back rests, at least; up to twice as long, so that they do not come back together. */
const REST_MS = 2_000;
/** Tokens asked for at a time: at most what a block of the limit holds is granted. */
const WANTED = 50;
/** Endpoints whose left-over tokens are kept. */
const KEPT = 1_000;
/** All webhooks alike: an outlet's own order does not matter to it. */
const PRIORITY = 2;

/**
 * Each endpoint's share of the limit per endpoint, over all processes.
 * @param ratePerSecond requests a second to one endpoint
 * @returns a function that waits for an endpoint's turn: 0 when it has come, else how many milliseconds to rest
 */
export function createEndpointTurns(
  limiter: Limiter,
  ratePerSecond: number,
  clock: Clock,
  log: Logger,
): (endpointId: number) => Promise<number> {
  const pacers = new Map<number, Pacer>();
  const pacerOf = (endpointId: number) => {
    const pacer =
      pacers.get(endpointId) ?? createPacer(limiter, `webhook:${endpointId}`, ratePerSecond, clock);
    pacers.delete(endpointId);
    pacers.set(endpointId, pacer);
    for (const oldest of pacers.keys()) {
      if (pacers.size <= KEPT) break;
      pacers.delete(oldest);
    }
    return pacer;
  };

  return async (endpointId) => {
    const until = clock.monotonicMs() + WAIT_MS;
    const pacer = pacerOf(endpointId);
    try {
      while (clock.monotonicMs() < until) {
        const allowance = await pacer.take(WANTED, PRIORITY);
        if (allowance.tokens <= 0) {
          await clock.sleep(allowance.inMs);
          continue;
        }
        const [at = 0] = pacer.spend(allowance, [1]);
        pacer.giveBack(allowance);
        await clock.sleep(at - clock.monotonicMs());
        await clock.sleep((await pacer.confirm(at, 1, PRIORITY)) - clock.monotonicMs());
        return 0;
      }
    } catch (error) {
      log.warn(
        { err: error, endpoint: endpointId },
        'the limit of an endpoint cannot be asked; it is tried again later',
      );
    }
    return Math.round(REST_MS * (1 + Math.random()));
  };
}
