import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { draftSchema } from '../../src/domain/announcement.ts';
import { HeraldError } from '../../src/domain/errors.ts';
import { idCheckCharacter, passesLuhn } from '../../src/domain/privacy-lint/numbers.ts';
import { findingKey, lint, masked, reasonedFindings, requireReasons } from '../../src/domain/privacy-lint.ts';
import { packageRoot } from '../../src/root.ts';
import { NOTICES } from './privacy-lint-notices.ts';

const lintText = (text: string, field = 'body', locale = 'zh-CN') => lint({ [locale]: { [field]: text } });
const kindsOf = (text: string) => lintText(text).map(({ kind, excerpt }) => [kind, excerpt]);

describe('notices as press offices write them', () => {
  const MARK = /⟦([a-z-]+)\|([^⟧]+)⟧/g;
  test.each(NOTICES)('$title', ({ text, field }) => {
    const plain = text.replace(MARK, '$2');
    const expected = [...text.matchAll(MARK)].map(([, kind, excerpt]) => `${kind} ${excerpt}`);
    for (const locale of ['zh-CN', 'en']) {
      const found = lintText(plain, field, locale);
      expect(found.map(({ kind, excerpt }) => `${kind} ${excerpt}`)).toEqual(expected);
    }
  });
});

test('the announcements that come with Herald can be submitted as they are', () => {
  for (const file of ['announcement', 'correction']) {
    const draft = draftSchema.parse(
      JSON.parse(readFileSync(join(packageRoot, `examples/${file}.json`), 'utf8')),
    );
    expect(lint(draft.content)).toEqual([]);
  }
});

const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));
const idNumber = fc
  .record({
    region: fc
      .tuple(fc.constantFrom('11', '33', '44', '65', '82', '911'), digits(4))
      .map(([p, d]) => (p + d).slice(0, 6)),
    birth: fc.date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
    order: digits(3),
  })
  .map(({ region, birth, order }) => {
    const number = region + birth.toISOString().slice(0, 10).replaceAll('-', '') + order;
    return number + idCheckCharacter(number);
  });
/** Words in which no number ends or begins. */
const words = fc.constantFrom('身份证号码', '嫌疑人的证件：', ' ID card ', '（', '', '2026年11月24日，号码');
const spacing = fc.array(fc.constantFrom('', ' ', '-', '  ', '\u3000', '\u00a0', ' - ', '－', '\u200b'), {
  minLength: 17,
  maxLength: 17,
});
const wide = (text: string) =>
  text.replace(/[0-9X]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));

describe('ID-card numbers (GB 11643-1999)', () => {
  it('are found whatever stands between the digits, in both widths', () => {
    fc.assert(
      fc.property(idNumber, spacing, words, words, fc.boolean(), (number, gaps, before, after, isWide) => {
        const spaced = [...number].map((char, index) => char + (gaps[index] ?? '')).join('');
        const written = isWide ? wide(spaced) : spaced;
        const text = `${before}${written}${after.replace(/^\d+/, '')}`;
        expect(kindsOf(text)).toContainEqual(['id-card', written]);
      }),
      { numRuns: 500 },
    );
  });

  it('are never seen in 18 digits whose check character is wrong', () => {
    fc.assert(
      fc.property(idNumber, fc.integer({ min: 1, max: 10 }), words, (number, shift, before) => {
        const right = '0123456789X'.indexOf(number[17] ?? '');
        const wrong = number.slice(0, 17) + '0123456789X'[(right + shift) % 11];
        expect(lintText(before + wrong).filter(({ kind }) => kind === 'id-card')).toEqual([]);
      }),
    );
    fc.assert(
      fc.property(digits(18), (number) => {
        fc.pre(idCheckCharacter(number) !== number[17]);
        expect(lintText(number).filter(({ kind }) => kind === 'id-card')).toEqual([]);
      }),
    );
  });

  it('need a day of birth that there was, and a province', () => {
    for (const number of ['11010119900230', '99010119900307', '11010118990307', '11010119901307']) {
      const whole = `${number}451`;
      expect(kindsOf(whole + idCheckCharacter(whole))).not.toContainEqual(['id-card', expect.anything()]);
    }
  });

  it('end with their last character', () => {
    const [x] = fc.sample(
      idNumber.filter((number) => number.endsWith('X')),
      1,
    );
    expect(kindsOf(`${x?.slice(0, 17)}x。`)).toEqual([['id-card', `${x?.slice(0, 17)}x`]]);
    expect(kindsOf('1101011990030745140')).toEqual([]);
  });
});

describe('bank cards (ISO/IEC 7812-1)', () => {
  it('are found in groups of four, and not when a digit is wrong', () => {
    fc.assert(
      fc.property(fc.constantFrom('6222', '4367', '5310'), digits(11), (prefix, rest) => {
        const body = prefix + rest;
        const check = [...'0123456789'].find((digit) => passesLuhn(body + digit)) ?? '';
        const printed = (body + check).replace(/(\d{4})(?=\d)/g, '$1 ');
        expect(kindsOf(`卡号${printed}。`)).toEqual([['bank-card', printed]]);
        const wrong = body + ((Number(check) + 1) % 10);
        expect(kindsOf(`卡号${wrong}。`)).toEqual([]);
      }),
    );
  });
});

describe('phones', () => {
  test.each([
    '110',
    '119',
    '120',
    '122',
    '96110',
    '12345',
    '12389',
    '95588',
    '955335',
    '400-820-8820',
    '4008208820',
    '800 810 8888',
    '400-8208-820',
    '+86 400 820 8820',
    '106901234567',
    '12110',
    '100861',
  ])('%s is a service, not a person', (number) => {
    expect(kindsOf(`请拨打${number}。电话：${number}，hotline ${number}; call ${number}.`)).toEqual([]);
  });

  test.each([
    '13812345678',
    '138-1234-5678',
    '138 1234 5678',
    '+86 13812345678',
    '+86-138-1234-5678',
    '0086 13812345678',
    '0571-87654321',
    '(0571) 87654321',
    '010 87654321',
    '02187654321',
    '+86 571 8765 4321',
    '+852 9123 4567',
    '+1 (212) 555-0123',
  ])('%s is somebody’s', (number) => {
    expect(kindsOf(`请联系${number}。`)).toEqual([['phone', number]]);
    expect(kindsOf(`Ask ${number}, please.`)).toEqual([['phone', number]]);
  });

  it('are not found when they are masked, or are amounts', () => {
    for (const text of [
      '138****1234',
      '1381234****',
      '涉案13812345678元',
      '+86 138 **** 1234',
      '微博粉丝13900000000人次',
    ])
      expect(kindsOf(text)).toEqual([]);
  });
});

const snippets = fc.oneof(
  fc.constantFrom(...NOTICES.map(({ text }) => text.replace(/⟦[a-z-]+\||⟧/g, ''))),
  fc.constantFrom(...'犯罪嫌疑人张三受害者李四，17岁（男）浙A·12345小学🚓𠮷Ａ１１０１０１ -'),
  fc.string({ unit: 'grapheme' }),
  idNumber,
  digits(11),
);

describe('whatever the text', () => {
  it('offsets point at the excerpt, findings are in order and do not overlap', () => {
    fc.assert(
      fc.property(fc.array(snippets, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let last = 0;
        for (const finding of lintText(text)) {
          expect(text.slice(finding.start, finding.end)).toBe(finding.excerpt);
          expect(finding.excerpt).not.toBe('');
          expect(finding.start).toBeGreaterThanOrEqual(last);
          last = finding.end;
        }
      }),
    );
  });

  it.each([
    '1'.repeat(20_000),
    '1 '.repeat(10_000),
    'Zhang Wei '.repeat(2_000),
    '张三（男，'.repeat(3_000),
    'aA'.repeat(10_000),
    '11010119900307451 '.repeat(1_000),
    'No. 1 '.repeat(3_000),
    '嫌疑人、'.repeat(5_000),
    'suspect named '.repeat(1_400),
  ])('the longest text is read while one types: %.12s…', (text) => {
    const began = performance.now();
    lintText(text);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('reasons', () => {
  const content = { 'zh-CN': { headline: '寻人', body: '走失女童，电话13812345678。' } };
  const [girl, phone] = lint(content);
  const keys = [girl, phone].map((finding) => finding && findingKey(finding)) as [string, string];

  it('belong to what was found: moved text keeps them, changed text does not', () => {
    const lintReasons = { [keys[0]]: '监护人同意', [keys[1]]: '家属公开' };
    expect(reasonedFindings({ content, lintReasons }).map(({ reason }) => reason)).toEqual([
      '监护人同意',
      '家属公开',
    ]);
    const moved = { 'zh-CN': { body: '家属电话：13812345678。昨日走失女童一名。' } };
    expect(reasonedFindings({ content: moved, lintReasons }).map(({ reason }) => reason)).toEqual([
      '家属公开',
      '监护人同意',
    ]);
    const changed = { 'zh-CN': { body: '走失女童，电话13812345679。' } };
    expect(reasonedFindings({ content: changed, lintReasons }).map(({ reason }) => reason)).toEqual([
      '监护人同意',
      null,
    ]);
  });

  it('are required for each, and the refusal shows half of what was found', () => {
    try {
      requireReasons({ content, lintReasons: { [keys[0]]: '监护人同意' } });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(HeraldError);
      const { code, kind, issues } = error as HeraldError;
      expect({ code, kind }).toEqual({ code: 'lint-reason-required', kind: 'invalid' });
      expect(issues).toEqual([
        { path: 'content.zh-CN.body', message: expect.stringContaining('"138******78"') },
      ]);
      expect(issues[0]?.message).toContain(keys[1]);
      expect(issues[0]?.message).not.toContain('13812345678');
    }
  });

  it('the case’s title is read as well: newsrooms get it', () => {
    const draft = { case: { title: '13812345678 诈骗案' }, content: {} };
    const [finding] = reasonedFindings(draft);
    expect(finding).toMatchObject({ kind: 'phone', locale: 'case', field: 'title', start: 0, reason: null });
    try {
      requireReasons(draft);
      expect.unreachable();
    } catch (error) {
      expect((error as HeraldError).issues.map(({ path }) => path)).toEqual(['case.title']);
    }
    const reasons = { [finding?.key ?? '']: 'ours' };
    expect(requireReasons({ ...draft, lintReasons: reasons })).toEqual(reasons);
  });

  it('whose findings are gone are left out', () => {
    expect(
      requireReasons({ content: { en: { body: 'Nothing.' } }, lintReasons: { [keys[0]]: 'x' } }),
    ).toBeUndefined();
    expect(requireReasons({ content, lintReasons: { [keys[0]]: 'a', [keys[1]]: 'b', gone: 'c' } })).toEqual({
      [keys[0]]: 'a',
      [keys[1]]: 'b',
    });
  });

  it('a mask hides half and keeps the length', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const shown = [...masked(text)];
        expect(shown.length).toBe([...text].length);
        expect(shown.filter((char) => char === '*').length).toBeGreaterThanOrEqual(shown.length / 2);
      }),
    );
  });
});
