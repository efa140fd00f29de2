import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTemplates, type TemplateLibrary } from '../../src/render/load.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { packageRoot } from '../../src/root.ts';
import { contextOf, errorOf, filesOf, folderOf } from './fixtures.ts';

const SIGNATURE = { 'zh-CN': '【滨江公安】', en: 'Binjiang Police: ' };
const OPTIONS = {
  defaultLocale: 'zh-CN',
  signature: SIGNATURE,
  officeName: '滨江市公安局',
  purpose: 'message',
} as const;
const LINK = 'https://herald.example/a/1?x=1&y=2';

let library: TemplateLibrary;
beforeAll(async () => {
  library = await loadTemplates([join(packageRoot, 'templates')], { defaultLocale: 'zh-CN' });
});

const compiled = (name: string, fields: Record<string, string>, exercise = false) =>
  createRenderer().compile(
    library.bundle(name, OPTIONS),
    contextOf({ body: '', ...fields }, { kind: 'message', exercise }, ['zh-CN', 'en']),
  );

describe('the shipped templates for single messages', () => {
  it('an approval request carries its headline and a link, and nothing else', () => {
    const request = compiled('approval-request', { headline: '警惕诈骗', link: LINK });
    expect(request.sms('zh-CN', { name: null }).body).toBe(`【滨江公安】待审批：警惕诈骗\n${LINK}`);
    expect(request.sms('en', { name: null }).body).toBe(
      `Binjiang Police: Waits for approval: 警惕诈骗\n${LINK}`,
    );
    const mail = request.email('zh-CN', { name: null });
    expect(mail.subject).toBe('待审批：警惕诈骗');
    expect(mail.text).toContain(LINK);
    expect(mail.html).toContain('href="https://herald.example/a/1?x&#x3D;1&amp;y&#x3D;2"');
  });

  it('without a link, as numbers in +86 need it, it says where to go', () => {
    const request = compiled('approval-request', { headline: '警惕诈骗', link: '' });
    expect(request.sms('zh-CN', { name: null }).body).toBe('【滨江公安】待审批：警惕诈骗\n请登录系统审批。');
  });

  it('a test message says that it is one, and a rehearsal that it is one', () => {
    const test = compiled('test-message', { note: 'port 25' }, true);
    expect(test.sms('en', { name: null }).body).toBe(
      'Binjiang Police: EXERCISE - This is a test. You need not do anything.\nport 25',
    );
    expect(test.email('en', { name: null }).subject).toBe('EXERCISE - Test message: port 25');
    expect(compiled('test-message', { note: '' }).sms('zh-CN', { name: null }).body).toBe(
      '【滨江公安】这是一条测试消息，无需回复。',
    );
  });

  it('an audit anchor stands on a line of its own, whole', () => {
    const anchor = `herald-audit/1 0123456789ab 42 2026-01-17T00:00:00.000Z ${'a'.repeat(64)}`;
    const mail = compiled('audit-anchor', { anchor });
    for (const locale of ['zh-CN', 'en']) {
      const { text, html } = mail.email(locale, { name: null });
      expect(text.split('\n')).toContain(anchor);
      expect(html).toContain('a'.repeat(64));
    }
  });

  it('no mail of them has anything to leave', () => {
    for (const name of ['approval-request', 'test-message', 'audit-anchor']) {
      const { text, html } = compiled(name, { headline: 'x', link: '', note: 'x', anchor: 'x' }).email('en', {
        name: null,
      });
      expect(`${text}${html}`).not.toMatch(/unsubscribe|subscription|leave/i);
    }
  });
});

describe('a template for single messages', () => {
  const asMessage = (changes: Record<string, string> = {}) => {
    const files = filesOf('one', changes);
    files['one/template.json'] =
      '{"name":"one","for":"message","fields":[{"name":"headline","required":true,"maxLength":60}]}';
    if (!('one/en/webhook.hbs' in changes)) delete files['one/en/webhook.hbs'];
    return files;
  };
  const load = async (files: Record<string, string>) =>
    loadTemplates([await folderOf({ ...files, ...filesOf('two') })], { defaultLocale: 'en' });

  it('is unknown to announcements, and theirs to messages', async () => {
    const both = await load(asMessage());
    const options = { defaultLocale: 'en', signature: {}, officeName: 'Police' };
    expect(both.bundle('one', { ...options, purpose: 'message' }).manifest.name).toBe('one');
    const forAnnouncement = await errorOf(() => both.bundle('one', options));
    expect(forAnnouncement).toMatchObject({ code: 'unknown-template', fix: 'use one of: two' });
    const forMessage = await errorOf(() => both.bundle('two', { ...options, purpose: 'message' }));
    expect(forMessage).toMatchObject({ code: 'unknown-template', fix: 'use one of: one' });
  });

  it.each([
    ['has no webhook', { 'one/en/webhook.hbs': '{{headline}}' }, 'not a part'],
    [
      'has nothing to leave',
      { 'one/en/sms.hbs': '{{headline}} {{leaveUrl}}' },
      'unknown variable "leaveUrl"',
    ],
    ['is about no case', { 'one/en/sms.hbs': '{{case.title}}' }, 'unknown variable "case.title"'],
  ])('%s', async (_, changes, message) => {
    const error = await errorOf(() => load(asMessage(changes as Record<string, string>)));
    expect(error.code).toBe('template-error');
    expect(error.issues[0]?.message).toContain(message);
  });
});
