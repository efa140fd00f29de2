import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalisePhone } from '../../src/pipeline/address.ts';
import { COLUMNS, type Column, rowChecker, thoroughRowChecker } from '../../src/pipeline/import-row.ts';

const lists = {
  topics: new Map([
    ['crime', 1],
    ['traffic', 2],
  ]),
  districts: new Map([['north', 7]]),
};
const now = () => Date.UTC(2026, 5, 1);

/** Texts that a column often has, so that many rows are good, and anything at all. */
const usual: Readonly<Record<Column, readonly string[]>> = {
  name: ['', 'Li Na', ' 王芳 ', 'e\u0301', 'x'.repeat(200), 'x'.repeat(201), 'a\u0000'],
  phone: [
    '',
    ' ',
    '13800138000',
    '+8613800138000',
    '138 0013 8000',
    '008613800138000',
    '+447700900123',
    '12345',
    '17910138000',
    '１３８００１３８０００',
  ],
  email: ['', 'a@example.org', ' B@Example.ORG', 'wang@例子.中国', 'a@b', 'x@y@z', 'a..b@c.de'],
  locale: ['zh-CN', ' en ', 'zh_CN', 'zh-Hant-TW', ''],
  topics: ['', 'crime', 'traffic; crime', 'crime;;crime', 'sports', ';'],
  districts: ['', 'north', ' north ;', 'south'],
  consent_at: [
    '2026-01-05',
    ' 2026-01-05T09:00:00+08:00',
    '2026-02-30',
    '2026-06-02',
    '2026-06-04',
    '1999-12-31',
    '',
  ],
  consent_source: ['counter', ' web ', '', 'x'.repeat(501), 'a\u0007'],
};
const row = fc.tuple(
  ...COLUMNS.map((column) =>
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...usual[column]) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
    ),
  ),
);

describe('a row of an import', () => {
  test('is decided on alike, and in the same words, by the short way and by the rule', () => {
    const [short, rule] = [rowChecker(lists, COLUMNS, now), thoroughRowChecker(lists, COLUMNS, now)];
    let taken = 0;
    fc.assert(
      fc.property(row, (fields) => {
        const result = short(2, fields);
        expect(result).toEqual(rule(2, fields));
        if (!('code' in result)) taken += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(10);
  });

  test('may have its columns in any order, and those left out are empty', () => {
    const columns = ['consent_source', 'consent_at', 'email', 'locale'] as const;
    const fields = ['web', '2026-01-05', 'a@example.org', 'en'];
    const result = rowChecker(lists, columns, now)(9, fields);
    expect(result).toEqual(thoroughRowChecker(lists, columns, now)(9, fields));
    expect(result).toMatchObject({ line: 9, name: null, phone: null, email: 'a@example.org', topics: [] });
  });

  test('a consent that lies ahead is refused until its day has come', () => {
    let time = now();
    const check = rowChecker(lists, COLUMNS, () => time);
    const fields = ['', '13800138000', '', 'en', '', '', '2026-06-03', 'web'];
    expect(check(2, fields)).toMatchObject({ code: 'no-consent' });
    time = Date.UTC(2026, 5, 3);
    expect(check(3, fields)).toMatchObject({ phone: '+8613800138000' });
  });
});

describe('a phone number of an import', () => {
  const phoneOf = (text: string) => {
    const result = rowChecker(
      lists,
      COLUMNS,
      now,
    )(2, ['', text, 'a@example.org', 'en', '', '', '2026-01-05', 'web']);
    return 'code' in result ? undefined : result.phone;
  };

  test('is read as libphonenumber reads it, whatever prefix a mobile number has', () => {
    for (let prefix = 12_900; prefix < 20_100; prefix += 1) {
      for (const text of [`${prefix}123456`, `+86${prefix}987650`])
        if (phoneOf(text) !== normalisePhone(text)) expect.fail(`${text}: ${phoneOf(text)}`);
    }
  });

  test('is read as libphonenumber reads it, however it is written', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 5, maxLength: 13 });
    const separators = fc.constantFrom('', '', '', ' ', '-', '.', '(', '０');
    const written = fc
      .tuple(
        fc.constantFrom('', '', '+86', '0086', '86', '0', '+1', '+44', '+'),
        fc.constantFrom('', '1', '13', '138', '179'),
        digits,
        separators,
      )
      .map(([country, start, rest, between]) => `${country}${between}${start}${between}${rest}`);
    fc.assert(
      fc.property(written, (text) => {
        expect(phoneOf(text)).toBe(normalisePhone(text));
      }),
      { numRuns: 3_000 },
    );
  });
});
