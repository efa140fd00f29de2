import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/root.ts';
import { readMail } from '../../src/sandbox/smtp.ts';
import { citizen, type Herald, refusal, startHerald, untilState } from './herald.ts';

let herald: Herald;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-frozen-'));
  await cp(join(packageRoot, 'templates'), folder, { recursive: true });
  herald = await startHerald({ HERALD_TEMPLATES_DIR: folder, SMS_SIGNATURE: '滨江公安' });
  await citizen(herald.app, { phone: '+8613800138001', email: 'wang.fang@example.org' });
  await herald.app.endpoints.create({
    outlet: 'daily',
    url: `${herald.sandbox.url}/hooks/daily`,
    topics: [],
    districts: [],
  });
});
afterAll(async () => {
  await herald.close();
  await rm(folder, { recursive: true });
});

/** Puts a word into every source of every template, partials included. */
async function rewrite(word: string): Promise<void> {
  for (const file of ['sms.hbs', 'email.text.hbs', 'email.html.hbs', 'email.subject.hbs', 'webhook.hbs']) {
    const path = join(folder, 'hot-case/zh-CN', file);
    await writeFile(path, `${word}${await readFile(path, 'utf8')}`);
  }
  const partial = join(folder, 'partials/email-foot.hbs');
  await writeFile(partial, `${await readFile(partial, 'utf8')}<p>${word}页脚</p>`);
}

it('what was submitted is sent, whatever becomes of the templates, and can be shown ever after', async () => {
  const { app, author, approver, sandbox } = herald;
  const { id } = await app.announce.create(
    {
      case: { reference: 'DL-1', title: '案' },
      template: 'hot-case',
      content: { 'zh-CN': { headline: '标题', summary: '摘要', body: '正文' } },
      channels: ['sms', 'email', 'webhook'],
      mode: 'live',
      audience: {},
    },
    author,
  );
  await app.announce.submit(id, author);
  const shown = await app.announce.preview(await app.announce.get(id));

  await rewrite('篡改');
  // Everything is started again, with the new templates and another signature.
  const later = await herald.open({ SMS_SIGNATURE: '冒牌公安' });
  expect(await later.announce.preview(await later.announce.get(id))).toEqual(shown);
  await later.announce.approve(id, approver, { sha256: (await app.announce.get(id)).sha256 ?? '' });
  const workers = await herald.work({ app: later });
  await untilState(later, id, 'completed');
  await workers.stop();

  const sent = sandbox.ledger.list();
  expect(sent.map((entry) => entry.channel).sort()).toEqual(['email', 'sms', 'webhook']);
  const sms = sent.find((entry) => entry.channel === 'sms');
  expect(sms?.body).toBe(shown.locales[0]?.smsWithoutLinks?.body);
  expect(sms?.body).toMatch(/^【滨江公安】/);
  const mail = sent.find((entry) => entry.channel === 'email');
  expect(mail?.subject).toBe(shown.locales[0]?.email?.subject);
  for (const { body, subject } of sent) expect(`${body}${subject}`).not.toMatch(/篡改|冒牌/);
  const { text, html } = await readMail(mail?.body ?? '');
  for (const part of [text, html]) {
    expect(part).toContain('正文');
    expect(part).not.toContain('篡改');
  }

  // What is written from now on uses what there is now.
  const next = await later.announce.create({ ...(await later.announce.get(id)).draft }, author);
  expect((await later.announce.preview(await later.announce.get(next.id))).locales[0]?.sms?.body).toMatch(
    /^【冒牌公安】篡改/,
  );
  expect(await later.announce.preview(await later.announce.get(id))).toEqual(shown);
});

it('what is too long for a route is refused at submission, not number by number when it is sent', async () => {
  const { author } = herald;
  const file = join(folder, 'plain/template.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  for (const field of manifest.fields) field.maxLength = 2_000;
  await writeFile(file, JSON.stringify(manifest));
  const { announce } = await herald.open();
  const draft = (body: string) => ({
    case: { reference: 'DL-3', title: '案' },
    template: 'plain',
    content: { 'zh-CN': { headline: '标题', body } },
    channels: ['sms'],
    mode: 'live',
    audience: {},
  });
  const long = await announce.create(draft('长'.repeat(560)), author);
  expect(await refusal(announce.submit(long.id, author))).toMatchObject({
    kind: 'invalid',
    code: 'too-many-segments',
    message: 'the SMS in zh-CN has 9 segments, and numbers in +86 take 8',
    issues: [{ path: 'content.zh-CN' }],
  });
  const fitting = await announce.create(draft('长'.repeat(480)), author);
  await announce.submit(fitting.id, author);
});

it('what was returned is shown as it would be submitted now', async () => {
  const { app, author, approver } = herald;
  const draft = {
    case: { reference: 'DL-2', title: '案' },
    template: 'hot-case',
    content: { 'zh-CN': { headline: '标题', summary: '摘要', body: '正文' } },
    channels: ['sms'],
    mode: 'live',
    audience: {},
  };
  const { id } = await app.announce.create(draft, author);
  const { sha256 } = await app.announce.submit(id, author);
  await rewrite('再改');
  const later = await herald.open();
  await later.announce.returnToAuthor(id, approver, 'again');
  expect(await later.announce.get(id)).toMatchObject({ sha256: null });
  expect((await later.announce.preview(await later.announce.get(id))).locales[0]?.sms?.body).toContain(
    '再改',
  );
  expect((await later.announce.submit(id, author)).sha256).not.toBe(sha256);
});
