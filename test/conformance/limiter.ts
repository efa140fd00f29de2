import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limiter } from '../../src/pipeline/ports.ts';
import { uniqueName } from '../support/servers.ts';

/** A limiter and its server; each caller gets an object of its own, as each process would have. */
export interface LimiterUnderTest {
  limiter(): Limiter;
  dispose(): Promise<void>;
}

interface Call {
  /** Milliseconds on the test's monotonic clock. */
  readonly asked: number;
  readonly answered: number;
  readonly granted: number;
}

/**
 * What a grant means, and what every caller here does with it:
 * - `granted` > 0: the tokens are the caller's. The first may be spent `inMs` after the answer, each further one
 *   1/rate after the one before. When the last one's time is over, the caller asks again.
 * - `granted` = 0: not yet, or not while somebody more urgent wants all there is. Asking again makes sense in `inMs`.
 * - asking for more than is granted is a demand: until it is met, renewed or a second old, higher numbers get nothing.
 */
function createCaller(
  limiter: Limiter,
  request: { bucket: string; ratePerSecond: number; wanted: number; priority: number },
) {
  /** When each token may be spent, in milliseconds. */
  const tokens: number[] = [];
  const calls: Call[] = [];
  return {
    tokens,
    calls,
    async runUntil(deadline: number): Promise<void> {
      while (performance.now() < deadline) {
        const asked = performance.now();
        const { granted, inMs } = await limiter.reserve(request);
        const answered = performance.now();
        calls.push({ asked, answered, granted });
        const spacing = 1_000 / request.ratePerSecond;
        for (let n = 0; n < granted; n++) tokens.push(answered + inMs + n * spacing);
        await sleep(inMs + granted * spacing);
      }
    },
  };
}

const merged = (callers: readonly { readonly tokens: readonly number[] }[]): number[] =>
  callers.flatMap((caller) => caller.tokens).sort((a, b) => a - b);

/** The most tokens that any interval has beyond 1.1 × rate × its length. */
function worstExcess(tokens: readonly number[], ratePerSecond: number): number {
  let excess = 0;
  let fewestBefore = Number.POSITIVE_INFINITY;
  tokens.forEach((at, index) => {
    const due = (1.1 * ratePerSecond * at) / 1_000;
    fewestBefore = Math.min(fewestBefore, index - due);
    excess = Math.max(excess, index + 1 - due - fewestBefore);
  });
  return excess;
}

/** What the pipeline relies on, whatever keeps the limits. */
export function describeLimiter(name: string, setup: () => Promise<LimiterUnderTest>): void {
  describe(`the limiter on ${name}`, () => {
    let under: LimiterUnderTest;
    let bucket: string;
    beforeEach(async () => {
      under = await setup();
      bucket = uniqueName('bucket');
    });
    afterEach(() => under.dispose());

    test('grants further ahead only to who asks for that, each a time of its own', async () => {
      const reserve = (withinMs?: number) =>
        under.limiter().reserve({
          bucket,
          ratePerSecond: 10,
          wanted: 4,
          atLeast: 4,
          priority: 2,
          ...(withinMs !== undefined && { withinMs }),
        });
      expect((await reserve()).granted).toBe(4);
      expect((await reserve()).granted).toBe(0);
      const later = [await reserve(1_000), await reserve(1_000)];
      expect(later.map(({ granted }) => granted)).toEqual([4, 4]);
      const [one = 0, other = 0] = later.map(({ inMs }) => inMs);
      expect(one).toBeGreaterThan(200);
      expect(one).toBeLessThanOrEqual(400);
      expect(other - one).toBeGreaterThan(200);
      // Nobody gets any that is further off than a second.
      expect((await reserve(60_000)).granted).toBe(0);
    });

    test('a turn further ahead is no demand, and ends none', async () => {
      const reserve = (priority: number, wanted: number, withinMs?: number) =>
        under.limiter().reserve({
          bucket,
          ratePerSecond: 10,
          wanted,
          priority,
          ...(withinMs !== undefined && { withinMs }),
        });
      expect(await reserve(1, 4, 1_000), 'less than it asked for').toMatchObject({ granted: 1 });
      expect(await reserve(3, 1, 1_000)).toMatchObject({ granted: 1 });
      expect(await reserve(1, 4), 'in vain').toMatchObject({ granted: 0 });
      expect(await reserve(1, 1, 1_000), 'all that it asked for').toMatchObject({ granted: 1 });
      expect(await reserve(3, 1, 1_000)).toMatchObject({ granted: 0 });
    });

    const callersAt = (
      ratePerSecond: number,
      count: number,
      more: { priority?: number; wanted?: number } = {},
    ) =>
      Array.from({ length: count }, () =>
        createCaller(under.limiter(), { bucket, ratePerSecond, wanted: 500, priority: 3, ...more }),
      );
    const runAll = (callers: readonly { runUntil(deadline: number): Promise<void> }[], deadline: number) =>
      Promise.all(callers.map((caller) => caller.runUntil(deadline)));

    for (const [ratePerSecond, callers, seconds] of [
      [1, 4, 4],
      [50, 4, 3],
      [50, 1, 2],
      [2_000, 4, 3],
    ] as const) {
      test(`gives ${callers} caller(s) ${ratePerSecond} a second, evenly and all of it`, async () => {
        const all = callersAt(ratePerSecond, callers);
        const start = performance.now();
        await runAll(all, start + seconds * 1_000);
        const tokens = merged(all);
        const largestBlock = Math.max(...all.flatMap((caller) => caller.calls.map((call) => call.granted)));
        expect(largestBlock).toBeLessThanOrEqual(Math.max(1, ratePerSecond * 0.25));
        // The largest block is what a late answer can push into the next one's time.
        expect(worstExcess(tokens, ratePerSecond)).toBeLessThanOrEqual(largestBlock + 1);
        const spent = tokens.filter((at) => at < start + seconds * 1_000).length;
        // In so few seconds the first round trip and every pause of this process tell; `npm run promises` holds a minute to 0.95.
        expect(spent).toBeGreaterThanOrEqual(Math.floor(0.85 * ratePerSecond * seconds));
      });
    }

    test('a limit that nobody used for a while gives no burst', async () => {
      const all = callersAt(100, 4);
      await all[0]?.runUntil(performance.now() + 1);
      // The interval is what is tested: time in which nothing is taken must not be saved up.
      await sleep(500);
      const start = performance.now();
      await runAll(all, start + 300);
      const early = merged(all).filter((at) => at >= start && at < start + 100).length;
      expect(early).toBeLessThanOrEqual(12);
    });

    test('one bucket’s use is nothing to another', async () => {
      const limiter = under.limiter();
      const ask = (name: string) =>
        limiter.reserve({ bucket: name, ratePerSecond: 1, wanted: 1, priority: 1 });
      expect((await ask(`${bucket}-a`)).granted).toBe(1);
      expect((await ask(`${bucket}-b`)).granted).toBe(1);
      const refused = await ask(`${bucket}-a`);
      expect(refused.granted).toBe(0);
      expect(refused.inMs).toBeGreaterThan(0);
    });

    test('grants no more than is wanted, and at least one', async () => {
      const limiter = under.limiter();
      const ask = (wanted: number, ratePerSecond: number) =>
        limiter.reserve({ bucket: `${bucket}-${ratePerSecond}`, ratePerSecond, wanted, priority: 1 });
      expect((await ask(3, 1_000)).granted).toBe(3);
      expect((await ask(4, 0.5)).granted).toBe(1);
    });

    test('grants what is of use, even where that is more than a block', async () => {
      const limiter = under.limiter();
      const request = { bucket, ratePerSecond: 10, priority: 1 };
      expect((await limiter.reserve({ ...request, wanted: 80, atLeast: 8 })).granted).toBe(8);
      const refused = await limiter.reserve({ ...request, wanted: 1 });
      expect(refused.granted).toBe(0);
      expect(refused.inMs).toBeGreaterThan(300);
    });

    test('what one caller spent on credit, the others wait for; what it did not need, they get', async () => {
      const request = { bucket, ratePerSecond: 20, priority: 1 };
      const [one, other] = [under.limiter(), under.limiter()];
      const waits = async () => {
        const began = performance.now();
        for (;;) {
          const { granted, inMs } = await other.reserve({ ...request, wanted: 1 });
          await sleep(inMs);
          if (granted > 0) return performance.now() - began;
        }
      };
      expect((await one.reserve({ ...request, wanted: 1 })).granted).toBe(1);
      // A message of 21 segments was sent for it: a second and a twentieth.
      expect(await one.reserve({ ...request, wanted: 0, owed: 20 })).toMatchObject({ granted: 0 });
      const waited = await waits();
      expect(waited).toBeGreaterThan(900);
      expect(waited).toBeLessThan(1_600);

      await sleep(100);
      expect((await one.reserve({ ...request, wanted: 40, atLeast: 40 })).granted).toBe(40);
      await one.reserve({ ...request, wanted: 0, owed: -38 });
      expect(await waits()).toBeLessThan(600);
    });

    test('settling what is owed is no demand', async () => {
      const limiter = under.limiter();
      const request = { bucket, ratePerSecond: 1_000 };
      await limiter.reserve({ ...request, wanted: 0, owed: 1, priority: 1 });
      await sleep(10);
      expect((await limiter.reserve({ ...request, wanted: 1, priority: 3 })).granted).toBe(1);
    });

    test('while the urgent want more than there is, the others get nothing; afterwards they get it all', async () => {
      const others = callersAt(100, 2);
      const urgent = callersAt(100, 2, { priority: 1 });
      const start = performance.now();
      const running = runAll(others, start + 4_000);
      await urgent[0]?.runUntil(start + 1);
      const since = performance.now();
      await runAll(urgent, start + 1_500);
      const until = performance.now();
      await running;
      const grants = others.flatMap((caller) => caller.calls).filter((call) => call.granted > 0);
      // An answer that was on its way when the urgent came was given before them.
      expect(grants.filter((call) => call.asked > since && call.answered < until)).toEqual([]);
      expect(grants.find((call) => call.answered > until && call.answered < until + 1_500)).toBeDefined();
      expect(worstExcess(merged([...others, ...urgent]), 100)).toBeLessThanOrEqual(11);
    });

    test('an urgent single message goes through a backlog at once', async () => {
      const backlog = callersAt(20, 3);
      const running = runAll(backlog, performance.now() + 1_500);
      await expect.poll(() => backlog.every((caller) => caller.calls.length > 1)).toBe(true);
      const limiter = under.limiter();
      const start = performance.now();
      for (;;) {
        const { granted, inMs } = await limiter.reserve({
          bucket,
          ratePerSecond: 20,
          wanted: 1,
          priority: 1,
        });
        await sleep(inMs);
        if (granted === 1) break;
      }
      expect(performance.now() - start).toBeLessThan(500);
      await running;
    });
  });
}
