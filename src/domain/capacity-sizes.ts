import type { Wish } from './capacity.ts';
import type { CapacityModel } from './capacity-model.ts';
import { CHANNELS } from './channel.ts';

/** How big an announcement makes everything. Bytes, where nothing else is said. */
export interface Sizes {
  /** What it leaves in the database, with indexes. */
  readonly database: number;
  /** What it writes to the log: what an archive or a replica is given. */
  readonly wal: number;
  /** What it needs of a disk, where the log is not kept. */
  readonly disk: number;
  /** While it is sent; absent where the queue is in PostgreSQL. */
  readonly redis: number | undefined;
  /** Of all of Herald's processes. */
  readonly memory: number;
  readonly processes: number;
  /** Connections to PostgreSQL that its processes may open. */
  readonly databaseConnections: number;
  /** How many such announcements fit into the memory of PostgreSQL's machine; more are better partitioned. */
  readonly fitIntoMemory: number;
}

/** Connections to PostgreSQL of a process: docs/operations.md, "Many processes". */
const CONNECTIONS = { web: 14, worker: 13, queue: 10 };
/** PostgreSQL's own `max_wal_size`. Bytes. */
const LOG_KEPT = 2 ** 30;
/** One lists recipients, one sweeps. */
const OTHER_WORKERS = 2;

export function sizesOf(model: CapacityModel, wish: Wish, databaseMemory: number): Sizes {
  const messages = CHANNELS.reduce((sum, channel) => sum + wish.messages[channel], 0);
  const workers = wish.workers * CHANNELS.length + OTHER_WORKERS;
  const { redis } = model;
  const database = messages * model.databaseBytesEach;
  const wal = messages * model.walBytesEach;
  return {
    database,
    wal,
    disk: database + Math.min(wal, LOG_KEPT),
    redis: redis && redis.idleBytes + messages * redis.bytesEach,
    memory: (workers + wish.web) * model.processBytes,
    processes: workers + wish.web,
    databaseConnections:
      wish.web * CONNECTIONS.web + workers * (CONNECTIONS.worker + (redis ? 0 : CONNECTIONS.queue)),
    fitIntoMemory: Math.floor(databaseMemory / Math.max(1, database)),
  };
}
