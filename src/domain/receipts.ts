/**
 * The longest that Twilio keeps trying a message, its greatest `ValidityPeriod`, in milliseconds.
 * https://www.twilio.com/docs/messaging/api/message-resource
 */
export const LONGEST_VALIDITY_MS = 36_000_000;

/** After the end of a message's validity its receipt may still be on the way. Milliseconds. */
export const RECEIPT_GRACE_MS = 15 * 60_000;

/** `deliveries.error_code` of a sent message of which the provider, asked, knows no end either. */
export const NO_RECEIPT = 'no-receipt';

/** A provider that does not answer is asked again, for so long. Milliseconds. */
const ASKED_FOR_MS = 24 * 3_600_000;
const ASK_AGAIN_MS = { least: 60_000, most: 2 * 3_600_000 };

/**
 * When the provider is asked about a message of which it has not told the end. Nothing can become of it after the
 * announcement's expiry, to which its validity is bounded, nor after the longest validity.
 * @param sentAt when it was claimed to be sent, milliseconds since the epoch, like `expiresAt` and the result
 */
export function askReceiptAt(sentAt: number, expiresAt: number): number {
  return Math.min(expiresAt, sentAt + LONGEST_VALIDITY_MS) + RECEIPT_GRACE_MS;
}

/**
 * How long to wait before a provider that could not say is asked again: as long as it has been overdue, so that the
 * pauses double.
 * @param overdueMs since {@link askReceiptAt}
 * @returns milliseconds, or null: after a day it is not asked any more
 */
export function askReceiptAgainInMs(overdueMs: number): number | null {
  if (overdueMs >= ASKED_FOR_MS) return null;
  return Math.min(Math.max(overdueMs, ASK_AGAIN_MS.least), ASK_AGAIN_MS.most);
}
