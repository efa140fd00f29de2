import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IdempotencyStore } from '../../src/storage/idempotency.ts';
import { createSealer } from '../../src/storage/seal.ts';
import { UserStore } from '../../src/storage/users.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let store: IdempotencyStore;
let user: number;
let other: number;
const hash = (text: string) => createHash('sha256').update(text).digest();
const inProgress = { kind: 'conflict', code: 'request-in-progress' };

beforeAll(async () => {
  database = await createTestDatabase();
  store = new IdempotencyStore(database.pool, createSealer(randomBytes(32), 'idempotent-answer'));
  const users = new UserStore(database.pool);
  user = (await users.add({ name: 'A', role: 'author' })).id;
  other = (await users.add({ name: 'B', role: 'author' })).id;
});
afterAll(() => database.drop());

test('the first request has the key, the second gets its answer', async () => {
  expect(await store.begin(user, 'k1', hash('a'))).toBeUndefined();
  await expect(store.begin(user, 'k1', hash('a'))).rejects.toMatchObject(inProgress);
  await store.finish(user, 'k1', hash('a'), { status: 201, body: '{"key":"hk_secret"}' });
  const stored = await store.begin(user, 'k1', hash('a'));
  expect(stored).toEqual({ requestSha256: hash('a'), status: 201, body: '{"key":"hk_secret"}' });
  const { rows } = await database.pool.query('SELECT body FROM idempotency_keys');
  expect(JSON.stringify(rows)).not.toContain('hk_secret');
});

test('another request under the same key is a conflict; another user’s key is another key', async () => {
  const stored = await store.begin(user, 'k1', hash('b'));
  if (!stored) throw new Error('the key was free');
  expect(() => store.checkSame(stored, hash('b'))).toThrow(
    expect.objectContaining({ kind: 'conflict', code: 'idempotency-key-reused' }),
  );
  store.checkSame(stored, hash('a'));
  expect(await store.begin(other, 'k1', hash('b'))).toBeUndefined();
});

test('of many at once exactly one has the key', async () => {
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => store.begin(user, 'k2', hash('a'))));
  expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
});

test('a failed request gives its key back; one that died loses it, and answers are forgotten after a day', async () => {
  await store.begin(user, 'k3', hash('a'));
  await store.abandon(user, 'k3');
  expect(await store.begin(user, 'k3', hash('b'))).toBeUndefined();

  const age = (interval: string) =>
    database.pool.query(`UPDATE idempotency_keys SET created_at = now() - $1::interval WHERE key = 'k3'`, [
      interval,
    ]);
  await age('14 minutes');
  await expect(store.begin(user, 'k3', hash('c'))).rejects.toMatchObject(inProgress);
  await age('16 minutes');
  expect(await store.begin(user, 'k3', hash('c'))).toBeUndefined();

  await store.finish(user, 'k3', hash('c'), { status: 200, body: '' });
  await age('23 hours');
  expect(await store.begin(user, 'k3', hash('c'))).toMatchObject({ status: 200 });
  await age('25 hours');
  expect(await store.prune()).toBe(1);
  expect(await store.begin(user, 'k3', hash('d'))).toBeUndefined();
});
