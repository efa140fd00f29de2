import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { reasonedFindings } from '../../src/domain/privacy-lint.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import { DRAFT, type Herald, refusal, startHerald } from './herald.ts';

let herald: Herald;
let app: App;
let author: Actor;
let approver: Actor;
beforeAll(async () => {
  herald = await startHerald();
  ({ app, author, approver } = herald);
});
afterAll(() => herald.close());

const saying = (headline: string) => ({ 'zh-CN': { ...DRAFT.content['zh-CN'], headline } });
const submitted = async (by = author) => {
  const { id } = await app.announce.create({ ...DRAFT, content: saying('警惕榨骗') }, by);
  await app.announce.submit(id, by);
  return id;
};
const only = async (id: number) => {
  const [first] = await app.announce.suggestions(id);
  if (!first) throw new Error('nothing was suggested');
  return first;
};
const code = async (attempt: Promise<unknown>) => (await refusal(attempt)).code;

describe('a suggested edit', () => {
  it('changes nothing until its author takes it over, and costs the approver nothing', async () => {
    const id = await submitted();
    const before = await app.announce.get(id);
    await app.announce.suggest(id, approver, { content: saying('警惕诈骗'), note: '错字' });
    expect((await app.announce.get(id)).sha256).toBe(before.sha256);
    const suggestion = await only(id);
    expect(suggestion).toMatchObject({ userId: approver.id, note: '错字', decision: null });

    const after = await app.announce.decide(id, suggestion.id, author, 'accepted');
    expect(after).toMatchObject({ state: 'submitted', revision: 2, draft: { content: saying('警惕诈骗') } });
    expect(after.sha256).not.toBe(before.sha256);
    expect((await only(id)).decision).toBe('accepted');
    // What was looked at before is not what would be sent.
    expect(await code(app.announce.approve(id, approver, { sha256: before.sha256 ?? '' }))).toBe(
      'revision-changed',
    );
    const approved = await app.announce.approve(id, approver, { sha256: after.sha256 ?? '' });
    expect(approved.approvedBy).toBe(approver.id);
  });

  it('in which the lint finds something is taken over with a reason for it', async () => {
    const id = await submitted();
    const content = saying('有线索请拨打13812345678');
    await app.announce.suggest(id, approver, { content });
    const { id: suggestion } = await only(id);
    expect(await code(app.announce.decide(id, suggestion, author, 'accepted'))).toBe('lint-reason-required');
    const reasons = Object.fromEntries(reasonedFindings({ content }).map(({ key }) => [key, 'our own']));
    expect(Object.keys(reasons)).toHaveLength(1);
    const { draft } = await app.announce.decide(id, suggestion, author, 'accepted', reasons);
    expect(draft).toMatchObject({ content, lintReasons: reasons });
  });

  it('is not taken over by whoever made it, nor twice, nor when the text moved on', async () => {
    const id = await submitted();
    await app.announce.suggest(id, approver, { content: saying('一') });
    await app.announce.suggest(id, approver, { content: saying('二') });
    const [first, second] = await app.announce.suggestions(id);
    if (!first || !second) throw new Error('two were made');
    expect(await code(app.announce.decide(id, first.id, approver, 'accepted'))).toBe('own-suggestion');
    await app.announce.decide(id, first.id, author, 'accepted');
    expect(await code(app.announce.decide(id, first.id, author, 'declined'))).toBe('suggestion-decided');
    expect(await code(app.announce.decide(id, second.id, author, 'accepted'))).toBe('suggestion-outdated');
    await app.announce.decide(id, second.id, approver, 'declined');
    expect((await app.announce.get(id)).draft.content).toEqual(saying('一'));
    const another = await submitted();
    expect(await code(app.announce.decide(another, first.id, author, 'declined'))).toBe('no-such-suggestion');
  });

  it('whoever takes it over has written part of it, and may not approve it any more', async () => {
    const other = await herald.another('approver');
    const id = await submitted();
    await app.announce.suggest(id, approver, { content: saying('警惕诈骗') });
    const { sha256 } = await app.announce.decide(id, (await only(id)).id, other, 'accepted');
    expect(await code(app.announce.approve(id, other))).toBe('own-announcement');
    const approved = await app.announce.approve(id, approver, { sha256: sha256 ?? '' });
    expect(approved.approvedBy).toBe(approver.id);
  });

  it('is refused from authors, without a difference, against the template, and once it is decided', async () => {
    const id = await submitted();
    expect(await code(app.announce.suggest(id, author, { content: saying('一') }))).toBe('role-required');
    expect(await code(app.announce.suggest(id, approver, { content: saying('警惕榨骗') }))).toBe(
      'nothing-suggested',
    );
    expect(await code(app.announce.suggest(id, approver, { content: saying('长'.repeat(500)) }))).toBe(
      'invalid-announcement',
    );
    const own = await submitted(approver);
    expect(await code(app.announce.suggest(own, approver, { content: saying('一') }))).toBe(
      'own-announcement',
    );
    await app.announce.approve(id, approver);
    expect(await code(app.announce.suggest(id, approver, { content: saying('一') }))).toBe(
      'illegal-transition',
    );
    expect(await app.announce.suggestions(id)).toEqual([]);
  });

  it('that brings a finding of the privacy lint asks for its reason first, and leaves everything as it was', async () => {
    const id = await submitted();
    await app.announce.suggest(id, approver, { content: saying('电话 13800138000') });
    expect(await code(app.announce.decide(id, (await only(id)).id, author, 'accepted'))).toBe(
      'lint-reason-required',
    );
    expect(await app.announce.get(id)).toMatchObject({ revision: 1, state: 'submitted' });
    expect((await only(id)).decision).toBeNull();
  });
});

describe('at the same moment', () => {
  it('two acts are told apart: the second one learns what the first one did', async () => {
    const id = await submitted();
    await app.announce.suggest(id, approver, { content: saying('一') });
    const { id: suggestion } = await only(id);
    const other = await herald.another('author');
    const codes = await Promise.all(
      [author, other].map((by) =>
        app.announce.decide(id, suggestion, by, 'accepted').then(
          () => 'accepted',
          (error: unknown) => (error as { code?: string }).code,
        ),
      ),
    );
    expect(codes.sort()).toEqual(['accepted', 'suggestion-decided']);
    // Whoever does not say what they saw may have seen the text before.
    expect(await code(app.announce.approve(id, approver))).toBe('sha256-required');
  });

  it('more acts than there are connections all come to an end', async () => {
    await app.lists.add('topics', { code: 'fraud', names: { en: 'Fraud' } }, undefined);
    const draft = { ...DRAFT, urgency: 'routine', audience: { topics: ['fraud'], districts: [] } };
    const all = await Promise.all(Array.from({ length: 30 }, () => app.announce.create(draft, author)));
    await Promise.all(all.map(({ id }) => app.announce.submit(id, author)));
    await Promise.all(all.map(({ id }) => app.announce.approve(id, approver)));
    const states = await Promise.all(all.map(async ({ id }) => (await app.announce.get(id)).approvedBy));
    expect(new Set(states)).toEqual(new Set([approver.id]));
  });
});

describe('breaking the glass', () => {
  beforeAll(async () => {
    const { id } = await herald.another('approver');
    await app.identity.accounts.change(id, { phone: '+14155550119' }, undefined);
  });
  const nobodyLeft = async (id: number) => {
    await app.pool.query('UPDATE announcements SET nobody_left_at = now() WHERE id = $1', [id]);
  };

  it('is for an admin whom nobody answers, needs a reason, and stays marked', async () => {
    const admin = await herald.another('admin');
    const id = await submitted(admin);
    expect(await code(app.announce.approve(id, admin))).toBe('own-announcement');
    expect(await code(app.announce.approve(id, admin, { breakGlass: '无人应答' }))).toBe(
      'still-being-called',
    );
    await nobodyLeft(id);
    // Somebody came after all.
    await app.announce.look(id, approver);
    expect(await code(app.announce.approve(id, admin, { breakGlass: '无人应答' }))).toBe(
      'still-being-called',
    );
    await nobodyLeft(id);
    expect(await code(app.announce.approve(id, admin, { breakGlass: ' ' }))).toBe('reason-required');
    expect(await code(app.announce.approve(id, approver, { breakGlass: '无人应答' }))).toBe('role-required');
    await app.announce.approve(id, admin, { breakGlass: '无人应答，嫌疑人在逃' });
    const marked = { breakGlassReason: '无人应答，嫌疑人在逃', approvedBy: admin.id };
    expect(await app.announce.get(id)).toMatchObject(marked);
    expect((await app.announce.acts(id)).filter(({ userId }) => userId === admin.id).at(-1)?.act).toBe(
      'break-glass',
    );
    await app.announce.cancel(id, approver, 'over');
    expect(await app.announce.get(id)).toMatchObject(marked);
    const [row] = (await app.audit.list({ limit: 20 })).filter(({ act }) => act === 'break-glass');
    expect(row).toMatchObject({ actor: admin.id, subjectId: String(id) });
  });

  it('follows from the calls: when the last one had five minutes', async () => {
    const admin = await herald.another('admin');
    const id = await submitted(admin);
    expect((await app.announce.get(id)).nobodyLeftAt).toBeNull();
    await app.pool.query(`UPDATE approver_calls SET escalate_at = now() WHERE announcement_id = $1`, [id]);
    await app.approverCalls.callDue();
    expect((await app.announce.get(id)).nobodyLeftAt).toBeInstanceOf(Date);
    // Submitted again, it is called for again.
    await app.announce.returnToAuthor(id, approver, 'a typo');
    await app.announce.submit(id, admin);
    expect((await app.announce.get(id)).nobodyLeftAt).toBeNull();
  });
});
