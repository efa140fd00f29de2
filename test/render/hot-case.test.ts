import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { draftSchema } from '../../src/domain/announcement.ts';
import type { RenderContext } from '../../src/domain/template.ts';
import { containsUrl } from '../../src/domain/urls.ts';
import { webhookEnvelopeSchema } from '../../src/domain/webhook-envelope.ts';
import type { CompiledTemplate } from '../../src/pipeline/ports.ts';
import { loadTemplates, type TemplateLibrary } from '../../src/render/load.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { packageRoot } from '../../src/root.ts';

const CITIZEN = { name: '王<芳>', leaveUrl: 'https://h.example/u/abc?a=1&b=2' };
const FACTS = {
  state: 'sending',
  sequence: 1,
  publishedAt: '2026-11-23T08:00:00Z',
  supersededBy: null,
  links: {},
};

let library: TemplateLibrary;
beforeAll(async () => {
  library = await loadTemplates([join(packageRoot, 'templates')], { defaultLocale: 'zh-CN' });
});

async function example(
  file: string,
  announcement: Partial<RenderContext['announcement']> = {},
  fields: Record<string, string> = {},
): Promise<CompiledTemplate> {
  const draft = draftSchema.parse(JSON.parse(await readFile(join(packageRoot, 'examples', file), 'utf8')));
  const bundle = library.bundle(draft.template, {
    defaultLocale: 'zh-CN',
    signature: { 'zh-CN': '【滨江公安】', en: 'Binjiang Police: ' },
    officeName: '滨江市公安局',
  });
  return createRenderer().compile(bundle, {
    announcement: {
      id: 'ann_1',
      kind: draft.kind,
      urgency: 'urgent',
      exercise: false,
      supersedes: null,
      ...announcement,
    },
    case: draft.case,
    office: { name: '滨江市公安局' },
    content: Object.fromEntries(
      Object.entries(draft.content).map(([locale, own]) => [locale, { ...own, ...fields }]),
    ),
  });
}

describe('the shipped hot-case template, with the example', () => {
  it('ships beside a plain one, and four for single messages', () => {
    expect(library.list().map(({ manifest, locales }) => [manifest.name, manifest.for, locales])).toEqual([
      ['approval-request', 'message', ['en', 'zh-CN']],
      ['audit-anchor', 'message', ['en', 'zh-CN']],
      ['hot-case', undefined, ['en', 'zh-CN']],
      ['leave-code', 'message', ['en', 'zh-CN']],
      ['plain', undefined, ['en', 'zh-CN']],
      ['test-message', 'message', ['en', 'zh-CN']],
    ]);
  });

  it('says in an SMS who speaks, what happened and how to leave', async () => {
    const template = await example('announcement.json');
    const chinese = template.sms('zh-CN', CITIZEN);
    expect(chinese.body).toMatch(
      /^【滨江公安】警惕.+\n10月以来.+\n电话：110.+\n退订：https:\/\/h\.example\/u\/abc\?a=1&b=2$/,
    );
    expect(chinese.segments.encoding).toBe('UCS-2');
    const english = template.sms('en', CITIZEN);
    expect(english.body).toMatch(/^Binjiang Police: Beware.+\nSince October.+\nTel: 110.+\nLeave: https/);
    expect(english.segments.encoding).toBe('GSM-7');
  });

  it.each(['announcement.json', 'correction.json'])('%s keeps to what +86 takes', async (file) => {
    const template = await example(file);
    for (const locale of ['zh-CN', 'en']) {
      const { body, segments } = template.sms(locale, { name: CITIZEN.name });
      expect(containsUrl(body)).toBe(false);
      expect(body).toMatch(/退订请登录滨江市公安局网站|our website/);
      expect(body.length).toBeLessThanOrEqual(500);
      expect(segments.count).toBeLessThanOrEqual(8);
    }
  });

  it.each([
    ['update', '续报', 'UPDATE'],
    ['correction', '更正', 'CORRECTION'],
    ['retraction', '撤回', 'WITHDRAWN'],
  ])('marks a %s, and an exercise, on every channel', async (kind, chinese, english) => {
    const template = await example('announcement.json', { kind, exercise: true });
    expect(template.sms('zh-CN', CITIZEN).body).toContain(`【滨江公安】【演练】${chinese}：`);
    expect(template.sms('en', CITIZEN).body).toContain(`EXERCISE - ${english}: `);
    const email = template.email('zh-CN', CITIZEN);
    for (const text of [email.subject, email.text, email.html]) expect(text).toContain(`【${chinese}】`);
    for (const text of [email.subject, email.text, email.html]) expect(text).toContain('【演练】');
    const { html, text, subject } = template.email('en', CITIZEN);
    for (const part of [html, text, subject])
      expect(part.toUpperCase()).toMatch(new RegExp(`EXERCISE[\\s\\S]*${english}`));
    const { data } = webhookEnvelopeSchema.parse(JSON.parse(template.webhook(FACTS).body));
    expect(data.texts['zh-CN']?.text).toContain(`【演练】【${chinese}】`);
  });

  it('makes a notice without any of these marks', async () => {
    const { subject, text, html } = (await example('announcement.json')).email('zh-CN', CITIZEN);
    for (const part of [subject, text, html]) expect(part).not.toMatch(/演练|更正|撤回|续报/);
  });

  it.each(['zh-CN', 'en'])('writes an accessible and safe html e-mail in %s', async (locale) => {
    const { html } = (await example('announcement.json')).email(locale, CITIZEN);
    expect(html.startsWith(`<!doctype html>\n<html lang="${locale}" dir="ltr"`)).toBe(true);
    expect(html).toContain(`<div lang="${locale}" dir="ltr" role="article"`);
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html.match(/<table(?! role="presentation")/g)).toBeNull();
    expect(html).toContain('王&lt;芳&gt;');
    expect(html).toContain('href="https://h.example/u/abc?a&#x3D;1&amp;b&#x3D;2"');
    expect(Buffer.byteLength(html)).toBeLessThan(15_000);
    // Every element that must be closed is.
    for (const tag of [
      'table',
      'tr',
      'td',
      'div',
      'p',
      'h1',
      'h2',
      'a',
      'body',
      'html',
      'head',
      'style',
      'strong',
    ]) {
      const count = (pattern: string) => html.match(new RegExp(pattern, 'g'))?.length ?? 0;
      expect([tag, count(`<${tag}[ >]`)]).toEqual([tag, count(`</${tag}>`)]);
    }
  });

  it('leaves out what the author left empty, and each line of the text is a paragraph', async () => {
    const template = await example(
      'announcement.json',
      {},
      { advice: '', hotline: '', body: 'One.\n\nTwo <b>.' },
    );
    const { html, text } = template.email('en', { name: null });
    expect(html).toMatch(/>One\.<\/p>\n<p [^>]+>Two &lt;b&gt;\.<\/p>/);
    expect(text).toContain('\n\nOne.\n\nTwo <b>.\n\nCase reference: DL-2026-0117\n');
    for (const part of [html, text]) expect(part).not.toMatch(/What you can do|Hotline|Dear|href/);
    expect(template.sms('en', { name: null }).body).not.toContain('Tel:');
  });

  it('gives newsrooms the fields and a text to print, within 20 kB', async () => {
    const { data } = webhookEnvelopeSchema.parse(
      JSON.parse((await example('announcement.json')).webhook(FACTS).body),
    );
    expect(data.texts.en?.hotline).toBe('110, or 96110 for fraud');
    expect(data.texts.en?.text).toMatch(
      /^Beware of "refund" calls[\s\S]+Case reference: DL-2026-0117\nBinjiang Police$/,
    );
  });
});
