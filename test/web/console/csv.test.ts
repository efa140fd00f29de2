import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvLine } from '../../../src/web/console/csv.ts';

it('gives back every text, but for the apostrophe before what a spreadsheet would run', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (cells) => {
      const [read = []] = parse(csvLine(['x', ...cells]), { relax_column_count: true });
      expect(read.slice(1).map((cell) => cell.replace(/^'/, ''))).toEqual(
        cells.map((cell) => cell.replace(/^'/, '')),
      );
    }),
  );
});

it.each(['=1+1', '+8613800138000', '-1', '@SUM(A1)', '\t=1', ' =1', '\r=1'])('%j runs nothing', (text) => {
  expect(parse(csvLine([text]))[0]?.[0]).toBe(`'${text}`);
});

it('numbers are numbers, and nothing is nothing', () => {
  expect(csvLine(['a', -3, null, 'b,"c"'])).toBe('a,-3,,"b,""c"""\r\n');
});
