/** How an SMS is cut for the air: GSM 03.38 (GSM-7) or UCS-2, and into how many parts. */
export interface Segments {
  readonly encoding: 'GSM-7' | 'UCS-2';
  /** Parts on the air; what the provider bills and limits. */
  readonly count: number;
  /** Characters used, in units of the encoding (septets, or UTF-16 code units). */
  readonly units: number;
}

/** The GSM 03.38 basic alphabet (3GPP TS 23.038 § 6.2.1): one septet each. The escape itself is not text. */
const GSM_BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';

/** The extension table: an escape and a septet, which must stay in one part. */
const GSM_EXTENSION = '\f^{}\\[~]|€';

/** Septets of every UTF-16 unit; 0 is not in GSM-7. A table, because every unit of every message is looked up. */
const SEPTETS = new Uint8Array(0x1_0000);
for (const char of GSM_BASIC) SEPTETS[char.charCodeAt(0)] = 1;
for (const char of GSM_EXTENSION) SEPTETS[char.charCodeAt(0)] = 2;

/** Units in a message of one part, and in each part of a longer one (6 octets go to the concatenation header). */
const CAPACITY = { 'GSM-7': { single: 160, part: 153 }, 'UCS-2': { single: 70, part: 67 } } as const;

/**
 * Typography that says the same in GSM-7: what stands for each of these characters. Nothing of Chinese
 * punctuation is in it: such a text is UCS-2 anyway.
 */
const DOWNGRADES = new Map(
  [
    // hyphens, dashes, minus, bullet
    ['\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022', '-'],
    // single quotes, low and angle ones, prime, modifier apostrophe, acute, grave
    ['\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u02bc\u00b4`', "'"],
    // double quotes, low and angle ones, double prime
    ['\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033', '"'],
    ['\u2026', '...'],
    // tab, no-break and other spaces
    ['\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f', ' '],
    ['\u2028\u2029', '\n'],
    // zero width: soft hyphen, joiners, direction marks, word joiner, byte order mark
    ['\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff', ''],
  ].flatMap(([chars = '', plain = '']) => [...chars].map((char) => [char, plain] as const)),
);

/** Scripts of which GSM-7 has nothing: a text with one of these is UCS-2, whatever its typography. */
const BEYOND_GSM = /[\u3000-\u9fff\uac00-\ud7ff\uf900-\ufaff]/;

/** Counts a text as it would go over the air. An empty text is one part of 0 units. */
export function segmentSms(text: string): Segments {
  const encoding = encodingOf(text);
  let units = 0;
  if (encoding === 'UCS-2') units = text.length;
  else for (let i = 0; i < text.length; i += 1) units += SEPTETS[text.charCodeAt(i)] ?? 0;
  const count = units <= CAPACITY[encoding].single ? 1 : countParts(text, encoding);
  return { encoding, count, units };
}

/** The parts in order; together they are the text. An extension character or a surrogate pair is never cut. */
export function splitSms(text: string): string[] {
  const { count, encoding } = segmentSms(text);
  if (count === 1) return [text];
  const starts = [0, ...cuts(text, encoding)];
  return starts.map((start, i) => text.slice(start, starts[i + 1]));
}

/**
 * The text with dashes, curly quotes, ellipses and odd spaces in plain form, if that makes all of it GSM-7
 * (160 characters a part, not 70). Otherwise unchanged: a text that needs UCS-2 anyway keeps its typography,
 * and nothing is ever replaced by `?`.
 */
export function downgradeTypography(text: string): string {
  if (encodingOf(text) === 'GSM-7' || BEYOND_GSM.test(text)) return text;
  let plain = '';
  // Composed first: é typed as e and an accent is one character of GSM-7.
  for (const char of text.normalize('NFC')) plain += DOWNGRADES.get(char) ?? char;
  return encodingOf(plain) === 'GSM-7' ? plain : text;
}

/** The first character that forces UCS-2, with its index in UTF-16 units; `undefined` when the text is GSM-7. */
export function firstNonGsm(text: string): { readonly char: string; readonly index: number } | undefined {
  for (let index = 0; index < text.length; index += 1) {
    if (SEPTETS[text.charCodeAt(index)] === 0)
      return { char: String.fromCodePoint(text.codePointAt(index) ?? 0), index };
  }
  return undefined;
}

function encodingOf(text: string): Segments['encoding'] {
  return firstNonGsm(text) === undefined ? 'GSM-7' : 'UCS-2';
}

/** Where each part but the first begins, in UTF-16 units, for a text that needs more than one. */
function* cuts(text: string, encoding: Segments['encoding']): Generator<number> {
  const { part } = CAPACITY[encoding];
  let used = 0;
  for (let index = 0; index < text.length; ) {
    const isPair = (text.codePointAt(index) ?? 0) > 0xffff;
    const units = encoding === 'UCS-2' ? (isPair ? 2 : 1) : (SEPTETS[text.charCodeAt(index)] ?? 1);
    if (used + units > part) {
      yield index;
      used = 0;
    }
    used += units;
    index += isPair ? 2 : 1;
  }
}

function countParts(text: string, encoding: Segments['encoding']): number {
  let parts = 1;
  for (const _ of cuts(text, encoding)) parts += 1;
  return parts;
}
