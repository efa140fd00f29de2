import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLeaveCodeStore } from '../../src/storage/leave-codes.ts';
import { createSuppressionStore } from '../../src/storage/suppressions.ts';
import { createTestDatabase, servers, type TestDatabase } from '../support/database.ts';

const PHONE = '+8613800138000';
const HMAC = Buffer.alloc(32, 1);

describe.each(servers())('on $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    const { pool } = database;
    for (const table of ['leave_codes', 'suppressions', 'contacts', 'subscribers'])
      await pool.query(`DELETE FROM ${table}`);
    await pool.query(
      `WITH s AS (INSERT INTO subscribers (locale, consent_at, consent_source) VALUES ('zh-CN', now(), 'test') RETURNING id)
       INSERT INTO contacts (subscriber_id, channel, address) SELECT id, 'sms', $1 FROM s`,
      [PHONE],
    );
  });

  test('of many who ask at once for one number, one gets a code', async () => {
    const codes = createLeaveCodeStore(database.pool);
    const issued = await Promise.all(Array.from({ length: 8 }, () => codes.issue(PHONE, HMAC)));
    expect(issued.filter(Boolean)).toEqual([{ locale: 'zh-CN' }]);
    expect(await codes.issue('+8613900139000', HMAC)).toBeNull();
  });

  test('of many tries at once, five count', async () => {
    const codes = createLeaveCodeStore(database.pool);
    await codes.issue(PHONE, HMAC);
    const tries = await Promise.all(Array.from({ length: 12 }, () => codes.tryOnce(PHONE)));
    expect(tries.filter((kept) => kept?.equals(HMAC))).toHaveLength(5);
  });

  test('a code that was used, and a number that has left, get nothing', async () => {
    const codes = createLeaveCodeStore(database.pool);
    await codes.issue(PHONE, HMAC);
    await codes.end(PHONE);
    expect(await codes.tryOnce(PHONE)).toBeNull();
    await database.pool.query(`UPDATE leave_codes SET sent_at = now() - interval '1 hour'`);
    await createSuppressionStore(database.pool, 0).block({ channel: 'sms', address: PHONE }, 'x', undefined);
    expect(await codes.issue(PHONE, HMAC)).toBeNull();
  });

  test('old ones are removed', async () => {
    const codes = createLeaveCodeStore(database.pool);
    await codes.issue(PHONE, HMAC);
    await database.pool.query(
      `INSERT INTO leave_codes (contact_id, day_began_at, sent_at) VALUES (0, 'epoch', 'epoch')`,
    );
    await codes.end(PHONE);
    const { rows } = await database.pool.query('SELECT contact_id <> 0 AS kept FROM leave_codes');
    expect(rows).toEqual([{ kept: true }]);
  });

  test('an address that is blocked by two at once is blocked once', async () => {
    const store = createSuppressionStore(database.pool, 0);
    const address = { channel: 'sms' as const, address: PHONE };
    const blocked = await Promise.allSettled(
      ['one', 'two', 'three'].map((note) => store.block(address, note, undefined)),
    );
    expect(blocked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [found] = await store.of([address]);
    expect(found?.reason).toBe('blocked');
    await store.lift(address, undefined);
    await expect(store.lift(address, undefined)).rejects.toMatchObject({ code: 'not-suppressed' });
  });
});
