/** Where something was found: half-open, in UTF-16 code units of the text as it was written. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds one kind of thing in a text that {@link fold} has been through. */
export type Detector = (folded: string, context: { readonly field: string }) => Iterable<Span>;

/** Characters that input methods and word processors write for the plain one; each is one UTF-16 unit, as its stand-in is. */
const STAND_INS: readonly (readonly [RegExp, string])[] = [
  [/[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g, ' '],
  // No width at all: between digits it is a blank, and elsewhere it is not looked for.
  [/[\u200b-\u200d\u2060\ufeff\u00ad]/g, ' '],
  [/[\u2010-\u2015\u2212]/g, '-'],
  [/[•‧・●⋅∙]/g, '·'],
  [/[‘’ʼ]/g, "'"],
];

/**
 * A text in which full-width forms, blanks, dashes and middle dots are plain ones. Its length is the same, so that
 * offsets in it are offsets in the original.
 */
export function fold(text: string): string {
  const halfWidth = text.replace(/[\uff01-\uff5e]/g, (char) =>
    String.fromCharCode(char.charCodeAt(0) - 0xfee0),
  );
  return STAND_INS.reduce((folded, [pattern, plain]) => folded.replace(pattern, plain), halfWidth);
}

/** Digits without anything between them. */
export interface Digits extends Span {
  readonly digits: string;
}

/** Every unbroken run of digits. */
export const digitRuns = (folded: string): readonly Digits[] =>
  spansOf(folded, /\d+/g).map((span) => ({ ...span, digits: folded.slice(span.start, span.end) }));

/**
 * Every number that whole runs of digits can form, with what people put between them: `6222 0212 3456 7890`.
 * @param most digits in one number
 */
export function* numbersOf(
  folded: string,
  between: RegExp,
  most: number,
): Generator<Digits & { readonly groups: readonly number[] }> {
  const runs = digitRuns(folded);
  for (const [index, first] of runs.entries()) {
    let { digits, end } = first;
    const groups = [first.digits.length];
    for (let next = index + 1; digits.length <= most; next++) {
      yield { start: first.start, end, digits, groups };
      const run = runs[next];
      if (!run || !between.test(folded.slice(end, run.start))) break;
      digits += run.digits;
      groups.push(run.digits.length);
      end = run.end;
    }
  }
}

/** All matches of a global pattern, or of its named group `it`. */
export function spansOf(text: string, pattern: RegExp): readonly Span[] {
  return [...text.matchAll(pattern)].map((match) => {
    const whole = match[0];
    const it = match.groups?.it ?? whole;
    const start = match.index + whole.indexOf(it);
    return { start, end: start + it.length };
  });
}

/** A day that there is in the calendar, between 1900 and 2099. */
export function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 1900 && year <= 2099 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
