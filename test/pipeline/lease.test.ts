import { describe, expect, it } from 'vitest';
import { createLease, LEASE_MS, LeaseLost } from '../../src/pipeline/lease.ts';
import type { WorkerStore } from '../../src/pipeline/stores.ts';
import { testClock } from './time.ts';

const store = (heartbeat: WorkerStore['heartbeat']): WorkerStore => ({
  register: async () => 1,
  heartbeat,
  leave: async () => {},
});

describe('a lease', () => {
  it('is not valid before its first heartbeat', () => {
    expect(
      createLease(
        store(async () => true),
        1,
        testClock(),
      ).valid(),
    ).toBe(false);
  });

  it('runs out by itself, counted from before the heartbeat was asked for', async () => {
    const clock = testClock();
    const lease = createLease(
      store(async () => {
        await clock.sleep(3_000); // a slow database
        return true;
      }),
      1,
      clock,
    );
    const renewed = lease.renew();
    await clock.advance(3_000);
    await renewed;
    expect(lease.valid()).toBe(true);
    await clock.advance(LEASE_MS - 3_000 - 1);
    expect(lease.valid()).toBe(true);
    await clock.advance(1);
    expect(lease.valid()).toBe(false);
  });

  it('an answer that comes after the lease it wins is worth nothing', async () => {
    const clock = testClock();
    const lease = createLease(
      store(async () => {
        await clock.sleep(LEASE_MS + 1);
        return true;
      }),
      1,
      clock,
    );
    const renewed = lease.renew();
    await clock.advance(LEASE_MS + 1);
    await renewed;
    expect(lease.valid()).toBe(false);
  });

  it('a database that is away takes nothing from it, and gives nothing', async () => {
    const clock = testClock();
    let away = false;
    const lease = createLease(
      store(async () => {
        if (away) throw new Error('ECONNREFUSED');
        return true;
      }),
      1,
      clock,
    );
    await lease.renew();
    away = true;
    await clock.advance(LEASE_MS / 2);
    await expect(lease.renew()).rejects.toThrow('ECONNREFUSED');
    expect(lease.valid()).toBe(true);
    await clock.advance(LEASE_MS / 2);
    expect(lease.valid()).toBe(false);
  });

  it('ends at once when somebody has declared this worker dead', async () => {
    let alive = true;
    const lease = createLease(
      store(async () => alive),
      7,
      testClock(),
    );
    await lease.renew();
    alive = false;
    await expect(lease.renew()).rejects.toThrow(LeaseLost);
    expect(lease.valid()).toBe(false);
  });
});
