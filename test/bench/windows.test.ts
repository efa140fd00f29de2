import { expect, test } from 'vitest';
import { compliance, holds } from '../../bench/promises/windows.ts';

const steady = (perSecond: number, seconds: number, from = 0) =>
  Array.from({ length: perSecond * seconds }, (_, i) => ({ at: from + (i * 1_000) / perSecond, cost: 1 }));

test('what keeps to its limit holds in every interval', () => {
  const seen = compliance(steady(10, 60), 10);
  expect(seen.holdsFromMs).toBe(0);
  expect(holds(seen, 100)).toBe(true);
});

test('a burst is seen in short intervals only', () => {
  const seen = compliance([...steady(10, 60), ...Array(3).fill({ at: 30_050, cost: 1 })], 10);
  expect(seen.worst[100]).toBeGreaterThan(1);
  expect(holds(seen, 100)).toBe(false);
  expect(holds(seen, 10_000)).toBe(true);
});

test('a limit that is passed a little for long does not hold, though every interval of five seconds has what it may', () => {
  // The largest message may come on top: 8 of it hide 13 instead of 11 a second until they have added up.
  const slow = [...steady(1, 60), { at: 0, cost: 8 }];
  const seen = compliance([...slow, ...steady(12, 9, 60_000)], 10);
  expect(seen.holdsFromMs).toBeGreaterThan(5_000);
  expect(holds(seen, 100)).toBe(false);
});
