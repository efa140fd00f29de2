import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatAnchor } from '../../../src/domain/audit.ts';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

const HOME = '/console/admin/audit';
const HOSTILE = '<svg onload=alert(1)>';
let herald: Herald;
let admin: Person;
let theirs: Visitor;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin', `王建国${HOSTILE}`);
  theirs = await admin.visit();
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
});
afterAll(() => herald.close());

const wordsOf = (body: string) =>
  body
    .replace(/<option.*?<\/option>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
const look = async (query = '') => {
  const { status, body } = await theirs.get(`${HOME}${query}`);
  return { status, body, words: wordsOf(body) };
};

test('says in words who did what to what, with links', async () => {
  const { app } = herald;
  const author = await person(herald, 'author', '李静');
  const { id } = await app.announce.create(DRAFT, author);
  await app.announce.submit(id, author);
  const { id: endpoint } = await app.endpoints.create(
    { outlet: HOSTILE, url: 'https://1.1.1.1/x', topics: [], districts: [] },
    admin,
  );
  const { body, words } = await look();
  expect(words).toContain('李静 submitted announcement “警惕诈骗” · revision 1');
  expect(body).toContain(`/console/announcements/${app.ids.encode('announcement', id)}`);
  expect(body).toContain(`/console/outlets/${app.ids.encode('endpoint', endpoint)}`);
  expect(body).toContain(`/console/admin/users/${admin.userId}`);
  expect(body).not.toContain('<svg onload');
  expect(words).toContain(formatAnchor(await app.audit.head()));
});

test('names no citizen, though their row is there', async () => {
  const { app } = herald;
  const { id } = await app.subscribers.add(
    {
      name: '王芳',
      locale: 'en',
      phone: '13800138000',
      topics: [],
      districts: [],
      consentAt: new Date(),
      consentSource: 'x',
    },
    admin,
  );
  const subject = app.ids.encode('subscriber', id);
  await theirs.get(`/console/subscribers/${subject}`);
  await app.subscribers.remove(id, 'test', admin);
  const { body, words } = await look(`?subject=${subject}`);
  for (const act of ['looked up', 'added', 'removed']) expect(words).toContain(`${act} subscriber sub_`);
  expect(body).not.toMatch(/王芳|13800138000/);
});

test('is filtered by who, what, which and when', async () => {
  const rows = async (query: string) => (await look(query)).body.match(/role="rowheader"/g)?.length ?? 0;
  const all = await rows('');
  expect(all).toBeGreaterThan(5);
  for (const query of [`?actor=${admin.userId}`, '?actor=herald', '?act=submit', '?subject=subscriber'])
    expect([query, await rows(query)]).toEqual([query, expect.toSatisfy((n: number) => n > 0 && n < all)]);
  expect(await rows('?since=2099-01-01T00:00')).toBe(0);
  expect(await rows('?until=2099-01-01T00:00')).toBe(all);
  expect((await look(`?act=submit&actor=herald`)).words).toContain('No row like this');
});

test.each([
  ['?subject=ann_1', 'There is no such subject'],
  ['?subject=!!', 'There is no such subject'],
  ['?actor=usr_1', 'There is no such subject'],
  ['?since=yesterday', 'This is no time.'],
])('a filter that is none says so: %s', async (query, said) => {
  const { status, words } = await look(query);
  expect([status, words.includes(said)]).toEqual([422, true]);
});

test('comes in pages, and whatever stands in its address', async () => {
  await herald.app.pool.query(
    `INSERT INTO audit_notes (act, subject_type, subject_id, details) SELECT 'unheard-of', 'thing', i::text, '{"x": "y"}' FROM generate_series(1, 60) i`,
  );
  const { body, words } = await look('?act=unheard-of');
  expect(words).toContain('unheard-of thing 60');
  const later =
    /href="([^"]*before=[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#38;', '&') ?? '';
  expect(wordsOf((await theirs.get(later)).body)).toContain('unheard-of thing 10 ');
  for (const odd of ['?before=x', '?act=%00', `?actor=${encodeURIComponent(HOSTILE)}`, '?act=a&act=b'])
    expect((await look(odd)).status, odd).toBeLessThan(500);
});
