import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeraldError } from '../../src/domain/errors.ts';
import { EndpointStore } from '../../src/storage/endpoints.ts';
import { ListStore } from '../../src/storage/lists.ts';
import { createSealer } from '../../src/storage/seal.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let endpoints: EndpointStore;
const key = randomBytes(32);
const sealer = createSealer(key, 'endpoint-secret');
let made = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  const lists = new ListStore(database.pool);
  await lists.add('topics', { code: 'crime', names: {} });
  endpoints = new EndpointStore(database.pool, {
    lists,
    sealer,
    generateSecret: () => `whsec_${++made}`,
    checkUrl: async (url) => {
      if (url.includes('10.0.0.1'))
        throw new HeraldError('invalid', 'private-network', 'is in a private network');
      return url;
    },
  });
});
afterAll(() => database.drop());

const sealedOf = async (id: number) => {
  const { rows } = await database.pool.query<{ sealed_secrets: Buffer[] }>(
    'SELECT sealed_secrets FROM endpoints WHERE id = $1',
    [id],
  );
  return rows[0]?.sealed_secrets ?? [];
};
const secretsOf = async (id: number) => (await sealedOf(id)).map((sealed) => sealer.open(sealed));

test('the secret is told once and rests sealed', async () => {
  const { id, secret } = await endpoints.create({
    outlet: '滨江日报',
    url: 'https://news.example/a',
    topics: ['crime'],
    districts: [],
  });
  expect(await endpoints.get(id)).toMatchObject({
    outlet: '滨江日报',
    topics: ['crime'],
    districts: [],
    secretCount: 1,
    disabledAt: null,
  });
  expect(JSON.stringify(await endpoints.get(id))).not.toContain('whsec');
  expect(Buffer.concat(await sealedOf(id)).includes(secret)).toBe(false);
  expect(await secretsOf(id)).toEqual([secret]);
});

test('during a rotation two secrets are valid, newest first', async () => {
  const { id, secret } = await endpoints.create({
    outlet: 'A',
    url: 'https://news.example/b',
    topics: [],
    districts: [],
  });
  const rotated = await endpoints.rotateSecret(id);
  expect(await secretsOf(id)).toEqual([rotated.secret, secret]);
  // The outlet may still use the first one only.
  await expect(endpoints.rotateSecret(id)).rejects.toMatchObject({ code: 'rotation-under-way' });
  expect(await secretsOf(id)).toEqual([rotated.secret, secret]);
  expect((await endpoints.dropOldSecret(id)).secretCount).toBe(1);
  expect(await secretsOf(id)).toEqual([rotated.secret]);
  await endpoints.rotateSecret(id);
});

test('bad URLs, URLs in use and unknown topics are refused, and nothing is half-written', async () => {
  const good = { outlet: 'B', url: 'https://news.example/c', topics: [], districts: [] };
  const { id } = await endpoints.create(good);
  await expect(endpoints.create({ ...good, url: 'https://10.0.0.1/' })).rejects.toMatchObject({
    code: 'private-network',
  });
  await expect(endpoints.create(good)).rejects.toMatchObject({ kind: 'conflict', code: 'endpoint-exists' });
  await expect(endpoints.update(id, { url: 'https://news.example/a' })).rejects.toMatchObject({
    code: 'endpoint-exists',
  });
  await expect(endpoints.update(id, { outlet: 'C', topics: ['sports'] })).rejects.toMatchObject({
    code: 'unknown-topic',
  });
  expect(await endpoints.get(id)).toMatchObject(good);
  expect(await endpoints.update(id, { topics: ['crime'] })).toMatchObject({ outlet: 'B', topics: ['crime'] });
});

test('a removed endpoint is gone, and its URL free again', async () => {
  const input = { outlet: 'D', url: 'https://news.example/d', topics: [], districts: [] };
  const { id } = await endpoints.create(input);
  await endpoints.remove(id);
  await expect(endpoints.get(id)).rejects.toMatchObject({ kind: 'not-found', code: 'no-such-endpoint' });
  await expect(endpoints.remove(id)).rejects.toMatchObject({ code: 'no-such-endpoint' });
  const { id: next } = await endpoints.create(input);
  expect((await endpoints.list({ limit: 100 })).map((e) => e.id)).toContain(next);
  expect((await endpoints.list({ limit: 100 })).map((e) => e.id)).not.toContain(id);
  expect(await endpoints.list({ after: next, limit: 100 })).toEqual([]);
});

test('switched off and on', async () => {
  const { id } = await endpoints.create({
    outlet: 'E',
    url: 'https://news.example/e',
    topics: [],
    districts: [],
  });
  expect(await endpoints.disable(id, 'HTTP 410')).toMatchObject({ disabledReason: 'HTTP 410' });
  expect((await endpoints.disable(id, 'later')).disabledReason).toBe('HTTP 410');
  expect(await endpoints.enable(id)).toMatchObject({ disabledAt: null, disabledReason: null });
});

test('what was sealed for another purpose, under another key, or altered cannot be opened', () => {
  const sealed = sealer.seal('whsec_x');
  expect(sealer.seal('whsec_x').equals(sealed)).toBe(false);
  const altered = Buffer.from(sealed);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  for (const open of [
    () => sealer.open(altered),
    () => sealer.open(sealed.subarray(0, 10)),
    () => createSealer(key, 'other').open(sealed),
    () => createSealer(randomBytes(32), 'endpoint-secret').open(sealed),
  ]) {
    expect(open).toThrow(expect.objectContaining({ code: 'wrong-secret' }));
  }
});
