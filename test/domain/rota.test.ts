import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gaps, type Span, within } from '../../src/domain/rota.ts';

const span = (a: number, b: number): Span => ({ startsAt: new Date(a), endsAt: new Date(b) });
const numbers = (spans: readonly Span[]) => spans.map((s) => [Number(s.startsAt), Number(s.endsAt)]);

test('what lies outside of a frame is cut off', () => {
  expect(within(span(0, 10), span(10, 20))).toBeUndefined();
  expect(within(span(5, 30), span(10, 20))).toEqual(span(10, 20));
});

test('gaps are before, between and after', () => {
  expect(numbers(gaps(span(0, 24), [span(8, 12), span(10, 20)]))).toEqual([
    [0, 8],
    [20, 24],
  ]);
  expect(numbers(gaps(span(0, 24), []))).toEqual([[0, 24]]);
  expect(gaps(span(0, 24), [span(-5, 40)])).toEqual([]);
});

test('each moment is covered or in a gap, and in one gap only', () => {
  const spans = fc.array(fc.tuple(fc.integer({ min: -5, max: 30 }), fc.integer({ min: 1, max: 12 })));
  fc.assert(
    fc.property(spans, (pairs) => {
      const duties = pairs.map(([from, length]) => span(from, from + length));
      const found = gaps(span(0, 24), duties);
      const isIn = (list: readonly Span[], at: number) =>
        list.filter((s) => Number(s.startsAt) <= at && at < Number(s.endsAt)).length;
      for (let at = 0; at < 24; at += 1) expect(isIn(found, at)).toBe(isIn(duties, at) > 0 ? 0 : 1);
    }),
  );
});
