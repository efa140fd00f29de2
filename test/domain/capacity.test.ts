import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planFor, RESOURCES, sentAfter, type Wish } from '../../src/domain/capacity.ts';
import { adviceFor, type Relievable, relieved } from '../../src/domain/capacity-advice.ts';
import { type CapacityModel, COSTED, type Cost } from '../../src/domain/capacity-model.ts';
import { sizesOf } from '../../src/domain/capacity-sizes.ts';
import { CHANNELS } from '../../src/domain/channel.ts';

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const costs: fc.Arbitrary<Cost> = fc.record({
  workerMicros: between(1, 5_000),
  threads: between(1, 3),
  otherMicros: between(0, 500),
  databaseMicros: between(0, 5_000),
  queueMicros: between(0, 100),
  use: between(0.1, 1),
});
const measured: CapacityModel['measured'] = {
  at: '2026-11-26T08:00:00.000Z',
  backend: 'redis',
  cpu: 'a processor',
  cores: 2,
  node: 'v20.19.0',
  postgres: '18.4',
  recipients: 1_000_000,
};
const models: fc.Arbitrary<CapacityModel> = fc.record({
  measured: fc.constant(measured),
  startSeconds: between(0, 2),
  firstSeconds: between(0, 2),
  costs: fc.record(Object.fromEntries(COSTED.map((kind) => [kind, costs]))),
  receipt: fc.record({
    perSecond: between(100, 20_000),
    webMicros: between(0, 500),
    databaseMicros: between(0, 500),
  }),
  connectionsUse: between(0.1, 1),
  listedPerSecond: between(10_000, 500_000),
  databaseBytesEach: between(1, 5_000),
  walBytesEach: between(1, 5_000),
  processBytes: between(1e6, 1e9),
});
const perSecond = fc.record({ sms: between(1, 100_000), email: between(1, 100_000) });
const people = fc.integer({ min: 0, max: 10_000_000 });
const few = fc.integer({ min: 1, max: 32 });
const wishes: fc.Arbitrary<Wish> = fc
  .record({
    messages: fc.record({ sms: people, email: people, webhook: fc.integer({ min: 0, max: 1_000 }) }),
    segments: fc.integer({ min: 1, max: 10 }),
    dkim: fc.boolean(),
    perSecond,
    receipts: fc.integer({ min: 0, max: 5 }),
    workers: few,
    web: few,
    connections: fc.record({ sms: few, email: few, webhook: few }),
    latencyMs: fc.integer({ min: 0, max: 2_000 }),
    cores: few,
    machines: fc.integer({ min: 0, max: 8 }),
    databaseCores: few,
    diskPerSecond: between(1e6, 1e9),
  })
  .filter((wish) => CHANNELS.some((channel) => wish.messages[channel] > 0));

/** As much as floating point makes of nothing. */
const ABOUT = 1 + 1e-6;

describe('the duration', () => {
  test('is never shorter than any single resource allows', () => {
    fc.assert(
      fc.property(models, wishes, (model, wish) => {
        for (const { needs, seconds, messages, channel } of planFor(model, wish).channels) {
          for (const resource of RESOURCES) expect(seconds).toBeGreaterThanOrEqual(needs[resource]);
          const cost = model.costs[channel === 'email' && wish.dkim ? 'email-dkim' : channel];
          // Said again in other words, for three that matter most.
          expect(seconds * ABOUT).toBeGreaterThanOrEqual(
            (messages * (cost?.workerMicros ?? 0)) / 1e6 / (wish.workers * (cost?.threads ?? 1)),
          );
          if (channel === 'sms')
            expect(seconds * ABOUT).toBeGreaterThanOrEqual((messages * wish.segments) / wish.perSecond.sms);
          expect(seconds * ABOUT).toBeGreaterThanOrEqual(
            (messages * wish.latencyMs) / 1_000 / (wish.workers * wish.connections[channel]),
          );
        }
      }),
    );
  });

  test('is not longer with more of anything', () => {
    const more: readonly ((wish: Wish) => Wish)[] = [
      (wish) => ({ ...wish, workers: wish.workers + 1 }),
      (wish) => ({ ...wish, web: wish.web + 1 }),
      (wish) => ({ ...wish, cores: wish.cores + 1 }),
      (wish) => ({ ...wish, databaseCores: wish.databaseCores + 1 }),
      (wish) => ({ ...wish, diskPerSecond: wish.diskPerSecond * 2 }),
      (wish) => ({ ...wish, latencyMs: wish.latencyMs / 2 }),
      (wish) => ({ ...wish, perSecond: { sms: wish.perSecond.sms * 2, email: wish.perSecond.email * 2 } }),
      (wish) => (wish.machines === 0 ? wish : { ...wish, machines: wish.machines + 1 }),
    ];
    fc.assert(
      fc.property(models, wishes, fc.constantFrom(...more), (model, wish, change) => {
        const [before, after] = [planFor(model, wish), planFor(model, change(wish))];
        before.channels.forEach((one, i) => {
          expect(after.channels[i]?.seconds).toBeLessThanOrEqual(one.seconds * ABOUT);
        });
      }),
    );
  });

  test('is not shorter with more recipients, of whatever channel', () => {
    fc.assert(
      fc.property(
        models,
        wishes,
        fc.constantFrom(...CHANNELS),
        fc.nat(1_000_000),
        (model, wish, channel, n) => {
          const more = { ...wish, messages: { ...wish.messages, [channel]: wish.messages[channel] + n } };
          const after = new Map(planFor(model, more).channels.map((one) => [one.channel, one.seconds]));
          for (const one of planFor(model, wish).channels)
            expect((after.get(one.channel) ?? 0) * ABOUT).toBeGreaterThanOrEqual(one.seconds);
        },
      ),
    );
  });
});

test('the resource that is named is the one whose relief makes it shorter', () => {
  fc.assert(
    fc.property(models, wishes, (model, wish) => {
      const { last, seconds } = planFor(model, wish);
      const others = RESOURCES.filter((resource) => resource !== last.binding);
      fc.pre(others.every((resource) => last.needs[resource] * ABOUT < last.needs[last.binding]));
      // Nothing relieves the listing.
      for (const resource of RESOURCES.filter((one): one is Relievable => one !== 'listing')) {
        const now = planFor(model, relieved(wish, resource, last.channel, 2)).channels.find(
          (one) => one.channel === last.channel,
        );
        if (resource === last.binding) expect(now?.seconds).toBeLessThan(seconds);
        // A second worker has connections of its own as well.
        else if (!(resource === 'worker' && last.binding === 'connections'))
          expect(now?.seconds).toBe(seconds);
      }
    }),
  );
});

describe('advice', () => {
  test('reaches its target, unless listing alone takes longer', () => {
    fc.assert(
      fc.property(models, wishes, between(0.001, 0.99), (model, wish, share) => {
        const plan = planFor(model, wish);
        const target = model.startSeconds + (plan.seconds - model.startSeconds) * share;
        const { steps, seconds } = adviceFor(model, wish, target);
        const listing = Math.max(...plan.channels.map((one) => one.needs.listing)) + model.startSeconds;
        expect(seconds).toBeLessThanOrEqual(Math.max(target, listing) * ABOUT);
        for (const { from, to } of steps) expect(to).toBeGreaterThan(from);
      }),
    );
  });

  test('is nothing where there is time enough', () => {
    fc.assert(
      fc.property(models, wishes, (model, wish) => {
        expect(adviceFor(model, wish, planFor(model, wish).seconds * 1.1 + 1).steps).toEqual([]);
      }),
    );
  });
});

test('what is sent by some time is never more than there is, and all of it when the plan says so', () => {
  fc.assert(
    fc.property(models, wishes, between(0, 1e7), (model, wish, after) => {
      for (const one of planFor(model, wish).channels) {
        const sent = sentAfter(model, one, after);
        expect(sent).toBeGreaterThanOrEqual(0);
        expect(sent).toBeLessThanOrEqual(one.messages * ABOUT);
        expect(sentAfter(model, one, one.seconds)).toBe(one.messages);
      }
    }),
  );
});

const [model, wish] = [
  {
    measured,
    startSeconds: 0,
    firstSeconds: 0.2,
    costs: {
      sms: { workerMicros: 100, threads: 1, otherMicros: 0, databaseMicros: 50, queueMicros: 0, use: 1 },
      webhook: { workerMicros: 100, threads: 1, otherMicros: 0, databaseMicros: 50, queueMicros: 0, use: 1 },
    },
    databaseBytesEach: 500,
    walBytesEach: 1_000,
    redis: { idleBytes: 1_000_000, bytesEach: 2 },
    processBytes: 100e6,
  },
  {
    messages: { sms: 1_000_000, email: 0, webhook: 0 },
    segments: 2,
    dkim: false,
    perSecond: { sms: 100, email: 20 },
    receipts: 0,
    workers: 1,
    web: 1,
    connections: { sms: 64, email: 10, webhook: 100 },
    latencyMs: 0,
    cores: 2,
    machines: 0,
    databaseCores: 2,
    diskPerSecond: 100e6,
  },
] satisfies [CapacityModel, Wish];

test.each<[string, Partial<Wish>, string, number]>([
  ['the gateway takes two segments a message', {}, 'gateway', 20_000],
  ['without a limit the worker’s thread ends first', { perSecond: { sms: 1e9, email: 1e9 } }, 'worker', 100],
  ['with two of them the cores do', { perSecond: { sms: 1e9, email: 1e9 }, workers: 2 }, 'cores', 75],
  [
    'with PostgreSQL apart the workers’ cores do',
    { perSecond: { sms: 1e9, email: 1e9 }, workers: 4, machines: 1 },
    'cores',
    50,
  ],
  [
    'with two such machines PostgreSQL’s do',
    { perSecond: { sms: 1e9, email: 1e9 }, workers: 8, machines: 4, databaseCores: 1 },
    'database',
    50,
  ],
  ['a far gateway', { perSecond: { sms: 1e9, email: 1e9 }, latencyMs: 64 }, 'connections', 1_000],
  ['a slow disk', { perSecond: { sms: 1e9, email: 1e9 }, diskPerSecond: 1e6 }, 'disk', 1_500],
])('%s', (_, changes, binding, seconds) => {
  const { last } = planFor(model, { ...wish, ...changes });
  expect(last.binding).toBe(binding);
  expect(last.seconds).toBeCloseTo(seconds, 3);
});

test('a few webhooks beside a million SMS do not wait for them', () => {
  const { channels } = planFor(model, { ...wish, messages: { sms: 1_000_000, email: 0, webhook: 50 } });
  expect(channels.find((one) => one.channel === 'webhook')?.seconds).toBeLessThan(0.1);
});

test('two channels that want the same cores take the sum of both', () => {
  const both = { ...wish, messages: { sms: 1_000_000, email: 0, webhook: 1_000_000 }, workers: 8 };
  const { channels } = planFor(model, { ...both, perSecond: { sms: 1e9, email: 1e9 } });
  for (const { seconds, binding } of channels) {
    expect(binding).toBe('cores');
    expect(seconds).toBeCloseTo(150, 3);
  }
});

test('receipts are taken by the web servers, and cost PostgreSQL too', () => {
  const receipt = { perSecond: 1_000, webMicros: 50, databaseMicros: 50 };
  const loud = { ...wish, receipts: 2, perSecond: { sms: 1e9, email: 1e9 }, workers: 8 };
  expect(planFor({ ...model, receipt }, loud).last).toMatchObject({ binding: 'web', seconds: 2_000 });
  const many = planFor({ ...model, receipt }, { ...loud, web: 40 });
  expect(many.last.binding).toBe('cores');
  expect(many.seconds).toBeCloseTo(175, 3);
});

test('a channel that was not measured is refused', () => {
  expect(() => planFor(model, { ...wish, messages: { sms: 0, email: 1, webhook: 0 } })).toThrow(
    'the model knows nothing about email',
  );
});

test('sizes grow with the recipients and the processes', () => {
  expect(sizesOf(model, wish, 8e9)).toEqual({
    database: 500e6,
    wal: 1e9,
    disk: 1.5e9,
    redis: 3_000_000,
    memory: 600e6,
    processes: 6,
    databaseConnections: 79,
    fitIntoMemory: 16,
  });
});
