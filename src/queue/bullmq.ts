import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, runMigrations, WaitingError, Worker } from 'bullmq';
import pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import {
  type Job,
  type JobRunner,
  QUEUES,
  type QueueName,
  type StartRunner,
  type WakeUps,
} from '../pipeline/ports.ts';
import {
  type Link,
  LONGEST_SLEEP_S,
  openLink,
  placeOf,
  type QueueOptions,
  type QueueServer,
} from './backends.ts';
import { FAIL_FAST_MS } from './redis.ts';

export type { QueueOptions, QueueServer } from './backends.ts';

/** What a job carries. Another Herald's version of it is not ours to read. */
interface Payload {
  readonly v: 1;
  readonly id: number;
  readonly generation: number;
}

/** How long a job of an unknown version is held before it goes back, so that it does not circle at full speed. */
const UNKNOWN_PAUSE_MS = 2_000;
/** A job's slice takes about a second, so a lock of half a minute is lost only with its process. */
const LOCK_MS = 30_000;
/** How long whoever is closing waits for a server that does not answer, in milliseconds. */
const PARTING_MS = 3_000;
const MIGRATION_TURN_MS = 120_000;
/** Nobody reads BullMQ's event stream; it cannot be turned off, but kept short. */
const EVENTS_KEPT = 100;

const queueName = (options: QueueOptions, queue: QueueName): string =>
  `herald-${options.installationId}-${queue}`;

/**
 * Opens the producer's side. At most two connections.
 * @throws HeraldError `queue-unavailable`, `schema-too-old`, `redis-too-old`
 */
export async function createWakeUps(options: QueueOptions): Promise<WakeUps> {
  const link = openLink(options, 'produce');
  const open = () => {
    const queues = QUEUES.map((name) => {
      const opts = { connection: {}, streams: { events: { maxLen: EVENTS_KEPT } } };
      const queue = new Queue(queueName(options, name), opts, link.factory);
      queue.on('error', () => undefined); // the call that it breaks throws it
      return [name, queue] as const;
    });
    return new Map(queues);
  };
  try {
    await inTime(options, link.check());
  } catch (error) {
    await link.close();
    throw error;
  }
  // BullMQ remembers for good whether its first connection worked, so its queues are made when it does.
  const queues = open();
  await inTime(options, Promise.all([...queues.values()].map((queue) => queue.waitUntilReady())));

  return {
    async enqueue(jobs) {
      const byQueue = QUEUES.map(
        (name) => [queues.get(name), jobs.filter((job) => job.queue === name)] as const,
      );
      await inTime(
        options,
        Promise.all(
          byQueue.flatMap(([queue, its]) => [
            its.length > 0 && queue?.addBulk(its.map(toBullJob)),
            ...its.flatMap(({ id, generation, replaces }) =>
              replaces && queue ? queue.remove(jobId(id, generation - 1)) : [],
            ),
          ]),
        ),
      );
    },
    async ping() {
      await inTime(options, link.check());
    },
    close: onceOnly(async () => {
      await parting(Promise.all([...queues.values()].map((queue) => queue.close())));
      await parting(link.close());
    }),
  };
}

/** Adding an id that exists is silently nothing, hence the generation; BullMQ refuses integers and colons. */
const jobId = (id: number, generation: number) => `j${id}-${generation}`;

function toBullJob({ queue, id, generation, priority }: Job) {
  if (!(priority >= 1)) throw new RangeError(`priority ${priority}: BullMQ runs 0 before everything`);
  return {
    name: queue,
    data: { v: 1, id, generation } satisfies Payload,
    opts: { jobId: jobId(id, generation), priority, removeOnComplete: true, removeOnFail: true },
  };
}

/**
 * Makes the workers' side; each runner has connections of its own (two, and one that waits).
 * A runner needs the server when it starts; after that it outlives any outage.
 */
export function createRunner(options: QueueOptions): StartRunner {
  return async (queue, { concurrency, onError }, handle) => {
    const link = openLink(options, 'work');
    try {
      await inTime(options, link.check());
      return await startWorker(link, queueName(options, queue), concurrency, onError, handle);
    } catch (error) {
      await link.close();
      throw error;
    }
  };
}

async function startWorker(
  link: Link,
  name: string,
  concurrency: number,
  onError: (error: Error) => void,
  handle: (job: { id: number; generation: number }) => Promise<void>,
): Promise<JobRunner> {
  const closing = new AbortController();
  let running = 0;
  let idle = () => {};
  const process = async (data: Payload): Promise<'done' | 'unknown'> => {
    if (data.v !== 1) {
      onError(new Error(`a job of version ${String(data.v)} is left to a newer Herald`));
      await sleep(UNKNOWN_PAUSE_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      return 'unknown';
    }
    running += 1;
    try {
      await handle({ id: data.id, generation: data.generation });
    } catch (error) {
      // The job is over all the same: what remains to be done is in the table.
      onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      running -= 1;
      if (running === 0) idle();
    }
    return 'done';
  };
  const worker = new Worker(
    name,
    async (job, token) => {
      if ((await process(job.data)) === 'done') return;
      await job.moveToWait(token);
      throw new WaitingError();
    },
    {
      connection: {},
      concurrency,
      autorun: false,
      lockDuration: LOCK_MS,
      drainDelay: LONGEST_SLEEP_S,
      runRetryDelay: 1_000,
    },
    link.factory,
  );
  worker.on('error', onError);
  await worker.waitUntilReady();
  // It ends when the worker is closed.
  worker.run().catch(onError);

  return {
    close: onceOnly(async () => {
      const closed = worker.close();
      closing.abort();
      await new Promise<void>((resolve) => {
        idle = resolve;
        if (running === 0) resolve();
      });
      await parting(closed);
      await parting(link.close());
    }),
  };
}

/** Waits for a farewell, but not for a server that is away to take it. */
async function parting(farewell: Promise<unknown>): Promise<void> {
  await Promise.race([farewell, sleep(PARTING_MS, undefined, { ref: false })]);
}

function onceOnly<T>(act: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= act();
    return result;
  };
}

/**
 * Brings BullMQ's own tables (schema `bullmq`) to this version. Nothing to do on Redis. Only `herald migrate` calls it.
 * @throws HeraldError `queue-migration-failed`
 */
export async function migrateQueue(options: QueueServer | QueueOptions): Promise<void> {
  if (options.backend === 'redis') return;
  const client = new pg.Client({
    connectionString: options.connectionString,
    lock_timeout: MIGRATION_TURN_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await runMigrations(client);
  } catch (error) {
    const { message } = error as Error;
    throw new HeraldError(
      'unavailable',
      'queue-migration-failed',
      `the queue's tables could not be brought up to date: ${message}`,
      {
        fix: 'mend what it names and run `herald migrate` again',
        cause: error,
      },
    );
  } finally {
    await client.end();
  }
}

/** The result, or within two seconds the reason why there is none. */
async function inTime<T>(options: QueueServer, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(FAIL_FAST_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${FAIL_FAST_MS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (error instanceof HeraldError) throw error;
    const { message, code } = error as Error & { code?: string };
    throw new HeraldError(
      'unavailable',
      'queue-unavailable',
      `the queue at ${placeOf(options)} is away: ${message || code}`,
      {
        fix:
          options.backend === 'redis'
            ? 'check REDIS_URL and that the server runs'
            : 'check DATABASE_URL and that the server runs',
        cause: error,
      },
    );
  } finally {
    timer.abort();
    late.catch(() => undefined); // it has lost the race, or its loss has been reported
  }
}
