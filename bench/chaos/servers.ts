import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type pg from 'pg';
import type { Config, ReadyConfig } from '../../src/config.ts';
import { provision, removeEmbedded } from '../../src/provision.ts';
import { startRedis } from '../../test/support/servers.ts';
import { factsOf } from './processes.ts';

/** The servers of one campaign, all of its own, and how to strike them. */
export interface Servers {
  readonly config: ReadyConfig;
  /** `kill -9` of the server; the watchdog starts it again on the same port a second later. */
  killPostgres(pool: pg.Pool): Promise<void>;
  /** Absent on the PostgreSQL backend. */
  readonly redis?: { kill(): Promise<void>; empty(): Promise<void> };
  /** Throws the queue away: FLUSHALL, or TRUNCATE of the job table. */
  emptyQueue(pool: pg.Pool): Promise<void>;
  stop(): Promise<void>;
}

export async function startServers(base: Config, backend: 'redis' | 'postgres'): Promise<Servers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'herald-chaos-'));
  const ground = await provision(
    { ...base, dataDir, databaseUrl: undefined, secret: undefined },
    () => undefined,
  );
  const redis = backend === 'redis' ? await ownRedis() : undefined;
  return {
    config: { ...ground.config, redisUrl: redis?.url },
    async killPostgres(pool) {
      const { rows } = await pool.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
      );
      const { parent } = factsOf(rows[0]?.pid ?? 0) ?? {};
      if (!parent) throw new Error('PostgreSQL is not to be found');
      process.kill(parent, 'SIGKILL');
    },
    ...(redis && { redis }),
    async emptyQueue(pool) {
      if (redis) await redis.empty();
      else await pool.query('TRUNCATE bullmq.job CASCADE');
    },
    async stop() {
      await redis?.stop();
      await ground.stop();
      await removeEmbedded(dataDir);
    },
  };
}

async function ownRedis() {
  const server = await startRedis();
  if ('leftOut' in server) throw new Error(server.leftOut);
  const ask = async <T>(question: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(server.url, { maxRetriesPerRequest: 20 });
    client.on('error', () => undefined);
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  };
  return {
    url: server.url,
    async kill() {
      const info = await ask((client) => client.info('server'));
      process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), 'SIGKILL');
    },
    async empty() {
      await ask((client) => client.flushall());
    },
    stop: server.stop,
  };
}
