import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { createRunner, createWakeUps, migrateQueue, type QueueServer } from '../../src/queue/bullmq.ts';
import {
  describeOutages,
  describeWakeUps,
  type FragileQueue,
  type QueueUnderTest,
} from '../conformance/wake-ups.ts';
import { createEmptyDatabase, createTestDatabase, servers } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { redisUrl } from '../support/redis.ts';
import { freePort, startPostgres18, startRedis, uniqueName } from '../support/servers.ts';

const redis = redisUrl();
const FOR_TEST = { v: 1, id: 2, generation: 1 };

function postgresQueue(connectionString: string) {
  const add = async (name: string, data: unknown) => {
    const queue = new Queue(
      name,
      { connection: { connectionString, schema: 'bullmq', max: 1 } },
      createPostgresBackend,
    );
    queue.on('error', () => undefined);
    try {
      await queue.add('job', data, { priority: 1, removeOnComplete: true });
    } finally {
      await queue.close();
    }
  };
  return {
    add,
    /** Notifications name the queue that a job is added to, not the one that it is moved to. */
    async addSilently(name: string) {
      await add('aside', FOR_TEST);
      const client = new pg.Client({ connectionString });
      await client.connect();
      await client.query(`UPDATE bullmq.job SET queue = $1 WHERE queue = 'aside'`, [name]);
      await client.end();
    },
  };
}

async function addToRedis(url: string, name: string, data: unknown): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    const queue = new Queue(name, { connection: client });
    queue.on('error', () => undefined);
    await queue.add('job', data, { priority: 1, removeOnComplete: true });
    await queue.close();
  } finally {
    client.disconnect();
  }
}

for (const server of servers()) {
  describeWakeUps(server.name, async (): Promise<QueueUnderTest> => {
    const { connectionString, pool, drop } = await createTestDatabase(server);
    const { add, addSilently } = postgresQueue(connectionString);
    return {
      options: { backend: 'postgres', connectionString },
      async connections() {
        const { rows } = await pool.query(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()
           AND application_name <> 'herald-test' AND backend_type = 'client backend'`,
        );
        return rows[0].n;
      },
      async kept(name) {
        return (await pool.query('SELECT count(*)::int AS n FROM bullmq.job WHERE queue = $1', [name]))
          .rows[0].n;
      },
      addRaw: add,
      addSilently,
      dispose: drop,
    };
  });
}

for (const server of servers()) {
  // BullMQ sleeps for an hour after it failed to listen; only a notification would wake it.
  test(`a runner on ${server.name} that could not listen for a while still finds what it was not notified of`, async () => {
    const { connectionString, pool, drop } = await createTestDatabase(server);
    const errors: Error[] = [];
    const handled = new EventEmitter();
    const runner = await createRunner({ backend: 'postgres', connectionString, installationId: 'x' })(
      'sms',
      { concurrency: 1, onError: (error) => errors.push(error) },
      async () => void handled.emit('job'),
    );
    const its = `datname = current_database() AND application_name <> 'herald-test'`;
    const listens = async () => {
      const sql = `SELECT FROM pg_stat_activity WHERE ${its} AND query ILIKE '%listen bullmq_jobs%'`;
      expect((await pool.query(sql)).rowCount).toBe(1);
    };
    await eventually(listens);
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    const allow = (yes: boolean) =>
      admin.query(`ALTER DATABASE ${new URL(connectionString).pathname.slice(1)} ALLOW_CONNECTIONS ${yes}`);
    await allow(false);
    await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${its}`);
    const refusals = () => errors.filter((error) => error.message.includes('not currently accepting')).length;
    await eventually(async () => expect(refusals()).toBeGreaterThan(1));
    await allow(true);
    await admin.end();
    await eventually(listens);
    const since = performance.now();
    const arrived = once(handled, 'job');
    await postgresQueue(connectionString).addSilently('herald-x-sms');
    await arrived;
    expect(performance.now() - since).toBeLessThan(7_000);
    await runner.close();
    await drop();
  });
}

if (redis) {
  describeWakeUps('Redis', async (): Promise<QueueUnderTest> => {
    const client = new Redis(redis, { maxRetriesPerRequest: null });
    return {
      options: { backend: 'redis', url: redis },
      async connections() {
        return String(await client.client('LIST'))
          .trim()
          .split('\n').length;
      },
      async kept(name) {
        const queue = new Queue(name, { connection: client });
        const counts = await queue.getJobCounts();
        await queue.close();
        return Object.values(counts).reduce((sum, count) => sum + count, 0);
      },
      addRaw: (name, data) => addToRedis(redis, name, data),
      async dispose() {
        client.disconnect();
      },
    };
  });

  describeOutages('Redis', async (): Promise<FragileQueue> => {
    const server = await startRedis();
    if ('leftOut' in server) throw new Error(server.leftOut);
    const pidOf = async (): Promise<number> => {
      const client = new Redis(server.url);
      const info = await client.info('server');
      client.disconnect();
      return Number(/process_id:(\d+)/.exec(info)?.[1]);
    };
    return {
      options: { backend: 'redis', url: server.url },
      async crash() {
        process.kill(await pidOf(), 'SIGKILL');
      },
      async freeze() {
        const pid = await pidOf();
        process.kill(pid, 'SIGSTOP');
        return () => process.kill(pid, 'SIGCONT');
      },
      dispose: () => server.stop(),
    };
  });
}

describeOutages('PostgreSQL 18', async (): Promise<FragileQueue> => {
  const server = await startPostgres18();
  await migrateQueue({ backend: 'postgres', connectionString: server.url });
  const pids = async (): Promise<number[]> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query(
      `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid
       UNION ALL SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`,
    );
    await client.end();
    return rows.map((row) => row.pid);
  };
  return {
    options: { backend: 'postgres', connectionString: server.url },
    async crash() {
      for (const pid of await pids()) process.kill(pid, 'SIGKILL');
    },
    async freeze() {
      const frozen = await pids();
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      return () => {
        for (const pid of frozen) process.kill(pid, 'SIGCONT');
      };
    },
    dispose: () => server.stop(),
  };
});

describe('a queue that cannot be used', () => {
  const whyNot = async (options: QueueServer) => {
    const all = { ...options, installationId: 'x' };
    const since = performance.now();
    const errors = await Promise.allSettled([
      createWakeUps(all),
      createRunner(all)('sms', { concurrency: 1, onError: () => undefined }, async () => undefined),
    ]);
    expect(performance.now() - since).toBeLessThan(2_500);
    return errors.map((result) => (result.status === 'rejected' ? result.reason.code : 'none'));
  };

  test('because nobody listens there', async () => {
    const port = await freePort();
    const away = ['queue-unavailable', 'queue-unavailable'];
    expect(
      await whyNot({
        backend: 'postgres',
        connectionString: `postgres://herald:secret@127.0.0.1:${port}/herald`,
      }),
    ).toEqual(away);
    expect(await whyNot({ backend: 'redis', url: `redis://:secret@127.0.0.1:${port}` })).toEqual(away);
    const failing = createWakeUps({
      backend: 'redis',
      url: `redis://:secret@127.0.0.1:${port}`,
      installationId: 'x',
    });
    await expect(failing).rejects.toThrow(`redis://127.0.0.1:${port} is away: connect ECONNREFUSED`);
  });

  test('because `herald migrate` has not run', async () => {
    const { connectionString, drop } = await createEmptyDatabase();
    expect(await whyNot({ backend: 'postgres', connectionString })).toEqual([
      'schema-too-old',
      'schema-too-old',
    ]);
    await migrateQueue({ backend: 'postgres', connectionString });
    await migrateQueue({ backend: 'postgres', connectionString });
    expect(await whyNot({ backend: 'postgres', connectionString })).toEqual(['none', 'none']);
    await drop();
  });

  if (redis) {
    test('because its memory policy may throw jobs away: that is a warning', async () => {
      const client = new Redis(redis);
      const warnings: string[] = [];
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const wakeUps = await createWakeUps({
        backend: 'redis',
        url: redis,
        installationId: uniqueName('t'),
        onWarning: (text) => warnings.push(text),
      });
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await wakeUps.close();
      client.disconnect();
      expect(warnings).toEqual([expect.stringContaining('allkeys-lru')]);
    });
  }
});

test('BullMQ is pinned: its tables and scripts change with its minor versions', () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(dependencies.bullmq).toMatch(/^\d+\.\d+\.\d+$/);
});
