// Every function here treats a text with a personal value in it as it treats the same text with another
// non-empty, clean value in that place; splice.ts depends on that.

/** Most code points of a subject. */
const SUBJECT_LIMIT = 200;

/** Several lines: no spaces at their ends, at most one blank line in a row, none at either end. */
export function tidyLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cc}]/gu, (c) => (c === '\n' ? c : c === '\t' ? ' ' : ''))
    .replace(/ +(?=\n|$)/g, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** One line: no CR, LF or other control characters (header injection), single spaces. */
export function tidyLine(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** A subject is cut at 200 code points, so that no relay refuses or folds it badly. */
export function cutSubject(line: string): string {
  if (line.length <= SUBJECT_LIMIT) return line;
  const points = [...line];
  return points.length <= SUBJECT_LIMIT ? line : `${points.slice(0, SUBJECT_LIMIT - 1).join('')}…`;
}

/**
 * A recipient's own words (a name from a form or a file): one line, and no characters that turn the direction
 * of what stands around them.
 */
export function cleanPersonal(value: string): string {
  return value
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
