import { once } from 'node:events';
import { Redis } from 'ioredis';
import { HeraldError } from '../domain/errors.ts';

/** How long a caller waits for the queue before it is told that it is away, in milliseconds. */
export const FAIL_FAST_MS = 2_000;
const LEAST_VERSION = [6, 2];

/**
 * - `produce`: whoever calls wants to know now, so nothing waits for a server that is away
 * - `work`: commands wait for the server to come back (BullMQ's workers demand it)
 */
export type Use = 'produce' | 'work';

/** A client that reconnects by itself, and whose errors never end the process: the calls report them. */
export function createRedisClient(url: string, use: Use): Redis {
  const client = new Redis(url, {
    connectTimeout: FAIL_FAST_MS,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), FAIL_FAST_MS),
    ...(use === 'work'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 0, enableOfflineQueue: false, commandTimeout: FAIL_FAST_MS }),
  });
  client.on('error', () => undefined);
  return client;
}

/** Resolves when the client is connected, rejects at its next failure to connect. */
export async function connected(client: Redis): Promise<void> {
  if (client.status === 'end') throw new Error('the connection was closed');
  if (client.status !== 'ready') await once(client, 'ready');
}

/**
 * Refuses a server that is too old, and warns of one that throws keys away when its memory is full: lost jobs
 * only delay messages, but lost limiter state lets more through than the provider allows.
 * @throws HeraldError `redis-too-old`
 */
export async function checkRedis(client: Redis, warn: (message: string) => void): Promise<void> {
  const info = await client.info();
  const read = (field: string) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = read('valkey_version') ?? read('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_VERSION;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    throw new HeraldError(
      'unavailable',
      'redis-too-old',
      `the Redis server is version ${version}, Herald needs ${LEAST_VERSION.join('.')}`,
      {
        fix: 'upgrade it (Valkey works too), or leave REDIS_URL unset: PostgreSQL then carries the queue',
      },
    );
  }
  const policy = read('maxmemory_policy');
  if (policy && policy !== 'noeviction') {
    warn(
      `Redis has maxmemory-policy "${policy}" and may throw the queue away when its memory is full; set it to "noeviction"`,
    );
  }
}

/** Removes all that an installation keeps in Redis: queues and limits. For databases that are dropped with it. */
export async function forgetInstallation(url: string, installationId: string): Promise<void> {
  const client = createRedisClient(url, 'produce');
  try {
    await connected(client);
    for (const pattern of [`bull:herald-${installationId}-*`, `herald-${installationId}-limit:*`]) {
      for await (const keys of client.scanStream({ match: pattern, count: 1_000 })) {
        if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
      }
    }
  } finally {
    client.disconnect();
  }
}
