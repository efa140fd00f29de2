import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Herald, startHerald } from './herald.ts';

const PHONE = '+8613800138000';
let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());
beforeEach(async () => {
  for (const table of ['leave_codes', 'suppressions', 'subscribers', 'sign_in_attempts'])
    await herald.app.pool.query(`DELETE FROM ${table}`);
  await herald.app.subscribers.add({
    name: '王芳',
    locale: 'zh-CN',
    phone: PHONE,
    email: 'wang@example.org',
    topics: [],
    districts: [],
    consentAt: new Date(),
    consentSource: 'test',
  });
});

const post = async (url: string, fields: Readonly<Record<string, string>>) => {
  const { statusCode, payload, headers } = await herald.server.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  });
  return { status: statusCode, body: payload, headers };
};
const messages = async () =>
  (
    await herald.app.pool.query<{ code: string; to: string }>(
      `SELECT r.draft #>> '{content,zh-CN,code}' AS code, d.address_key AS to FROM announcements a
       JOIN revisions r ON r.announcement_id = a.id JOIN deliveries d ON d.announcement_id = a.id
       WHERE a.kind = 'message' ORDER BY a.id DESC`,
    )
  ).rows;
/** The code that comes to the phone after it was asked for. */
const ask = async (phone = '138 0013 8000') => {
  const before = (await messages()).length;
  const answer = await post('/leave', { phone });
  const sent = await eventually(async () => {
    const all = await messages();
    expect(all.length).toBe(before + 1);
    return all[0];
  });
  return { ...answer, code: sent?.code ?? '', to: sent?.to };
};
const suppressed = async () =>
  (await herald.app.pool.query('SELECT channel, address, reason, source FROM suppressions')).rows;

describe('leaving by a code', () => {
  test('asks for a number, sends it a code, and stops the messages to it when the code is right', async () => {
    const first = await herald.server.inject({ url: '/leave' });
    expect([first.statusCode, first.payload.includes('退订短信')]).toEqual([200, true]);
    const { status, body, code, to } = await ask();
    expect([status, to, /^\d{6}$/.test(code), body.includes(code)]).toEqual([200, PHONE, true, false]);
    expect(body).toContain('138****8000');
    const spaced = `${code.slice(0, 3)} ${code.slice(3)}`;
    const left = await post('/leave/code', { phone: PHONE, code: spaced });
    expect([left.status, left.body.includes('您已退订')]).toEqual([200, true]);
    expect(await suppressed()).toEqual([
      { channel: 'sms', address: PHONE, reason: 'left', source: 'leave-code' },
    ]);
    expect((await post('/leave/code', { phone: PHONE, code })).status).toBe(422);
  });

  test('says the same of a number that is not on the list, and sends it nothing', async () => {
    const { body } = await ask();
    const before = (await messages()).length;
    const unknown = await post('/leave', { phone: '13900139000' });
    expect(unknown.status).toBe(200);
    expect(unknown.body.replaceAll('139****9000', '138****8000').replaceAll('+8613900139000', PHONE)).toBe(
      body,
    );
    const wrong = [
      await post('/leave/code', { phone: PHONE, code: 'x' }),
      await post('/leave/code', { phone: '13900139000', code: 'x' }),
    ].map(({ status, body }) => [status, body.replaceAll(/13\d\*{4}\d{4}|\+86\d{11}/g, '')]);
    expect(wrong[0]).toEqual(wrong[1]);
    expect((await messages()).length).toBe(before);
  });

  test('takes five tries for a code, and sends one in ten minutes, five in a day', async () => {
    const { code } = await ask();
    await post('/leave', { phone: PHONE });
    const wrong = code === '000000' ? '000001' : '000000';
    for (let i = 0; i < 5; i += 1) await post('/leave/code', { phone: PHONE, code: wrong });
    expect((await post('/leave/code', { phone: PHONE, code })).status).toBe(422);
    expect(await suppressed()).toEqual([]);

    const later = () =>
      herald.app.pool.query(`UPDATE leave_codes SET sent_at = now() - interval '11 minutes'`);
    for (let i = 2; i <= 5; i += 1) {
      await later();
      await herald.app.pool.query('DELETE FROM sign_in_attempts');
      await ask();
    }
    await later();
    const before = (await messages()).length;
    await herald.app.leaveByCode.ask(PHONE);
    expect((await messages()).length).toBe(before);
    await herald.app.pool.query(`UPDATE leave_codes SET day_began_at = now() - interval '25 hours'`);
    const next = await ask();
    expect((await post('/leave/code', { phone: PHONE, code: next.code })).status).toBe(200);
  });

  test('an old code is none', async () => {
    const { code } = await ask();
    await herald.app.pool.query(`UPDATE leave_codes SET sent_at = now() - interval '11 minutes'`);
    expect((await post('/leave/code', { phone: PHONE, code })).status).toBe(422);
  });

  test('lets nobody on one network try for ever', async () => {
    const answers = [];
    for (let i = 0; i < 75; i += 1)
      answers.push(await post('/leave/code', { phone: `1390013${String(9000 + i)}`, code: '123456' }));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body).toContain('请稍后再试');
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
  });

  test.each(['', 'nobody', '12345', '<svg onload=alert(1)>', '02085168888', '\u0000'])(
    'of %j says that it is no number',
    async (phone) => {
      for (const url of ['/leave', '/leave/code']) {
        const { status, body } = await post(url, { phone, code: '1' });
        expect([url, status, body.includes('这不是能接收短信的号码')]).toEqual([url, 422, true]);
        expect(body).not.toContain('<svg onload');
      }
    },
  );

  test('whatever is sent, the answer is a page', async () => {
    for (const [type, payload] of [
      ['application/json', '{"phone":1}'],
      ['text/plain', 'x'.repeat(10_000)],
      ['', 'phone=%ff'],
    ] as const) {
      const headers = type === '' ? {} : { 'content-type': type };
      const answer = await herald.server.inject({ method: 'POST', url: '/leave', headers, payload });
      expect(answer.statusCode).toBeLessThan(500);
      expect(answer.payload).toContain('<!doctype html>');
    }
  });
});
