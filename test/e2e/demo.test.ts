import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { folderHash } from '../../src/storage/embedded-files.ts';
import { createEmptyDatabase, servers } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { herald, spawnHeraldGroup } from '../support/herald-process.ts';
import { redisUrl } from '../support/redis.ts';
import { temporaryFolder } from '../support/servers.ts';

/** A demo is the whole system in eight processes; it proves itself by comparing ledgers. */
const DEMO_MS = 120_000;
const SECRET = 'a secret of the tests, 32 characters';

function verdictOf(stdout: string) {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const AGREES = { ok: true, duplicates: 0, missing: 0, afterLeaving: 0 };

/** What a running Herald may be told, and more: nothing of it may reach a demo. */
const HOSTILE = {
  HERALD_DATA_DIR: '/proc/nowhere',
  HERALD_MODE: 'live',
  HERALD_TEMPLATES_DIR: '/proc/nowhere',
  HERALD_SANDBOX_URL: 'http://127.0.0.1:1',
  HOST: '192.0.2.1',
  PORT: '1',
  PUBLIC_URL: 'http://192.0.2.1:1',
  TWILIO_ACCOUNT_SID: 'no account',
  TWILIO_AUTH_TOKEN: 'x',
  TWILIO_MESSAGING_SERVICE_SID: 'no service',
  TWILIO_FROM: '!',
  TWILIO_API_URL: 'ftp://127.0.0.1:1',
  SMS_SEGMENTS_PER_SECOND: '0.01',
  SMS_SIGNATURE: 'nonsense=,',
  SMTP_URL: 'http://127.0.0.1:1',
  EMAIL_FROM: '!',
  EMAIL_PER_SECOND: '0.01',
  BOUNCE_ADDRESS: 'nobody',
  BOUNCE_PORT: '1',
  DKIM_DOMAIN: '!',
  DKIM_SELECTOR: '!',
  DKIM_PRIVATE_KEY_FILE: '/proc/nowhere',
  WEBHOOK_ALLOWED_CIDRS: 'everything',
  OFFICE_NAME: 'Somebody Else',
  OFFICE_TIMEZONE: '+25:00',
  DEFAULT_LOCALE: 'fr',
};

it("the demo reaches everybody once, on nothing but the embedded database, whatever a running Herald's settings are", {
  timeout: DEMO_MS,
}, async () => {
  const { code, stdout, stderr } = await herald(['demo', '--json'], HOSTILE);
  expect(stderr).toContain('you wrote part of this announcement');
  const verdict = verdictOf(stdout);
  expect(verdict, stderr).toMatchObject(AGREES);
  expect(verdict.recipients).toBeGreaterThan(1_900);
  expect(Object.keys(verdict.channels)).toEqual(['sms', 'email', 'webhook']);
  expect(verdict.channels.sms.delivered).toBeGreaterThan(900);
  expect(stderr, 'the office is its own').not.toContain('Somebody Else');
  expect(verdict.seconds).toBeLessThan(90);
  expect(code).toBe(0);
});

/** Starts a demo, presses Ctrl-C when it has said something, and waits for its end. */
async function interrupted(after: string, env: Readonly<Record<string, string>>) {
  const child = spawnHeraldGroup(['demo', '--json'], env);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const heard = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      err += chunk;
      if (err.includes(after)) resolve();
    });
    void ended.then(() => reject(new Error(`it never said ${after}: ${err}`)));
  });
  await heard;
  const folders = await readdir(env.TMPDIR ?? '');
  const pressedAt = performance.now();
  // As a terminal does: to every process of the group.
  process.kill(-(child.pid ?? 0), 'SIGINT');
  const [code] = await ended;
  return { code, verdict: verdictOf(out), folders, tookMs: performance.now() - pressedAt };
}

/** Programs and environments of all processes that name something. */
async function processesNaming(name: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['axeww', '-o', 'pid=,args='], { maxBuffer: 64e6 });
  return stdout.split('\n').filter((line) => line.includes(name));
}

it.each(['started in', '/963'])(
  'Ctrl-C after "%s" ends the demo, and nothing of it is left',
  { timeout: DEMO_MS },
  async (moment) => {
    const folder = await temporaryFolder('demo');
    const { code, verdict, folders, tookMs } = await interrupted(moment, { TMPDIR: folder });
    expect(verdict).toMatchObject({ error: { code: 'interrupted' } });
    expect(code).toBe(1);
    // Less than the grace after which a part that does not end is killed.
    expect(tookMs).toBeLessThan(30_000);
    expect(await readdir(folder)).toEqual([]);
    const away = folders.map((name) => folderHash(join(folder, name)));
    const elsewhere = await readdir('/var/lib/herald').catch(() => []);
    expect(elsewhere.filter((name) => away.some((hash) => name.startsWith(hash)))).toEqual([]);
    for (const name of [basename(folder), ...away])
      await eventually(async () => expect(await processesNaming(name)).toEqual([]));
    await rm(folder, { recursive: true });
  },
);

// One server is enough: what differs between them is tested where it is used.
for (const server of servers().slice(0, 1)) {
  it(`the demo reaches everybody once, on ${server.name} and Redis, and leaves nothing when it is interrupted`, {
    timeout: DEMO_MS,
  }, async () => {
    const redis = redisUrl();
    if (!redis) throw new Error('no Redis: the run has said so');
    const database = await createEmptyDatabase(server);
    const folder = await temporaryFolder('demo');
    const env = {
      DATABASE_URL: database.connectionString,
      REDIS_URL: redis,
      HERALD_SECRET: SECRET,
      TMPDIR: folder,
    };
    const databases = async () =>
      (await database.pool.query("SELECT datname FROM pg_database WHERE datname LIKE 'herald_demo%'")).rows;
    try {
      const { code, stdout, stderr } = await herald(['demo', '--json'], env);
      expect(verdictOf(stdout), stderr).toMatchObject(AGREES);
      expect(code).toBe(0);
      expect(await databases(), 'the demo leaves no database behind').toEqual([]);

      expect(await interrupted('imported', env)).toMatchObject({ code: 1 });
      expect(await databases(), 'neither does one that is interrupted').toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await database.drop();
      await rm(folder, { recursive: true });
    }
  });
}
