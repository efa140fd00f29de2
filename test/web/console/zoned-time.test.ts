import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromLocal, toLocal } from '../../../src/web/console/zoned-time.ts';

describe('local times of an office', () => {
  test('are what its clocks show', () => {
    const at = new Date('2026-07-22T00:30:00Z');
    expect(toLocal(at, 'Asia/Shanghai')).toBe('2026-07-22T08:30');
    expect(fromLocal('2026-07-22T08:30', 'Asia/Shanghai')).toEqual(at);
    expect(fromLocal('2026-01-05T08:00', 'Europe/Berlin')).toEqual(new Date('2026-01-05T07:00:00Z'));
    expect(fromLocal('2026-07-05T08:00', 'Europe/Berlin')).toEqual(new Date('2026-07-05T06:00:00Z'));
  });

  test('that no clock shows are none', () => {
    for (const none of ['yesterday', '2026-13-40T99:99', '', '2026-03-29T02:30'])
      expect(fromLocal(none, 'Europe/Berlin')).toBeUndefined();
  });

  test('come back from any minute that clocks show once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000 }), (minutes) => {
        const at = new Date(minutes * 60_000);
        const back = fromLocal(toLocal(at, 'Asia/Shanghai'), 'Asia/Shanghai');
        // Shanghai had summer time until 1991.
        expect([0, 3_600_000]).toContain(Number(at) - Number(back));
        if (at > new Date('1992-01-01')) expect(back).toEqual(at);
      }),
    );
  });
});
