import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/root.ts';
import { migrate, requireSchema, schemaVersion } from '../../src/storage/migrate.ts';
import { createPool, inTransaction } from '../../src/storage/pool.ts';
import { createEmptyDatabase, servers, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/servers.ts';

for (const server of servers()) {
  describe(`migrations on ${server.name}`, () => {
    let db: TestDatabase;
    let folder: string;
    const lines: string[] = [];
    const run = () => migrate(db.pool, { folder, log: (line) => lines.push(line) });
    const write = (file: string, sql: string) => writeFile(join(folder, file), sql);
    beforeEach(async () => {
      db = await createEmptyDatabase(server);
      folder = await mkdtemp(join(tmpdir(), 'herald-migrations-'));
      lines.length = 0;
    });
    afterEach(async () => {
      await db.drop();
      await rm(folder, { recursive: true });
    });

    test('are applied in order, once', async () => {
      await write('0002-more.sql', 'INSERT INTO t VALUES (2); CREATE INDEX ON t (n);');
      await write('0001-first.sql', 'CREATE TABLE t (n int);');
      expect(await schemaVersion(db.pool)).toBe(0);
      expect(await run()).toEqual(['0001-first', '0002-more']);
      expect(lines).toEqual(['applied migration 0001-first', 'applied migration 0002-more']);
      expect(await run()).toEqual([]);
      expect(await schemaVersion(db.pool)).toBe(2);
    });

    test('take turns when several processes run them at once', async () => {
      await write('0001-slow.sql', 'CREATE TABLE t (n int); SELECT pg_sleep(0.2);');
      const applied = await Promise.all([run(), run(), run()]);
      expect(applied.flat()).toEqual(['0001-slow']);
    });

    test('that fail leave nothing of themselves, keep those before, and name file and line', async () => {
      await write('0001-good.sql', 'CREATE TABLE good (n int);');
      await write('0002-bad.sql', 'CREATE TABLE half (n int);\nCREATE TABLE other (n nonsense);');
      await expect(run()).rejects.toMatchObject({
        code: 'migration-failed',
        message: '0002-bad.sql:2: type "nonsense" does not exist',
      });
      expect(await schemaVersion(db.pool)).toBe(1);
      const { rows } = await db.pool.query(
        `SELECT to_regclass('good') IS NOT NULL AS good, to_regclass('half') AS half`,
      );
      expect(rows).toEqual([{ good: true, half: null }]);
    });

    test('that wait for a table in use give up, instead of stopping everybody behind them', async () => {
      await write('0001-first.sql', 'CREATE TABLE t (n int);');
      await run();
      await write('0002-alter.sql', 'ALTER TABLE t ADD COLUMN m int;');
      await inTransaction(db.pool, async (client) => {
        await client.query('SELECT * FROM t');
        await expect(run()).rejects.toMatchObject({ code: 'migration-busy' });
      });
      expect(await run()).toEqual(['0002-alter']);
    });

    test('must not change once applied, nor have gaps', async () => {
      await write('0001-first.sql', 'CREATE TABLE t (n int);');
      await run();
      await write('0001-first.sql', 'CREATE TABLE t (n bigint);');
      await expect(run()).rejects.toMatchObject({ code: 'migration-changed' });
      await write('0003-third.sql', 'SELECT 1;');
      await expect(run()).rejects.toThrow('0003-third.sql: migrations are numbered');
    });

    test('tell a program which schemas it may use', async () => {
      const codeFor = (least: number, most: number) =>
        requireSchema(db.pool, { least, most }).then(
          () => 'fits',
          (error: { code: string }) => error.code,
        );
      expect(await codeFor(1, 1)).toBe('schema-too-old');
      await write('0001-first.sql', 'SELECT 1;');
      await write('0002-second.sql', 'SELECT 1;');
      await run();
      expect([await codeFor(3, 3), await codeFor(2, 3), await codeFor(1, 2), await codeFor(1, 1)]).toEqual([
        'schema-too-old',
        'fits',
        'fits',
        'schema-too-new',
      ]);
      await rm(join(folder, '0002-second.sql'));
      await expect(run()).rejects.toMatchObject({ code: 'schema-too-new' });
    });

    test('of Herald itself apply', async () => {
      const applied = await migrate(db.pool, {
        folder: join(packageRoot, 'src/storage/migrations'),
        log: () => undefined,
      });
      expect(applied[0]).toMatch(/^0001-/);
    });
  });
}

describe('the pool', () => {
  test('reads bigint as number and timestamps as Date, null and arrays included', async () => {
    const db = await createEmptyDatabase();
    const { rows } = await db.pool.query({
      name: 'named',
      text: `SELECT 9007199254740991::bigint AS id, count(*) AS n, ARRAY[1::bigint, NULL] AS ids, NULL::bigint AS none,
             '2026-01-17T08:00:00+08'::timestamptz AS at`,
    });
    expect(rows).toEqual([
      { id: 9007199254740991, n: 1, ids: [1, null], none: null, at: new Date('2026-01-17T00:00:00Z') },
    ]);
    await db.drop();
  });

  test('outlives lost connections, idle or in a transaction', async () => {
    const db = await createEmptyDatabase();
    const killOthers =
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
    const killer = createPool({ connectionString: db.connectionString, max: 1, applicationName: 'killer' });
    await Promise.all([db.pool.query('SELECT 1'), db.pool.query('SELECT 1')]);
    await killer.query(killOthers);
    const lost = inTransaction(db.pool, async (client) => {
      await client.query('SELECT 1');
      await killer.query(killOthers);
      await client.query('SELECT 1');
    });
    await expect(lost).rejects.toThrow();
    expect((await db.pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    await killer.end();
    await db.drop();
  });

  test('rolls back on an error, also on one that the act swallowed', async () => {
    const db = await createEmptyDatabase();
    await db.pool.query('CREATE TABLE t (n int PRIMARY KEY)');
    const thrown = inTransaction(db.pool, async (client) => {
      await client.query('INSERT INTO t VALUES (1)');
      throw new Error('no');
    });
    await expect(thrown).rejects.toThrow('no');
    const swallowed = inTransaction(db.pool, async (client) => {
      await client.query('INSERT INTO t VALUES (2)');
      await client.query('INSERT INTO t VALUES (2)').catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow('aborted');
    expect(
      await inTransaction(db.pool, async (client) => (await client.query('SELECT n FROM t')).rows),
    ).toEqual([]);
    await db.drop();
  });

  test('says at once that no server is there', async () => {
    const pool = createPool({
      connectionString: `postgres://herald@127.0.0.1:${await freePort()}/x`,
      max: 1,
      applicationName: 'x',
    });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await pool.end();
  });
});
