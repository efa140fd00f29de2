import { describe, expect, it } from 'vitest';
import { createPacer, type Pacer } from '../../src/pipeline/pacer.ts';
import type { Clock, Limiter } from '../../src/pipeline/ports.ts';
import { testClock } from './time.ts';

const BLOCK_MS = 100;

/** GCRA as the real limiters grant it: blocks of a tenth of a second, the next one only when it is near. */
function limiterOn(clock: Clock): Limiter & { granted: number } {
  let tat = 0;
  return {
    granted: 0,
    async reserve({ ratePerSecond, wanted }) {
      await clock.sleep(1); // a round trip
      const now = clock.monotonicMs();
      const start = Math.max(tat, now);
      if (start > now + BLOCK_MS) return { granted: 0, inMs: start - now - BLOCK_MS / 2 };
      const granted = Math.min(wanted, Math.max(1, Math.floor((ratePerSecond * BLOCK_MS) / 1_000)));
      tat = start + (granted * 1_000) / ratePerSecond;
      this.granted += granted;
      return { granted, inMs: start - now };
    },
  };
}

/** What several shards send through one pacer: when, and at what cost. */
async function run(shards: number, rate: number, cost: () => number, seconds: number) {
  const clock = testClock();
  const limiter = limiterOn(clock);
  const pacer = createPacer(limiter, 'sms:live', rate, clock);
  const sent: { at: number; cost: number }[] = [];
  const ended = new AbortController();
  const shard = async (own: Pacer) => {
    while (!ended.signal.aborted) {
      const { tokens, inMs } = await own.take(100, 2);
      if (tokens <= 0) {
        await clock.sleep(Math.max(1, inMs), ended.signal);
        continue;
      }
      await clock.sleep(2); // the claim
      await clock.sleep(inMs);
      own.giveBack(tokens);
      for (let left = Math.max(1, Math.floor(tokens)); left > 0; left -= 1) {
        const price = cost();
        own.spent(price);
        sent.push({ at: clock.monotonicMs(), cost: price });
      }
    }
  };
  const running = Array.from({ length: shards }, () => shard(pacer));
  await clock.advance(seconds * 1_000);
  ended.abort();
  await clock.advance(10_000);
  await Promise.all(running);
  return { sent: sent.filter(({ at }) => at <= seconds * 1_000), limiter };
}

const total = (sent: readonly { cost: number }[]) => sent.reduce((sum, one) => sum + one.cost, 0);
/** The most that went out in any second. */
const busiest = (sent: readonly { at: number; cost: number }[]) =>
  Math.max(...sent.map(({ at }) => total(sent.filter((one) => one.at >= at && one.at < at + 1_000))));

describe('a pacer', () => {
  it.each([1, 4])('%i shards at a time: no second has more than the rate and one block', async (shards) => {
    for (const rate of [10, 100]) {
      const { sent } = await run(shards, rate, () => 1, 20);
      expect(busiest(sent)).toBeLessThanOrEqual(rate * 1.1 + 1);
      expect(total(sent)).toBeGreaterThan(rate * 20 * 0.85);
    }
  });

  it('a message that costs more than was granted goes on credit, and the debt is paid before the next', async () => {
    const { sent } = await run(2, 1, () => 4, 60);
    expect(total(sent)).toBeGreaterThanOrEqual(48);
    expect(total(sent)).toBeLessThanOrEqual(60 + 8);
    const gaps = sent.slice(2).map(({ at }, i) => at - (sent[i + 1]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(2_000);
  });

  it('nothing that was granted is spent twice', async () => {
    let dice = 7;
    const cost = () => {
      dice = (dice * 48_271) % 2_147_483_647;
      return 1 + (dice % 3);
    };
    const { sent, limiter } = await run(4, 50, cost, 30);
    // All that was sent was granted, but for the last message's credit of each shard.
    expect(total(sent)).toBeLessThanOrEqual(limiter.granted + 4 * 5 * 3);
  });

  it('leftovers are good for a tenth of a second', async () => {
    const clock = testClock();
    const limiter = limiterOn(clock);
    const pacer = createPacer(limiter, 'b', 100, clock);
    const taking = pacer.take(10, 2);
    await clock.advance(1);
    const { tokens } = await taking;
    expect(tokens).toBe(10);
    pacer.giveBack(tokens);
    expect(await pacer.take(10, 2)).toMatchObject({ tokens: 10, inMs: 0 });
    pacer.giveBack(10);
    await clock.advance(150);
    const again = pacer.take(10, 2);
    await clock.advance(1);
    expect((await again).tokens).toBe(10);
    expect(limiter.granted).toBe(20);
  });
});
