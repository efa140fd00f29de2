import { type Detector, type Digits, isDay, numbersOf, type Span, spansOf } from './text.ts';

/** GB/T 2260: the first two digits of a region code, by province; 81 to 83 are Hong Kong, Macao and Taiwan residents'. */
const PROVINCES: ReadonlySet<string> = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83'.split(
    ' ',
  ),
);

/** GB 11643-1999, 6.2: weights of the first 17 digits, and the check character by their sum modulo 11. */
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK = '10X98765432';

/** The check character of ISO 7064 MOD 11-2, as GB 11643-1999 uses it. @param digits 17 of them */
export function idCheckCharacter(digits: string): string {
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(digits[index]), 0);
  return CHECK[sum % 11] ?? '';
}

/**
 * A citizen's number of 18 characters (GB 11643-1999), or a foreign permanent resident's of the form since 2023, which
 * has 9 before the province.
 */
function isIdNumber(number: string): boolean {
  const province = number.startsWith('9') ? number.slice(1, 3) : number.slice(0, 2);
  return (
    PROVINCES.has(province) &&
    isDay(Number(number.slice(6, 10)), Number(number.slice(10, 12)), Number(number.slice(12, 14))) &&
    idCheckCharacter(number) === number[17]?.toUpperCase()
  );
}

/** The form before 1999, without century and check character. */
const isOldIdNumber = (digits: string): boolean =>
  PROVINCES.has(digits.slice(0, 2)) &&
  isDay(1900 + Number(digits.slice(6, 8)), Number(digits.slice(8, 10)), Number(digits.slice(10, 12)));

/** A check character is proof enough for anything to stand between the digits. */
const ANYTHING_BETWEEN = /^[\s\-_.·/]{1,3}$/;
const BLANK_OR_DASH = /^(?: {1,2}| ?- ?)$/;

export const idCards: Detector = function* (folded) {
  for (const { start, end, digits } of numbersOf(folded, ANYTHING_BETWEEN, 18)) {
    if (digits.length === 18 && isIdNumber(digits)) yield { start, end };
    if (digits.length !== 17) continue;
    const x = /^[\s\-_.·/]{0,3}X(?![A-Z0-9])/i.exec(folded.slice(end));
    if (x && isIdNumber(`${digits}X`)) yield { start, end: end + x[0].length };
  }
  const addresses = urls(folded);
  for (const number of numbersOf(folded, BLANK_OR_DASH, 15)) {
    const asPrinted = ['15', '6,6,3', '6,9'].includes(String(number.groups));
    if (
      asPrinted &&
      isOldIdNumber(number.digits) &&
      !isReference(folded, number) &&
      !within(addresses, number)
    )
      yield number;
  }
};

/** Issuer prefixes (ISO/IEC 7812-1) and the lengths of their numbers. */
const ISSUERS: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  { prefix: /^(?:62|81[0-7])/, lengths: [16, 17, 18, 19] }, // UnionPay
  { prefix: /^(?:9558|60(?!11)|69)/, lengths: [16, 17, 18, 19] }, // Chinese banks' own, before UnionPay's
  { prefix: /^4/, lengths: [13, 16, 19] }, // Visa, and the first cards of Chinese banks
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] }, // Mastercard
  { prefix: /^3[47]/, lengths: [15] }, // American Express
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16, 17, 18, 19] }, // JCB
  { prefix: /^(?:30[0-5]|3[689])/, lengths: [14, 16] }, // Diners Club
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 19] }, // Discover
  { prefix: /^(?:50|5[6-8]|6[37])/, lengths: [16, 17, 18, 19] }, // Maestro
];
/** How numbers are printed on cards and typed. */
const CARD_GROUPS = /^(?:\d+|4(?:,4){2,3},[1-4]|4(?:,4){3},[1-4]|6,1[03]|4,6,[45]|6,[47],[4-9])$/;

/** ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, char, index) => {
    const value = Number(char) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

export const bankCards: Detector = function* (folded) {
  const addresses = urls(folded);
  for (const number of numbersOf(folded, BLANK_OR_DASH, 19)) {
    const { digits, groups } = number;
    const known = ISSUERS.some(
      ({ prefix, lengths }) => prefix.test(digits) && lengths.includes(digits.length),
    );
    const preceded = /[A-Za-z+]$/.test(folded.slice(0, number.start));
    if (!known || preceded || !CARD_GROUPS.test(String(groups)) || !passesLuhn(digits)) continue;
    if (!isReference(folded, number) && !within(addresses, number)) yield number;
  }
};

const SEPARATOR = '[ \\-.·]?';
/** What follows an amount, not a telephone number. */
const NO_AMOUNT = '(?! ?(?:[万亿]?元|万|亿|人次|余?人|吨|件|%|yuan|RMB|CNY|USD|people))';
/** Not a piece of a longer number or word. */
const ALONE = '(?<![A-Za-z0-9_.]|\\d[-·/])';
const ENDS = '(?!\\d|[-.]\\d{3}|\\*)';
/**
 * Numbers that are somebody's. Hotlines (110, 12345, 96110, 95xxx, 400 and 800) have none of these forms: mobiles begin
 * with 13 to 19, landlines are written with their area code, or after a word that says what they are.
 */
const MOBILE = new RegExp(
  `${ALONE}(?:(?:\\+|00)?86${SEPARATOR})?\\(?1[3-9]\\d(?:${SEPARATOR}\\d{4}${SEPARATOR}\\d{4}|\\d[ -]\\d{3}[ -]\\d{4}|[ -]\\d{3}[ -]\\d{5}|\\d{2}[ -]\\d{3}[ -]\\d{3})${ENDS}${NO_AMOUNT}`,
  'g',
);
const LANDLINES: readonly RegExp[] = [
  new RegExp(
    `${ALONE}(?:\\((?:010|02\\d|0[3-9]\\d{2})\\) ?|(?:\\+|00)86[ -]?\\(?0?(?:10|2\\d|(?!400|800)[3-9]\\d{2})[) -]{0,2}|(?:010|02\\d|0[3-9]\\d{2})(?: ?- ?| )?)[2-8]\\d{2,3}[ -]?\\d{4}(?!\\d|\\*)${NO_AMOUNT}`,
    'g',
  ),
  /(?:电话|座机|热线|固话|联系方式|致电|拨打|[Tt]el(?:ephone)?|[Pp]hone|[Cc]all)(?:号码?| number)?(?:为|是|us on|on|at)?[ :.]{0,3}(?<it>[2-8]\d{2,3}[ -]?\d{4})(?!\d|[-.]\d{3}|\*| ?年)/g,
];
/** ITU-T E.164: at most 15 digits with the country code; +86 is above, and 800 is nobody's own. */
const INTERNATIONAL =
  /(?<![A-Za-z0-9])(?:\+|(?<!\d[-. ])00(?=[1-9]\d[ -]?\d{3}))(?!86|800)[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d|\*)/g;
/** The telephone field of a template is the office's own line; a mobile there is still somebody's. */
const OFFICE_FIELD = /hotline/i;

export const phones: Detector = function* (folded, { field }) {
  const landlines = OFFICE_FIELD.test(field) ? [] : LANDLINES;
  const addresses = urls(folded);
  for (const pattern of [MOBILE, ...landlines, INTERNATIONAL]) {
    for (const span of spansOf(folded, pattern)) {
      if (pattern === INTERNATIONAL && isAmount(folded, span)) continue;
      if (!within(addresses, span) && !isReference(folded, span)) yield span;
    }
  }
};

const isAmount = (folded: string, { end }: Span): boolean =>
  new RegExp(`^(?!${NO_AMOUNT})`).test(folded.slice(end));

/** Numbers of cases, documents and orders. */
const REFERENCE =
  /(?:编号|案号|文号|单号|批号|字号|序列号|流水号|备案号|许可证号|字第|[Rr]ef(?:erence|\.)?|[Cc]ase|[Oo]rder|[Ss]erial|[Tt]racking)(?: (?:no\.?|number))?[ :为是#]{0,3}[A-Za-z-]{0,8}$/;
const isReference = (folded: string, { start }: Span): boolean =>
  REFERENCE.test(folded.slice(Math.max(0, start - 32), start));

const urls = (folded: string): readonly Span[] => spansOf(folded, /https?:\/\/[\x21-\x7e]+/g);
const within = (outer: readonly Span[], { start, end }: Span | Digits): boolean =>
  outer.some((one) => one.start <= start && end <= one.end);
