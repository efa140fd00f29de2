import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import { HeraldError } from '../../domain/errors.ts';
import type { OutgoingEmail } from '../../pipeline/ports.ts';
import { createDkimSigner, type DkimOptions } from './dkim.ts';
import { header, mimeContent, toHeader } from './mime.ts';
import { plusAddress } from './plus-address.ts';
import { createSharedHeaders } from './shared-headers.ts';

/** Who writes, and where answers of machines go. */
export interface EmailIdentity {
  /** RFC 5322 mailbox, with a display name if wanted: `滨江公安 <notice@police.example>`. */
  readonly from: string;
  /** Bounces go to `<local>+<deliveryId>@…` of this address (VERP). Without it they go to `from`, unread. */
  readonly bounceAddress?: string;
  /** Right side of every Message-ID; a domain of ours. */
  readonly messageIdDomain: string;
  /** RFC 2919, without brackets and never changing: `notices.police.example`. */
  readonly listId: string;
  /** Leaving by mail goes to `<local>+<token>@…` of this address, the token being the last part of the leave URL. */
  readonly oneClickMail?: string;
  readonly dkim?: DkimOptions;
}

export interface ComposedEmail {
  /** With its angle brackets; the same for every attempt. */
  readonly messageId: string;
  readonly envelope: { readonly from: string; readonly to: string };
  /** RFC 5322 bytes, signed when there is a key. */
  readonly raw: Buffer;
}

/** One plain mailbox: no display name, no list, no comment, no quoted local part, nothing that ends a command. */
const PLAIN_MAILBOX = /^[^\s"'(),:;<>@[\\\]\p{Cc}]+@[^\s"'(),:;<>@[\\\]\p{Cc}]+$/u;
/** Characters of an opaque id, tag included. */
const ID_LENGTH = 30;
/** An id that may stand in a Message-ID. */
const ID = /^[\w-]+$/;
/** RFC 5322 2.2: what ends a header line; NUL with them, as no line may hold it. */
const LINE_ENDS = /[\r\n\0]/;

/** What comes into headers from outside, and whether it fits there. */
const HEADER_PARTS: readonly (readonly [part: string, fits: (message: OutgoingEmail) => boolean])[] = [
  ['subject', ({ content }) => !LINE_ENDS.test(content.subject)],
  ['locale', ({ content }) => ID.test(content.locale)],
  ['id', ({ deliveryId, announcementId }) => ID.test(deliveryId) && ID.test(announcementId)],
  ['id', ({ supersededIds }) => supersededIds.every((id) => ID.test(id))],
  ['leave URL', ({ leaveUrl }) => leaveUrl === null || URL.canParse(leaveUrl)],
];

/**
 * Makes the bytes of a mail: what all mails of an announcement share is written once, the rest spliced in. Parsed, it is
 * the message that nodemailer's composer makes of the same parts (docs/decisions/0009-mail-spliced.md).
 *
 * @throws HeraldError at creation: `email-mailbox-invalid`, `dkim-key-unusable`
 * @returns a function that rejects with HeraldError `email-address-invalid`, or `email-not-composable` when a
 * header would be broken by the subject or an id
 */
export function createComposer(identity: EmailIdentity): (message: OutgoingEmail) => Promise<ComposedEmail> {
  const from = parseFrom(identity.from);
  checkPlusMailbox(identity.bounceAddress);
  checkPlusMailbox(identity.oneClickMail);
  const sign = identity.dkim && createDkimSigner(identity.dkim);
  const messageIdOf = (id: string) => `<${id}@${identity.messageIdDomain}>`;
  const sharedHeaders = createSharedHeaders({ from, listId: identity.listId, messageIdOf });

  return async (message) => {
    const { content, deliveryId, address, leaveUrl } = message;
    check(message);
    const messageId = messageIdOf(deliveryId);
    const mime = mimeContent(
      deliveryId,
      content.text,
      content.html,
      'pieces' in content ? content.pieces : undefined,
    );
    const headers =
      sharedHeaders(message) +
      toHeader(address) +
      header('Message-ID', messageId) +
      header('Date', new Date().toUTCString().replace('GMT', '+0000')) +
      (leaveUrl === null ? '' : header('List-Unsubscribe', leaveTargets(leaveUrl, identity.oneClickMail))) +
      mime.headers;
    const head = sign ? (await sign(headers, mime.body)) + headers : headers;
    return {
      messageId,
      envelope: { from: returnPath(identity, from.address, deliveryId), to: asciiDomain(address) },
      raw: Buffer.from(`${head}\r\n${mime.body}`),
    };
  };
}

function check(message: OutgoingEmail): void {
  if (!PLAIN_MAILBOX.test(message.address) || asciiDomain(message.address).endsWith('@')) {
    throw new HeraldError('invalid', 'email-address-invalid', 'the address is not one plain mailbox');
  }
  for (const [part, fits] of HEADER_PARTS) {
    if (!fits(message))
      throw new HeraldError('invalid', 'email-not-composable', `the mail's ${part} cannot stand in a header`);
  }
}

/** Who a mail is from. @throws HeraldError `email-mailbox-invalid` */
export function parseFrom(mailbox: string): { name: string; address: string } {
  const [first, ...more] = addressparser(mailbox, { flatten: true });
  if (first && more.length === 0 && PLAIN_MAILBOX.test(first.address) && !LINE_ENDS.test(first.name)) {
    return { name: first.name, address: first.address };
  }
  throw new HeraldError('invalid', 'email-mailbox-invalid', `${JSON.stringify(mailbox)} is not one mailbox`, {
    fix: 'write it as "Name <mailbox@example.org>"',
  });
}

/**
 * A mailbox that ids are put into must have room for them, or bounces would silently go elsewhere.
 * @throws HeraldError `email-mailbox-invalid`
 */
export function checkPlusMailbox(mailbox: string | undefined): void {
  if (mailbox === undefined || (PLAIN_MAILBOX.test(mailbox) && plusAddress(mailbox, 'x'.repeat(ID_LENGTH))))
    return;
  throw new HeraldError(
    'invalid',
    'email-mailbox-invalid',
    `${JSON.stringify(mailbox)} cannot be sub-addressed`,
    {
      fix: `give a bare mailbox whose local part has at most ${63 - ID_LENGTH} characters, such as bounce@example.org`,
    },
  );
}

/** RFC 2369 and 8058: the https target first; the mailto one is left out when the token does not fit an address. */
function leaveTargets(leaveUrl: string, oneClickMail: string | undefined): string {
  const url = new URL(leaveUrl);
  const token = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  const mailbox = oneClickMail === undefined ? undefined : plusAddress(oneClickMail, token);
  return mailbox === undefined ? `<${url.href}>` : `<${url.href}>, <mailto:${mailbox}?subject=leave>`;
}

/** For the envelope (ends with @ when the domain is none): a server need not know SMTPUTF8 to take a mail for 滨江.example. */
function asciiDomain(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  const domain = address.slice(at);
  return address.slice(0, at) + (/^[\0-\x7f]*$/.test(domain) ? domain : domainToASCII(domain));
}

function returnPath(identity: EmailIdentity, from: string, deliveryId: string): string {
  return (identity.bounceAddress && plusAddress(identity.bounceAddress, deliveryId)) ?? from;
}
