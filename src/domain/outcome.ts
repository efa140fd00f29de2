import type { ReceiptStatus } from './delivery.ts';

/**
 * Why a provider did not take a message. Each adapter translates its provider's vocabulary into these with a
 * data table beside its client; the engine knows no provider codes.
 */
export const FAILURE_CATEGORIES = [
  /** Try again later; counts as an attempt. */
  'temporary',
  /** Never processed by the provider (rate limit, or it was not there): try again, does not burn the attempt. */
  'throttled',
  /** This address will never work. */
  'permanent',
  /** The recipient has left at the provider: suppress the address. */
  'opted-out',
  /** The provider refuses the text: stop the announcement and show a person. */
  'rejected-content',
  /** Credentials, sender, account: open the channel's breaker, burn nothing. */
  'configuration',
  /** Past its time: never again. */
  'expired',
] as const;
export type FailureCategory = (typeof FAILURE_CATEGORIES)[number];

/** What became of handing one message to a provider. A value, never an exception. */
export type SendOutcome =
  | {
      readonly outcome: 'accepted';
      /** The provider's name for the message (Twilio sid, Message-ID, webhook-id). */
      readonly providerMessageId: string;
      /** True when acceptance is proof of delivery (a webhook's 2xx). */
      readonly delivered: boolean;
      /** Short, for the event: SMTP reply, HTTP status. No personal data. */
      readonly detail?: string;
    }
  | {
      readonly outcome: 'refused';
      readonly category: FailureCategory;
      /** The provider's code (`21610`, `550 5.1.1`, `HTTP 503`), as text. */
      readonly code: string;
      readonly message: string;
      /** What the provider asked for (`Retry-After`), in milliseconds. */
      readonly retryAfterMs?: number;
    }
  | {
      /** The request may have been taken: timeout, or reset after it was written. */
      readonly outcome: 'unknown';
      readonly code: string;
      readonly message: string;
    };

/** The answer to "what became of this message?" */
export type ReceiptAnswer =
  | {
      readonly asked: 'told';
      /** The provider's own word, as its callbacks have it. */
      readonly providerStatus: string;
      /** Absent for a status that says nothing about the end. */
      readonly receipt?: ReceiptStatus;
      readonly code?: string;
      readonly category?: FailureCategory;
    }
  /** It knows no such message (any more). */
  | { readonly asked: 'not-known' }
  | { readonly asked: 'unavailable'; readonly message: string };

/** The answer to "did you take this message?" */
export type SettleOutcome =
  | { readonly settled: 'found'; readonly providerMessageId: string }
  | { readonly settled: 'not-found' }
  /** It took something for this address that may be ours: neither found nor not. */
  | { readonly settled: 'unclear'; readonly message: string }
  | { readonly settled: 'unavailable'; readonly message: string };
