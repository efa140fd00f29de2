import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { draftSchema } from '../../src/domain/announcement.ts';
import { localeSchema } from '../../src/domain/template.ts';

const saysOf = (schema: z.ZodType, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.') || '.'} ${message}`,
  );

describe('what a schema refuses is said in plain words', () => {
  const cases: [string, z.ZodType, unknown, string][] = [
    ['a missing object', z.object({ a: z.object({}) }), {}, 'a is required'],
    [
      'a missing choice',
      z.object({ a: z.enum(['live', 'exercise']) }),
      {},
      'a is required: live or exercise',
    ],
    ['another choice', z.enum(['live', 'exercise']), 'x', '. must be live or exercise'],
    ['a list for an object', z.strictObject({}), [], '. must be an object, not a list'],
    ['null for text', z.string(), null, '. must be text, not null'],
    ['text for a list', z.array(z.string()), 'a', '. must be a list, not text'],
    ['a fraction', z.int(), 1.5, '. must be a whole number'],
    ['no number', z.coerce.number(), 'x', '. must be a number, not something else'],
    ['empty text', z.string().min(1), '', '. must not be empty'],
    ['an empty list', z.array(z.string()).min(1), [], '. must not be empty'],
    ['long text', z.string().max(2), 'abc', '. must have at most 2 characters'],
    ['a short list', z.array(z.string()).min(2), ['a'], '. must have at least 2 entries'],
    ['a large number', z.number().max(5), 6, '. must be at most 5'],
    ['zero', z.number().positive(), 0, '. must be more than 0'],
    ['a mailbox', z.email(), 'x', '. must be a mailbox such as name@example.org'],
    [
      'a time',
      z.iso.datetime({ offset: true }),
      'x',
      '. must be a time with its zone, such as 2026-01-31T09:00:00+08:00',
    ],
    ['an unknown field', z.strictObject({}), { a: 1, b: 2 }, '. has no field "a", "b"'],
    [
      'a key',
      z.record(localeSchema, z.string()),
      { zh_CN: 'a' },
      'zh_CN not a language tag such as "zh-CN" or "en"',
    ],
    ['none of several', z.union([z.number(), z.boolean()]), 'a', '. must be a number, not text'],
    ['its own message', z.string().min(3, 'is too short to be a name'), 'a', '. is too short to be a name'],
  ];
  it.each(cases)('%s', (_what, schema, value, says) => {
    expect(saysOf(schema, value)).toEqual([says]);
  });

  it('an empty draft says what it lacks', () => {
    expect(saysOf(draftSchema, {})).toEqual([
      'case is required',
      'mode is required: live or exercise',
      'template is required',
      'content is required',
      'audience is required',
      'channels is required',
    ]);
  });
});
