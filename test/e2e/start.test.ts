import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeEmbedded } from '../../src/storage/embedded.ts';
import { createTestDatabase } from '../support/database.ts';
import { eventually, gone } from '../support/eventually.ts';
import { descendants, end, forkPart, herald, spawnHerald, startHerald } from '../support/herald-process.ts';
import { redisUrl } from '../support/redis.ts';
import { startRedis, temporaryFolder } from '../support/servers.ts';

let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await temporaryFolder('start');
  env = { HERALD_DATA_DIR: join(folder, '.herald'), PORT: '0' };
});
afterAll(async () => {
  await removeEmbedded(env.HERALD_DATA_DIR ?? '');
  await removeEmbedded(folder);
});

const addressIn = (banner: string) => /address\s+(\S+)/.exec(banner)?.[1] ?? '';
const keyIn = (banner: string) => /admin key\s+(\S+)/.exec(banner)?.[1] ?? '';
const usersAt = async (address: string, key: string) => {
  const answer = await fetch(`${address}/v1/users`, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, body: (await answer.json()) as { items: { name: string }[] } };
};

it('start, commands beside it, a clean end, a second start with the same data, and kill -9', {
  timeout: 120_000,
}, async () => {
  const first = await startHerald(env);
  const key = keyIn(first.banner);
  expect(first.banner).toContain('trial: everything goes to the sandbox');
  expect(await usersAt(addressIn(first.banner), key)).toMatchObject({
    status: 200,
    body: { items: [{ name: 'admin' }] },
  });

  const link = /sign in\s+(\S+)/.exec(first.banner)?.[1] ?? '';
  expect(link).toMatch(/^http:\/\/localhost:\d+\/console\/invitation\//);
  const invitation = await fetch(link.replace('localhost', '127.0.0.1'));
  expect([invitation.status, await invitation.text()]).toEqual([200, expect.stringContaining('admin')]);

  const ready = await fetch(`${addressIn(first.banner)}/readyz`);
  expect(await ready.json()).toEqual({ ready: true, checks: { database: 'ok', schema: 'ok', queue: 'ok' } });

  const added = await herald(['users', 'add', '--name', 'Li', '--role', 'author', '--json'], env);
  expect(JSON.parse(added.stdout)).toMatchObject({ id: expect.stringMatching(/^usr_/) });

  const again = await herald(['start'], env);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('Herald is already running') });

  const tree = await descendants(first.child.pid ?? 0);
  expect(tree.length).toBeGreaterThanOrEqual(8);
  expect(await end(first.child, 'SIGINT')).toEqual({ code: 0, signal: null });
  for (const pid of tree) expect(gone(pid), `process ${pid} is left behind`).toBe(true);

  const second = await startHerald(env);
  expect(keyIn(second.banner), 'the key is shown once').toBe('');
  const { body } = await usersAt(addressIn(second.banner), key);
  expect(body.items.map((user) => user.name).sort()).toEqual(['Li', 'admin']);

  const orphans = await descendants(second.child.pid ?? 0);
  expect(orphans.length).toBeGreaterThanOrEqual(8);
  await end(second.child, 'SIGKILL');
  await eventually(async () => {
    expect(orphans.filter((pid) => !gone(pid))).toEqual([]);
  });
});

it('a port that is taken is named, and whatever is wrong or stopped at a start leaves nothing behind', {
  timeout: 60_000,
}, async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const clash = await herald(['start'], { ...env, PORT: String(port) });
  expect(clash).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`another program uses port ${port}`),
  });
  expect(clash.stderr).toContain('web ended with exit code 1');
  taken.close();

  const early = spawnHerald(['start'], env);
  const begun = await eventually(async () => {
    const tree = await descendants(early.pid ?? 0);
    expect(tree.length).toBeGreaterThan(4);
    return tree;
  });
  expect(await end(early, 'SIGTERM')).toEqual({ code: 0, signal: null });
  for (const pid of begun) expect(gone(pid), `process ${pid} is left behind`).toBe(true);
});

it.each([
  ['web', 'src/cli/main.js', ['serve']],
  ['worker', 'workers/sweep.js', []],
  ['sandbox', 'src/cli/main.js', ['sandbox', '--port', '0']],
])('a %s whose parent is gone before it has loaded ends by itself', async (_part, program, args) => {
  const database = await createTestDatabase();
  const child = forkPart(program, args, {
    PORT: '0',
    DATABASE_URL: database.connectionString,
    HERALD_SECRET: 's'.repeat(32),
  });
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
  await database.drop();
});

it.skipIf(redisUrl() === null)('stops by itself when its Redis is gone', { timeout: 60_000 }, async () => {
  const redis = await startRedis();
  if ('leftOut' in redis) throw new Error(redis.leftOut);
  const database = await createTestDatabase();
  const { child } = await startHerald({
    PORT: '0',
    DATABASE_URL: database.connectionString,
    REDIS_URL: redis.url,
    HERALD_SECRET: 's'.repeat(32),
  });
  const tree = await descendants(child.pid ?? 0);
  await redis.stop();
  const began = performance.now();
  expect(await end(child, 'SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - began, 'nobody had to be killed').toBeLessThan(25_000);
  for (const pid of tree) expect(gone(pid), `process ${pid} is left behind`).toBe(true);
  await database.drop();
});
