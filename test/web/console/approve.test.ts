import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person } from './visitor.ts';

let herald: Herald;
let author: Person;
let approver: Person;
const HOSTILE = '</p><script>alert(1)</script><svg onload=alert(1)>';
const wordsOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

beforeAll(async () => {
  herald = await startHerald({ SMS_PRICE_PER_SEGMENT: '0.05', SMS_CURRENCY: 'CNY' });
  author = await person(herald, 'author', '李静');
  approver = await person(herald, 'approver', '王强');
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
  await herald.app.subscribers.add(
    {
      name: '张三',
      locale: 'zh-CN',
      topics: [],
      districts: [],
      phone: '+12025550101',
      consentAt: new Date(),
      consentSource: 'test',
    },
    { id: approver.id },
  );
});
afterAll(() => herald.close());

const as = ({ id }: Person, role: 'author' | 'approver') => ({ id, role });

/** Waits for approval. */
async function submitted(more: object = {}, by: Person = author): Promise<{ id: number; page: string }> {
  const { announce, ids } = herald.app;
  const { id } = await announce.create({ ...DRAFT, ...more }, as(by, by === author ? 'author' : 'approver'));
  await announce.submit(id, as(by, by === author ? 'author' : 'approver'));
  return { id, page: `/console/announcements/${ids.encode('announcement', id)}` };
}
const state = async (id: number) => (await herald.app.announce.get(id)).state;
const hashOn = (body: string) => /name="sha256" value="([0-9a-f]{64})"/.exec(body)?.[1] ?? '';

describe('the page on which one approves', () => {
  test('shows what everybody gets, how many, what it costs and why it may be published', async () => {
    const { page } = await submitted({ basis: '局新闻办批复 12 号', channels: ['sms', 'email', 'webhook'] });
    const { body } = await (await approver.visit()).get(`${page}/approve`);
    const words = wordsOf(body);
    expect(words).toContain('Recipients 1 person (SMS 1');
    expect(words).toMatch(/SMS segments \d+/);
    expect(words).toMatch(/Estimated cost CN¥0\.\d\d/);
    expect(words).toContain('局新闻办批复 12 号');
    expect(words).toContain('李静');
    expect(body).toContain(`${page}/mail?locale=zh-CN`);
    expect(words).toContain('Approve (trial, 1 person, sandbox only)');
  });

  test('one press sends it, and leads to where it is watched', async () => {
    const { id, page } = await submitted();
    const visitor = await approver.visit();
    const { body } = await visitor.get(`${page}/approve`);
    const { status, location } = await visitor.post(`${page}/approve`, { sha256: hashOn(body) });
    expect([status, location]).toEqual([303, `${page}/progress`]);
    expect(await state(id)).toMatch(/approved|sending/);
  });

  test('what was changed between looking and pressing is not sent; the page shows it anew', async () => {
    const { id, page } = await submitted();
    const visitor = await approver.visit();
    const { body } = await visitor.get(`${page}/approve`);
    const { announce } = herald.app;
    await announce.returnToAuthor(id, as(approver, 'approver'), 'x');
    const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], headline: '改过的标题' } };
    await announce.edit(id, { ...DRAFT, content }, as(author, 'author'));
    await announce.submit(id, as(author, 'author'));
    const answer = await visitor.post(`${page}/approve`, { sha256: hashOn(body) });
    expect([answer.status, await state(id)]).toEqual([409, 'submitted']);
    expect(wordsOf(answer.body)).toContain('It was changed after you looked at it');
    expect(answer.body).toContain('改过的标题');
    expect(hashOn(answer.body)).not.toBe(hashOn(body));
  });

  test('without the hash of what was shown nothing is approved', async () => {
    const { id, page } = await submitted();
    const visitor = await approver.visit();
    await visitor.get(`${page}/approve`);
    for (const fields of [{}, { sha256: '' }, { sha256: 'f'.repeat(64) }, { sha256: HOSTILE }])
      expect((await visitor.post(`${page}/approve`, fields)).status).toBe(409);
    expect(await state(id)).toBe('submitted');
  });

  test('whoever wrote part of it is told so, and cannot', async () => {
    const { id, page } = await submitted({}, approver);
    const visitor = await approver.visit();
    const { body } = await visitor.get(`${page}/approve`);
    expect(wordsOf(body)).toContain('You wrote part of it');
    expect(hashOn(body)).toBe('');
    const { sha256 } = await herald.app.announce.get(id);
    expect((await visitor.post(`${page}/approve`, { sha256: sha256 ?? '' })).status).toBe(403);
    expect(await state(id)).toBe('submitted');
  });

  test('an author sees all of it and no button', async () => {
    const { page } = await submitted();
    const { body } = await (await author.visit()).get(`${page}/approve`);
    expect(wordsOf(body)).toContain('not approve it');
    expect(body).not.toContain(`action="${page}/approve"`);
  });

  test('it is returned or rejected with a reason only', async () => {
    for (const [act, after] of [
      ['return', 'draft'],
      ['reject', 'rejected'],
    ] as const) {
      const { id, page } = await submitted();
      const visitor = await approver.visit();
      await visitor.get(`${page}/approve`);
      const blank = await visitor.post(`${page}/${act}`, { reason: '  ' });
      expect([blank.status, await state(id)]).toEqual([422, 'submitted']);
      expect(wordsOf(blank.body)).toContain('Say why');
      const { status } = await visitor.post(`${page}/${act}`, { reason: '请改标题' });
      expect([status, await state(id)]).toEqual([303, after]);
      expect((await herald.app.announce.get(id)).reason).toBe('请改标题');
    }
  });

  test('an edit is suggested on it, and taken over there by its author', async () => {
    const { id, page } = await submitted();
    const visitor = await approver.visit();
    const before = await visitor.get(`${page}/approve`);
    const suggest = (fields: Record<string, string>) =>
      visitor.post(`${page}/suggest`, { sha256: hashOn(before.body), ...fields });
    const same = await suggest({ note: 'x' });
    expect([same.status, wordsOf(same.body).includes('The text was not changed')]).toEqual([422, true]);
    expect((await suggest({ note: 'x'.repeat(2_001) })).status).toBe(422);
    const long = await suggest({ 'content.zh-CN.headline': '长'.repeat(500) });
    expect([long.status, long.body.includes('长长长')]).toEqual([422, true]);
    expect((await visitor.post(`${page}/suggest`, { sha256: 'f'.repeat(64) })).status).toBe(409);
    expect((await suggest({ 'content.zh-CN.headline': '新的标题', note: HOSTILE })).status).toBe(303);
    const mine = await visitor.get(`${page}/approve?done=suggested`);
    expect(wordsOf(mine.body)).toContain('waits for the author');
    expect(mine.body).not.toContain(`${page}/suggestions/accepted`);

    const theirs = await author.visit();
    expect(wordsOf((await theirs.get('/console')).body)).toContain('somebody suggests an edit');
    const { body } = await theirs.get(`${page}/approve`);
    expect(body).toMatch(/<ins>[\s\S]*新的[\s\S]*<\/ins>/);
    expect(body).not.toMatch(/<svg onload|<script>alert/);
    const number = /suggestions\/accepted"[\s\S]*?name="id" value="(\d+)"/.exec(body)?.[1] ?? '';
    expect((await theirs.post(`${page}/suggestions/accepted`, { id: '999999' })).status).toBe(404);
    expect((await theirs.post(`${page}/suggestions/accepted`, { id: HOSTILE })).status).toBe(404);
    expect((await theirs.post(`${page}/suggestions/accepted`, { id: number })).status).toBe(303);
    expect(hashOn((await visitor.get(`${page}/approve`)).body)).not.toBe(hashOn(before.body));
    expect((await visitor.post(`${page}/approve`, { sha256: hashOn(before.body) })).status).toBe(409);
    const again = await visitor.get(`${page}/approve`);
    expect((await visitor.post(`${page}/approve`, { sha256: hashOn(again.body) })).status).toBe(303);
    expect((await herald.app.announce.get(id)).draft.content['zh-CN']?.headline).toBe('新的标题');
  });

  test('an admin whom nobody answers breaks the glass over their own, and every page says so', async () => {
    const admin = await person(herald, 'admin', '赵明');
    await herald.app.pool.query(`UPDATE users SET locale = 'en' WHERE id = $1`, [admin.id]);
    const by = { id: admin.id, role: 'admin' as const };
    const { announce, ids, pool } = herald.app;
    const { id } = await announce.create(DRAFT, by);
    const { sha256 } = await announce.submit(id, by);
    const page = `/console/announcements/${ids.encode('announcement', id)}`;
    const visitor = await admin.visit();
    await pool.query('UPDATE announcements SET nobody_left_at = NULL WHERE id = $1', [id]);
    expect((await visitor.get(`${page}/approve`)).body).not.toContain(`${page}/break-glass`);
    const fields = { sha256: sha256 ?? '', reason: '无人应答' };
    expect((await visitor.post(`${page}/break-glass`, fields)).status).toBe(409);
    await pool.query('UPDATE announcements SET nobody_left_at = now() WHERE id = $1', [id]);
    expect((await visitor.get(`${page}/approve`)).body).toContain(`${page}/break-glass`);
    expect((await visitor.post(`${page}/break-glass`, { ...fields, reason: ' ' })).status).toBe(422);
    expect((await visitor.post(`${page}/break-glass`, fields)).status).toBe(303);
    for (const url of [page, `${page}/approve`, `${page}/progress`, `${page}/deliveries`])
      expect(wordsOf((await visitor.get(url)).body)).toContain('赵明 approved it. The reason: 无人应答');
  });

  test('says who was called, and that one looks at it', async () => {
    const { page } = await submitted();
    const visitor = await approver.visit();
    await visitor.get(`${page}/approve`);
    expect((await visitor.post(`${page}/look`)).location).toBe(`${page}/approve?done=look`);
    const words = wordsOf((await visitor.get(`${page}/approve?done=look`)).body);
    expect(words).toContain('the next approver is not called for 15 minutes');
    expect(words).toContain('Came without being called');
  });

  test('a correction shows what was written anew', async () => {
    const { announce, ids } = herald.app;
    const { id: old } = await submitted();
    await announce.approve(old, as(approver, 'approver'));
    const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], summary: '请立即挂断可疑电话。' } };
    const { page } = await submitted({
      kind: 'correction',
      supersedes: ids.encode('announcement', old),
      content,
    });
    const { body } = await (await approver.visit()).get(`${page}/approve`);
    expect(body).toMatch(/<ins>[\s\S]*可疑[\s\S]*<\/ins>/);
  });

  test('of two that supersede one text the second is refused in words, to approver and author', async () => {
    const { announce, ids } = herald.app;
    const { id: old, page: oldPage } = await submitted();
    await announce.approve(old, as(approver, 'approver'));
    const change = { kind: 'correction', supersedes: ids.encode('announcement', old) };
    const [first, second] = [await submitted(change), await submitted(change)];
    const draft = await announce.create({ ...DRAFT, ...change }, as(author, 'author'));
    const [writing, deciding] = [await author.visit(), await approver.visit()];
    const { body } = await deciding.get(`${second.page}/approve`);
    expect((await writing.get(oldPage)).body).toContain('kind=correction');
    await announce.approve(first.id, as(approver, 'approver'));

    const refused = await deciding.post(`${second.page}/approve`, { sha256: hashOn(body) });
    expect([refused.status, await state(second.id)]).toEqual([409, 'submitted']);
    expect(wordsOf(refused.body)).toContain('Another one has superseded the announcement that it supersedes');

    const page = `/console/announcements/${ids.encode('announcement', draft.id)}`;
    const { location } = await writing.post(`${page}/submit`, {});
    expect(location).toBe(`${page}/edit?check=1`);
    expect(wordsOf((await writing.get(location)).body)).toContain('Another one has superseded it already');
    // Its own page leads to its successor, and offers no other.
    const { body: superseded } = await writing.get(oldPage);
    expect(superseded).not.toContain('kind=correction');
    expect(superseded).toContain(first.page);
  });

  test('what people wrote is text, in the page and in the frame', async () => {
    const content = {
      'zh-CN': { headline: HOSTILE.slice(0, 40), summary: HOSTILE, body: HOSTILE },
    };
    const { page } = await submitted({
      content,
      basis: HOSTILE,
      case: { reference: HOSTILE.slice(0, 30), title: HOSTILE },
    });
    const visitor = await approver.visit();
    for (const url of [`${page}/approve`, `${page}/mail?locale=zh-CN`, '/console', `${page}/progress`]) {
      const { status, body } = await visitor.get(url);
      expect([url, status, /<svg onload|<script>alert/.test(body)]).toEqual([url, 200, false]);
    }
  });

  test('a language that it is not written in is no mail', async () => {
    const { page } = await submitted();
    const visitor = await approver.visit();
    for (const locale of ['en', '', HOSTILE.slice(0, 20)])
      expect((await visitor.get(`${page}/mail?locale=${encodeURIComponent(locale)}`)).status).toBe(404);
  });
});

describe('the home page', () => {
  test('shows what waits, what is being sent and what needs attention', async () => {
    await herald.app.pool.query(
      `UPDATE announcements SET state = 'cancelled', ended_at = now() WHERE ended_at IS NULL`,
    );
    const waits = await submitted();
    const paused = await submitted();
    await herald.app.announce.approve(paused.id, as(approver, 'approver'));
    await herald.app.announce.pause(paused.id, as(approver, 'approver'), '等待核实');
    const { body } = await (await approver.visit()).get('/console');
    expect(body).toContain(`href="${waits.page}/approve"`);
    expect(wordsOf(body)).toContain('Paused: 等待核实');
    await herald.app.pool.query(
      `INSERT INTO breakers (provider, channel, gateway, code, message, probe_at) VALUES ('twilio', 'sms', 'live', '20003', 'x', now())`,
    );
    expect(wordsOf((await (await approver.visit()).get('/console')).body)).toContain(
      'The provider for SMS refuses us',
    );
  });
});
