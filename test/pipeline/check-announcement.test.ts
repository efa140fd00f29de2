import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import { DRAFT, type Herald, refusal, startHerald } from './herald.ts';

let herald: Herald;
let app: App;
let author: Actor;
beforeAll(async () => {
  herald = await startHerald();
  ({ app, author } = herald);
});
afterAll(() => herald.close());

const draft = (change: object = {}) => ({ ...DRAFT, ...change });
const create = async (change: object = {}) => (await app.announce.create(draft(change), author)).id;
const submitted = async (change: object = {}) => {
  const id = await create(change);
  await app.announce.submit(id, author);
  return id;
};
const stateOf = async (id: number) => (await app.announce.get(id)).state;
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('drafts that cannot be taken', () => {
  const zh = DRAFT.content['zh-CN'];
  const cases: [string, object, string, RegExp][] = [
    [
      'an unknown language',
      { content: { 'zh-CN': zh, fr: zh } },
      'content.fr',
      /no language fr; it has en, zh-CN/,
    ],
    ['no default language', { content: { en: zh } }, 'content', /needs zh-CN/],
    [
      'an unknown field',
      { content: { 'zh-CN': { ...zh, sumary: 'x' } } },
      'content.zh-CN.sumary',
      /no field "sumary"; it has headline, summary, body/,
    ],
    [
      'a required field left out',
      { content: { 'zh-CN': { ...zh, body: ' \n' } } },
      'content.zh-CN.body',
      /required/,
    ],
    [
      'a field that is too long',
      { content: { 'zh-CN': { ...zh, headline: '诈'.repeat(61) } } },
      'content.zh-CN.headline',
      /has 61 characters; at most 60/,
    ],
    ['a language that is none', { content: { 'zh-CN': zh, EN: zh } }, 'content.EN', /not a language tag/],
    ['an unknown channel', { channels: ['fax'] }, 'channels.0', /sms/],
    ['no channel', { channels: [] }, 'channels', /at least one channel/],
    ['an unknown topic', { audience: { topics: ['gossip'] } }, 'audience.topics', /no topic "gossip"/],
    [
      'an unknown district',
      { audience: { districts: ['atlantis'] } },
      'audience.districts',
      /no district "atlantis"/,
    ],
    ['an end in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt', /in the past/],
    [
      'an end before its beginning',
      { scheduledAt: inHours(5), expiresAt: inHours(4) },
      'expiresAt',
      /before scheduledAt/,
    ],
    ['a correction of nothing', { kind: 'correction' }, 'supersedes', /a correction must name/],
    ['a notice that supersedes', { supersedes: 'ann_x' }, 'supersedes', /supersedes nothing/],
    ['a character that no database keeps', { basis: 'a\u0000b' }, 'basis', /cannot be shown/],
  ];
  it.each(cases)('%s is named, also in the message', async (_what, change, path, message) => {
    const count = async () => (await app.pool.query('SELECT count(*) AS n FROM announcements')).rows[0].n;
    const before = await count();
    for (const act of [
      () => app.announce.create(draft(change), author),
      () => app.announce.preview({ draft: draft(change) }),
    ]) {
      const error = await refusal(act);
      expect(error).toMatchObject({ kind: 'invalid', code: 'invalid-announcement' });
      expect(error.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
      expect(error.message).toContain(`${path}: ${error.issues[0]?.message}`);
    }
    expect(await count()).toBe(before);
  });

  it('an unknown template is named, with those that there are', async () => {
    const error = await refusal(app.announce.create(draft({ template: 'cold-case' }), author));
    expect(error).toMatchObject({
      kind: 'invalid',
      code: 'unknown-template',
      fix: 'use one of: hot-case, plain',
    });
    expect(error.message).toContain('cold-case');
  });

  it('everything that is wrong is named at once', async () => {
    const error = await refusal(
      app.announce.create(
        draft({
          kind: 'update',
          expiresAt: '2020-01-01T00:00:00Z',
          content: { 'zh-CN': { headline: 'x' } },
          audience: { topics: ['gossip'], districts: ['atlantis'] },
        }),
        author,
      ),
    );
    expect(error.issues.map((issue) => issue.path)).toEqual([
      'supersedes',
      'expiresAt',
      'content.zh-CN.summary',
      'content.zh-CN.body',
      'audience.topics',
      'audience.districts',
    ]);
  });

  it.each([null, 'text', 17, [], {}, { ...DRAFT, content: 'text' }])(
    '%j is no announcement',
    async (input) => {
      expect(await refusal(app.announce.create(input, author))).toMatchObject({
        code: 'invalid-announcement',
      });
    },
  );

  it('a topic is known while it is in the list; one that was archived meanwhile is refused at submission', async () => {
    await app.lists.add('topics', { code: 'fraud', names: {} });
    const id = await create({ audience: { topics: ['fraud'] } });
    await app.lists.change('topics', 'fraud', { archived: true });
    const error = await refusal(app.announce.submit(id, author));
    expect(error.issues).toEqual([{ path: 'audience.topics', message: 'there is no topic "fraud"' }]);
    expect(await stateOf(id)).toBe('draft');
    // Beside another topic that there is.
    await app.lists.add('topics', { code: 'traffic', names: {} });
    expect(
      await refusal(app.announce.create(draft({ audience: { topics: ['traffic', 'gossip'] } }), author)),
    ).toMatchObject({ issues: [{ path: 'audience.topics', message: 'there is no topic "gossip"' }] });
  });

  it('one whose time has run out by its approval is refused', async () => {
    const id = await submitted({ expiresAt: inHours(1) });
    const past = JSON.stringify('2020-01-01T00:00:00Z');
    // As if a day had passed: the hash is over the draft, so it is made anew as well.
    await app.pool.query(
      `UPDATE revisions SET draft = jsonb_set(draft, '{expiresAt}', $2) WHERE announcement_id = $1`,
      [id, past],
    );
    await app.pool.query(`UPDATE announcements SET state = 'draft' WHERE id = $1`, [id]);
    const error = await refusal(app.announce.submit(id, author));
    expect(error.issues.map((issue) => issue.path)).toEqual(['expiresAt']);
  });
});

describe('links in an SMS', () => {
  const zh = DRAFT.content['zh-CN'];
  it('are refused at submission, by language, because +86 takes none', async () => {
    for (const summary of ['详见 https://example.gov.cn/a', '详见example.gov.cn/a', 'ｗｗｗ.example.com']) {
      const id = await create({ content: { 'zh-CN': { ...zh, summary } } });
      const error = await refusal(app.announce.submit(id, author));
      expect(error).toMatchObject({ kind: 'invalid', code: 'link-not-allowed' });
      expect(error.issues[0]?.path).toBe('content.zh-CN');
      expect(await stateOf(id)).toBe('draft');
    }
  });

  it('are fine where no SMS says them', async () => {
    const content = { 'zh-CN': { ...zh, body: '详见 https://example.gov.cn/a' } };
    await submitted({ content });
    const summary = { ...zh, summary: 'https://example.gov.cn/a' };
    await submitted({ content: { 'zh-CN': summary }, channels: ['email', 'webhook'] });
  });
});
