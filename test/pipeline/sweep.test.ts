import { describe, expect, it } from 'vitest';
import { expand } from '../../src/pipeline/expand.ts';
import { LEASE_MS } from '../../src/pipeline/lease.ts';
import type { Job, Logger, WakeUps } from '../../src/pipeline/ports.ts';
import type { ExpansionStore, SweepStore } from '../../src/pipeline/stores.ts';
import { sweep } from '../../src/pipeline/sweep.ts';
import { testClock } from './time.ts';

const job = (id: number): Job => ({ queue: 'sms', id, generation: 1, priority: 2 });
const TIMEOUTS = { sms: 10_000, email: 20_000, webhook: 15_000 };

function parts(options: { queueAway?: boolean; leader?: boolean; stopped?: number[] } = {}) {
  const calls: string[] = [];
  const enqueued: number[] = [];
  const said: { level: string; fields: object; message: string }[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void said.push({ level, fields, message });
  const log: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const stopped = [...(options.stopped ?? [])];
  const call = <T>(name: string, result: T) => {
    calls.push(name);
    return Promise.resolve(result);
  };
  const sweeps: SweepStore = {
    async lead(_graceMs, turn) {
      if (options.leader === false) return false;
      await turn();
      return true;
    },
    startDue: () => call('start', [job(1)]),
    enqueueDue: () => call('enqueue', [job(2), job(3)]),
    buryDead: (silentMs) => call(`bury ${silentMs}`, [{ id: 4, kind: 'sms', rows: 7, setApart: [12] }]),
    stopRows: () => call('stop', stopped.shift() ?? 0),
    finish: () => call('finish', [{ id: 9, miscounted: [{ channel: 'sms', status: 'sent', n: 1 }] }]),
  };
  const wakeUps: WakeUps = {
    async ping() {
      if (options.queueAway) throw new Error('the queue is away');
    },
    async enqueue(jobs) {
      enqueued.push(...jobs.map(({ id }) => id));
    },
    close: async () => {},
  };
  return { calls, enqueued, said, sweeps, wakeUps, log, clock: testClock() };
}

describe('a turn of the sweeper', () => {
  it('finds the dead, stops what is over, tells the queue what is due, and ends what has ended', async () => {
    const { calls, enqueued, said, ...deps } = parts({ stopped: [100, 3] });
    expect(await sweep({ ...deps, requestTimeoutMs: TIMEOUTS })).toBe(true);
    // Dead only when a request that it started last must be over: the lease and the longest request.
    expect(calls).toEqual([
      `bury ${LEASE_MS + 20_000}`,
      'start',
      'enqueue',
      'stop',
      'stop',
      'stop',
      'finish',
    ]);
    expect(enqueued).toEqual([1, 2, 3]);
    expect(said.map(({ level }) => level)).toEqual(['warn', 'error', 'info', 'error']);
    expect(said[3]?.fields).toMatchObject({ announcement: 9, miscounted: [{ status: 'sent' }] });
  });

  it('marks nothing as enqueued that the queue could not take', async () => {
    const { calls, ...deps } = parts({ queueAway: true });
    await expect(sweep({ ...deps, requestTimeoutMs: TIMEOUTS })).rejects.toThrow('away');
    expect(calls).not.toContain('start');
    expect(calls).not.toContain('enqueue');
    // But the dead are found, and what was cancelled stops.
    expect(calls).toContain('stop');
  });

  it('what is left of a cancelled million waits for the next turn; what is due does not wait for it', async () => {
    const { calls, ...deps } = parts({ stopped: Array.from({ length: 1_000 }, () => 50_000) });
    let now = 0;
    const clock = { ...deps.clock, monotonicMs: () => (now += 100) };
    await sweep({ ...deps, clock, requestTimeoutMs: TIMEOUTS });
    expect(calls.filter((name) => name === 'stop').length).toBeLessThan(10);
    expect(calls.slice(1, 3)).toEqual(['start', 'enqueue']);
    expect(calls.at(-1)).toBe('finish');
  });

  it('is left to the leader', async () => {
    const { calls, ...deps } = parts({ leader: false });
    expect(await sweep({ ...deps, requestTimeoutMs: TIMEOUTS })).toBe(false);
    expect(calls).toEqual([]);
  });
});

describe('expanding', () => {
  const store = (outcome: Awaited<ReturnType<ExpansionStore['slice']>>, next: Job | null = null) => {
    const asked: string[] = [];
    const expansions: ExpansionStore = {
      async slice(id, generation) {
        asked.push(`slice ${generation} of ${id}`);
        return outcome;
      },
      async next(id, generation) {
        asked.push(`next after ${generation} of ${id}`);
        return next;
      },
    };
    return { asked, expansions };
  };

  it('is a slice a job: what it made is sent, and the next one waits for its turn in the queue', async () => {
    const { asked, expansions } = store('more', job(7));
    const { enqueued, sweeps, wakeUps } = parts();
    await expand({ expansions, sweeps, wakeUps }, { id: 5, generation: 2 });
    expect(asked).toEqual(['slice 2 of 5', 'next after 2 of 5']);
    expect(enqueued).toEqual([7, 2, 3]);
  });

  it.each(['waiting', 'stopped', 'done'] as const)('is over when it is %s', async (outcome) => {
    const { asked, expansions } = store(outcome);
    const { enqueued, sweeps, wakeUps } = parts();
    await expand({ expansions, sweeps, wakeUps }, { id: 5, generation: 2 });
    expect(asked).toEqual(['slice 2 of 5']);
    expect(enqueued).toEqual([2, 3]);
  });
});
