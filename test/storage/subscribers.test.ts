import { afterAll, beforeAll, expect, test } from 'vitest';
import { normaliseEmail, normalisePhone } from '../../src/pipeline/address.ts';
import { ListStore } from '../../src/storage/lists.ts';
import { suppressAddress } from '../../src/storage/receipts.ts';
import { SubscriberStore } from '../../src/storage/subscribers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let subscribers: SubscriberStore;
const consent = {
  topics: [],
  districts: [],
  consentAt: new Date('2026-01-05T08:00:00Z'),
  consentSource: 'web form',
  locale: 'zh-CN',
};

beforeAll(async () => {
  database = await createTestDatabase();
  const lists = new ListStore(database.pool);
  await lists.add('topics', { code: 'crime', names: {} });
  await lists.add('districts', { code: 'north', names: {} });
  subscribers = new SubscriberStore(database.pool, {
    lists,
    normalise: { sms: normalisePhone, email: normaliseEmail },
    suppress: (client, address) => suppressAddress(client, 0, address),
  });
});
afterAll(() => database.drop());

const suppressions = async () =>
  (
    await database.pool.query(
      'SELECT channel, address, reason, source FROM suppressions ORDER BY channel, address',
    )
  ).rows;

test('addresses are normalised, and belong to one subscriber', async () => {
  const added = await subscribers.add({
    ...consent,
    name: '王芳',
    phone: '138 0000 0001',
    email: 'Wang@Example.ORG',
    topics: ['crime'],
    districts: ['north'],
  });
  expect(added).toMatchObject({
    phone: '+8613800000001',
    email: 'Wang@example.org',
    topics: ['crime'],
    districts: ['north'],
  });
  expect(await subscribers.get(added.id)).toEqual(added);
  for (const twice of [{ phone: '+86 13800000001' }, { phone: '13800000009', email: 'Wang@EXAMPLE.org' }]) {
    await expect(subscribers.add({ ...consent, ...twice })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'address-taken',
    });
  }
  const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM subscribers`);
  expect(rows[0].n).toBe(1);
});

test('bad input names the field', async () => {
  const refused = (input: object, code: string) =>
    expect(subscribers.add({ ...consent, phone: '13800000002', ...input })).rejects.toMatchObject({
      kind: 'invalid',
      code,
    });
  await refused({ phone: '12345' }, 'bad-phone');
  await refused({ email: 'nobody' }, 'bad-mailbox');
  await refused({ phone: undefined }, 'missing-contact');
  await refused({ topics: ['sports'] }, 'unknown-topic');
  await refused({ districts: ['south'] }, 'unknown-district');
  await expect(subscribers.get(999_999)).rejects.toMatchObject({
    kind: 'not-found',
    code: 'no-such-subscriber',
  });
});

test('changes keep what is left out, and the contact of a changed address', async () => {
  const { id } = await subscribers.add({
    ...consent,
    name: 'Liu',
    phone: '13800000003',
    email: 'liu@example.org',
    topics: ['crime'],
  });
  const contacts = async () =>
    (
      await database.pool.query(
        'SELECT id, channel FROM contacts WHERE subscriber_id = $1 ORDER BY channel',
        [id],
      )
    ).rows;
  const before = await contacts();
  expect(await subscribers.update(id, { phone: '13800000004', locale: 'en' })).toMatchObject({
    name: 'Liu',
    phone: '+8613800000004',
    email: 'liu@example.org',
    locale: 'en',
    topics: ['crime'],
  });
  expect(await contacts()).toEqual(before);
  expect(await subscribers.update(id, { name: null, topics: [] })).toMatchObject({ name: null, topics: [] });
  await expect(subscribers.update(id, { phone: '13800000001' })).rejects.toMatchObject({
    code: 'address-taken',
  });

  expect((await subscribers.update(id, { email: null })).email).toBeNull();
  expect(await suppressions()).toEqual([
    { channel: 'email', address: 'liu@example.org', reason: 'left', source: 'api' },
  ]);
  await expect(subscribers.update(id, { phone: null })).rejects.toMatchObject({ code: 'missing-contact' });
  expect((await subscribers.get(id)).phone).toBe('+8613800000004');
});

test('removing a citizen suppresses their addresses and stops what is queued, together', async () => {
  const { id } = await subscribers.add({ ...consent, phone: '13800000005', email: 'zhao@example.org' });
  await queueDeliveries(['+8613800000005', '+8613800000001']);
  await subscribers.remove(id, 'api');
  await expect(subscribers.get(id)).rejects.toMatchObject({ code: 'no-such-subscriber' });
  await expect(subscribers.remove(id, 'api')).rejects.toMatchObject({ code: 'no-such-subscriber' });
  expect(await suppressions()).toContainEqual({
    channel: 'sms',
    address: '+8613800000005',
    reason: 'left',
    source: 'api',
  });
  const { rows } = await database.pool.query('SELECT address_key, status FROM deliveries ORDER BY n');
  expect(rows).toEqual([
    { address_key: '+8613800000005', status: 'suppressed' },
    { address_key: '+8613800000001', status: 'queued' },
  ]);
});

test('who left comes back only with a newer consent; who opted out at the provider, or was blocked, does not', async () => {
  const again = { ...consent, phone: '13800000005' };
  await expect(subscribers.add(again)).rejects.toMatchObject({
    kind: 'conflict',
    code: 'address-suppressed',
  });
  const { id } = await subscribers.add({ ...again, consentAt: new Date(Date.now() + 60_000) });
  expect((await suppressions()).map((s) => s.address)).not.toContain('+8613800000005');
  expect((await subscribers.get(id)).phone).toBe('+8613800000005');

  await database.pool.query(
    `INSERT INTO suppressions VALUES ('sms', '+8613800000006', 'opted-out', 'sms-reply')`,
  );
  const opted = { ...consent, phone: '13800000006', consentAt: new Date(Date.now() + 60_000) };
  await expect(subscribers.add(opted)).rejects.toMatchObject({
    code: 'address-suppressed',
    fix: expect.stringMatching(/START/),
  });
});

test('lists go on where the page before ended', async () => {
  const all = await subscribers.list({ limit: 100 });
  expect(all.length).toBeGreaterThan(2);
  const [first, second] = all;
  expect(await subscribers.list({ after: first?.id ?? 0, limit: 1 })).toEqual([second]);
  expect(await subscribers.list({ after: all.at(-1)?.id ?? 0, limit: 10 })).toEqual([]);
});

/** An announcement that is being sent, with a queued row for each address. */
async function queueDeliveries(addresses: readonly string[]): Promise<void> {
  const { pool } = database;
  const { rows: user } = await pool.query(
    `INSERT INTO users (name, role) VALUES ('A', 'approver') RETURNING id`,
  );
  const { rows: cases } = await pool.query(
    `INSERT INTO cases (reference, title) VALUES ('DL-1', 'T') RETURNING id`,
  );
  const { rows } = await pool.query(
    `INSERT INTO announcements (case_id, kind, urgency, mode, state, gateway, expires_at, created_by, approved_by, approved_at)
     VALUES ($1, 'notice', 'normal', 'live', 'sending', 'sandbox', now() + interval '1 day', $2, $2, now()) RETURNING id`,
    [cases[0].id, user[0].id],
  );
  await pool.query(
    `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale)
     SELECT $1, n, 'sms', n, address, 'en' FROM unnest($2::text[]) WITH ORDINALITY AS a(address, n)`,
    [rows[0].id, addresses],
  );
}
