import { EventEmitter, on, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Job, JobRunner, QueueName, WakeUps } from '../../src/pipeline/ports.ts';
import { createRunner, createWakeUps, type QueueServer } from '../../src/queue/bullmq.ts';
import { eventually } from '../support/eventually.ts';
import { uniqueName } from '../support/servers.ts';

/** A queue server, and how to look behind the port. */
export interface QueueUnderTest {
  readonly options: QueueServer;
  /** Connections that are open to the server, without the test's own. */
  connections(): Promise<number>;
  /** Jobs of a queue that BullMQ still has, in any state. */
  kept(queue: string): Promise<number>;
  /** Adds a job with any payload, as another version of Herald would. */
  addRaw(queue: string, data: unknown): Promise<void>;
  /** Where there are notifications: adds a job that nobody is notified of. */
  addSilently?(queue: string): Promise<void>;
  dispose(): Promise<void>;
}

/** A server that may be mistreated. */
export interface FragileQueue {
  readonly options: QueueServer;
  /** Kills the server; it comes back on the same port by itself. */
  crash(): Promise<void>;
  /** The server keeps its connections and answers nothing. */
  freeze(): Promise<() => void>;
  dispose(): Promise<void>;
}

type Handled = { id: number; generation: number };

/** A queue in use: what arrived, in order, and everything to close. */
function createDesk(options: QueueServer) {
  const installationId = uniqueName('t').slice(0, 12);
  const all = { ...options, installationId };
  const events = new EventEmitter();
  const handled: Handled[] = [];
  const errors: Error[] = [];
  const open: { close(): Promise<void> }[] = [];
  return {
    events,
    handled,
    errors,
    nameOf: (queue: QueueName) => `herald-${installationId}-${queue}`,
    async wakeUps(): Promise<WakeUps> {
      const wakeUps = await createWakeUps(all);
      open.push(wakeUps);
      return wakeUps;
    },
    async run(
      queue: QueueName,
      concurrency = 1,
      handle: (job: Handled) => Promise<void> = async () => {},
    ): Promise<JobRunner> {
      const runner = await createRunner(all)(
        queue,
        { concurrency, onError: (error) => errors.push(error) },
        async (job) => {
          handled.push(job);
          events.emit('handled', job);
          await handle(job);
        },
      );
      open.push(runner);
      return runner;
    },
    /** Resolves when so many have arrived in all. */
    async arrived(count: number): Promise<void> {
      if (handled.length >= count) return;
      for await (const _ of on(events, 'handled')) if (handled.length >= count) return;
    },
    async close() {
      for (const one of open.splice(0).reverse()) await one.close();
    },
  };
}

const job = (id: number, more: Partial<Job> = {}): Job => ({
  queue: 'sms',
  id,
  generation: 1,
  priority: 3,
  ...more,
});

/** What the engine relies on, whatever carries the queue. */
export function describeWakeUps(name: string, setup: () => Promise<QueueUnderTest>): void {
  describe(`wake-ups on ${name}`, () => {
    let server: QueueUnderTest;
    let desk: ReturnType<typeof createDesk>;
    beforeEach(async () => {
      server = await setup();
      desk = createDesk(server.options);
    });
    afterEach(async () => {
      await desk.close();
      await server.dispose();
    });

    test('a job reaches a runner of its queue, and is gone then', async () => {
      const wakeUps = await desk.wakeUps();
      await desk.run('sms');
      await wakeUps.ping();
      await wakeUps.enqueue([job(7, { generation: 4 }), job(8, { queue: 'email' })]);
      await desk.arrived(1);
      await eventually(async () => expect(await server.kept(desk.nameOf('sms'))).toBe(0));
      expect(desk.handled).toEqual([{ id: 7, generation: 4 }]);
      expect(await server.kept(desk.nameOf('email'))).toBe(1);
    });

    test('one that nobody took makes room for the next generation', async () => {
      const wakeUps = await desk.wakeUps();
      await wakeUps.enqueue([job(7), job(8)]);
      await wakeUps.enqueue([job(7, { generation: 2, replaces: true })]);
      expect(await server.kept(desk.nameOf('sms'))).toBe(2);
      await desk.run('sms');
      await desk.arrived(2);
      expect(desk.handled).toEqual([
        { id: 8, generation: 1 },
        { id: 7, generation: 2 },
      ]);
    });

    test('the most urgent goes first, among equals the oldest', async () => {
      const wakeUps = await desk.wakeUps();
      await wakeUps.enqueue([
        job(1, { priority: 4 }),
        job(2, { priority: 2 }),
        job(3, { priority: 1 }),
        job(4, { priority: 2 }),
      ]);
      await desk.run('sms');
      await desk.arrived(4);
      expect(desk.handled.map((one) => one.id)).toEqual([3, 2, 4, 1]);
    });

    test('a new generation comes through while the old one is under way; the same generation only once', async () => {
      const wakeUps = await desk.wakeUps();
      const finish = new EventEmitter();
      await desk.run('sms', 2, async ({ id, generation }) => {
        if (id === 1 && generation === 1) await once(finish, 'now');
      });
      await wakeUps.enqueue([job(1)]);
      await desk.arrived(1);
      await wakeUps.enqueue([job(1), job(1, { generation: 2 }), job(1, { generation: 2 })]);
      await desk.arrived(2);
      finish.emit('now');
      await wakeUps.enqueue([job(2)]);
      await desk.arrived(3);
      expect(desk.handled).toEqual([
        { id: 1, generation: 1 },
        { id: 1, generation: 2 },
        { id: 2, generation: 1 },
      ]);
    });

    test('a handler that throws is reported, and its job is over', async () => {
      const wakeUps = await desk.wakeUps();
      await desk.run('sms', 1, async ({ id }) => {
        if (id === 1) throw new Error('a defect');
      });
      await wakeUps.enqueue([job(1), job(2)]);
      await desk.arrived(2);
      await eventually(async () => expect(await server.kept(desk.nameOf('sms'))).toBe(0));
      expect(desk.errors.map((error) => error.message)).toEqual(['a defect']);
    });

    test('runs as many at a time as it was told, and a thousand without losing one', async () => {
      const wakeUps = await desk.wakeUps();
      let [now, most] = [0, 0];
      const gate = new EventEmitter();
      const full = once(gate, 'full');
      await desk.run('sms', 5, async () => {
        now += 1;
        most = Math.max(most, now);
        if (now === 5) gate.emit('full');
        await full;
        now -= 1;
      });
      await wakeUps.enqueue(Array.from({ length: 1_000 }, (_, id) => job(id)));
      await desk.arrived(1_000);
      expect(most).toBe(5);
      expect(new Set(desk.handled.map((one) => one.id)).size).toBe(1_000);
    });

    test('closing a runner finishes what is under way and takes nothing more; the next one does', async () => {
      const wakeUps = await desk.wakeUps();
      const finish = new EventEmitter();
      let finished = false;
      const first = await desk.run('sms', 1, async () => {
        await once(finish, 'now');
        finished = true;
      });
      await wakeUps.enqueue([job(1), job(2)]);
      await desk.arrived(1);
      const closed = first.close();
      finish.emit('now');
      await closed;
      expect(finished).toBe(true);
      expect(desk.handled).toHaveLength(1);
      await desk.run('sms');
      await desk.arrived(2);
      expect(desk.handled[1]).toEqual({ id: 2, generation: 1 });
    });

    test('a job of a version that we do not know goes back, and holds nobody up', async () => {
      const wakeUps = await desk.wakeUps();
      await server.addRaw(desk.nameOf('sms'), { v: 2, shard: 'of tomorrow' });
      const runner = await desk.run('sms', 2);
      await wakeUps.enqueue([job(1)]);
      await desk.arrived(1);
      await eventually(async () => expect(desk.errors.length).toBeGreaterThan(0));
      await runner.close();
      expect(await server.kept(desk.nameOf('sms'))).toBe(1);
      expect(desk.handled).toEqual([{ id: 1, generation: 1 }]);
    });

    test('takes two connections to wake, and three to run', async () => {
      const before = await server.connections();
      const wakeUps = await desk.wakeUps();
      await wakeUps.enqueue(
        Array.from({ length: 50 }, (_, id) => job(id, { queue: id % 2 ? 'sms' : 'email' })),
      );
      expect((await server.connections()) - before).toBeLessThanOrEqual(2);
      await desk.run('sms', 10);
      await desk.arrived(25);
      expect((await server.connections()) - before).toBeLessThanOrEqual(5);
    });

    test('two installations on one server do not see each other’s jobs', async () => {
      const other = createDesk(server.options);
      try {
        await (await other.wakeUps()).enqueue([job(1)]);
        await desk.run('sms');
        await (await desk.wakeUps()).enqueue([job(2)]);
        await desk.arrived(1);
        expect(desk.handled).toEqual([{ id: 2, generation: 1 }]);
      } finally {
        await other.close();
      }
    });

    test('priority 0, which would overtake everything, is refused', async () => {
      const wakeUps = await desk.wakeUps();
      await expect(wakeUps.enqueue([job(1, { priority: 0 })])).rejects.toThrow(RangeError);
    });

    test('a job whose notification is lost is found within some five seconds', async () => {
      await desk.run('sms');
      const wakeUps = await desk.wakeUps();
      await wakeUps.enqueue([job(1)]);
      await desk.arrived(1);
      await eventually(async () => expect(await server.kept(desk.nameOf('sms'))).toBe(0));
      const since = performance.now();
      await (server.addSilently ?? ((queue) => server.addRaw(queue, { v: 1, id: 2, generation: 1 })))(
        desk.nameOf('sms'),
      );
      await desk.arrived(2);
      expect(performance.now() - since).toBeLessThan(7_000);
    });
  });
}

/** What happens when the server is away: callers are told at once, runners go on by themselves. */
export function describeOutages(name: string, setup: () => Promise<FragileQueue>): void {
  describe(`wake-ups on ${name} when the server fails`, () => {
    let server: FragileQueue;
    let desk: ReturnType<typeof createDesk>;
    beforeEach(async () => {
      server = await setup();
      desk = createDesk(server.options);
    });
    afterEach(async () => {
      await desk.close();
      await server.dispose();
    });

    const timed = async (call: Promise<unknown>) => {
      const since = performance.now();
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return { error, ms: performance.now() - since };
    };

    test('a crash is said at once to who enqueues, and survived by who runs', async () => {
      const wakeUps = await desk.wakeUps();
      await desk.run('sms', 2);
      await wakeUps.enqueue([job(1)]);
      await desk.arrived(1);
      await server.crash();
      const { error, ms } = await timed(wakeUps.enqueue([job(2)]));
      expect(error).toMatchObject({ code: 'queue-unavailable' });
      expect(ms).toBeLessThan(2_500);
      await eventually(() => wakeUps.ping());
      await eventually(() => wakeUps.enqueue([job(3)]));
      await eventually(async () => expect(desk.handled.map((one) => one.id)).toContain(3), 15_000);
      // While it was away the runner did not try as fast as it could.
      expect(desk.errors.length).toBeLessThan(60);
    });

    test('a server that hangs is said within two seconds, and a runner can be closed', async () => {
      const wakeUps = await desk.wakeUps();
      const runner = await desk.run('sms');
      await wakeUps.enqueue([job(1)]);
      await desk.arrived(1);
      const thaw = await server.freeze();
      try {
        for (const call of [wakeUps.enqueue([job(2)]), wakeUps.ping()]) {
          const { error, ms } = await timed(call);
          expect(error).toMatchObject({ code: 'queue-unavailable' });
          expect(ms).toBeLessThan(2_500);
        }
        expect((await timed(runner.close())).ms).toBeLessThan(8_000);
      } finally {
        thaw();
      }
      await eventually(() => wakeUps.enqueue([job(3)]));
    });
  });
}
