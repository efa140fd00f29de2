import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

let herald: Herald;
let author: Person;
let approver: Person;
let theirs: Visitor;
const HOSTILE = '<svg onload=alert(1)>';
const CITIZEN = {
  name: '王芳',
  locale: 'zh-CN',
  phone: '13800138000',
  email: 'Wang@Example.ORG',
  topics: 'fraud',
  consentAt: '2026-01-05T08:00',
  consentSource: '政务大厅',
};

beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author');
  approver = await person(herald, 'approver');
  theirs = await approver.visit();
  await herald.app.lists.add('topics', { code: 'fraud', names: { 'zh-CN': '防诈', en: HOSTILE } });
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
});
afterAll(() => herald.close());
beforeEach(async () => {
  await herald.app.pool.query('DELETE FROM suppressions');
  await herald.app.pool.query('DELETE FROM subscribers');
});

const add = async (fields: Readonly<Record<string, string>> = {}) => {
  const answer = await theirs.post('/console/subscribers/new', { ...CITIZEN, ...fields });
  return { ...answer, page: answer.location.split('?')[0] ?? '' };
};
const lookUps = async () =>
  (await herald.app.audit.list({ limit: 200 })).filter(({ act }) => act === 'look-up').length;

describe('subscribers', () => {
  test('are added, shown, changed and removed', async () => {
    const { status, page, location } = await add();
    expect([status, location.endsWith('?done=added')]).toEqual([303, true]);
    const shown = (await theirs.get(location)).body;
    for (const text of ['王芳', '+8613800138000', 'Wang@example.org', '政务大厅', 'Jan 5, 2026, 08:00'])
      expect(shown).toContain(text);
    expect(shown).toContain('&lt;svg onload');
    expect(shown).not.toContain('<svg onload');

    const edit = (await theirs.get(`${page}/edit`)).body;
    expect(edit).toContain('value="2026-01-05T08:00"');
    await theirs.post(`${page}/edit`, { ...CITIZEN, name: HOSTILE, phone: '' });
    const changed = (await theirs.get(page)).body;
    expect(changed).not.toContain('+8613800138000');
    expect(changed).not.toContain('<svg onload');
    const [row] = await herald.app.audit.list({ act: 'change', limit: 1 });
    expect(row?.details).toEqual({ fields: 'name,phone' });

    expect((await theirs.post(`${page}/remove`)).location).toBe('/console/subscribers?done=removed');
    expect((await theirs.get(page)).status).toBe(404);
    const { rows } = await herald.app.pool.query(
      'SELECT channel, reason, source FROM suppressions ORDER BY 1',
    );
    expect(rows).toEqual([
      { channel: 'sms', reason: 'left', source: 'api' },
      { channel: 'email', reason: 'left', source: 'console' },
    ]);
  });

  test('are found by number, mailbox, a part of the name and id; each look is in the audit log', async () => {
    const { page } = await add();
    await add({ name: '李静', phone: '13900139000', email: 'li@example.org' });
    const before = await lookUps();
    for (const q of ['138 0013 8000', 'wang@EXAMPLE.org'.replace('w', 'W'), '芳']) {
      const { body } = await theirs.get(`/console/subscribers?q=${encodeURIComponent(q)}`);
      expect([q, body.includes('王芳'), body.includes('李静')]).toEqual([q, true, false]);
    }
    const { app } = herald;
    const numberOf = (one: string) => app.ids.decode('subscriber', one.split('/').at(-1) ?? '').id;
    expect((await app.audit.list({ limit: 1 }))[0]).toMatchObject({
      subjectId: String(numberOf(page)),
      details: { count: '1', found: String(numberOf(page)) },
    });
    expect((await theirs.get('/console/subscribers?q=%25')).body).toContain('Nobody found');
    expect(await lookUps()).toBe(before + 4);
    const id = page.split('/').at(-1) ?? '';
    expect((await theirs.get(`/console/subscribers?q=${id}`)).location).toBe(page);
    await theirs.get(page);
    await theirs.get(`${page}/edit`);
    expect(await lookUps()).toBe(before + 6);
    expect(JSON.stringify(await herald.app.audit.list({ limit: 200 }))).not.toMatch(/王芳|13800138000/);
  });

  test('each look can be found by whom it showed', async () => {
    const { app } = herald;
    const shown = [await add({ name: '王静' }), await add({ name: '王强', phone: '13900139000', email: '' })];
    const [first = 0, second = 0] = shown.map(
      ({ page }) => app.ids.decode('subscriber', page.split('/').at(-1) ?? '').id,
    );
    await theirs.get(`/console/subscribers?q=${encodeURIComponent('王')}`);
    await theirs.get('/console/subscribers');
    await theirs.get(`/console/subscribers?q=${encodeURIComponent('静')}`);
    await theirs.get('/console/admin/suppressions?q=13900139000');
    const looks = async (id: number) =>
      (
        await app.audit.list({
          act: 'look-up',
          subject: { types: ['subscriber'], id: String(id) },
          limit: 10,
        })
      ).map(({ subjectType, details }) => [subjectType, details]);
    const both = { count: '2', found: `${first} ${second}` };
    const list = { count: '2', from: String(first), to: String(second) };
    expect(await looks(first)).toEqual([
      ['subscriber', { count: '1', found: String(first) }],
      ['subscriber', list],
      ['subscriber', both],
    ]);
    expect(await looks(second)).toEqual([
      ['suppression', { count: '0', found: String(second) }],
      ['subscriber', list],
      ['subscriber', both],
    ]);
    // As they are outside.
    const { body } = await herald.as('admin').get('/v1/audit?act=look-up&limit=4');
    expect(body.items[3].details.found).toBe(shown.map(({ page }) => page.split('/').at(-1)).join(' '));
  });

  test('are shown to authors in part, and never to be changed', async () => {
    const { page } = await add();
    const visitor = await author.visit();
    for (const url of ['/console/subscribers', page, '/console/subscribers?q=13800138000']) {
      const { status, body } = await visitor.get(url);
      expect([url, status, body.includes('138****8000'), body.includes('王**')]).toEqual([
        url,
        200,
        true,
        true,
      ]);
      expect(body).not.toMatch(/\+8613800138000|Wang@|王芳|\/edit|\/remove/);
    }
  });

  test('come in pages', async () => {
    await herald.app.pool.query(
      `INSERT INTO subscribers (name, locale, consent_at, consent_source) SELECT 'n' || i, 'en', now(), 'test' FROM generate_series(1, 60) i`,
    );
    const first = (await theirs.get('/console/subscribers')).body;
    const next = /href="([^"]*after=[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = (await theirs.get(next)).body;
    expect([first.includes('>n50<'), first.includes('>n51<')]).toEqual([true, false]);
    expect([second.includes('>n51<'), second.includes('>n60<')]).toEqual([true, true]);
    expect((await theirs.get('/console/subscribers?after=nonsense&q=%00')).status).toBeLessThan(500);
  });

  test.each([
    [{ phone: '123' }, 'This is not a number that can get an SMS.'],
    [{ email: 'nobody' }, 'This is not a mailbox.'],
    [{ phone: '', email: '' }, 'Give a phone number, a mailbox or both.'],
    [{ consentAt: '2099-01-01T08:00' }, 'not in the future'],
    [{ consentAt: 'yesterday' }, 'not in the future'],
    [{ consentSource: '' }, 'Please fill this in'],
    [{ locale: 'klingon!' }, 'not in the right form'],
    [{ topics: 'no-such' }, 'Choose again'],
    [{ name: 'x\u0007y' }, 'not in the right form'],
    [{ name: 'x'.repeat(300) }, 'at most 200 characters'],
  ])('with %j are shown again with what is wrong', async (fields, words) => {
    const { status, body } = await add(fields as Record<string, string>);
    expect([status, body.includes(words)]).toEqual([422, true]);
  });

  test('who share an address, or have left, are told from each other', async () => {
    const { page } = await add();
    expect((await add({ email: '' })).body).toContain('This belongs to another subscriber.');
    await theirs.post(`${page}/remove`);
    const left = await add();
    expect([left.status, left.body.includes('If they agreed again, give the time of that.')]).toEqual([
      422,
      true,
    ]);
  });

  test('who left keep a name that can be changed, and come back with a new consent', async () => {
    const { page } = await add({ email: '' });
    await herald.app.pool.query(
      `INSERT INTO suppressions (channel, address, reason, source, created_at) VALUES ('sms', '+8613800138000', 'left', 'one-click', '2026-02-01')`,
    );
    expect((await theirs.get(page)).body).toContain('they unsubscribed');
    expect((await theirs.post(`${page}/edit`, { ...CITIZEN, email: '', name: '王方' })).status).toBe(303);
    expect((await theirs.get(page)).body).toContain('they unsubscribed');
    await theirs.post(`${page}/edit`, { ...CITIZEN, email: '', consentAt: '2026-03-01T08:00' });
    expect((await theirs.get(page)).body).not.toContain('they unsubscribed');
  });

  test('have a history that leads to each delivery', async () => {
    const { page } = await add();
    const { announce, pool, ids, messenger } = herald.app;
    const { id } = await announce.create(DRAFT, { id: author.id, role: 'author' });
    await pool.query(
      `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale) VALUES
       ($1, 1, 'sms', 1, '+8613800138000', 'en'), ($1, 2, 'email', 1, 'Wang@example.org', 'en'), ($1, 3, 'email', 1, 'li@example.org', 'en')`,
      [id],
    );
    const admin = await person(herald, 'admin');
    await messenger.send(
      { channel: 'email', to: 'Wang@example.org', template: 'test-message', fields: {} },
      admin,
    );
    const { body } = await theirs.get(page);
    for (const n of [1, 2]) expect(body).toContain(`/console/deliveries/${ids.encode('delivery', id, n)}`);
    expect(body).not.toContain(ids.encode('delivery', id, 3));
    expect(body).toContain('A message to them alone');
    const links = (await theirs.get(`${page}?before=${ids.encode('delivery', id, 2)}`)).body.match(
      /deliveries\/dlv_\w+/g,
    );
    expect(links).toEqual([`deliveries/${ids.encode('delivery', id, 1)}`]);
  });
});
