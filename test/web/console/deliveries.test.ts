import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person } from './visitor.ts';

let herald: Herald;
let author: Person;
let approver: Person;
let page: string;
let id: number;
const HOSTILE = '<img src=x onerror=alert(1)>';
const wordsOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author', '李静');
  approver = await person(herald, 'approver', '王强');
  const { app } = herald;
  await app.pool.query(`UPDATE users SET locale = 'en'`);
  for (const [phone, email] of [
    ['+12025550101', null],
    ['+12025550102', null],
    [null, 'li@example.org'],
  ] as const)
    await app.subscribers.add(
      {
        name: HOSTILE,
        locale: 'zh-CN',
        topics: [],
        districts: [],
        ...(phone && { phone }),
        ...(email && { email }),
        consentAt: new Date(),
        consentSource: 'test',
      },
      { id: approver.id },
    );
  const draft = { ...DRAFT, channels: ['sms', 'email'] };
  id = (await app.announce.create(draft, { id: author.id, role: 'author' })).id;
  await app.announce.submit(id, { id: author.id, role: 'author' });
  await app.announce.approve(id, { id: approver.id, role: 'approver' });
  const { rows } = await app.pool.query('SELECT generation FROM expansions');
  while ((await app.engine.expansions.slice(id, rows[0].generation)) === 'more');
  await app.pool.query(
    `UPDATE deliveries SET status = 'undelivered', error_code = '30003', attempt = 1, claimed_at = now(), provider_message_id = 'SM1' WHERE address_key = '+12025550101'`,
  );
  page = `/console/announcements/${app.ids.encode('announcement', id)}`;
});
afterAll(() => herald.close());

const lookUps = async () =>
  (await herald.app.audit.list({ limit: 50 })).filter(({ act }) => act === 'look-up').length;

describe('the deliveries of an announcement', () => {
  test('are listed with their reasons; whoever may see addresses leaves a row in the audit log', async () => {
    const before = await lookUps();
    const { status, body } = await (await approver.visit()).get(`${page}/deliveries`);
    expect(status).toBe(200);
    expect(wordsOf(body)).toContain(
      '+12025550101 SMS Not delivered The phone is switched off or out of reach 1',
    );
    expect(await lookUps()).toBe(before + 1);
  });

  test('an author sees no whole address', async () => {
    const { body } = await (await author.visit()).get(`${page}/deliveries`);
    expect(body).not.toContain('2025550101');
    expect(wordsOf(body)).toContain('+1 202****0101');
  });

  test('one person is found by number or mailbox, however it is written, and by the delivery’s id', async () => {
    const visitor = await approver.visit();
    const find = async (q: string) =>
      wordsOf((await visitor.get(`${page}/deliveries?q=${encodeURIComponent(q)}`)).body);
    expect(await find(' +1 (202) 555-0102 ')).toMatch(/\+12025550102 SMS Waiting/);
    expect(await find('li@EXAMPLE.org')).toMatch(/li@example.org E-mail Waiting/);
    expect(await find('+12025550999')).toContain('did not go to +12025550999');
    expect(await find(HOSTILE)).toContain('did not go to');
    const dlv = herald.app.ids.encode('delivery', id, 1);
    expect((await visitor.get(`${page}/deliveries?q=${dlv}`)).location).toBe(`/console/deliveries/${dlv}`);
  });

  test('filters that nobody offers are none, and never an error', async () => {
    const visitor = await approver.visit();
    for (const query of [
      'channel=&status=',
      'channel=fax',
      'status=%00',
      'after=-1',
      'after=x',
      'q=%F0%9F%98%80',
    ])
      expect([query, (await visitor.get(`${page}/deliveries?${query}`)).status]).toEqual([query, 200]);
    const { body } = await visitor.get(`${page}/deliveries?channel=sms&status=undelivered`);
    expect(wordsOf(body)).not.toContain('+12025550102');
  });

  test('come as a CSV that a spreadsheet shows and does not run', async () => {
    const { headers, body } = await (await approver.visit()).get(`${page}/deliveries.csv?channel=sms`);
    expect(headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(body.split('\r\n')).toHaveLength(4);
    expect(body).toMatch(/dlv_\w+,sms,undelivered,'\+12025550101,zh-CN,1,,30003\r\n/);
  });
});

describe('one delivery', () => {
  const numberOf = async (channel: string) =>
    (await herald.app.pool.query('SELECT n FROM deliveries WHERE channel = $1 ORDER BY n LIMIT 1', [channel]))
      .rows[0].n;

  test('shows the text that its reader gets, with their name as text', async () => {
    const visitor = await approver.visit();
    const sms = `/console/deliveries/${herald.app.ids.encode('delivery', id, await numberOf('sms'))}`;
    const { body } = await visitor.get(sms);
    expect(body).toContain('警惕诈骗');
    expect(body.replace(/<[^>]*>/g, '')).toMatch(/\/u\/[\w-]{30}/);
    const email = `/console/deliveries/${herald.app.ids.encode('delivery', id, await numberOf('email'))}`;
    const shown = await visitor.get(email);
    expect(shown.body).toContain(`src="${email}/mail"`);
    for (const one of [body, shown.body]) expect(one).not.toContain('<img src=x');
  });

  test('shows an author neither a name nor a link to leave', async () => {
    const visitor = await author.visit();
    for (const channel of ['sms', 'email']) {
      const one = `/console/deliveries/${herald.app.ids.encode('delivery', id, await numberOf(channel))}`;
      const { status, body } = await visitor.get(one);
      expect([status, body.includes('/u/'), body.includes('approvers and admins may read it')]).toEqual([
        200,
        false,
        true,
      ]);
      expect((await visitor.get(`${one}/mail`)).status).toBe(403);
    }
  });

  test('a mail stands in a frame that runs nothing and belongs to nobody', async () => {
    const visitor = await approver.visit();
    const email = `/console/deliveries/${herald.app.ids.encode('delivery', id, await numberOf('email'))}`;
    const { headers, body } = await visitor.get(`${email}/mail`);
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(body).not.toContain('<img src=x');
    const sms = `/console/deliveries/${herald.app.ids.encode('delivery', id, await numberOf('sms'))}`;
    expect((await visitor.get(`${sms}/mail`)).status).toBe(404);
  });
});
