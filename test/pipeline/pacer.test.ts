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
    async reserve({ ratePerSecond, wanted, atLeast = 1, owed = 0, withinMs = BLOCK_MS }) {
      await clock.sleep(1); // a round trip
      const now = clock.monotonicMs();
      tat += (owed * 1_000) / ratePerSecond;
      this.granted += owed;
      const start = Math.max(tat, now);
      if (wanted === 0) return { granted: 0, inMs: 0 };
      if (start > now + withinMs) return { granted: 0, inMs: Math.min(500, start - now - BLOCK_MS / 2) };
      const granted = Math.min(wanted, Math.max(atLeast, Math.floor((ratePerSecond * BLOCK_MS) / 1_000)));
      tat = start + (granted * 1_000) / ratePerSecond;
      this.granted += granted;
      return { granted, inMs: start - now };
    },
  };
}

interface Sent {
  readonly at: number;
  readonly cost: number;
}

/** What several processes send, of several shards each, through one limiter: when, and at what cost. */
async function run(
  {
    processes = 1,
    shards = 1,
    rate,
    seconds,
    usual = 1,
    heldUpMs = 0,
    claimMs = 2,
  }: Readonly<Record<'rate' | 'seconds', number>> & {
    readonly processes?: number;
    readonly shards?: number;
    readonly usual?: number;
    /** Once a second, and not at the same time as the others, each process does nothing for so long. */
    readonly heldUpMs?: number;
    readonly claimMs?: number;
  },
  cost: () => number,
) {
  const clock = testClock();
  const limiter = limiterOn(clock);
  const sent: Sent[] = [];
  const ended = new AbortController();
  const wakeAt = async (at: number, process: number) => {
    const intoSecond = (((at - process * 217) % 1_000) + 1_000) % 1_000;
    await clock.sleep(at + Math.max(0, heldUpMs - intoSecond) - clock.monotonicMs());
  };
  const shard = async (own: Pacer, process: number) => {
    while (!ended.signal.aborted) {
      const allowance = await own.take(100 * usual, 2, usual);
      if (allowance.tokens <= 0) {
        await clock.sleep(Math.max(1, allowance.inMs), ended.signal);
        continue;
      }
      await clock.sleep(claimMs);
      const prices = Array.from({ length: Math.max(1, Math.floor(allowance.tokens / usual)) }, cost);
      const turns = own.spend(allowance, prices);
      own.giveBack(allowance);
      await Promise.all(
        prices.map(async (price, i) => {
          await wakeAt(turns[i] ?? 0, process);
          const at = await own.confirm(turns[i] ?? 0, price, 2);
          await clock.sleep(at - clock.monotonicMs());
          sent.push({ at: clock.monotonicMs(), cost: price });
        }),
      );
    }
  };
  const running = Array.from({ length: processes }, (_, process) => {
    const pacer = createPacer(limiter, 'sms:live', rate, clock);
    return Array.from({ length: shards }, () => shard(pacer, process));
  }).flat();
  await clock.advance(seconds * 1_000);
  ended.abort();
  await clock.advance(20_000);
  await Promise.all(running);
  return { sent: sent.filter(({ at }) => at <= seconds * 1_000).sort((a, b) => a.at - b.at), limiter };
}

/** Segments of 1 to `most`, as a die throws them. */
function dice(most: number): () => number {
  let state = 7;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return 1 + (state % most);
  };
}

const total = (sent: readonly { cost: number }[]) => sent.reduce((sum, one) => sum + one.cost, 0);
/** The most that any interval has beyond 1.1 × rate × its length and the largest message. */
function worstExcess(sent: readonly Sent[], rate: number): number {
  const largest = Math.max(...sent.map(({ cost }) => cost));
  let [excess, before, fewest] = [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY];
  for (const { at, cost } of sent) {
    const due = (1.1 * rate * at) / 1_000;
    fewest = Math.min(fewest, before - due);
    before += cost;
    excess = Math.max(excess, before - due - fewest - largest);
  }
  return excess;
}

describe('a pacer', () => {
  it.each([1, 4])(
    '%i shards at a time: no interval has more than it may, and all is used',
    async (shards) => {
      for (const rate of [10, 100]) {
        const { sent } = await run({ shards, rate, seconds: 20 }, () => 1);
        // Two blocks may touch where a claim took its time.
        expect(worstExcess(sent, rate)).toBeLessThanOrEqual(Math.max(0.01, rate * 0.01));
        expect(total(sent)).toBeGreaterThan(rate * 20 * 0.95);
      }
    },
  );

  it.each([
    [1, 1],
    [4, 1],
    [8, 1],
    [3, 20],
  ])(
    'four processes, messages thought to cost %i and that cost 1 to 8, at %i/s: what one overspends, the others wait for',
    async (usual, rate) => {
      const { sent } = await run({ processes: 4, shards: 2, rate, seconds: 120, usual }, dice(8));
      expect(worstExcess(sent, rate)).toBeLessThanOrEqual(rate * 0.1);
      const [first, last] = [sent[0]?.at ?? 0, sent.at(-1)?.at ?? 0];
      const used = (total(sent) - (sent.at(-1)?.cost ?? 0)) / ((rate * (last - first)) / 1_000);
      expect(used).toBeGreaterThan(0.95);
      expect(used).toBeLessThan(1.02);
    },
  );

  it.each([50, 500])(
    'a process that is held up for 60 ms leaves the time since to the others, at %i/s',
    async (rate) => {
      const { sent } = await run({ processes: 4, shards: 2, rate, seconds: 20, heldUpMs: 60 }, () => 1);
      // What is late by 8 ms goes. What is later is lost: of each second somebody is held up for 240 ms.
      expect(worstExcess(sent, rate)).toBeLessThanOrEqual(rate * 0.012);
      expect(total(sent)).toBeGreaterThan(rate * 20 * 0.85);
    },
  );

  it.each([
    [1, 1],
    [2, 10],
    [1, 50],
    [1, 500],
  ])(
    'a database that answers later than tokens are granted ahead costs half of the limit, and no more: %i each, at %i/s',
    async (usual, rate) => {
      for (const claimMs of [150, 300]) {
        const { sent } = await run(
          { processes: 4, shards: 2, rate, seconds: 60, usual, claimMs },
          () => usual,
        );
        expect(worstExcess(sent, rate)).toBeLessThanOrEqual(Math.max(0.1, rate * 0.1));
        expect(total(sent)).toBeGreaterThan(rate * 60 * 0.45);
      }
    },
  );

  describe('a turn that passed', () => {
    /** One that grants what is asked, `inMs` from now. */
    const granting = (inMs: () => number): Limiter & { asked: number } => ({
      asked: 0,
      async reserve({ wanted, withinMs = BLOCK_MS }) {
        this.asked += wanted;
        if (Number.isNaN(inMs())) throw new Error('away');
        return { granted: inMs() > withinMs ? 0 : wanted, inMs: inMs() };
      },
    });
    const late = async (first: number, then: number, afterMs: number) => {
      const clock = testClock();
      let inMs = first;
      const limiter = granting(() => inMs);
      const pacer = createPacer(limiter, 'b', 100, clock);
      const [at = 0] = pacer.spend(await pacer.take(1, 2), [1]);
      inMs = then;
      await clock.advance(at + afterMs);
      const now = clock.monotonicMs();
      const confirmed = pacer.confirm(at, 1, 2);
      await clock.advance(1_100);
      return { turn: await confirmed, at, now, asked: limiter.asked };
    };

    it('is good a little longer', async () => {
      const { turn, at, asked } = await late(50, 50, 8);
      expect([turn, asked]).toEqual([at, 1]);
    });

    it('is paid again where others wait for the same limit', async () => {
      const { turn, now, asked } = await late(50, 30, 9);
      expect([turn, asked]).toEqual([now + 30, 2]);
    });

    it('is good for ever where nobody does', async () => {
      const { turn, at, asked } = await late(0, 50, 400);
      expect([turn, asked]).toEqual([at, 1]);
    });

    it('has one further ahead than those that were not late', async () => {
      const { turn, now } = await late(50, 900, 9);
      expect(turn).toBe(now + 900);
    });

    it('goes as it is when no other comes within a second', async () => {
      const { turn, now, asked } = await late(50, 1_001, 9);
      expect([turn, asked]).toEqual([now, 2]);
    });

    it('and so do several, one after another', async () => {
      const clock = testClock();
      let inMs = 50;
      const pacer = createPacer(
        granting(() => inMs),
        'b',
        100,
        clock,
      );
      const turns = pacer.spend(await pacer.take(3, 2), [1, 1, 1]);
      inMs = 1_001;
      await clock.advance(200);
      const now = clock.monotonicMs();
      const confirmed = Promise.all(turns.map((at) => pacer.confirm(at, 2, 2)));
      expect(await confirmed).toEqual([now, now + 20, now + 40]);
    });

    it('and when the limiter cannot be asked', async () => {
      const { turn, now } = await late(50, Number.NaN, 9);
      expect(turn).toBe(now);
    });
  });

  it('messages that cost a little more than was granted share its time, as far as the promise has room', async () => {
    const clock = testClock();
    const pacer = createPacer({ reserve: async () => ({ granted: 100, inMs: 50 }) }, 'b', 1_000, clock);
    const turns = async (cost: number) =>
      pacer
        .spend(
          await pacer.take(100, 2),
          Array.from({ length: 50 }, () => cost),
        )
        .map((at) => at - 50);
    const even = await turns(2);
    expect([even[1], even.at(-1)]).toEqual([2, 98]);
    const dearer = await turns(2.1);
    expect(dearer.at(-1)).toBeCloseTo(98);
    const dear = await turns(4);
    expect(dear.at(-1)).toBeCloseTo(0.92 * 196);
  });

  it('nothing that was granted is spent twice', async () => {
    const { sent, limiter } = await run({ shards: 4, rate: 50, seconds: 30 }, dice(3));
    // All that was sent was granted or told as owed, but for what the next request tells.
    expect(total(sent)).toBeLessThanOrEqual(limiter.granted + 5 + 3);
  });

  it('what is left over goes at its own time, without asking', async () => {
    const clock = testClock();
    const limiter = limiterOn(clock);
    const pacer = createPacer(limiter, 'b', 100, clock);
    const taking = pacer.take(10, 2);
    await clock.advance(1);
    const allowance = await taking;
    expect(allowance.tokens).toBe(10);
    const [first = 0] = pacer.spend(allowance, [4]);
    pacer.giveBack(allowance);
    const rest = await pacer.take(10, 2);
    expect(rest).toMatchObject({ tokens: 6, atMs: first + 40 });
    expect(limiter.granted).toBe(10);
    pacer.giveBack(rest);
    // Its time has long passed: another process may have had it.
    await clock.advance(250);
    const again = pacer.take(10, 2);
    await clock.advance(1);
    expect((await again).tokens).toBe(10);
    expect(limiter.granted).toBe(20);
  });

  describe('that is refused', () => {
    /** Refuses whatever is asked of it until a time. */
    const refusing = (clock: Clock, untilMs: number) => {
      const asked: number[] = [];
      const limiter: Limiter = {
        async reserve({ wanted, priority }) {
          await clock.sleep(1);
          asked.push(priority);
          const inMs = Math.max(0, untilMs - clock.monotonicMs());
          return { granted: inMs > 0 ? 0 : wanted, inMs };
        },
      };
      return { asked, pacer: createPacer(limiter, 'b', 100, clock) };
    };

    it('asks once for all its shards, and again when that was said', async () => {
      const clock = testClock();
      const { asked, pacer } = refusing(clock, 300);
      const together = Promise.all([pacer.take(10, 2), pacer.take(10, 2), pacer.take(10, 3)]);
      await clock.advance(1);
      expect((await together).map(({ tokens, inMs }) => [tokens, inMs])).toEqual([
        [0, 299],
        [0, 299],
        [0, 299],
      ]);
      await clock.advance(200);
      expect(await pacer.take(10, 2)).toMatchObject({ tokens: 0, inMs: 99 });
      expect(asked).toEqual([2]);
      await clock.advance(100);
      const again = pacer.take(10, 2);
      await clock.advance(1);
      expect((await again).tokens).toBe(10);
    });

    it('asks for what is more urgent than what was refused', async () => {
      const clock = testClock();
      const { asked, pacer } = refusing(clock, 300);
      const both = Promise.all([pacer.take(10, 2), pacer.take(10, 1)]);
      // At the same time: one round trip for both.
      await clock.advance(1);
      await both;
      expect(asked).toEqual([2, 1]);
    });

    it('asks when there is something to tell', async () => {
      const clock = testClock();
      const told: number[] = [];
      let granted = 1;
      const pacer = createPacer(
        {
          async reserve({ owed = 0 }) {
            told.push(owed);
            return { granted, inMs: 300 };
          },
        },
        'b',
        100,
        clock,
      );
      const allowance = await pacer.take(1, 2);
      granted = 0;
      await pacer.take(1, 2);
      pacer.spend(allowance, [3]);
      pacer.giveBack(allowance);
      await pacer.take(1, 2);
      await pacer.take(1, 2);
      expect(told).toEqual([0, 0, 2]);
    });

    it('fails with all who waited for the same answer, and asks anew for the next', async () => {
      const clock = testClock();
      let asked = 0;
      const pacer = createPacer(
        {
          async reserve({ wanted }) {
            asked += 1;
            if (asked === 1) throw new Error('away');
            return { granted: wanted, inMs: 0 };
          },
        },
        'b',
        100,
        clock,
      );
      const both = await Promise.allSettled([pacer.take(1, 2), pacer.take(1, 2)]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect((await pacer.take(1, 2)).tokens).toBe(1);
    });
  });

  it('what could not be told is told with the next request', async () => {
    const clock = testClock();
    const told: number[] = [];
    let away = false;
    const limiter: Limiter = {
      async reserve({ wanted, owed = 0 }) {
        if (away) throw new Error('away');
        told.push(owed);
        return { granted: Math.min(1, wanted), inMs: 0 };
      },
    };
    const pacer = createPacer(limiter, 'b', 1, clock);
    const allowance = await pacer.take(1, 2);
    away = true;
    pacer.spend(allowance, [4]);
    pacer.giveBack(allowance);
    await expect(pacer.take(1, 2)).rejects.toThrow('away');
    away = false;
    await pacer.take(1, 2);
    expect(told).toEqual([0, 3]);
  });
});
