import fc from 'fast-check';
import { expect, it } from 'vitest';
import { downgradeTypography } from '../../src/domain/segments.ts';
import { TEMPLATE_PARTS, type TemplatePart } from '../../src/domain/template.ts';
import { createRenderer, parseBundle, renderWhole } from '../../src/render/renderer.ts';
import { cleanPersonal, cutSubject } from '../../src/render/tidy.ts';
import { bundleOf, contextOf } from './fixtures.ts';

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '',
    ' ',
    '李雷',
    '👮‍♀️',
    '<b>&"\'`=</b>',
    '{{headline}}',
    '$&$1',
    'a\r\nb',
    'x0123456789abcdefx',
    '\u200b',
    '…—“',
  ),
);

/** Source text in which personal values stand in every allowed place, next to spaces, line breaks and fields. */
const source = fc
  .array(
    fc.constantFrom(
      '{{recipient.name}}',
      '{{leaveUrl}}',
      '{{~recipient.name~}}',
      '{{#if recipient.name}}Dear {{recipient.name}},\n{{else}}Hello{{/if}}',
      '{{#unless leaveUrl}}none{{/unless}}',
      '{{#if leaveUrl}}\n\n{{#if recipient.name}}{{leaveUrl}} {{/if}}\n{{/if}}',
      '{{#each (paragraphs body)}}{{this}} {{../recipient.name}}\n{{#if ../leaveUrl}}!{{/if}}{{/each}}',
      '  {{> line who=recipient.name link=leaveUrl}}\n',
      '{{headline}}',
      ' ',
      '\n',
      '\n\n\n',
      'text “quoted”',
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

it('joins to exactly what the template itself would have rendered', () => {
  const partials = { line: '{{#if link}}{{who}}: {{link}}{{else}}\n{{who}}{{/if}}\n' };
  fc.assert(
    fc.property(source, value, value, value, (text, field, name, leaveUrl) => {
      const personalParts = TEMPLATE_PARTS.filter((part) => part !== 'webhook');
      const bundle = bundleOf(Object.fromEntries(personalParts.map((part) => [part, text])), { partials });
      const context = contextOf({ headline: field, body: `${field}\nb` });
      const template = createRenderer().compile(bundle, context);
      const values = { name: cleanPersonal(name), leaveUrl: cleanPersonal(leaveUrl) };
      const whole = renderWhole(bundle, context, parseBundle(bundle));
      const direct = (part: TemplatePart) => whole('en', part, values);

      const email = template.email('en', { name, leaveUrl });
      expect(email.html).toBe(direct('email.html'));
      expect(email.text).toBe(direct('email.text'));
      expect(email.subject).toBe(cutSubject(direct('email.subject')));
      expect(email.subject).not.toMatch(/[\r\n]/);
      expect(template.sms('en', { name, leaveUrl }).body).toBe(downgradeTypography(direct('sms')));
    }),
    { numRuns: 300 },
  );
});
