import fc from 'fast-check';
import { SegmentedMessage } from 'sms-segments-calculator';
import { describe, expect, it } from 'vitest';
import { downgradeTypography, firstNonGsm, segmentSms, splitSms } from '../../src/domain/segments.ts';

const gsm = fc.constantFrom(...'Police notice 42, é Ω@£\n\r');
const extension = fc.constantFrom(...'^{}\\[~]|€');
const chinese = fc.constantFrom(...'滨江公安分局通报：请广大市民注意，谨防诈骗。【】');
/** One code point each, so that a grapheme is a code point and the oracle cuts where we do. */
const emoji = fc.constantFrom('🚓', '🚨', '📞', '👮', '𠮷', '𝒜');
const text = (...parts: fc.Arbitrary<string>[]) =>
  fc.array(fc.oneof(...parts), { maxLength: 500 }).map((chars) => chars.join(''));

function sameAsOracle(message: string): void {
  const oracle = new SegmentedMessage(message);
  const ours = segmentSms(message);
  expect(ours.encoding).toBe(oracle.encodingName);
  expect(ours.count).toBe(oracle.segmentsCount);
  expect(ours.units).toBe(oracle.messageSize / (ours.encoding === 'GSM-7' ? 7 : 16));
}

describe('counting segments', () => {
  it('agrees with the oracle on GSM-7 with extension characters', () => {
    fc.assert(fc.property(text(gsm, gsm, gsm, extension), sameAsOracle));
  });

  it('agrees with the oracle on Chinese, emoji and mixtures', () => {
    fc.assert(fc.property(text(chinese, gsm, emoji, extension), sameAsOracle));
  });

  it('agrees with the oracle at every length around the boundaries', () => {
    for (const [char, lengths] of [
      ['a', [159, 160, 161, 306, 307, 459, 460]],
      ['€', [79, 80, 81, 152, 153, 154]],
      ['警', [69, 70, 71, 134, 135, 201, 202]],
      ['🚓', [34, 35, 36, 66, 67, 68]],
    ] as const) {
      for (const length of lengths) {
        for (const before of ['', 'a', '警']) sameAsOracle(before + char.repeat(length));
      }
    }
  });

  it.each([
    ['', 'GSM-7', 1, 0],
    ['a'.repeat(160), 'GSM-7', 1, 160],
    ['a'.repeat(161), 'GSM-7', 2, 161],
    [`${'a'.repeat(152)}€${'b'.repeat(153)}`, 'GSM-7', 3, 307],
    ['警'.repeat(70), 'UCS-2', 1, 70],
    ['警'.repeat(71), 'UCS-2', 2, 71],
    [`${'警'.repeat(66)}🚓${'警'.repeat(66)}`, 'UCS-2', 3, 134],
  ] as const)('counts %j', (message, encoding, count, units) => {
    expect(segmentSms(message)).toEqual({ encoding, count, units });
  });

  it('never needs more parts than an oracle that also keeps joined emoji together', () => {
    const joined = fc.constantFrom('👮‍♀️', '👨‍👩‍👧', '🇨🇳', 'é', '警');
    fc.assert(
      fc.property(text(joined), (message) => {
        expect(segmentSms(message).count).toBeLessThanOrEqual(new SegmentedMessage(message).segmentsCount);
      }),
    );
  });
});

describe('cutting into parts', () => {
  it('loses nothing, counts what segmentSms counts, and cuts no pair', () => {
    fc.assert(
      fc.property(fc.oneof(text(gsm, extension), text(chinese, emoji, gsm)), (message) => {
        const parts = splitSms(message);
        const { encoding, count } = segmentSms(message);
        expect(parts.join('')).toBe(message);
        expect(parts).toHaveLength(count);
        const most = { 'GSM-7': [160, 153], 'UCS-2': [70, 67] }[encoding][count === 1 ? 0 : 1] ?? 0;
        for (const part of parts) {
          expect(part).not.toMatch(/\p{Surrogate}/u);
          const units = encoding === 'GSM-7' ? segmentSms(part).units : part.length;
          expect(units).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});

describe('downgrading typography', () => {
  it('makes an English text with typographic characters GSM-7', () => {
    expect(downgradeTypography('“Stay at home” — it’s safer…\u00a0Call\u200b 110')).toBe(
      '"Stay at home" - it\'s safer... Call 110',
    );
  });

  it('composes an accent typed on its own', () => {
    expect(downgradeTypography('Cafe\u0301')).toBe('Café');
  });

  it('leaves Chinese as it is, also its quotation marks and dashes', () => {
    const notice = '【滨江公安】“1·17”案件——嫌疑人已被抓获……';
    expect(downgradeTypography(notice)).toBe(notice);
  });

  it('leaves a text as it is when one character cannot be mapped', () => {
    expect(downgradeTypography('“Łódź”')).toBe('“Łódź”');
  });

  it('gives GSM-7 or the very same text, never adds a question mark, and changes nothing the second time', () => {
    const typography = fc.constantFrom(...'–—‘’“”…\u00a0\u200b\ufeff•′″');
    fc.assert(
      fc.property(text(gsm, typography, fc.string({ unit: 'binary', maxLength: 1 })), (message) => {
        const plain = downgradeTypography(message);
        if (plain !== message) expect(firstNonGsm(plain)).toBeUndefined();
        const questions = (s: string) => s.split('?').length;
        expect(questions(plain)).toBe(questions(message));
        expect(downgradeTypography(plain)).toBe(plain);
      }),
    );
  });
});

describe('the first character that forces UCS-2', () => {
  it('is found with its index in UTF-16 units', () => {
    expect(firstNonGsm('a🚓')).toEqual({ char: '🚓', index: 1 });
    expect(firstNonGsm('€警')).toEqual({ char: '警', index: 1 });
    expect(firstNonGsm('plain [text] €')).toBeUndefined();
  });

  it('is there exactly when the oracle says UCS-2', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (message) => {
        const oracle = new SegmentedMessage(message).encodingName === 'UCS-2';
        // The oracle does not know the form feed, which 3GPP TS 23.038 has in the extension table.
        if (!message.includes('\f')) expect(firstNonGsm(message) !== undefined).toBe(oracle);
      }),
    );
  });
});
