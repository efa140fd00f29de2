import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instantOf, localTimeAt } from '../../src/domain/local-time.ts';

describe('local times of an office', () => {
  test('are what its clocks show', () => {
    const at = new Date('2026-07-22T00:30:00Z');
    expect(localTimeAt('Asia/Shanghai', at)).toBe('2026-07-22T08:30');
    expect(instantOf('Asia/Shanghai', '2026-07-22T08:30')).toEqual(at);
    expect(instantOf('Europe/Berlin', '2026-01-05T08:00')).toEqual(new Date('2026-01-05T07:00:00Z'));
    expect(instantOf('Europe/Berlin', '2026-07-05T08:00')).toEqual(new Date('2026-07-05T06:00:00Z'));
    expect(Number(instantOf('Asia/Shanghai', 'yesterday'))).toBeNaN();
  });

  test('come back from any minute that clocks show once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000 }), (minutes) => {
        const at = new Date(minutes * 60_000);
        // Shanghai had summer time until 1991.
        const back = instantOf('Asia/Shanghai', localTimeAt('Asia/Shanghai', at));
        expect([0, 3_600_000]).toContain(Math.abs(Number(back) - Number(at)));
        if (at > new Date('1992-01-01')) expect(back).toEqual(at);
      }),
    );
  });
});
