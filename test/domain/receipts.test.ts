import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askReceiptAgainInMs,
  askReceiptAt,
  LONGEST_VALIDITY_MS,
  RECEIPT_GRACE_MS,
} from '../../src/domain/receipts.ts';

const HOUR = 3_600_000;

describe('a receipt that does not come', () => {
  it('is waited for as long as the message may be delivered, and a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (sentAt, expiresAt) => {
        const at = askReceiptAt(sentAt, expiresAt);
        expect(at - RECEIPT_GRACE_MS).toBe(Math.min(expiresAt, sentAt + LONGEST_VALIDITY_MS));
      }),
    );
    expect(askReceiptAt(0, 24 * HOUR)).toBe(10.25 * HOUR);
  });

  it('is asked for a dozen times or so in a day, ever more rarely, and then no more', () => {
    const pauses: number[] = [];
    for (let overdue = 0; ; ) {
      const pause = askReceiptAgainInMs(overdue);
      if (pause === null) break;
      pauses.push(pause);
      overdue += pause;
    }
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.length).toBeLessThan(25);
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBeLessThan(26 * HOUR);
  });
});
