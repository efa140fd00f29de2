import { describe, expect, it } from 'vitest';
import type { SendOutcome } from '../../src/domain/outcome.ts';
import { createBatcher } from '../../src/pipeline/batcher.ts';
import type { Composer } from '../../src/pipeline/compose.ts';
import { type DeliverDeps, deliver } from '../../src/pipeline/deliver.ts';
import type { Pacer } from '../../src/pipeline/pacer.ts';
import type { ChannelAdapter, Logger } from '../../src/pipeline/ports.ts';
import { createRoom } from '../../src/pipeline/room.ts';
import type { AttemptRecord, ClaimedDelivery, DeliveryStore, ShardClaim } from '../../src/pipeline/stores.ts';
import { testClock } from './time.ts';

const ACCEPTED: SendOutcome = { outcome: 'accepted', providerMessageId: 'SM1', delivered: false };
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Nobody is asked for a receipt here. */
const nothing = () => Promise.reject(new Error('no receipt is due'));

/** A worker's shard with so many rows, in memory; what the adapter answers is the test's. */
function shard(options: {
  readonly rows: number;
  readonly answer?: (n: number) => Promise<SendOutcome>;
  readonly deaths?: number;
  readonly valid?: () => boolean;
  readonly claim?: () => ShardClaim | null;
  /** Milliseconds that the database takes to answer a claim of rows. */
  readonly claimTakesMs?: number;
  readonly noAdapter?: boolean;
  readonly pacer?: Pacer;
}) {
  const clock = testClock();
  const stopping = new AbortController();
  const seen = {
    sent: [] as number[],
    atOnce: 0,
    most: 0,
    claims: [] as number[],
    records: [] as AttemptRecord[],
    released: 0,
    dropped: 0,
    gaveWay: false,
    breakers: [] as { code: string; provider: string }[],
    paused: [] as string[],
  };
  const claim: ShardClaim = {
    shardId: 5,
    announcementId: 9,
    channel: 'sms',
    gateway: 'sandbox',
    priority: 2,
    fromN: 1,
    toN: options.rows,
    retry: false,
    deaths: options.deaths ?? 0,
    sends: true,
    asks: false,
  };
  let next = 1;
  const deliveries: DeliveryStore = {
    sendingFacts: () => Promise.reject(new Error('the composer is the test’s')),
    claimShard: async () => (options.claim ? options.claim() : claim),
    async dropShard() {
      seen.dropped += 1;
    },
    async claimRows(_claim, limit) {
      if (options.claimTakesMs) await clock.advance(options.claimTakesMs);
      const rows: ClaimedDelivery[] = [];
      for (; next <= options.rows && rows.length < limit; next += 1)
        rows.push({
          n: next,
          attempt: 1,
          tries: 0,
          doubts: 0,
          address: `+1415555${next}`,
          contactId: next,
          locale: 'en',
          name: null,
          sequence: null,
          endpoint: null,
        });
      seen.claims.push(rows.length);
      return rows;
    },
    unsettled: async () => [],
    otherMessages: async () => new Set(),
    record: async () => {},
    async releaseShard() {
      seen.released += 1;
      return null;
    },
    async pauseFor(_id, reason) {
      seen.paused.push(reason);
    },
  };
  const adapter = {
    channel: 'sms',
    provider: 'twilio',
    gateway: 'sandbox',
    requestTimeoutMs: 10_000,
  } as ChannelAdapter;
  const composer: Composer = {
    open: async () => ({
      cost: 1,
      expiresInMs: () => 60_000,
      ageMs: () => 0,
      content: () => ({ channel: 'sms', body: '', segments: { encoding: 'GSM-7', count: 1, units: 0 } }),
      question: () => ({ deliveryId: 'd', address: 'a', body: 'b' }),
      compose: (row) => ({
        ready: true,
        cost: 1,
        segments: 1,
        async send() {
          seen.sent.push(row.n);
          seen.atOnce += 1;
          seen.most = Math.max(seen.most, seen.atOnce);
          try {
            return await (options.answer?.(row.n) ?? Promise.resolve(ACCEPTED));
          } finally {
            seen.atOnce -= 1;
          }
        },
      }),
    }),
  };
  const deps: DeliverDeps = {
    deliveries,
    breakers: {
      async open(breaker) {
        seen.breakers.push(breaker);
      },
      isOpen: async () => false,
      takeProbes: async () => [],
      close: async () => {},
    },
    adapterFor: (() => (options.noAdapter ? undefined : adapter)) as DeliverDeps['adapterFor'],
    composer,
    wakeUps: { enqueue: async () => {}, ping: async () => {}, close: async () => {} },
    recorder: createBatcher<AttemptRecord>(
      async (records) => {
        seen.records.push(...records);
      },
      { maxItems: 500, lingerMs: 0 },
    ),
    persist: (call) => call(),
    lease: { workerId: 1, valid: options.valid ?? (() => true), renew: async () => {} },
    pacerFor: () => options.pacer,
    endpointTurn: async () => 0,
    room: createRoom(200, 200, () => performance.now()),
    clock,
    random: () => 0.5,
    stopping: stopping.signal,
    receipts: { apply: nothing, isKnown: nothing, delivery: nothing, suppress: nothing },
    receiptQuestions: { silent: nothing, noReceipt: nothing },
    mode: 'trial',
    log: silent,
  };
  return {
    seen,
    stopping,
    clock,
    run: () =>
      deliver(deps, { id: 5, generation: 1 }, () => {
        seen.gaveWay = true;
      }),
  };
}
const statuses = (records: readonly AttemptRecord[]) => {
  const counts: Record<string, number> = {};
  for (const { status } of records) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('a run of a shard', () => {
  it('sends each row once, records each, and puts the shard back', async () => {
    const { seen, run } = shard({ rows: 250 });
    await run();
    expect(seen.sent).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    expect(statuses(seen.records)).toEqual({ sent: 250 });
    expect(seen.released).toBe(1);
    expect(Math.max(...seen.claims)).toBeLessThanOrEqual(100);
  });

  it('ends without a word when the shard is somebody else’s', async () => {
    const { seen, run } = shard({ rows: 5, claim: () => null });
    await run();
    expect([seen.sent, seen.released]).toEqual([[], 0]);
  });

  it('puts back what it may have been given, when nobody can say', async () => {
    const lost = new Error('the connection was lost');
    const { seen, run } = shard({ rows: 5, claim: () => Promise.reject(lost) as never });
    await expect(run()).rejects.toThrow(lost);
    expect([seen.claims, seen.released, seen.dropped]).toEqual([[], 0, 1]);
  });

  it('sends nothing of a claim that is old: whoever left meanwhile is not written to', async () => {
    const { seen, run } = shard({ rows: 5, claimTakesMs: 1_900 });
    await run();
    expect([seen.claims, seen.sent]).toEqual([[5], []]);
    expect(seen.records[0]).toMatchObject({
      event: 'given-back',
      status: 'queued',
      detail: 'claimed too long ago',
    });
  });

  it('asks again for a message whose turn it may have missed, and lets it go when told', async () => {
    const confirmed: number[] = [];
    const pacer: Pacer = {
      take: async (wanted) => ({ tokens: wanted, atMs: 0, inMs: 0 }),
      spend: (_, costs) => costs.map((_, i) => i * 10),
      async confirm(at) {
        confirmed.push(at);
        return at === 20 ? 500 : at;
      },
      giveBack() {},
    };
    const { seen, run, clock } = shard({ rows: 4, pacer });
    const running = run();
    await clock.advance(499);
    expect([confirmed, seen.sent]).toEqual([
      [0, 10, 20, 30],
      [1, 2, 4],
    ]);
    await clock.advance(1);
    await running;
    expect(seen.sent).toEqual([1, 2, 4, 3]);
  });

  it('a shard that killed three workers is taken row by row, one at a time', async () => {
    const { seen, run, clock } = shard({ rows: 6, deaths: 3 });
    const running = run();
    await expect
      .poll(async () => {
        await clock.advance(100);
        return seen.released;
      })
      .toBe(1);
    await running;
    expect(seen.sent).toEqual([1, 2, 3, 4, 5, 6]);
    expect(seen.claims).toEqual([1, 1, 1, 1, 1, 1]);
    expect(seen.most).toBe(1);
  });

  it('a worker without a provider for it opens the breaker and leaves the rows as they are', async () => {
    const { seen, run } = shard({ rows: 5, noAdapter: true });
    await run();
    expect(seen.breakers).toMatchObject([{ code: 'no-provider', provider: 'none' }]);
    expect([seen.claims, seen.released]).toEqual([[], 1]);
  });
});

describe('the lease', () => {
  it('without one, nothing is claimed', async () => {
    const { seen, run } = shard({ rows: 5, valid: () => false });
    await run();
    expect([seen.claims, seen.sent, seen.released]).toEqual([[], [], 0]);
  });

  it('one that ran out after the claim sends nothing: the rows are given back unburnt', async () => {
    const { seen, run } = shard({
      rows: 5,
      // Once rows were claimed, the process was stopped for a while.
      valid: () => seen.claims.length === 0,
    });
    await run();
    expect(seen.claims).toEqual([5]);
    expect(seen.sent).toEqual([]);
    expect(statuses(seen.records)).toEqual({ queued: 5 });
    expect(seen.records[0]).toMatchObject({ event: 'given-back', detail: 'lease ran out', burnt: false });
    expect(seen.released).toBe(1);
  });
});

describe('a worker that is told to stop', () => {
  it('finishes what is in flight, and claims nothing more', async () => {
    const waiting: (() => void)[] = [];
    const { seen, run, stopping } = shard({
      rows: 250,
      answer: () => new Promise((resolve) => waiting.push(() => resolve(ACCEPTED))),
    });
    const running = run();
    await expect.poll(() => seen.sent.length).toBe(200);
    stopping.abort();
    for (const answer of waiting) answer();
    await running;
    expect(seen.sent).toHaveLength(200);
    expect(statuses(seen.records)).toEqual({ sent: 200 });
    expect(seen.released).toBe(1);
  });

  it('before it began, does not begin', async () => {
    const { seen, run, stopping } = shard({ rows: 5 });
    stopping.abort();
    await run();
    expect([seen.claims, seen.released]).toEqual([[], 0]);
  });
});

describe('what one answer means for the others', () => {
  const refused = (category: 'configuration' | 'rejected-content' | 'permanent'): SendOutcome => ({
    outcome: 'refused',
    category,
    code: '1',
    message: 'why',
  });

  it('a configuration error opens the breaker, burns nothing and stops the claiming', async () => {
    const { seen, run } = shard({ rows: 500, answer: async () => refused('configuration') });
    await run();
    expect(seen.breakers).toMatchObject([{ code: '1', provider: 'twilio' }]);
    expect(seen.sent.length).toBeLessThanOrEqual(200);
    expect(seen.records.every((record) => record.status === 'queued' && !record.burnt)).toBe(true);
  });

  it('refused content pauses the announcement with the provider’s words, and stops the claiming', async () => {
    const { seen, run } = shard({ rows: 500, answer: async () => refused('rejected-content') });
    await run();
    expect(seen.paused).toEqual(['twilio refused the text (1): why']);
    expect(seen.sent.length).toBeLessThanOrEqual(200);
    expect(statuses(seen.records)).toEqual({ failed: seen.sent.length });
  });

  it('a bad address is only that address’s', async () => {
    const { seen, run } = shard({
      rows: 300,
      answer: async (n) => (n === 7 ? refused('permanent') : ACCEPTED),
    });
    await run();
    expect(statuses(seen.records)).toEqual({ sent: 299, failed: 1 });
    expect([seen.breakers, seen.paused]).toEqual([[], []]);
  });

  it('an adapter that throws leaves its message in doubt, and nobody else’s', async () => {
    const { seen, run } = shard({
      rows: 10,
      answer: async (n) => {
        if (n === 3) throw new Error('a bug');
        return ACCEPTED;
      },
    });
    await run();
    expect(statuses(seen.records)).toEqual({ sent: 9, unknown: 1 });
    expect(seen.records.find((record) => record.n === 3)).toMatchObject({
      code: 'adapter-failed',
      detail: 'Error: a bug',
    });
  });

  it('what a provider says is written in a form that a database keeps', async () => {
    const { seen, run } = shard({
      rows: 1,
      answer: async () => ({
        outcome: 'refused',
        category: 'rejected-content',
        code: 'a\u0000',
        message: 'b\u0000c',
      }),
    });
    await run();
    expect(seen.records[0]).toMatchObject({ code: 'a\ufffd', detail: 'b\ufffdc' });
    expect(seen.paused[0]).not.toContain('\u0000');
  });

  it('one answer that is slow does not hold up the rest of its shard', async () => {
    let answer = () => {};
    const { seen, run, clock } = shard({
      rows: 450,
      answer: (n) =>
        n === 1
          ? new Promise((resolve) => {
              answer = () => resolve(ACCEPTED);
            })
          : Promise.resolve(ACCEPTED),
    });
    const running = run();
    await clock.advance(5_000);
    await expect.poll(() => seen.sent.length).toBe(450);
    // Nor what is more urgent than its shard.
    expect([seen.released, seen.gaveWay]).toEqual([0, true]);
    answer();
    await running;
    expect(statuses(seen.records)).toEqual({ sent: 450 });
    expect(seen.released).toBe(1);
  });
});
