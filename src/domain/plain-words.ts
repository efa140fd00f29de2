import { z } from 'zod';

/** What a schema expects, as people call it. */
const NOUNS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  date: 'a time',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
};
const FORMS: Readonly<Record<string, string>> = {
  date: 'a date such as 2026-01-31',
  datetime: 'a time with its zone, such as 2026-01-31T09:00:00+08:00',
  email: 'a mailbox such as name@example.org',
  url: 'a URL such as https://example.org/path',
};
const UNITS: Readonly<Record<string, string>> = { array: 'entries', string: 'characters' };

/**
 * What is wrong with a value, in the words of whoever wrote it; a schema's own message goes before this one. Importing
 * the module makes all of zod speak so: web server, command line, configuration and files share it.
 */
export function inPlainWords(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined && issue.code === 'invalid_value')
    return `is required: ${alternatives(issue.values)}`;
  if (issue.input === undefined) return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'must be a whole number'
        : `must be ${NOUNS[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case 'invalid_value':
      return `must be ${alternatives(issue.values)}`;
    case 'too_small':
      return issue.minimum === 1 && issue.origin in UNITS
        ? 'must not be empty'
        : `must ${bound(issue.origin, issue.inclusive ? 'at least' : 'more than', issue.minimum)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.inclusive ? 'at most' : 'less than', issue.maximum)}`;
    case 'invalid_format':
      return FORMS[issue.format] ? `must be ${FORMS[issue.format]}` : 'is not written as it must be';
    case 'unrecognized_keys':
      return `has no field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not named as it must be';
    case 'invalid_union':
      return issue.errors[0]?.[0]?.message ?? 'has none of the forms that are taken';
    default:
      return 'is wrong';
  }
}

const alternatives = (values: readonly unknown[]): string => values.map(String).join(' or ');

function bound(origin: string, how: string, limit: number | bigint): string {
  const unit = UNITS[origin];
  return unit ? `have ${how} ${limit} ${unit}` : `be ${how} ${limit}`;
}

function kindOf(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (Number.isNaN(input)) return 'something else';
  return NOUNS[typeof input] ?? 'something else';
}

z.config({ localeError: inPlainWords });
