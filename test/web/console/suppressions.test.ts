import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { person, type Visitor } from './visitor.ts';

const HOME = '/console/admin/suppressions';
const HOSTILE = '<svg onload=alert(1)>';
let herald: Herald;
let theirs: Visitor;
beforeAll(async () => {
  herald = await startHerald();
  theirs = await (await person(herald, 'approver')).visit();
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
});
afterAll(() => herald.close());
beforeEach(() => herald.app.pool.query('DELETE FROM suppressions'));

const suppressed = async () =>
  (await herald.app.pool.query('SELECT channel, address, reason, source, note FROM suppressions')).rows;
const put = (reason: string) =>
  herald.app.pool.query(
    `INSERT INTO suppressions (channel, address, reason, source) VALUES ('sms', '+8613800138000', $1, 'twilio')`,
    [reason],
  );

describe('addresses that nothing is sent to', () => {
  test('are found however they are written; each look is in the audit log, and no address', async () => {
    const { id } = await herald.app.subscribers.add({
      locale: 'en',
      phone: '+8613800138000',
      topics: [],
      districts: [],
      consentAt: new Date('2020-01-01'),
      consentSource: 'test',
    });
    await put('left');
    const { body } = await theirs.get(`${HOME}?q=138%200013%208000`);
    for (const text of ['They unsubscribed', 'twilio', 'Only a new consent brings them back'])
      expect(body).toContain(text);
    expect(body).not.toContain('/lift"');
    expect((await theirs.get(`${HOME}?q=li%40example.org`)).body).toContain('messages may be sent there');
    expect((await theirs.get(`${HOME}?q=${encodeURIComponent(HOSTILE)}`)).body).toContain(
      'neither a phone number',
    );
    const rows = await herald.app.audit.list({ act: 'look-up', limit: 3 });
    expect(rows.map(({ subjectType, details }) => [subjectType, details.count, details.found])).toEqual([
      ['suppression', '0', undefined],
      ['suppression', '0', undefined],
      ['suppression', '1', String(id)],
    ]);
    expect(JSON.stringify(rows)).not.toContain('13800138000');
  });

  test('are blocked with a reason, which stops what is queued, and lifted', async () => {
    await herald.app.pool.query(
      `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale) VALUES (1, 1, 'email', 1, 'li@example.org', 'en')`,
    );
    const { location } = await theirs.post(HOME, { address: 'li@EXAMPLE.org', note: HOSTILE });
    expect(location).toBe(`${HOME}?done=blocked`);
    expect(await suppressed()).toEqual([
      { channel: 'email', address: 'li@example.org', reason: 'blocked', source: 'console', note: HOSTILE },
    ]);
    const { body } = await theirs.get(HOME);
    expect([body.includes('li@example.org'), body.includes('<svg onload')]).toEqual([true, false]);
    const again = await theirs.post(HOME, { address: 'li@example.org', note: 'x' });
    expect([again.status, again.body.includes('on the list already')]).toEqual([422, true]);
    expect((await theirs.post(`${HOME}/lift`, { address: 'li@example.org' })).location).toContain('lifted');
    expect(await suppressed()).toEqual([]);
    const acts = (await herald.app.audit.list({ limit: 10 }))
      .filter(({ act }) => act !== 'look-up')
      .slice(0, 2);
    expect(acts.map(({ act, details }) => [act, details])).toEqual([
      ['lift', { channel: 'email', reason: 'blocked' }],
      ['block', { channel: 'email', reason: 'blocked' }],
    ]);
  });

  test.each([
    ['left', false],
    ['opted-out', false],
    ['bounced', true],
    ['blocked', true],
  ])('that are there because of %s may be lifted by the office: %s', async (reason, may) => {
    await put(reason);
    const { location } = await theirs.post(`${HOME}/lift`, { address: '+8613800138000' });
    expect(location).toBe(`${HOME}?done=${may ? 'lifted' : 'may-not'}`);
    expect((await suppressed()).length).toBe(may ? 0 : 1);
  });

  test.each([
    [{ address: '', note: 'x' }, 'Please fill this in'],
    [{ address: 'nobody', note: 'x' }, 'neither a phone number nor a mailbox'],
    [{ address: '13800138000', note: '' }, 'Please fill this in'],
    [{}, 'Please fill this in'],
  ])('are not blocked with %j', async (fields, words) => {
    const { status, body } = await theirs.post(HOME, fields as Record<string, string>);
    expect([status, body.includes(words)]).toEqual([422, true]);
    expect((await theirs.post(`${HOME}/lift`, fields as Record<string, string>)).status).toBe(303);
  });
});
