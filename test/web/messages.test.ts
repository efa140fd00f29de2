import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

const MESSAGE = {
  channel: 'sms',
  to: '+1 (415) 555-0100',
  template: 'test-message',
  fields: { note: 'Hello' },
};
const send = (change: object = {}, headers: Record<string, string> = {}) =>
  herald.as('admin').send('POST', '/v1/messages', { ...MESSAGE, ...change }, headers);

describe('POST /v1/messages', () => {
  test('is taken, and its delivery can be looked at', async () => {
    const sent = await send({ locale: 'en' });
    expect(sent).toMatchObject({
      status: 202,
      body: { id: expect.stringMatching(/^ann_/), delivery: expect.stringMatching(/^dlv_/) },
    });
    expect(sent.headers.location).toBe(`/v1/deliveries/${sent.body.delivery}`);
    const delivery = await herald.as('admin').get(`/v1/deliveries/${sent.body.delivery}`);
    expect(delivery).toMatchObject({
      status: 200,
      body: {
        announcementId: sent.body.id,
        channel: 'sms',
        status: 'queued',
        address: '+14155550100',
        locale: 'en',
      },
    });
  });

  test('is for admins', async () => {
    for (const role of ['author', 'approver'] as const)
      expect(await herald.as(role).send('POST', '/v1/messages', MESSAGE)).toMatchObject({
        status: 403,
        body: { code: 'role-required' },
      });
  });

  test('under an Idempotency-Key writes one message, however often it is sent', async () => {
    const key = { 'idempotency-key': 'message-1' };
    const [first, second] = [await send({}, key), await send({}, key)];
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(await send({ to: '+14155550101' }, key)).toMatchObject({ status: 409 });
  });

  test.each([
    ['a landline in China', { to: '010-12345678' }, 'invalid-message', 'to'],
    ['no mailbox', { channel: 'email' }, 'invalid-message', 'to'],
    ['a channel that has no lane', { channel: 'webhook' }, 'invalid-message', 'channel'],
    ['a field that is not in the template', { fields: { text: 'x' } }, 'invalid-message', 'fields.text'],
    ['too long a text', { fields: { note: 'x'.repeat(121) } }, 'invalid-message', 'fields.note'],
    ['a template of announcements', { template: 'plain' }, 'unknown-template', 'template'],
    ['an expiry that is none', { expiresInMinutes: 0 }, 'invalid-message', 'expiresInMinutes'],
    [
      'a link that is none',
      { template: 'approval-request', fields: { headline: 'x', link: 'javascript:alert(1)' } },
      'invalid-message',
      'fields.link',
    ],
    [
      'a link to a number that gets none',
      {
        to: '13800138000',
        template: 'approval-request',
        fields: { headline: 'x', link: 'https://h.example/a' },
      },
      'link-not-allowed',
      'fields',
    ],
  ])('%s is refused by name', async (_, change, code, path) => {
    const { status, body } = await send(change);
    expect([status, body.code]).toEqual([400, code]);
    expect(body.issues.map((issue: { path: string }) => issue.path)).toContain(path);
  });

  test('an address that must not be written to is refused', async () => {
    await herald.app.pool.query(
      `INSERT INTO suppressions (channel, address, reason, source) VALUES ('sms', '+14155550177', 'opted-out', 'test')`,
    );
    expect(await send({ to: '+14155550177' })).toMatchObject({
      status: 409,
      body: { code: 'address-suppressed' },
    });
  });

  test('is no announcement: not listed, not read, not acted on, not superseded', async () => {
    const { id } = (await send()).body;
    const admin = herald.as('admin');
    const { body } = await admin.get('/v1/announcements');
    expect(body.items).toEqual([]);
    const url = `/v1/announcements/${id}`;
    const unknown = { status: 404, body: { code: 'no-such-announcement' } };
    for (const path of ['', '/preview', '/deliveries'])
      expect(await admin.get(`${url}${path}`), path).toMatchObject(unknown);
    for (const act of ['submit', 'approve', 'reject', 'pause', 'resume', 'cancel'])
      expect(await admin.send('POST', `${url}/${act}`, { reason: 'x' }), act).toMatchObject(unknown);
    expect(await admin.send('PATCH', url, DRAFT)).toMatchObject(unknown);
    const correction = { ...DRAFT, kind: 'correction', supersedes: id };
    expect(await admin.send('POST', '/v1/announcements', correction)).toMatchObject(unknown);
  });

  test('its templates are not for announcements', async () => {
    const draft = { ...DRAFT, template: 'test-message', content: { 'zh-CN': { note: 'x' } } };
    expect(await herald.as('author').send('POST', '/v1/announcements', draft)).toMatchObject({
      status: 400,
      body: { code: 'unknown-template', fix: 'use one of: hot-case, plain' },
    });
  });

  test('stands in the OpenAPI document', async () => {
    const { body } = await herald.as('admin').get('/openapi.json');
    expect(body.paths['/v1/messages'].post).toMatchObject({
      description: expect.stringContaining('Needs the role admin'),
      responses: { 202: expect.anything() },
    });
  });
});
