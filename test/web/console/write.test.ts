import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { versionOf } from '../../../src/domain/announcement.ts';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

const ATTACK = `"><svg onload=alert(1)>'</textarea><script>alert(1)</script>`;
const NEW = '/console/announcements/new';
const SAVE = '/console/announcements/save';
const AUTOSAVE = '/console/announcements/autosave';
const PREVIEW = '/console/announcements/preview';
const HTMX = { 'hx-request': 'true' };

let herald: Herald;
let author: Person;
let colleague: Person;
let approver: Person;
beforeAll(async () => {
  herald = await startHerald({ SMS_PRICE_PER_SEGMENT: '0.05', SMS_CURRENCY: 'CNY' });
  const { app } = herald;
  author = await person(herald, 'author', '李静');
  colleague = await person(herald, 'author', '陈晨');
  approver = await person(herald, 'approver', '王强');
  await app.lists.add('topics', { code: 'theft', names: { 'zh-CN': '盗窃', en: 'Theft' } });
  const subscriber = { topics: [], districts: [], consentAt: new Date(), consentSource: 'test' };
  for (const [locale, phone] of [
    ['zh-CN', '+12025550101'],
    ['zh-CN', '+12025550102'],
    ['ko', '+12025550103'],
  ] as const)
    await app.subscribers.add({ ...subscriber, name: '某人', locale, phone }, { id: approver.id });
});
afterAll(() => herald.close());

const wordsOf = (body: string) => body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
const typed = (more: Readonly<Record<string, string>> = {}) => ({
  caseReference: 'DL-2026-0117',
  caseTitle: '系列诈骗案',
  kind: 'notice',
  urgency: '',
  mode: 'live',
  template: 'hot-case',
  channels: 'sms',
  'content.zh-CN.headline': '警惕诈骗',
  'content.zh-CN.summary': '请立即挂断电话。',
  'content.zh-CN.body': '警方已立案侦查。',
  ...more,
});
/** Where a page says that it came from: to be sent with the next save. */
const placeOn = (body: string) => ({
  id: /name="id" value="([^"]*)"/.exec(body)?.[1] ?? '',
  version: /name="version" value="([^"]*)"/.exec(body)?.[1] ?? '',
});
const recordOf = async (url: string) => {
  const id = /ann_[a-z0-9]{26}/.exec(url)?.[0] ?? '';
  return await herald.app.announce.get(herald.app.ids.decode('announcement', id).id);
};
const english = () => herald.app.pool.query(`UPDATE users SET locale = 'en'`);
const chinese = () => herald.app.pool.query(`UPDATE users SET locale = 'zh-CN'`);
/** A draft that has been saved, and the page on which it is edited. */
async function begun(visitor: Visitor, more: Readonly<Record<string, string>> = {}) {
  const { location } = await visitor.post(SAVE, typed(more));
  const edit = location.replace(/\?.*/, '');
  return { edit, page: edit.replace('/edit', ''), ...placeOn((await visitor.get(edit)).body) };
}

describe('writing without scripts', () => {
  test('a notice is written, saved, changed and submitted', async () => {
    const visitor = await author.visit();
    expect((await visitor.get(NEW)).status).toBe(200);
    const { edit, page, ...place } = await begun(visitor, {
      'content.en.headline': 'Beware',
      'content.en.summary': 'Hang up.',
      'content.en.body': 'Line one\r\nLine two',
      topics: 'theft',
      basis: '局新闻办批复 12 号',
      scheduledAt: '2036-01-05T08:00',
    });
    expect((await recordOf(page)).draft).toMatchObject({
      case: { reference: 'DL-2026-0117', title: '系列诈骗案' },
      content: { en: { body: 'Line one\nLine two' } },
      audience: { topics: ['theft'], districts: [] },
      scheduledAt: '2036-01-05T00:00:00.000Z',
      basis: '局新闻办批复 12 号',
    });
    const { body } = await visitor.get(edit);
    for (const shown of ['Line one\nLine two', '2036-01-05T08:00', '局新闻办批复 12 号'])
      expect(body).toContain(shown);
    const { location } = await visitor.post(SAVE, typed({ ...place, act: 'submit' }));
    expect(location).toBe(`${page}?done=submitted`);
    expect((await recordOf(page)).state).toBe('submitted');
    // Nobody edits what waits for approval; its page says so.
    expect((await visitor.get(edit)).location).toBe(page);
  });

  test('a known case need not be named again', async () => {
    const visitor = await author.visit();
    await begun(visitor, { caseReference: 'DL-2026-0200', caseTitle: '抢劫案' });
    const { page } = await begun(visitor, { caseReference: 'DL-2026-0200', caseTitle: '' });
    expect((await recordOf(page)).case.title).toBe('抢劫案');
    expect((await visitor.get(NEW)).body).toContain('<option value="DL-2026-0200" label="抢劫案">');
  });

  test('what is wrong is said beside its field, and nothing that was typed is lost', async () => {
    await english();
    const visitor = await author.visit();
    for (const [fields, at, says] of [
      [{ caseReference: '' }, 'caseReference', 'Please fill this in'],
      [{ caseReference: 'DL-new', caseTitle: ' ' }, 'caseTitle', 'Please fill this in'],
      [{ channels: '' }, 'channels', 'Choose at least one channel'],
      [{ kind: 'correction' }, 'supersedes', 'Choose the announcement'],
      [{ kind: 'correction', supersedes: 'nonsense' }, 'supersedes', 'Choose the announcement'],
      [{ scheduledAt: '2036-13-45T99:00' }, 'scheduledAt', 'No time'],
      [{ 'content.zh-CN.body': `half \u202e of it` }, 'content.zh-CN.body', 'right form'],
      [{ basis: 'x'.repeat(2_001) }, 'basis', 'right form'],
    ] as const) {
      const { status, body } = await visitor.post(SAVE, typed({ ...fields, 'content.en.advice': 'keep me' }));
      const error = new RegExp(`id="${at.replaceAll('.', '\\.')}-error">([^<]*)`).exec(body)?.[1];
      expect([at, status, error]).toEqual([at, 422, expect.stringContaining(says)]);
      expect(body).toContain('keep me');
    }
    // Whatever a machine may send.
    for (const fields of [{}, { kind: 'x', mode: 'y', urgency: 'z', template: '../x', channels: 'fax' }])
      expect((await visitor.post(SAVE, fields)).status).toBe(422);
    await chinese();
  });

  test('submitting asks for what is missing, beside its field, and keeps the draft', async () => {
    await english();
    const visitor = await author.visit();
    const { location } = await visitor.post(
      SAVE,
      typed({
        act: 'submit',
        'content.zh-CN.body': '',
        'content.zh-CN.headline': '长'.repeat(61),
        'content.en.headline': 'Only this',
        topics: 'gone',
      }),
    );
    expect(location).toMatch(/\/edit\?check=1$/);
    const { body } = await visitor.get(location);
    expect(wordsOf(body)).toContain('Something is missing before it can be submitted');
    for (const [at, says] of [
      ['content.zh-CN.body', 'Please fill this in'],
      ['content.zh-CN.headline', 'at most 60 characters'],
      ['content.en.body', 'Please fill this in'],
    ] as const)
      expect(body).toContain(`id="${at}-error">${says}`);
    expect((await recordOf(location)).state).toBe('draft');
    // The same from the announcement's own page.
    const page = location.replace('/edit?check=1', '');
    expect((await visitor.post(`${page}/submit`)).location).toBe(location);
    await chinese();
  });

  test('another template has other fields, and keeps what both have', async () => {
    const { body } = await (await author.visit()).post(PREVIEW, typed({ template: 'plain' }));
    expect(body).toContain('value="警惕诈骗"');
    expect(body).toContain('警方已立案侦查。');
    expect(body).not.toContain('content.zh-CN.summary');
  });

  test('a draft whose template is gone can still be opened, and says so', async () => {
    const visitor = await author.visit();
    const { edit, page } = await begun(visitor);
    const { id } = await recordOf(page);
    await herald.app.pool.query(
      `UPDATE revisions SET draft = jsonb_set(draft, '{template}', '"gone"') WHERE announcement_id = $1`,
      [id],
    );
    expect((await visitor.get(edit)).body).toContain('请立即挂断电话。');
    const { location } = await visitor.post(`${page}/submit`);
    expect((await visitor.get(location)).body).toContain('id="template-error">原来的模板已不存在');
  });

  test('a preview is a page of its own, with what everybody gets, and saves nothing', async () => {
    await english();
    const visitor = await author.visit();
    const before = (await herald.app.announce.list({ limit: 100 })).length;
    const { status, body } = await visitor.post(PREVIEW, typed({ caseReference: '', caseTitle: '' }));
    const words = wordsOf(body);
    expect(status).toBe(200);
    expect(words).toContain('请立即挂断电话。');
    expect(words).toContain('What +86 numbers get');
    expect(words).toContain('1 people read Korean, which is not written');
    expect(words).toMatch(/Cost CN¥0\.\d\d/);
    expect((await herald.app.announce.list({ limit: 100 })).length).toBe(before);
    await chinese();
  });
});

describe('what the text must not say', () => {
  const NAMED = { 'content.zh-CN.body': '嫌疑人张伟已被控制，请拨打13812345678。' };
  const keysOn = (body: string) =>
    [...body.matchAll(/name="(reason\.[^"]+)"/g)].map(([, name]) => name ?? '');

  test('is marked where it stands, and needs a reason each, which the approver reads', async () => {
    await english();
    const visitor = await author.visit();
    const { edit, page, ...place } = await begun(visitor, NAMED);
    const { body } = await visitor.get(edit);
    expect(body).toMatch(/嫌疑人<mark>张伟<\/mark>已被控制，请拨打<mark>13812345678<\/mark>。/);
    const keys = keysOn(body);
    expect(keys).toHaveLength(2);
    const without = await visitor.post(SAVE, typed({ ...NAMED, ...place, act: 'submit' }));
    expect(without.location).toBe(`${edit}?check=1`);
    const asked = await visitor.get(without.location);
    expect(asked.body.match(/Change the text, or give a reason/g)).toHaveLength(2);
    expect((await recordOf(page)).state).toBe('draft');
    const reasons = Object.fromEntries(keys.map((key, i) => [key, `已获当事人书面同意 ${i}`]));
    const sent = await visitor.post(
      SAVE,
      typed({ ...NAMED, ...reasons, ...placeOn(asked.body), act: 'submit' }),
    );
    expect(sent.location).toBe(`${page}?done=submitted`);
    const shown = wordsOf((await (await approver.visit()).get(`${page}/approve`)).body);
    for (const text of ['张伟', '13812345678', '已获当事人书面同意 0', '已获当事人书面同意 1'])
      expect(shown).toContain(text);
    await chinese();
  });
});

describe('two people and one draft', () => {
  test('a newer version is never overwritten: both are shown, and one is chosen', async () => {
    const [mine, theirs] = [await author.visit(), await colleague.visit()];
    const { edit, page, ...place } = await begun(mine);
    const other = await theirs.get(edit);
    expect(wordsOf(other.body)).toContain('李静 在 1 分前修改过这份草稿');
    await theirs.post(SAVE, typed({ ...placeOn(other.body), 'content.zh-CN.summary': '同事的摘要' }));

    const answer = await mine.post(SAVE, typed({ ...place, 'content.zh-CN.summary': '我的摘要' }));
    expect(answer.status).toBe(409);
    const words = wordsOf(answer.body);
    expect(words).toContain('陈晨');
    expect(answer.body).toContain('同事');
    expect(answer.body).toMatch(/name="content\.zh-CN\.summary" value="我的摘要"/);
    expect((await recordOf(page)).draft.content['zh-CN']?.summary).toBe('同事的摘要');

    const chosen = typed({ ...placeOn(answer.body), 'content.zh-CN.summary': '我的摘要' });
    expect((await mine.post(SAVE, chosen)).location).toBe(`${edit}?done=saved`);
    expect((await recordOf(page)).draft.content['zh-CN']?.summary).toBe('我的摘要');
    // Or field by field: theirs of one, one's own of the other.
    await theirs.post(
      SAVE,
      typed({ ...placeOn((await theirs.get(edit)).body), 'content.zh-CN.advice': '同事的提示' }),
    );
    const own = { 'content.zh-CN.advice': '我的提示', 'content.zh-CN.summary': '再改的摘要' };
    const again = await mine.post(SAVE, typed({ ...placeOn(answer.body), ...own }));
    const picks = { 'pick.content.zh-CN.advice': 'theirs', 'pick.content.zh-CN.summary': 'mine' };
    await mine.post(SAVE, typed({ ...placeOn(again.body), ...own, ...picks }));
    expect((await recordOf(page)).draft.content['zh-CN']).toMatchObject({
      advice: '同事的提示',
      summary: '再改的摘要',
    });
    // The choice itself holds for what was seen only.
    await theirs.post(SAVE, typed({ ...place, ...picks, 'content.zh-CN.summary': '又改' }));
    expect((await recordOf(page)).draft.content['zh-CN']?.summary).toBe('再改的摘要');
  });

  test('an approver is told what writing here costs them', async () => {
    const { edit } = await begun(await author.visit());
    const theirs = await approver.visit();
    const { body } = await theirs.get(edit);
    expect(wordsOf(body)).toContain('就不能再审批这则通告');
    await theirs.post(SAVE, typed({ ...placeOn(body), 'content.zh-CN.summary': '改' }));
    expect(wordsOf((await theirs.get(edit)).body)).not.toContain('就不能再审批这则通告');
    expect(wordsOf((await (await author.visit()).get(edit)).body)).not.toContain('就不能再审批');
  });

  test('what was submitted meanwhile is not saved, and what was typed is still there', async () => {
    const visitor = await author.visit();
    const { id, version, page } = await begun(visitor);
    await visitor.post(`${page}/submit`);
    const { status, body } = await visitor.post(
      SAVE,
      typed({ id, version, 'content.zh-CN.summary': '太晚了' }),
    );
    expect([status, body.includes('太晚了')]).toEqual([409, true]);
    expect(wordsOf(body)).toContain('通告已不是草稿');
  });
});

describe('while one types', () => {
  test('the draft saves itself as soon as it has a case and a channel, and goes on from its own version', async () => {
    const visitor = await author.visit();
    const ask = (fields: Readonly<Record<string, string>>) => visitor.post(AUTOSAVE, fields, HTMX);
    const waits = await ask(typed({ caseReference: '' }));
    expect(wordsOf(waits.body)).toContain('草稿会自动保存');
    const first = await ask(typed({ 'content.zh-CN.body': '' }));
    const edit = String(first.headers['hx-replace-url']);
    expect(edit).toMatch(/^\/console\/announcements\/ann_\w{26}\/edit$/);
    expect(wordsOf(first.body)).toMatch(/已保存 \d\d:\d\d/);
    const second = await ask(typed(placeOn(first.body)));
    expect(second.headers['hx-replace-url']).toBeUndefined();
    const record = await recordOf(edit);
    expect([record.revision, versionOf(record)]).toEqual([1, placeOn(second.body).version]);

    const theirs = await colleague.visit();
    const seen = placeOn((await theirs.get(edit)).body);
    await theirs.post(AUTOSAVE, typed({ ...seen, 'content.zh-CN.headline': '同事的标题' }), HTMX);
    const third = await ask(typed(placeOn(second.body)));
    expect(wordsOf(third.body)).toMatch(/陈晨 于 \d\d:\d\d 保存了更新的版本/);
    expect((await recordOf(edit)).draft.content['zh-CN']?.headline).toBe('同事的标题');
    const wrong = await ask(typed({ ...seen, basis: '\u202e' }));
    expect(wordsOf(wrong.body)).toContain('未保存：');
  });

  test('parts of the page are drawn again, and only those', async () => {
    await english();
    const visitor = await author.visit();
    const { body } = await visitor.post(
      PREVIEW,
      typed({
        'content.en.headline': 'Beware',
        'content.en.summary': 'Do not pay 张 – hang up',
        'content.en.body': 'x',
      }),
      HTMX,
    );
    expect(body).not.toContain('<html');
    for (const part of ['reach', 'sms-zh-CN', 'sms-en', 'mail-en', 'json', 'count-sms', 'found-en-body'])
      expect(body).toContain(`id="${part}"`);
    expect(body).toContain('<mark>张</mark>');
    expect(wordsOf(body)).toMatch(/Character \d+, “张”, makes it UCS-2/);
    expect(wordsOf(body)).toContain('3 people');
    const nothing = await visitor.post(PREVIEW, typed({ channels: '' }), HTMX);
    expect(wordsOf(nothing.body)).toContain('Choose a channel');
    for (const fields of [{ 'content.zh-CN.body': '\u202e' }, { kind: 'update', supersedes: 'ann_x' }])
      expect((await visitor.post(PREVIEW, typed(fields), HTMX)).status).toBe(200);
    await chinese();
  });

  test('who is not reached before expiry, and when quiet hours hold it, is said in time', async () => {
    await english();
    const visitor = await author.visit();
    const at = (ms: number) => {
      const local = new Date(Date.now() + ms + 8 * 3_600_000);
      return local.toISOString().slice(0, 16);
    };
    const late = await visitor.post(
      PREVIEW,
      typed({ scheduledAt: at(7_200_000), expiresAt: at(3_600_000) }),
      HTMX,
    );
    expect(wordsOf(late.body)).toContain('3 people would not be reached before it expires');
    await herald.app.quietHours.set({
      channel: 'sms',
      from: at(-3_600_000).slice(11),
      until: at(7_200_000).slice(11),
    });
    const held = await visitor.post(PREVIEW, typed(), HTMX);
    expect(wordsOf(held.body)).toContain('SMS: quiet hours hold it until');
    const urgent = await visitor.post(PREVIEW, typed({ urgency: 'urgent' }), HTMX);
    expect(wordsOf(urgent.body)).not.toContain('quiet hours hold it until');
    await chinese();
  });
});

describe('after it was sent', () => {
  const approved = async (change: object = {}) => {
    const { announce, ids } = herald.app;
    const by = { id: author.id, role: 'author' as const };
    const { id } = await announce.create({ ...DRAFT, ...change }, by);
    await announce.submit(id, by);
    await announce.approve(id, { id: approver.id, role: 'approver' });
    return ids.encode('announcement', id);
  };

  test('a correction comes filled in, names what it supersedes, and saves nothing by itself', async () => {
    const from = await approved();
    const visitor = await author.visit();
    const hub = await visitor.get(`/console/announcements/${from}`);
    expect(wordsOf(hub.body)).toContain('目前没有无法召回的消息');
    // Any approver stops it from here, in two taps; an author does not.
    expect(hub.body).not.toContain('/cancel"');
    const theirs = await (await approver.visit()).get(`/console/announcements/${from}`);
    expect(theirs.body).toContain(`action="/console/announcements/${from}/cancel"`);
    for (const kind of ['correction', 'update']) {
      const link = `${NEW}?from=${from}&amp;kind=${kind}`;
      expect(hub.body).toContain(link);
      const { body } = await visitor.get(link.replace('&amp;', '&'));
      expect(placeOn(body).id).toBe('');
      expect(body).toContain('请立即挂断电话。');
      expect(body).toMatch(new RegExp(`value="${kind}" checked`));
      expect(body).toMatch(new RegExp(`<option value="${from}" selected`));
      expect(wordsOf(body)).toContain('原通告余下的发送立即停止');
    }
    const { location } = await visitor.post(SAVE, typed({ kind: 'correction', supersedes: from }));
    expect((await recordOf(location)).kind).toBe('correction');
    // Until it is approved, the old one stands.
    expect(wordsOf((await visitor.get(`/console/announcements/${from}`)).body)).not.toContain('被取代于');
  });

  test('a retraction has a text in every language that names nobody, and can be submitted as it is', async () => {
    const from = await approved({
      case: { reference: 'DL-2026-0300', title: '张伟诈骗案' },
      content: { 'zh-CN': { headline: '张某被捕', summary: '张某（滨江人）', body: '张某' } },
    });
    const visitor = await author.visit();
    const { body } = await visitor.get(`${NEW}?from=${from}&kind=retraction&reason=person`);
    const field = (name: string) =>
      new RegExp(`name="${name.replaceAll('.', '\\.')}"[^>]*>\\n?([^<]*)<`).exec(body)?.[1] ?? '';
    for (const locale of ['zh-CN', 'en']) {
      expect(field(`content.${locale}.body`)).toContain('DL-2026-0300');
      expect(field(`content.${locale}.body`)).not.toContain('张');
    }
    expect(body).not.toContain('name="reason.');
    // Newsrooms get the title, too.
    const title = /<input[^>]*name="caseTitle"[^>]*>/.exec(body)?.[0].match(/value="([^"]*)"/)?.[1] ?? '';
    expect([title.length > 0, title.includes('张')]).toEqual([true, false]);
    const texts = Object.fromEntries(
      ['zh-CN', 'en'].flatMap((locale) =>
        ['summary', 'body'].map((name) => [`content.${locale}.${name}`, field(`content.${locale}.${name}`)]),
      ),
    );
    const { location } = await visitor.post(
      SAVE,
      typed({
        kind: 'retraction',
        supersedes: from,
        caseReference: 'DL-2026-0300',
        caseTitle: title,
        'content.zh-CN.headline': '此前一则通告已撤回',
        'content.en.headline': 'An earlier announcement is withdrawn',
        ...texts,
        act: 'submit',
      }),
    );
    expect(location).toMatch(/done=submitted$/);
  });
});

test('what was typed is text, wherever it is shown again', async () => {
  const visitor = await author.visit();
  const fields = Object.fromEntries(
    Object.keys(typed()).map((name) => [
      name,
      ['kind', 'mode', 'template', 'channels'].includes(name) ? typed()[name as 'kind'] : ATTACK,
    ]),
  ) as Record<string, string>;
  const hostile = {
    ...fields,
    caseReference: ATTACK.slice(0, 60),
    'content.en.headline': ATTACK,
    basis: ATTACK,
    [`reason.${ATTACK}`]: ATTACK,
    urgency: 'urgent',
  };
  const { location } = await visitor.post(SAVE, hostile);
  expect(location).toContain('done=saved');
  const first = await visitor.get(location);
  await (await colleague.visit()).post(SAVE, { ...hostile, ...placeOn(first.body), basis: 'other' });
  const answers = [
    first,
    await visitor.get(location.replace('done=saved', 'check=1')),
    await visitor.get(NEW),
    await visitor.post(SAVE, { ...hostile, topics: ATTACK, supersedes: ATTACK, kind: 'update' }),
    await visitor.post(SAVE, { ...hostile, id: ATTACK }),
    await visitor.post(SAVE, { ...hostile, ...placeOn(first.body), scheduledAt: ATTACK, version: ATTACK }),
    await visitor.post(SAVE, { ...hostile, ...placeOn(first.body) }),
    await visitor.post(PREVIEW, { ...hostile, version: ATTACK }),
    await visitor.post(PREVIEW, hostile, HTMX),
    await visitor.post(AUTOSAVE, { ...hostile, ...placeOn(first.body) }, HTMX),
    await visitor.get(
      `${NEW}?from=${encodeURIComponent(ATTACK)}&kind=update&reason=${encodeURIComponent(ATTACK)}`,
    ),
  ];
  expect(answers.map(({ body, status }) => [status < 500, /<svg onload|<script>alert/.test(body)])).toEqual(
    answers.map(() => [true, false]),
  );
});
