import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DELIVERY_STATUSES } from '../../src/domain/delivery.ts';
import { progressOf, rateOf, secondsLeft } from '../../src/domain/progress.ts';

const anyCounts = fc.dictionary(fc.constantFrom(...DELIVERY_STATUSES), fc.nat(1_000_000));

describe('how far a channel has come', () => {
  it('every message has one fate, and what is done is neither waiting nor in doubt', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const { total, fates, done } = progressOf(counts);
        expect(Object.values(fates).reduce((sum, n) => sum + n, 0)).toBe(total);
        expect(done).toBe(total - fates.waiting - fates.doubtful);
      }),
    );
  });

  it('what the provider has, or may have, is beyond recall; what was refused or stopped is not', () => {
    expect(progressOf({ sent: 1, delivered: 2, undelivered: 4, unknown: 8 }).beyondRecall).toBe(15);
    expect(progressOf({ queued: 1, failed: 2, cancelled: 4, expired: 8, suppressed: 16 }).beyondRecall).toBe(
      0,
    );
  });
});

describe('when all will have left', () => {
  it('is told by the rate that is seen, over at least a second', () => {
    expect(rateOf([])).toBeNull();
    expect(
      rateOf([
        { atMs: 0, left: 0 },
        { atMs: 500, left: 90 },
      ]),
    ).toBeNull();
    expect(
      rateOf([
        { atMs: 0, left: 0 },
        { atMs: 2_000, left: 90 },
      ]),
    ).toBe(45);
    expect(
      rateOf([
        { atMs: 0, left: 7 },
        { atMs: 9_000, left: 7 },
      ]),
    ).toBeNull();
  });

  it('by the limit before there is a rate, and not at all without either', () => {
    const waiting = progressOf({ queued: 100, sent: 50 });
    expect(secondsLeft(waiting, 50, 10)).toBe(2);
    expect(secondsLeft(waiting, null, 10)).toBe(10);
    expect(secondsLeft(waiting, null, null)).toBeNull();
    expect(secondsLeft(progressOf({ sent: 5 }), null, null)).toBe(0);
  });
});
