import { expect, it } from 'vitest';
import { createEmptyDatabase, servers } from '../support/database.ts';
import { herald } from '../support/herald-process.ts';
import { redisUrl } from '../support/redis.ts';

/** A demo is the whole system in eight processes; it proves itself by comparing ledgers. */
const DEMO_MS = 120_000;

function verdictOf(stdout: string) {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const AGREES = { ok: true, duplicates: 0, missing: 0, afterLeaving: 0 };

it('the demo reaches everybody once, on nothing but the embedded database', {
  timeout: DEMO_MS,
}, async () => {
  const { code, stdout, stderr } = await herald(['demo', '--json']);
  expect(stderr).toContain('you wrote part of this announcement');
  const verdict = verdictOf(stdout);
  expect(verdict, stderr).toMatchObject(AGREES);
  expect(verdict.recipients).toBeGreaterThan(1_900);
  expect(Object.keys(verdict.channels)).toEqual(['sms', 'email', 'webhook']);
  expect(verdict.channels.sms.delivered).toBeGreaterThan(900);
  expect(verdict.seconds).toBeLessThan(90);
  expect(code).toBe(0);
});

for (const server of servers()) {
  it(`the demo reaches everybody once, on ${server.name} and Redis`, { timeout: DEMO_MS }, async () => {
    const redis = redisUrl();
    if (!redis) throw new Error('no Redis: the run has said so');
    const database = await createEmptyDatabase(server);
    try {
      const { code, stdout, stderr } = await herald(['demo', '--json'], {
        DATABASE_URL: database.connectionString,
        REDIS_URL: redis,
        HERALD_SECRET: 'a secret of the tests, 32 characters',
      });
      expect(verdictOf(stdout), stderr).toMatchObject(AGREES);
      expect(code).toBe(0);
      const { rows } = await database.pool.query(
        "SELECT datname FROM pg_database WHERE datname LIKE 'herald_demo%'",
      );
      expect(rows, 'the demo leaves no database behind').toEqual([]);
    } finally {
      await database.drop();
    }
  });
}
