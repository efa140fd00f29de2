import type { Channel } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import type { Content } from '../domain/template.ts';
import type { By } from './audit-store.ts';

/** What was sent, or is to be sent, to somebody's present addresses. */
export interface HistoryEntry {
  readonly announcementId: number;
  readonly n: number;
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  readonly code: string | null;
  /** `message`: to them alone. */
  readonly kind: string;
  readonly content: Content;
  /** When something last happened to it; null: not yet. */
  readonly at: Date | null;
}

export const SUPPRESSION_REASONS = ['left', 'opted-out', 'bounced', 'blocked'] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];
/** What the office may take back by itself. Who left comes back with a new consent, who opted out by a word of their own. */
export const LIFTABLE: readonly SuppressionReason[] = ['bounced', 'blocked'];

/** An address that nothing is sent to. */
export interface Suppression {
  readonly channel: Channel;
  readonly address: string;
  readonly reason: SuppressionReason;
  /** Who said so: `twilio`, `one-click`, `console`… */
  readonly source: string;
  /** In the office's words. */
  readonly note: string | null;
  readonly createdAt: Date;
}

export interface Address {
  readonly channel: 'sms' | 'email';
  readonly address: string;
}

export interface SuppressionStore {
  /** Of these addresses, those that are suppressed. */
  of(addresses: readonly Address[]): Promise<readonly Suppression[]>;
  /** What the office blocked, newest first. */
  blocked(limit: number): Promise<readonly Suppression[]>;
  /**
   * Nothing is sent there any more; what is queued is stopped in the same transaction.
   * @throws HeraldError `suppressed-already` (conflict)
   */
  block(address: Address, note: string, by: By): Promise<void>;
  /** @throws HeraldError `not-suppressed` (not-found), `may-not-lift` (conflict) */
  lift(address: Address, by: By): Promise<void>;
}

export interface HistoryStore {
  /** Newest first. @param page.before the entry that the last page ended with */
  of(
    subscriberId: number,
    page: {
      readonly before?: { readonly announcementId: number; readonly n: number } | undefined;
      readonly limit: number;
    },
  ): Promise<readonly HistoryEntry[]>;
}

/** Codes that were sent to a phone, by which its owner shows that it is theirs. */
export interface LeaveCodeStore {
  /**
   * Keeps a code for the contact behind a number, unless one was sent within ten minutes, or five within a day.
   * @returns the contact's language; null: nothing is to be sent, because of that or because there is no such contact
   */
  issue(phone: string, hmac: Buffer): Promise<{ readonly locale: string } | null>;
  /** The code that is good for a number now, counted as one of its five tries. */
  tryOnce(phone: string): Promise<Buffer | null>;
  end(phone: string): Promise<void>;
}
