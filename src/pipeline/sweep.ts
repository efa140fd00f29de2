import type { Channel } from '../domain/channel.ts';
import { LEASE_MS } from './lease.ts';
import type { Clock, Logger, WakeUps } from './ports.ts';
import type { SweepStore } from './stores.ts';

/** Longest that one turn stops rows of what was cancelled or has expired. Milliseconds. */
const STOPPING_MS = 500;

/**
 * One turn of the sweeper, every second: the tables say what is due, and the queue is told again. Whatever the
 * queue has lost, whoever has died, whatever has ended meanwhile is found here.
 * @param deps.requestTimeoutMs by channel: a worker counts as dead only when a request that it started last must be over
 */
export async function sweep(deps: {
  readonly sweeps: SweepStore;
  readonly wakeUps: WakeUps;
  readonly requestTimeoutMs: Readonly<Record<Channel, number>>;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<boolean> {
  const { sweeps, wakeUps, requestTimeoutMs, clock, log } = deps;
  const silentMs = LEASE_MS + Math.max(...Object.values(requestTimeoutMs));
  return sweeps.lead(LEASE_MS, async () => {
    // A dead worker's SMS may still be on its way to the provider's list; the others are repeated under the same id.
    const buried = await sweeps.buryDead(silentMs, { sms: 30_000, email: 0, webhook: 0 });
    for (const { setApart, ...worker } of buried) {
      log.warn(worker, 'worker died; what it held is being settled');
      for (const shard of setApart)
        log.error({ shard }, 'this shard keeps killing its workers: it goes on row by row');
    }

    try {
      // Marked as enqueued only when the queue can take it.
      await wakeUps.ping();
      await wakeUps.enqueue([...(await sweeps.startDue()), ...(await sweeps.enqueueDue())]);
    } finally {
      // What is left of millions is stopped in the next turns; the dead and the due have not waited for it.
      const until = clock.monotonicMs() + STOPPING_MS;
      while ((await sweeps.stopRows()) > 0 && clock.monotonicMs() < until);
    }

    for (const { id, miscounted } of await sweeps.finish()) {
      log.info({ announcement: id }, 'announcement finished');
      if (miscounted.length > 0)
        log.error({ announcement: id, miscounted }, 'counts differed from the rows and were put right');
    }
  });
}
