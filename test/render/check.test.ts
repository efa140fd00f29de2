import { describe, expect, it } from 'vitest';
import type { TemplatePart } from '../../src/domain/template.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { bundleOf, contextOf, errorOf } from './fixtures.ts';

const refusal = async (
  source: string,
  part: TemplatePart = 'email.html',
  partials: Record<string, string> = {},
) => {
  const error = await errorOf(() =>
    createRenderer().compile(bundleOf({ [part]: source }, { partials }), contextOf()),
  );
  expect(error.code).toBe('template-error');
  return error.issues[0];
};

describe('what a template may not do', () => {
  it.each([
    ['{{nobody}}', 'unknown variable "nobody"'],
    ['{{case}}', 'unknown variable "case"'],
    ['{{case.number}}', 'unknown variable "case.number"'],
    ['{{[case.title]}}', 'unknown variable'],
    ['{{headline.length}}', 'unknown variable'],
    ['{{constructor}}', 'unknown variable "constructor"'],
    ['{{headline.constructor.name}}', 'unknown variable'],
    ['{{__proto__.polluted}}', 'unknown variable'],
    ['{{@root.headline}}', 'unknown variable "@root.headline"'],
    ['{{../headline}}', 'unknown variable "../headline"'],
    ['{{this}}', 'unknown variable "this"'],
    ['{{#if nobody}}x{{/if}}', 'unknown variable "nobody"'],
    ['{{#if headline}}x{{else}}{{nobody}}{{/if}}', 'unknown variable "nobody"'],
    ['{{#if headline}}x{{else if nobody}}y{{/if}}', 'unknown variable "nobody"'],
    ['{{^if nobody}}x{{/if}}', 'unknown variable "nobody"'],
    ['{{{headline}}}', 'unescaped output'],
    ['{{&headline}}', 'unescaped output'],
    ['{{"headline"}}', 'a variable is expected'],
    ['{{lookup case "title"}}', 'cannot be called'],
    ['{{log headline}}', 'cannot be called'],
    ['{{paragraphs body}}', 'cannot be called'],
    ['{{#with case}}{{title}}{{/with}}', 'unknown block'],
    ['{{#headline}}x{{/headline}}', 'unknown block'],
    ['{{#if headline body}}x{{/if}}', 'takes one thing'],
    ['{{#if headline includeZero=true}}x{{/if}}', 'no options'],
    ['{{#each case}}x{{/each}}', 'the only list is'],
    ['{{#each (lookup case "title")}}x{{/each}}', 'the only list is'],
    ['{{#each (paragraphs recipient.name)}}x{{/each}}', 'belongs to a recipient'],
    ['{{#each (paragraphs body)}}{{headline}}{{/each}}', 'inside {{#each}} write ../headline'],
    [
      '{{#each (paragraphs body)}}{{#each (paragraphs this)}}x{{/each}}{{/each}}',
      'inside {{#each}} is not allowed',
    ],
    ['{{#each (paragraphs body) as |line|}}{{line}}{{/each}}', '"as |…|" is not allowed'],
    ['{{#> layout}}x{{/layout}}', 'PartialBlockStatement is not allowed'],
    ['{{#*inline "x"}}x{{/inline}}', 'DecoratorBlock is not allowed'],
    ['{{> nobody}}', 'unknown partial "nobody"'],
    ['{{> toString}}', 'unknown partial "toString"'],
    ['{{> (lookup case "title")}}', 'a partial has a fixed name'],
  ])('%s', async (source, message) => {
    const issue = await refusal(`a\n${source}`);
    expect(issue?.path).toBe('tiny/en/email.html.hbs:2');
    expect(issue?.message).toContain(message);
  });

  it('has no recipient in a webhook', async () => {
    expect(await refusal('{{recipient.name}}', 'webhook')).toEqual({
      path: 'tiny/en/webhook.hbs:1',
      message: 'unknown variable "recipient.name"',
    });
  });

  it.each([
    ['{{> foot}}', 'x\n{{nobody}}', 'partials/foot.hbs:2', 'unknown variable "nobody"'],
    ['{{> foot}}', '{{> foot}}', 'partials/foot.hbs:1', 'calls itself'],
    ['{{> foot why=nobody}}', '{{why}}', 'en/email.html.hbs:1', 'unknown variable "nobody"'],
    ['{{> foot case=headline}}', '{{case.title}}', 'en/email.html.hbs:1', '"case" is a variable already'],
    ['{{> foot case}}', 'x', 'en/email.html.hbs:1', 'a fixed name'],
    [
      '{{> foot who=recipient.name}}',
      '{{#each (paragraphs who)}}{{this}}{{/each}}',
      'partials/foot.hbs:1',
      'belongs to a recipient',
    ],
    ['{{#each (paragraphs body)}}{{> foot}}{{/each}}', 'x', 'en/email.html.hbs:1', 'inside {{#each}}'],
  ])('%s with the partial %s', async (source, partial, path, message) => {
    const issue = await refusal(source, 'email.html', { foot: partial });
    expect(issue?.path).toBe(`tiny/${path}`);
    expect(issue?.message).toContain(message);
  });
});
