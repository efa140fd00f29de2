import twilio from 'twilio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sandboxAccount } from '../../src/adapters.ts';
import { DRAFT, type Herald, PUBLIC_URL, startHerald } from './herald.ts';

let herald: Herald;
let announcementId: number;
beforeAll(async () => {
  herald = await startHerald();
  const { body } = await herald.as('author').send('POST', '/v1/announcements', DRAFT);
  announcementId = herald.app.ids.decode('announcement', body.id).id;
  const { pool } = herald.app;
  await pool.query(
    `UPDATE announcements SET state = 'sending', gateway = 'sandbox', approved_at = now(), approved_by = created_by, expires_at = now() + interval '1 day' WHERE id = $1`,
    [announcementId],
  );
  await pool.query(
    `INSERT INTO deliveries (announcement_id, n, channel, status, attempt, claimed_at, contact_id, address_key, locale, provider_message_id) VALUES
      ($1, 1, 'sms', 'sent', 1, now(), 1, '+14155550101', 'en', 'SM1'), ($1, 2, 'email', 'queued', 0, NULL, 2, 'wang.fang@example.org', 'zh-CN', NULL),
      ($1, 3, 'webhook', 'queued', 0, NULL, 7, '7', 'zh-CN', NULL), ($1, 4, 'sms', 'queued', 0, NULL, 3, '+14155550102', 'en', NULL)`,
    [announcementId],
  );
});
afterAll(() => herald.close());

const idOf = (n: number) => herald.app.ids.encode('delivery', announcementId, n);
const statusOf = async (n: number) =>
  (await herald.as('author').get(`/v1/deliveries/${idOf(n)}`)).body.status;

/** Posts a form as Twilio would: signed over the public URL and everything in the form. */
function callback(
  path: string,
  pairs: [string, string][],
  options: { signature?: string; url?: string } = {},
) {
  const { accountSid, authToken } = sandboxAccount(herald.secret);
  const form: [string, string][] = [['AccountSid', accountSid], ...pairs];
  const params: Record<string, string | string[]> = {};
  for (const [name, value] of form)
    params[name] = name in params ? [params[name] ?? [], value].flat() : value;
  const signature =
    options.signature ??
    twilio.getExpectedTwilioSignature(authToken, `${options.url ?? PUBLIC_URL}${path}`, params);
  return herald.server.inject({
    method: 'POST',
    url: path,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(signature && { 'x-twilio-signature': signature }),
    },
    payload: new URLSearchParams(form).toString(),
  });
}
const status = (n: number, sid: string, told: string, more: [string, string][] = [], options = {}) =>
  callback(
    `/callbacks/twilio/status?delivery=${idOf(n)}`,
    [['MessageSid', sid], ['MessageStatus', told], ...more],
    options,
  );

test('a signed status is written before it is answered, with fields that nobody knows and some that come twice', async () => {
  const answer = await status(1, 'SM1', 'delivered', [
    ['NewField', '值 & more'],
    ['Tag', 'b'],
    ['Tag', 'a'],
  ]);
  expect([answer.statusCode, answer.payload]).toEqual([204, '']);
  const { body } = await herald.as('approver').get(`/v1/deliveries/${idOf(1)}`);
  expect(body).toMatchObject({ status: 'delivered', events: [{ type: 'delivered', source: 'twilio' }] });
});

test('twice and out of order is fine', async () => {
  expect((await status(1, 'SM1', 'delivered')).statusCode).toBe(204);
  expect((await status(1, 'SM1', 'sent')).statusCode).toBe(204);
  expect(await statusOf(1)).toBe('delivered');
});

test.each([
  ['no signature', { signature: '' }],
  ['a wrong one', { signature: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }],
  ['one for another URL', { url: 'https://other.example' }],
])('forged: %s', async (_what, options) => {
  const answer = await status(4, 'SM4', 'delivered', [], options);
  expect(answer.statusCode).toBe(403);
  expect(answer.json().code).toBe('bad-signature');
  expect(await statusOf(4)).toBe('queued');
});

test('a genuine callback cannot be used for another delivery', async () => {
  const { authToken, accountSid } = sandboxAccount(herald.secret);
  const params = { AccountSid: accountSid, MessageSid: 'SM1', MessageStatus: 'delivered' };
  const signature = twilio.getExpectedTwilioSignature(
    authToken,
    `${PUBLIC_URL}/callbacks/twilio/status?delivery=${idOf(1)}`,
    params,
  );
  expect((await status(4, 'SM1', 'delivered', [], { signature })).statusCode).toBe(403);
});

test('STOP by reply suppresses, and what is queued for them is stopped', async () => {
  const answer = await callback('/callbacks/twilio/inbound', [
    ['From', '+14155550102'],
    ['Body', 'Stop'],
    ['MessageSid', 'SM9'],
  ]);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^text\/xml/);
  expect(answer.payload).toContain('<Response');
  expect(await statusOf(4)).toBe('suppressed');
  expect(
    (
      await callback(
        '/callbacks/twilio/inbound',
        [
          ['From', '+1415'],
          ['Body', 'Stop'],
        ],
        { signature: '' },
      )
    ).statusCode,
  ).toBe(403);
});

test('when the database is away, Twilio is told to come again', async () => {
  const { buildServer } = await import('../../src/web/server.ts');
  const away = {
    ...herald.app.receive,
    smsStatus: () => Promise.reject(Object.assign(new Error('away'), { code: '57P01' })),
  };
  const server = await buildServer({ ...herald.app, receive: away });
  const answer = await server.inject({
    method: 'POST',
    url: '/callbacks/twilio/status',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=b',
  });
  expect(answer.statusCode).toBe(503);
  await server.close();
});

test('a broadcast’s receipts from one address are not limited', async () => {
  let refused = 0;
  for (let i = 0; i < 7_000; i += 1) {
    const answer = await herald.server.inject({
      method: 'POST',
      url: '/callbacks/twilio/status',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'a=b',
    });
    if (answer.statusCode !== 403) refused += 1;
  }
  expect(refused).toBe(0);
});

test('deliveries: who got it, with filters, pages, and addresses only for those who need them', async () => {
  const url = `/v1/announcements/${herald.app.ids.encode('announcement', announcementId)}/deliveries`;
  const [author, approver] = [herald.as('author'), herald.as('approver')];
  const addresses = async (caller: typeof author, query = '') =>
    (await caller.get(`${url}${query}`)).body.items.map((item: { address: string }) => item.address);
  const endpoint = herald.app.ids.encode('endpoint', 7);
  expect(await addresses(approver)).toEqual([
    '+14155550101',
    'wang.fang@example.org',
    endpoint,
    '+14155550102',
  ]);
  expect(await addresses(author)).toEqual(['+1 415****0101', 'w***@example.org', endpoint, '+1 415****0102']);
  expect(await addresses(approver, '?channel=sms&status=delivered')).toEqual(['+14155550101']);

  const first = await author.get(`${url}?limit=3`);
  expect(await addresses(approver, `?cursor=${first.body.nextCursor}`)).toEqual(['+14155550102']);
  expect((await author.get(`${url}?status=lost`)).status).toBe(400);
  expect((await author.get(`/v1/deliveries/${idOf(99)}`)).body.code).toBe('no-such-delivery');
});
