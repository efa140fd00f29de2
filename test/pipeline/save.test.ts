import { afterAll, beforeAll, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { versionOf } from '../../src/domain/announcement.ts';
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

const saying = (headline: string) => ({
  ...DRAFT,
  content: { 'zh-CN': { ...DRAFT.content['zh-CN'], headline } },
});
const version = async (id: number) => versionOf(await app.announce.get(id));
const actsOf = async (id: number) => (await app.announce.acts(id)).map(({ act, userId }) => [act, userId]);

it('keeps what is not finished, and asks for the rest at submission', async () => {
  const { id } = await app.announce.save(
    null,
    { ...DRAFT, content: { 'zh-CN': { headline: '警' } } },
    author,
  );
  await expect(refusal(app.announce.submit(id, author))).resolves.toMatchObject({
    code: 'invalid-announcement',
  });
  await app.announce.save(id, saying('警惕'), author, await version(id));
  expect((await app.announce.submit(id, author)).state).toBe('submitted');
});

it('an author at work writes one revision; another person, or a later hour, makes the next', async () => {
  const { id } = await app.announce.save(null, saying('一'), author);
  await app.announce.save(id, saying('二'), author, await version(id));
  await app.announce.save(id, saying('三'), author, await version(id));
  expect(await app.announce.get(id)).toMatchObject({
    revision: 1,
    draft: { content: { 'zh-CN': { headline: '三' } } },
  });
  // The approver, who writes as well, stands as an author of a revision of their own, and may no longer approve.
  expect((await app.announce.save(id, saying('四'), approver, await version(id))).revision).toBe(2);
  expect((await app.announce.save(id, saying('五'), author, await version(id))).revision).toBe(3);
  expect(await actsOf(id)).toEqual([
    ['create', author.id],
    ['edit', approver.id],
    ['edit', author.id],
  ]);
  await app.pool.query(`UPDATE revisions SET created_at = now() - interval '16 minutes'`);
  expect((await app.announce.save(id, saying('六'), author, await version(id))).revision).toBe(4);
  await app.announce.submit(id, author);
  await expect(refusal(app.announce.approve(id, approver))).resolves.toMatchObject({
    code: 'own-announcement',
  });
});

it('a revision that somebody was asked to approve is never written anew', async () => {
  const { id } = await app.announce.save(null, saying('一'), author);
  const { sha256 } = await app.announce.submit(id, author);
  await app.announce.returnToAuthor(id, approver, '请补充');
  expect((await app.announce.save(id, saying('二'), author, await version(id))).revision).toBe(2);
  expect((await app.announce.submit(id, author)).sha256).not.toBe(sha256);
});

it('a newer draft is never overwritten, also one of the same revision; the same words are no conflict', async () => {
  const { id } = await app.announce.save(null, saying('一'), author);
  const seen = await version(id);
  await app.announce.save(id, saying('二'), author, seen);
  await expect(refusal(app.announce.save(id, saying('三'), author, seen))).resolves.toMatchObject({
    code: 'draft-changed',
  });
  await expect(refusal(app.announce.save(id, saying('三'), author))).resolves.toMatchObject({
    code: 'draft-changed',
  });
  expect((await app.announce.save(id, saying('二'), author, seen)).revision).toBe(1);
});

it('keeps nothing that it could not show, and nothing that is not a draft any more', async () => {
  const wrong = [
    { ...DRAFT, content: { en: DRAFT.content['zh-CN'] } },
    { ...DRAFT, content: { ...DRAFT.content, fr: {} } },
    { ...DRAFT, content: { 'zh-CN': { nonsense: 'x' } } },
    { ...DRAFT, kind: 'correction' },
  ];
  for (const input of wrong)
    expect((await refusal(app.announce.save(null, input, author))).code).toBe('invalid-announcement');
  const { id } = await app.announce.create(DRAFT, author);
  await app.announce.submit(id, author);
  await expect(
    refusal(app.announce.save(id, saying('二'), author, await version(id))),
  ).resolves.toMatchObject({ code: 'illegal-transition' });
});

it('says everything that submission would refuse, at once, and changes nothing', async () => {
  const named = { headline: '警', summary: '嫌疑人张伟已被控制' };
  const { id } = await app.announce.save(null, { ...DRAFT, content: { 'zh-CN': named } }, author);
  const codes = async () => (await app.announce.check(id)).map(({ code }) => code);
  expect(await codes()).toEqual(['invalid-announcement', 'lint-reason-required']);
  await app.announce.save(id, saying('一'), author, await version(id));
  expect([await codes(), (await app.announce.get(id)).state]).toEqual([[], 'draft']);
});
