import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserStore } from '../../src/storage/users.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let users: UserStore;
beforeAll(async () => {
  database = await createTestDatabase();
  users = new UserStore(database.pool);
});
afterAll(() => database.drop());

test('a key acts for its user, and the database does not know it', async () => {
  const user = await users.add({ name: '李娜', role: 'approver' });
  const { id, key } = await users.createKey(user.id);
  expect(key).toMatch(/^hk_[\w-]{43}$/);
  expect(await users.authenticate(key)).toEqual({ id: user.id, role: 'approver', name: '李娜', keyId: id });
  const { rows } = await database.pool.query('SELECT * FROM api_keys WHERE id = $1', [id]);
  expect(JSON.stringify(rows)).not.toContain(key.slice(3));
});

test('unknown, revoked and disabled users’ keys act for nobody', async () => {
  const user = await users.add({ name: 'Chen', role: 'author' });
  const [first, second] = [await users.createKey(user.id), await users.createKey(user.id)];
  await users.revokeKey(first.id);
  await users.revokeKey(first.id);
  expect(await users.authenticate(first.key)).toBeUndefined();
  expect(await users.authenticate(`${second.key}x`)).toBeUndefined();
  expect(await users.authenticate(second.key)).toMatchObject({ id: user.id });
  expect((await users.keys(user.id)).map((key) => key.revokedAt !== null)).toEqual([true, false]);

  await users.disable(user.id);
  expect(await users.authenticate(second.key)).toBeUndefined();
  await expect(users.createKey(user.id)).rejects.toMatchObject({ kind: 'not-found', code: 'no-such-user' });
});

test('what is not there is named', async () => {
  await expect(users.get(999_999)).rejects.toMatchObject({ code: 'no-such-user' });
  await expect(users.disable(999_999)).rejects.toMatchObject({ code: 'no-such-user' });
  await expect(users.revokeKey(999_999)).rejects.toMatchObject({ code: 'no-such-key' });
});

test('the last admin cannot be disabled, not even by two who disable each other', async () => {
  const admins = [
    await users.add({ name: 'A', role: 'admin' }),
    await users.add({ name: 'B', role: 'admin' }),
  ];
  const both = await Promise.allSettled(admins.map(({ id }) => users.disable(id)));
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({ code: 'last-admin' });
  expect((await users.list()).filter((user) => user.role === 'admin' && !user.disabledAt)).toHaveLength(1);
});
