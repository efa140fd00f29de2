import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterReceipt,
  DELIVERY_STATUSES,
  type DeliveryStatus,
  RANKED,
  type ReceiptStatus,
  STOPPED,
} from '../../src/domain/delivery.ts';

const status = fc.constantFrom(...DELIVERY_STATUSES);
const fact = fc.constantFrom<ReceiptStatus>('sent', 'failed', 'undelivered', 'delivered');
const facts = fc.array(fact, { maxLength: 8 });
const told = (start: DeliveryStatus, all: readonly ReceiptStatus[]) => all.reduce(afterReceipt, start);
const rank = (s: DeliveryStatus) => (RANKED as readonly string[]).indexOf(s);

describe('a delivery and the facts that are told about it', () => {
  it('ends the same in whatever order they come, and however often', () => {
    const twice = facts.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
    );
    fc.assert(
      fc.property(status, twice, (start, [once, shuffledTwice]) => {
        expect(told(start, shuffledTwice)).toBe(told(start, once));
      }),
    );
  });

  it('never moves down', () => {
    fc.assert(
      fc.property(status, fact, (start, one) => {
        const end = afterReceipt(start, one);
        if (rank(start) >= 0) expect(rank(end)).toBeGreaterThanOrEqual(rank(start));
        else expect([start, 'delivered']).toContain(end);
      }),
    );
  });

  it('delivered is the last word', () => {
    fc.assert(fc.property(facts, (all) => told('delivered', all) === 'delivered'));
  });

  it('proof of delivery overrides what expired or was cancelled, but brings nobody back who has left', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STOPPED), facts, (stopped, all) => {
        const proven = all.includes('delivered') && stopped !== 'suppressed';
        expect(told(stopped, all)).toBe(proven ? 'delivered' : stopped);
      }),
    );
  });

  it('a receipt tells of a sending whose record was lost', () => {
    for (const open of ['queued', 'sending', 'unknown'] as const)
      expect(afterReceipt(open, 'sent')).toBe('sent');
  });
});
