/**
 * The delivery state machine. Order is rank: facts only move a delivery up, so duplicates and any order of
 * facts end in the same state. The database's enum `delivery_status` has the same order.
 */
export const RANKED = ['queued', 'sending', 'unknown', 'sent', 'failed', 'undelivered', 'delivered'] as const;
/** Ends that are not facts about a message: nothing was sent. */
export const STOPPED = ['suppressed', 'expired', 'cancelled'] as const;
export const DELIVERY_STATUSES = [...RANKED, ...STOPPED] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What a provider or a recipient's server can report. */
export type ReceiptStatus = 'sent' | 'failed' | 'undelivered' | 'delivered';

/** An announcement is finished when none of its rows has one of these. */
export const OPEN_STATUSES: readonly DeliveryStatus[] = ['queued', 'sending', 'unknown'];

/**
 * The status after a receipt. Only up; and proof of delivery also overrides what was taken for stopped.
 * A queued row that a receipt speaks of was sent by an attempt whose record was lost, so it moves too.
 */
export function afterReceipt(current: DeliveryStatus, fact: ReceiptStatus): DeliveryStatus {
  if ((STOPPED as readonly string[]).includes(current)) {
    return fact === 'delivered' && current !== 'suppressed' ? 'delivered' : current;
  }
  const rank = (s: DeliveryStatus) => RANKED.indexOf(s as (typeof RANKED)[number]);
  return rank(fact) > rank(current) ? fact : current;
}
