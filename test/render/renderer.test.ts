import { describe, expect, it } from 'vitest';
import type { Recipient } from '../../src/domain/message.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { bundleOf, contextOf, errorOf } from './fixtures.ts';

const NOBODY: Recipient = { name: null };
const compile = (...[bundle, context]: [ReturnType<typeof bundleOf>, ReturnType<typeof contextOf>]) =>
  createRenderer().compile(bundle, context);

describe('escaping', () => {
  const text = `<b>"Tom & 'Jerry'"</b> {{headline}}`;
  const template = compile(
    bundleOf({
      'email.html': '<p title="{{headline}}">{{recipient.name}}</p>',
      sms: '{{headline}}|{{recipient.name}}',
    }),
    contextOf({ headline: text }),
  );

  it('happens in html and nowhere else', () => {
    const email = template.email('en', { name: '<script>' });
    expect(email.html).toBe(
      '<p title="&lt;b&gt;&quot;Tom &amp; &#x27;Jerry&#x27;&quot;&lt;/b&gt; {{headline}}">&lt;script&gt;</p>\n',
    );
    expect(email.text).toBe(`${text}\n`);
    expect(email.subject).toBe(text);
    expect(template.sms('en', { name: '<i>' }).body).toBe(`${text}|<i>`);
  });

  it('keeps line breaks and control characters out of a subject, and cuts it at 200 code points', () => {
    const { subject } = compile(
      bundleOf({ 'email.subject': '{{headline}}\n{{recipient.name}}' }),
      contextOf({ headline: 'News\r\nBcc: all@example.org\u0000\u2028!' }),
    ).email('en', { name: 'Li\r\nX-Evil: 1' });
    expect(subject).toBe('News Bcc: all@example.org ! Li X-Evil: 1');
    const long = compile(bundleOf(), contextOf({ headline: '🚓'.repeat(300) })).email('en', NOBODY).subject;
    expect([...long]).toHaveLength(200);
    expect(long.endsWith('🚓…')).toBe(true);
  });
});

describe('an SMS', () => {
  it('starts with 【signature】 before Chinese text and with the bare name elsewhere', () => {
    const locales = ['zh-CN', 'en'];
    const signature = { 'zh-CN': '滨江公安', en: 'Binjiang Police' };
    const template = compile(bundleOf({}, { locales, signature }), contextOf({}, {}, locales));
    expect(template.sms('zh-CN', NOBODY).body).toBe('【滨江公安】News');
    expect(template.sms('en', NOBODY).body).toBe('Binjiang Police: News');
  });

  it.each([
    [{ en: 'Police' }, 'Police: News'],
    [{ en: 'Police: ' }, 'Police: News'],
    [{ en: '【Police】' }, '【Police】News'],
    [{}, 'News'],
  ])('with the signature %j', (signature, body) => {
    expect(compile(bundleOf({}, { signature }), contextOf()).sms('en', NOBODY).body).toBe(body);
  });

  it('and the other parts know the signature bare, or the office by its full name', () => {
    const text = (signature: Record<string, string>) =>
      compile(bundleOf({ 'email.text': '{{signature}}' }, { signature }), contextOf()).email('en', NOBODY)
        .text;
    expect(text({ en: 'Police: ' })).toBe('Police\n');
    expect(text({})).toBe('Binjiang Police\n');
  });

  it('is trimmed, has no runs of blank lines, and plain typography where that saves segments', () => {
    const { body, segments } = compile(
      bundleOf({ sms: '\n{{headline}}  \n\n\n\n{{body}}\n\n' }),
      contextOf({ headline: '“News” – now…', body: 'a\r\n\r\n\r\n\r\nb' }),
    ).sms('en', NOBODY);
    expect(body).toBe('"News" - now...\n\na\n\nb');
    expect(segments).toEqual({ encoding: 'GSM-7', count: 1, units: body.length });
  });

  it('counts the segments of each recipient', () => {
    const template = compile(
      bundleOf({ sms: '{{recipient.name}}, {{headline}}' }),
      contextOf({ headline: 'x'.repeat(70) }),
    );
    expect(template.sms('en', { name: 'Li' }).segments).toMatchObject({ encoding: 'GSM-7', count: 1 });
    expect(template.sms('en', { name: '李雷' }).segments).toMatchObject({ encoding: 'UCS-2', count: 2 });
  });

  it('has a form without a link', () => {
    const template = compile(
      bundleOf({ sms: '{{headline}}{{#if leaveUrl}} {{leaveUrl}}{{else}} (website){{/if}}' }),
      contextOf(),
    );
    expect(template.sms('en', { name: 'Li', leaveUrl: 'https://h.example/u/1' }).body).toBe(
      'News https://h.example/u/1',
    );
    expect(template.sms('en', { name: 'Li' }).body).toBe('News (website)');
    // The same for everybody, so made once.
    expect(template.sms('en', { name: 'Li' })).toBe(template.sms('en', { name: 'Zhao' }));
  });

  it('may have a link from the author, which routes without links are refused for elsewhere', () => {
    const sms = compile(bundleOf(), contextOf({ headline: 'see https://police.example' })).sms('en', NOBODY);
    expect(sms.body).toBe('see https://police.example');
  });
});

describe('blocks', () => {
  it('know absent fields, paragraphs and the parameters of partials', () => {
    const source =
      '{{> line head=headline n=1}}{{#each (paragraphs body)}}[{{@index}} {{this}}{{#unless @last}},{{/unless}} {{../case.reference}}]{{else}}none{{/each}}';
    const html = (body: string) =>
      compile(
        bundleOf({ 'email.html': source }, { partials: { line: '{{head}}{{n}}:' } }),
        contextOf({ body }),
      ).email('en', NOBODY).html;
    expect(html('a & b\n\n \nc')).toBe('News1:[0 a &amp; b, DL-2026-0117][1 c DL-2026-0117]\n');
    expect(html('')).toBe('News1:none\n');
  });

  it('tell the kinds of announcement apart', () => {
    const source =
      '{{#if announcement.isUpdate}}update{{else if announcement.isCorrection}}correction{{else if announcement.isRetraction}}retraction{{else}}notice{{/if}}{{#if announcement.exercise}}!{{/if}}';
    const kinds = ['notice', 'update', 'correction', 'retraction'];
    const seen = kinds.map(
      (kind) =>
        compile(bundleOf({ sms: source }), contextOf({}, { kind, exercise: true })).sms('en', NOBODY).body,
    );
    expect(seen).toEqual(kinds.map((kind) => `${kind}!`));
  });

  it('give the direction of the script for languages that run from right to left', () => {
    const locales = ['ug', 'en'];
    const template = compile(
      bundleOf({ 'email.html': '{{locale}} {{dir}}' }, { locales }),
      contextOf({}, {}, locales),
    );
    expect(template.email('ug', NOBODY).html).toBe('ug rtl\n');
    expect(template.email('en', NOBODY).html).toBe('en ltr\n');
  });
});

describe('languages', () => {
  const locales = ['zh-CN', 'en', 'en-GB'];
  const template = compile(bundleOf({}, { locales }), contextOf({}, {}, locales));

  it.each([
    ['zh-CN', 'zh-CN', false],
    ['zh-cn', 'zh-CN', false],
    ['zh-TW', 'zh-CN', false],
    ['en-GB', 'en-GB', false],
    ['en-US', 'en', false],
    ['ug', 'zh-CN', true],
    ['', 'zh-CN', true],
  ])('%s gets %s', (wanted, locale, fallback) => {
    expect(template.resolveLocale(wanted)).toEqual({ locale, fallback });
  });

  it('are those that the announcement is written in', () => {
    const some = compile(bundleOf({}, { locales }), contextOf({}, {}, ['zh-CN']));
    expect(some.resolveLocale('en')).toEqual({ locale: 'zh-CN', fallback: true });
  });

  it('must be known to the template and include the default', async () => {
    const bundle = bundleOf({}, { locales });
    expect(await errorOf(() => compile(bundle, contextOf({}, {}, ['zh-CN', 'fr'])))).toMatchObject({
      code: 'unknown-locale',
      issues: [{ path: 'content.fr' }],
    });
    expect(await errorOf(() => compile(bundle, contextOf({}, {}, ['en'])))).toMatchObject({
      code: 'missing-default-locale',
    });
  });
});

it('compiles a bundle with a context once', () => {
  const renderer = createRenderer();
  const [bundle, context] = [bundleOf(), contextOf()];
  expect(renderer.compile(bundle, context)).toBe(renderer.compile(bundle, context));
  expect(renderer.compile(bundle, contextOf())).not.toBe(renderer.compile(bundle, context));
});
