import type { Segments } from './segments.ts';

/** A rendered SMS. `body` is what the provider gets, after typographic downgrading. */
export interface SmsContent {
  readonly channel: 'sms';
  readonly body: string;
  readonly segments: Segments;
}

/**
 * A text in which some places are personal: `fixed[0] personal[0] fixed[1] …`, joined without anything between. All texts that
 * differ in what is personal alone have the same object `fixed`.
 */
export interface Pieces {
  readonly fixed: readonly string[];
  /** One fewer. */
  readonly personal: readonly string[];
}

/** A rendered e-mail. `subject` has no CR or LF. */
export interface EmailContent {
  readonly channel: 'email';
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** BCP 47, for `lang` and Content-Language. */
  readonly locale: string;
}

/** And the same texts in pieces, for whoever makes many mails that differ in what is personal. */
export interface EmailInPieces extends EmailContent {
  readonly pieces: { readonly text: Pieces; readonly html: Pieces };
}

/** A rendered webhook: the raw JSON body that is signed and sent, byte for byte. */
export interface WebhookContent {
  readonly channel: 'webhook';
  readonly body: string;
}

export type MessageContent = SmsContent | EmailContent | WebhookContent;

/** What the personal part of a citizen's message is made of. */
export interface Recipient {
  readonly name: string | null;
  /** Absent on a route that allows no links. */
  readonly leaveUrl?: string;
}
