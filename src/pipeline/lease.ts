import type { Clock } from './ports.ts';
import type { WorkerStore } from './stores.ts';

/** A worker starts no request later than this after the start of its last successful heartbeat. Milliseconds. */
export const LEASE_MS = 10_000;
/** Time between heartbeats, in milliseconds. */
export const HEARTBEAT_MS = 2_000;

/**
 * The right to send. It is counted on the monotonic clock from *before* the heartbeat that won it, so a process
 * that was stopped, or cut off from the database, sends nothing when it wakes: others may have taken over.
 */
export interface Lease {
  readonly workerId: number;
  /** Whether a request may be started now. */
  valid(): boolean;
  /** One heartbeat. @throws LeaseLost when somebody has declared this worker dead; database errors pass through. */
  renew(): Promise<void>;
}

/** This worker was declared dead: its claims belong to others, so it must end. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export function createLease(workers: WorkerStore, workerId: number, clock: Clock): Lease {
  let validUntil = 0;
  return {
    workerId,
    valid: () => clock.monotonicMs() < validUntil,
    async renew() {
      const asked = clock.monotonicMs();
      if (!(await workers.heartbeat(workerId))) {
        validUntil = 0;
        throw new LeaseLost(`worker ${workerId} was declared dead`);
      }
      validUntil = asked + LEASE_MS;
    },
  };
}
