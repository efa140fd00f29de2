import { afterAll, beforeAll, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person } from './visitor.ts';

const ATTACK = `"><svg onload=alert(1)>'`;

let herald: Herald;
let author: Person;
beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author', '李静');
});
afterAll(() => herald.close());

const write = async (change: Record<string, unknown> = {}) => {
  const { id } = await herald.app.announce.create({ ...DRAFT, ...change }, author);
  return { id, page: `/console/announcements/${herald.app.ids.encode('announcement', id)}` };
};

test('announcements are listed, found by their case and filtered by state, page by page', async () => {
  const visitor = await author.visit();
  expect((await visitor.get('/console/announcements')).body).toContain('没有符合条件的通告');
  for (let n = 0; n < 27; n += 1)
    await write({ case: { reference: `BJ-2026-${String(n).padStart(4, '0')}`, title: '盗窃案' } });
  const first = await visitor.get('/console/announcements');
  expect(first.body).toContain('BJ-2026-0026');
  expect(first.body).not.toContain('BJ-2026-0001');
  const next = /href="([^"]+)" rel="next"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  expect((await visitor.get(next)).body).toContain('BJ-2026-0001');
  const found = await visitor.get('/console/announcements?search=bj-2026-0007');
  expect(found.body).toContain('BJ-2026-0007');
  expect(found.body).not.toContain('BJ-2026-0008');
  expect((await visitor.get('/console/announcements?search=%25')).body).toContain('没有符合条件的通告');
  expect((await visitor.get('/console/announcements?state=sending')).body).toContain('没有符合条件的通告');
  expect((await visitor.get('/console/announcements?state=nonsense')).status).toBe(200);
});

test('the page of an announcement says what it is, and leads on from its state', async () => {
  const { page } = await write({ basis: '新闻办批准' });
  const visitor = await author.visit();
  const draft = await visitor.get(page);
  expect(draft.body).toContain('警惕诈骗');
  expect(draft.body).toContain('新闻办批准');
  expect(draft.body).toContain('李静');
  expect((await visitor.post(`${page}/submit`)).location).toBe(`${page}?done=submitted`);
  const submitted = await visitor.get(`${page}?done=submitted`);
  expect(submitted.body).toContain('待审批');
  expect(submitted.body).not.toContain(`${page}/submit"`);
  expect((await visitor.post(`${page}/submit`)).status).toBe(409);
});

test('what stands in an announcement is text on every page that shows it', async () => {
  const fields = Object.fromEntries(
    ['headline', 'summary', 'body', 'advice', 'hotline'].map((name) => [name, ATTACK]),
  );
  const { page } = await write({
    case: { reference: ATTACK, title: ATTACK },
    content: { 'zh-CN': fields, en: fields },
    basis: ATTACK,
  });
  const visitor = await author.visit();
  for (const url of [
    '/console/announcements',
    page,
    `/console/announcements?search=${encodeURIComponent(ATTACK)}`,
  ]) {
    const { body, status } = await visitor.get(url);
    expect([url, status, body.includes('<svg onload')]).toEqual([url, 200, false]);
  }
});
