/** What the sandbox's mail server does for a magic mailbox. `times`: only for the first so many mails, then as usual. */
export type MailboxEffect =
  /** Refused, at RCPT TO or after the data. */
  | {
      readonly kind: 'refuse';
      readonly at: 'recipient' | 'content';
      readonly code: number;
      readonly message: string;
      readonly times?: number;
    }
  /** Taken; then a delivery status notification (RFC 3464) goes to the return path. */
  | {
      readonly kind: 'bounce';
      readonly action: 'failed' | 'delayed';
      readonly status: string;
      readonly diagnostic: string;
    }
  /** Taken; the connection is cut (or the answer never comes) afterwards. */
  | { readonly kind: 'take-and-cut'; readonly times: number }
  | { readonly kind: 'take-and-hang'; readonly times: number }
  /** Taken; the answer comes late. */
  | { readonly kind: 'slow'; readonly ms: number };

/** A mailbox for which the sandbox's mail server does something else than take the mail. */
export interface MagicMailbox {
  /** The local part (`bounce-hard@example.org`), or what stands after its `+` (`li.wei+bounce-hard@example.org`). */
  readonly name: string;
  readonly what: string;
  readonly effect: MailboxEffect;
}

/** The table, in the order in which documents show it. */
export const MAGIC_MAILBOXES: readonly MagicMailbox[] = [
  {
    name: 'bounce-hard',
    what: 'taken, then bounces: no such mailbox',
    effect: { kind: 'bounce', action: 'failed', status: '5.1.1', diagnostic: 'smtp; 550 5.1.1 No such user' },
  },
  {
    name: 'bounce-soft',
    what: 'taken, then bounces: server not reached for days',
    effect: {
      kind: 'bounce',
      action: 'failed',
      status: '4.4.7',
      diagnostic: 'smtp; 451 4.4.7 Delivery time expired',
    },
  },
  {
    name: 'mailbox-full',
    what: 'taken, then bounces: mailbox full',
    effect: { kind: 'bounce', action: 'failed', status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 Mailbox full' },
  },
  {
    name: 'bounce-policy',
    what: 'taken, then bounces: refused by policy',
    effect: {
      kind: 'bounce',
      action: 'failed',
      status: '5.7.1',
      diagnostic: 'smtp; 550 5.7.1 Refused by policy',
    },
  },
  {
    name: 'delayed',
    what: 'taken, then a notice that delivery is delayed',
    effect: {
      kind: 'bounce',
      action: 'delayed',
      status: '4.4.1',
      diagnostic: 'smtp; 451 4.4.1 No answer from host',
    },
  },
  {
    name: 'unknown-user',
    what: 'refused: no such mailbox',
    effect: { kind: 'refuse', at: 'recipient', code: 550, message: '5.1.1 No such user' },
  },
  {
    name: 'spam',
    what: 'refused for its content',
    effect: { kind: 'refuse', at: 'content', code: 554, message: '5.7.1 Message rejected as spam' },
  },
  {
    name: 'greylist',
    what: 'refused once with 451, then taken',
    effect: {
      kind: 'refuse',
      at: 'recipient',
      code: 451,
      message: '4.7.1 Greylisted, try again later',
      times: 1,
    },
  },
  {
    name: 'busy',
    what: 'refused twice because the server is busy, then taken',
    effect: { kind: 'refuse', at: 'recipient', code: 451, message: '4.3.2 Server busy', times: 2 },
  },
  {
    // A client may try again at once over another connection, as its pool does.
    name: 'throttle',
    what: 'refused twice with 421 and disconnected, then taken',
    effect: { kind: 'refuse', at: 'recipient', code: 421, message: '4.7.0 Too many messages', times: 2 },
  },
  {
    name: 'reset-after-data',
    what: 'taken, and the connection cut before the answer, once',
    effect: { kind: 'take-and-cut', times: 1 },
  },
  {
    name: 'hang-after-data',
    what: 'taken, and never answered, once',
    effect: { kind: 'take-and-hang', times: 1 },
  },
  { name: 'slow', what: 'taken, answered after 2 s', effect: { kind: 'slow', ms: 2_000 } },
];

const BY_NAME = new Map(MAGIC_MAILBOXES.map((magic) => [magic.name, magic]));

/** The line for a mailbox, if it is a magic one. */
export function magicMailbox(address: string): MagicMailbox | undefined {
  const local = address.slice(0, address.lastIndexOf('@')).toLowerCase();
  return BY_NAME.get(local) ?? BY_NAME.get(local.slice(local.lastIndexOf('+') + 1));
}
