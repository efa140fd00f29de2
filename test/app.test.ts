import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLink } from '../bench/chaos/link.ts';
import { type App, migrateDatabase, open } from '../src/app.ts';
import { loadConfig, type ReadyConfig } from '../src/config.ts';
import type { HeraldError } from '../src/domain/errors.ts';
import { refusal } from './pipeline/herald.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { redisUrl } from './support/redis.ts';
import { freePort } from './support/servers.ts';

const log = pino({ level: 'silent' });
const SECRET = randomBytes(32).toString('base64');
let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'herald-app-'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});
const opened: App[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

const LIVE = { HERALD_MODE: 'live', PUBLIC_URL: 'https://herald.example' };
const configOf = (environment: Record<string, string> = {}): ReadyConfig =>
  loadConfig({
    DATABASE_URL: database.connectionString,
    HERALD_SECRET: SECRET,
    ...environment,
  }) as ReadyConfig;
async function openWith(environment: Record<string, string> = {}): Promise<App> {
  const app = await open(configOf(environment), { log, name: 'herald test', connections: 2 });
  opened.push(app);
  return app;
}
/** Refused within a few seconds, with something to do about it, leaving no connection behind. */
async function refusedWith(environment: Record<string, string>): Promise<HeraldError> {
  const began = performance.now();
  const error = await refusal(() => openWith(environment));
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(error.fix).not.toBe('');
  expect(error.message).not.toContain(SECRET);
  return error;
}
const connections = async () => {
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'herald test'`,
  );
  return rows[0].n;
};

describe('a database that can be opened', () => {
  it('is opened again and again, with one identity', async () => {
    const [one, two] = [await openWith(), await openWith()];
    const id = one.ids.encode('announcement', 7);
    expect(two.ids.decode('announcement', id)).toEqual({ id: 7, n: 0 });
    expect(await one.ready()).toEqual({ ready: true, checks: { database: 'ok', schema: 'ok', queue: 'ok' } });
    await one.close();
    expect(await two.ready()).toMatchObject({ ready: true });
  });

  it('nothing of a closed one is left', async () => {
    const app = await openWith();
    await app.announce.list({ limit: 1 });
    await app.close();
    await expect.poll(connections).toBe(0);
    await app.close();
  });
});

describe('a database that is not there', () => {
  const at = (url: string) => ({ DATABASE_URL: url });

  it.each(['open', 'migrate'])('%s: nothing listens', async (act) => {
    const url = `postgres://herald:hunter2@127.0.0.1:${await freePort()}/herald`;
    const error =
      act === 'open'
        ? await refusedWith(at(url))
        : await refusal(() => migrateDatabase(configOf(at(url)), log));
    expect(error).toMatchObject({ kind: 'unavailable', code: 'database-unavailable' });
    expect(error.message).toContain('nothing listens there');
    expect(error.fix).toContain('DATABASE_URL');
    expect(error.message + error.fix).not.toContain('hunter2');
  });

  it('no such host', async () => {
    const error = await refusedWith(at('postgres://herald@database.invalid/herald'));
    expect(error).toMatchObject({ kind: 'unavailable', code: 'database-unavailable' });
  });

  it('no such database on the server', async () => {
    const url = new URL(database.connectionString);
    url.pathname = '/no_such_database';
    const error = await refusedWith(at(url.href));
    expect(error).toMatchObject({ code: 'database-unavailable' });
    expect(error.message).toContain('no such database');
  });

  it('wrong password', async () => {
    const url = new URL(database.connectionString);
    url.password = 'wrong';
    expect(await refusedWith(at(url.href))).toMatchObject({
      code: 'database-unavailable',
      message: expect.stringContaining('wrong user or password'),
    });
  });

  it('something that takes connections and never says a word', async () => {
    const deaf: Server = createServer(() => {});
    const port = await freePort();
    await new Promise<void>((resolve) => deaf.listen(port, '127.0.0.1', resolve));
    const error = await refusedWith(at(`postgres://herald@127.0.0.1:${port}/herald`));
    expect(error).toMatchObject({ kind: 'unavailable', code: 'database-unavailable' });
    deaf.close();
  });
});

describe('a database that is not ready', () => {
  it('without our tables it says what to run', async () => {
    const empty = await createEmptyDatabase();
    const error = await refusedWith({ DATABASE_URL: empty.connectionString });
    expect(error).toMatchObject({ kind: 'unavailable', code: 'schema-too-old', fix: 'run `herald migrate`' });
    // Which then is enough, also twice and by two at a time.
    const config = configOf({ DATABASE_URL: empty.connectionString });
    await Promise.all([migrateDatabase(config, log), migrateDatabase(config, log)]);
    const app = await openWith({ DATABASE_URL: empty.connectionString });
    expect(await app.ready()).toMatchObject({ ready: true });
    await app.close();
    await empty.drop();
  });

  it('of a newer Herald it is left alone', async () => {
    const newer = await createTestDatabase();
    await newer.pool.query(
      `INSERT INTO schema_migrations (version, name, sha256) VALUES (999, '0999-later', 'x')`,
    );
    const error = await refusedWith({ DATABASE_URL: newer.connectionString });
    expect(error).toMatchObject({ kind: 'unavailable', code: 'schema-too-new' });
    expect(error.message).toContain('999');
    await newer.drop();
  });

  it('says so while it runs, too', async () => {
    const gone = await createTestDatabase();
    const app = await openWith({ DATABASE_URL: gone.connectionString });
    await gone.drop();
    const { ready, checks } = await app.ready();
    expect(ready).toBe(false);
    expect(checks.database).not.toBe('ok');
  });
});

describe('servers that are cut off while it runs', () => {
  const linked = async (url: string) => {
    const at = new URL(url);
    const link = await createLink(Number(at.port));
    at.host = `127.0.0.1:${link.port}`;
    return { link, url: at.href };
  };

  it('PostgreSQL: it is not ready, says so soon, and is ready again when they meet', async () => {
    const { link, url } = await linked(database.connectionString);
    const app = await openWith({ DATABASE_URL: url });
    expect(await app.ready()).toMatchObject({ ready: true });
    await link.set('held');
    const began = performance.now();
    const silent = await Promise.all([app.ready(), app.ready(), app.ready()]);
    expect(performance.now() - began).toBeLessThan(4_000);
    for (const { ready, checks } of silent) {
      expect(ready).toBe(false);
      expect([checks.database, checks.schema]).toEqual(['no answer within 2 s', 'no answer within 2 s']);
    }
    // None of the common connections waits for an answer any more, though nothing passes yet.
    await eventually(async () => expect(app.pool.totalCount).toBe(0), 15_000);
    await link.set('open');
    await eventually(async () => expect(await app.ready()).toMatchObject({ ready: true }));
    await app.close();
    await link.close();
  });

  it.runIf(redisUrl())('Redis: the same', async () => {
    const { link, url } = await linked(redisUrl() ?? '');
    const app = await openWith({ REDIS_URL: url });
    expect(await app.ready()).toMatchObject({ ready: true });
    for (const state of ['held', 'refused'] as const) {
      await link.set(state);
      const began = performance.now();
      const { ready, checks } = await app.ready();
      expect(performance.now() - began).toBeLessThan(4_000);
      expect([ready, checks.database]).toEqual([false, 'ok']);
      expect(checks.queue).not.toBe('ok');
      await link.set('open');
      await eventually(async () => expect(await app.ready()).toMatchObject({ ready: true }));
    }
    await app.close();
    await link.close();
  });
});

describe('a database that must not be opened like this', () => {
  it('with another secret', async () => {
    await openWith();
    const error = await refusedWith({ HERALD_SECRET: randomBytes(32).toString('base64') });
    expect(error).toMatchObject({ kind: 'conflict', code: 'wrong-secret' });
    expect(error.message).toContain('HERALD_SECRET');
  });

  it('for trial, once it has been live', async () => {
    const live = await createTestDatabase();
    const app = await openWith({ DATABASE_URL: live.connectionString, ...LIVE });
    await app.close();
    const error = await refusedWith({ DATABASE_URL: live.connectionString });
    expect(error).toMatchObject({ kind: 'conflict', code: 'has-been-live' });
    expect(error.fix).toContain('HERALD_MODE=live');
    await (await openWith({ DATABASE_URL: live.connectionString, ...LIVE })).close();
    await live.drop();
  });

  it('and a wrong secret makes nothing live', async () => {
    const trial = await createTestDatabase();
    await (await openWith({ DATABASE_URL: trial.connectionString })).close();
    const other = { DATABASE_URL: trial.connectionString, HERALD_SECRET: randomBytes(32).toString('base64') };
    expect(await refusedWith({ ...other, ...LIVE })).toMatchObject({ code: 'wrong-secret' });
    await (await openWith({ DATABASE_URL: trial.connectionString })).close();
    await trial.drop();
  });
});

describe('what else must be right at the start', () => {
  it('a sandbox that is named must be there', async () => {
    const error = await refusedWith({ HERALD_SANDBOX_URL: `http://127.0.0.1:${await freePort()}` });
    expect(error).toMatchObject({ kind: 'unavailable', code: 'sandbox-unavailable' });
    expect(error.fix).toContain('HERALD_SANDBOX_URL');
  });

  it('a Redis that is named must be there', async () => {
    const error = await refusedWith({ REDIS_URL: `redis://:hunter2@127.0.0.1:${await freePort()}` });
    expect(error).toMatchObject({ kind: 'unavailable', code: 'queue-unavailable' });
    expect(error.message + error.fix).not.toContain('hunter2');
    expect(error.fix).toContain('REDIS_URL');
  });

  it('every template compiles', async () => {
    const part = join(folder, 'broken/zh-CN');
    await mkdir(part, { recursive: true });
    await writeFile(
      join(folder, 'broken/template.json'),
      JSON.stringify({ name: 'broken', fields: [{ name: 'headline', required: true, maxLength: 60 }] }),
    );
    for (const name of ['sms', 'email.subject', 'email.text', 'email.html', 'webhook'])
      await writeFile(join(part, `${name}.hbs`), '{{headline}}\n{{haedline}}');
    const error = await refusal(() => openWith({ HERALD_TEMPLATES_DIR: folder }));
    expect(error).toMatchObject({ kind: 'invalid', code: 'template-error' });
    expect(error.message).toMatch(/broken.*zh-CN.*sms\.hbs:2/s);
  });

  const MAIL = { SMTP_URL: 'smtp://127.0.0.1:1', EMAIL_FROM: 'a@example.org', ...LIVE };
  const DKIM = { DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 's' };

  it('the DKIM key is there and can sign', async () => {
    const missing = await refusedWith({ ...MAIL, ...DKIM, DKIM_PRIVATE_KEY_FILE: join(folder, 'no.pem') });
    expect(missing.issues).toEqual([{ path: 'DKIM_PRIVATE_KEY_FILE', message: expect.any(String) }]);
    const { privateKey } = generateKeyPairSync('ed25519');
    const file = join(folder, 'ed25519.pem');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const unusable = await refusedWith({ ...MAIL, ...DKIM, DKIM_PRIVATE_KEY_FILE: file });
    expect(unusable).toMatchObject({ kind: 'invalid', code: 'dkim-key-unusable' });
  });

  it('networks that webhooks may reach are networks', async () => {
    const error = await refusedWith({ ...LIVE, WEBHOOK_ALLOWED_CIDRS: '10.0.0.0/8,10.0.0.1' });
    expect(error.issues.map((issue) => issue.path)).toEqual(['WEBHOOK_ALLOWED_CIDRS']);
    expect(error.message).toContain('10.0.0.1"');
  });

  it('and a live start that failed for its configuration has made nothing live', async () => {
    await openWith();
  });

  it('nor does it leave a connection behind', async () => {
    await expect.poll(connections).toBe(0);
  });
});
