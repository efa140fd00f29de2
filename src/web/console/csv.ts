/** What a spreadsheet would take for a formula, also behind spaces (OWASP, CSV injection). */
const FORMULA = /^[\s]*[=+\-@\t\r]/;

/**
 * One line of a CSV (RFC 4180). A text that a spreadsheet would run is preceded by an apostrophe, phone numbers included:
 * it shows them as they are, and does not make 8.613E+12 of them.
 */
export const csvLine = (cells: readonly (string | number | null)[]): string =>
  `${cells.map((cell) => (cell === null ? '' : typeof cell === 'number' ? String(cell) : quoted(cell))).join(',')}\r\n`;

function quoted(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Spreadsheets take a CSV for something else than UTF-8 without it. */
export const BOM = '\ufeff';
