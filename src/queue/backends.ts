import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertSchemaCompatibility,
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  DEFAULT_SCHEMA,
  type IQueueBackend,
  LATEST_SCHEMA_VERSION,
  type PostgresConnectionOptions,
  SchemaMigrationRequiredError,
} from 'bullmq';
import pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import { checkRedis, connected, createRedisClient, FAIL_FAST_MS, type Use } from './redis.ts';

/** Which server carries the queue. */
export type QueueServer =
  | { readonly backend: 'postgres'; readonly connectionString: string }
  | { readonly backend: 'redis'; readonly url: string };

export type QueueOptions = QueueServer & {
  /** Stands in every queue's name, so that two Heralds on one server do not take each other's jobs. */
  readonly installationId: string;
  /** Takes what an operator should know but need not stop for. By default Node prints it as a process warning. */
  readonly onWarning?: (message: string) => void;
};

/** One process's connections for one use; BullMQ borrows them through `factory`. */
export interface Link {
  readonly factory: BackendFactory<IQueueBackend, unknown>;
  /** Resolves when the server answers and is fit for use. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Longest that an idle worker sleeps, in seconds: what a notification that got lost costs. */
export const LONGEST_SLEEP_S = 5;
/** Least time between two failing attempts to take or await a job, in milliseconds. */
const PACE_MS = 1_000;
const QUERY_TIMEOUT_MS = 30_000;

export function openLink(options: QueueOptions, use: Use): Link {
  return options.backend === 'redis' ? openRedis(options, use) : openPostgres(options.connectionString, use);
}

/** Where the queue is, without its password. */
export function placeOf(options: QueueServer): string {
  const { protocol, host } = new URL(options.backend === 'redis' ? options.url : options.connectionString);
  return `${protocol}//${host}`;
}

function openRedis(options: Extract<QueueOptions, { backend: 'redis' }>, use: Use): Link {
  const client = createRedisClient(options.url, use);
  const warn = options.onWarning ?? ((message: string) => process.emitWarning(message));
  let checked = false;
  return {
    // The version is checked here, once; BullMQ would ask (and complain on the console) once per connection.
    factory: (name, opts, more) =>
      tamed(createRedisBackend(name, { ...opts, connection: client, skipVersionCheck: true }, more), use),
    async check() {
      await connected(client);
      if (checked) await client.ping();
      else await checkRedis(client, warn);
      checked = true;
    },
    async close() {
      client.disconnect();
    },
  };
}

function openPostgres(connectionString: string, use: Use): Link {
  const pool = new pg.Pool({
    connectionString,
    // A worker's third connection is the one that listens for notifications.
    max: use === 'work' ? 3 : 2,
    // The queue is no truth: what a crash of the server takes from it, the sweeper brings back. So no commit waits for the disk.
    options: `-c search_path=${DEFAULT_SCHEMA} -c synchronous_commit=off`,
    application_name: `herald-queue-${use}`,
    keepAlive: true,
    connectionTimeoutMillis: use === 'work' ? 5_000 : FAIL_FAST_MS - 500,
    query_timeout: use === 'work' ? QUERY_TIMEOUT_MS : FAIL_FAST_MS - 500,
  });
  // The next query reports what happened; without listeners a lost connection would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  // A pg.Pool is what BullMQ asks for; its own description of one is just not written for these types.
  const connection = pool as unknown as PostgresConnectionOptions;
  return {
    factory: (name, opts, more) => tamed(createPostgresBackend(name, { ...opts, connection }, more), use),
    async check() {
      const client = await pool.connect();
      try {
        if ((await assertSchemaCompatibility(client)) >= LATEST_SCHEMA_VERSION) return;
        throw new SchemaMigrationRequiredError(DEFAULT_SCHEMA);
      } catch (error) {
        if (!(error instanceof SchemaMigrationRequiredError)) throw error;
        throw new HeraldError(
          'unavailable',
          'schema-too-old',
          'the tables of the queue are missing or older than this Herald',
          {
            fix: 'run `herald migrate`',
            cause: error,
          },
        );
      } finally {
        client.release();
      }
    },
    async close() {
      await pool.end();
    },
  };
}

/**
 * Two habits of BullMQ's workers that do harm when the server is away: after a failed wait they may sleep for an
 * hour (PostgreSQL), and on most errors they try again at once, without end.
 */
function tamed<B extends IQueueBackend>(backend: B, use: Use): B {
  if (use === 'produce') return backend;
  Object.defineProperty(backend, 'maximumBlockTimeout', { value: LONGEST_SLEEP_S });
  const paced =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await call(...args);
      } catch (error) {
        await sleep(PACE_MS);
        throw error;
      }
    };
  backend.moveToActive = paced(backend.moveToActive.bind(backend));
  backend.waitForJob = paced(backend.waitForJob.bind(backend));
  return backend;
}
