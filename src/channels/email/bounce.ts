import type { Readable } from 'node:stream';
import type { Attachment, ParsedMail } from 'mailparser';
import type { ReceiptStatus } from '../../domain/delivery.ts';
import { HeraldError } from '../../domain/errors.ts';
import { plusTag } from './plus-address.ts';

/** What a mail server reports about one mail of ours (RFC 3464). */
export interface BounceReport {
  readonly kind: 'bounce';
  /** As it stood in the envelope id, the return path or the Message-ID; not yet checked to be one of ours. */
  readonly deliveryId: string;
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  /** RFC 3463, e.g. `5.1.1`; `''` when the report has none. */
  readonly statusCode: string;
  /** What the delivery's row is told; absent while the server still tries (delayed) or lost track of it (relayed). */
  readonly receipt?: Extract<ReceiptStatus, 'undelivered' | 'delivered'>;
  /** The address is dead and should be suppressed: failed with 5.x.x, but neither full (5.2.2) nor policy (5.7.x). */
  readonly hard: boolean;
  /** The last server's own words, at most 300 characters. They may repeat the address. */
  readonly diagnostic: string;
}

/** Somebody wrote to the address of List-Unsubscribe's `mailto:`. */
export interface LeaveRequest {
  readonly kind: 'leave';
  readonly leaveToken: string;
}

export type MailReport = BounceReport | LeaveRequest;

export interface ReportMailboxes {
  /** The address that VERP return paths are made from. */
  readonly bounceAddress?: string | undefined;
  /** The address that one-click mails are made from. */
  readonly leaveAddress?: string | undefined;
}

export interface ParseOptions extends ReportMailboxes {
  /** Envelope recipients, where they are known; otherwise the headers are believed. */
  readonly recipients?: readonly string[];
  /** Right side of our Message-IDs, for reports that name the mail in no other way. */
  readonly messageIdDomain?: string;
  /** Bytes; default 1 MB. */
  readonly maxBytes?: number;
}

export const MAX_REPORT_BYTES = 1_000_000;
const STATUS_PARTS = ['message/delivery-status', 'message/global-delivery-status'];
const ORIGINAL_PARTS = ['message/rfc822', 'text/rfc822-headers', 'message/global', 'message/global-headers'];
const ACTIONS = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const;
const RECEIPTS: Partial<Record<BounceReport['action'], 'undelivered' | 'delivered'>> = {
  failed: 'undelivered',
  delivered: 'delivered',
};

/**
 * Reads a mail that came to the bounce or leave address.
 *
 * Delivery ids cannot be guessed, so a report that names one was made from a mail of ours.
 *
 * @returns at least one report
 * @throws HeraldError `mail-report-too-large` (too-large), `mail-report-unreadable` (invalid) when it is no mail,
 * `mail-report-empty` (invalid) when it is one that says nothing about a delivery: an answer, an out-of-office
 */
export async function parseBounce(raw: Buffer | Readable, options: ParseOptions): Promise<MailReport[]> {
  const { simpleParser } = await import('mailparser');
  const bytes = await readAll(raw, options.maxBytes ?? MAX_REPORT_BYTES);
  let mail: ParsedMail;
  try {
    mail = await simpleParser(bytes, {
      keepDeliveryStatus: true,
      ignoreEmbedded: true,
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipImageLinks: true,
      checksumAlgo: false,
    });
  } catch (cause) {
    throw new HeraldError('invalid', 'mail-report-unreadable', 'the mail cannot be parsed', { cause });
  }
  const recipients = options.recipients ?? headerRecipients(mail);
  const leaves = tags(options.leaveAddress, recipients).map(
    (leaveToken): LeaveRequest => ({ kind: 'leave', leaveToken }),
  );
  if (leaves.length > 0) return leaves;
  const reports = mail.attachments
    .filter((part) => STATUS_PARTS.includes(part.contentType))
    .flatMap((part) => readStatus(part, mail, recipients, options));
  if (reports.length > 0) return reports;
  throw new HeraldError('invalid', 'mail-report-empty', 'the mail says nothing about a delivery', {
    fix: 'give the report as the mail server sent it, with its message/delivery-status part',
  });
}

/** One report for each recipient group of a delivery-status part. */
function readStatus(
  part: Attachment,
  mail: ParsedMail,
  recipients: readonly string[],
  options: ParseOptions,
): BounceReport[] {
  const [perMessage, ...groups] = fieldGroups(part.content.toString('utf8'));
  const deliveryId =
    decodeXtext(perMessage?.get('original-envelope-id') ?? '') ||
    tags(options.bounceAddress, recipients)[0] ||
    originalId(mail, options.messageIdDomain);
  if (!deliveryId) return [];
  return groups.flatMap((fields): BounceReport[] => {
    const action = ACTIONS.find((known) => known === fields.get('action')?.toLowerCase());
    if (!action) return [];
    const diagnostic = (fields.get('diagnostic-code') ?? '').replace(/^[\w-]+\s*;\s*/, '').slice(0, 300);
    const statusCode = exactStatus(fields.get('status') ?? '', diagnostic);
    const receipt = RECEIPTS[action];
    return [
      {
        kind: 'bounce',
        deliveryId,
        action,
        statusCode,
        ...(receipt === undefined ? {} : { receipt }),
        hard: action === 'failed' && /^5\.(?!2\.2$|7\.)/.test(statusCode),
        diagnostic,
      },
    ];
  });
}

/** Some servers write 5.0.0 and keep the exact code for the diagnostic. */
function exactStatus(status: string, diagnostic: string): string {
  const code = /[245]\.\d{1,3}\.\d{1,3}/;
  const stated = code.exec(status)?.[0] ?? '';
  if (stated !== '' && !stated.endsWith('.0.0')) return stated;
  return code.exec(diagnostic)?.[0] ?? stated;
}

/** Header-like fields in groups parted by empty lines, folded lines joined, names in lower case. */
function fieldGroups(text: string): Map<string, string>[] {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]+/g, ' ')
    .split(/\n{2,}/)
    .map((group) => {
      const fields = new Map<string, string>();
      for (const line of group.split('\n')) {
        const colon = line.indexOf(':');
        if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
      }
      return fields;
    })
    .filter((fields) => fields.size > 0);
}

/** RFC 3461 4: `+2B` for `+`. Reporting servers should have decoded it; not all do. */
function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The Message-ID of the mail that came back, or of its headers. */
function originalId(mail: ParsedMail, domain: string | undefined): string | undefined {
  if (domain === undefined) return undefined;
  for (const part of mail.attachments) {
    if (!ORIGINAL_PARTS.includes(part.contentType)) continue;
    const [headers] = fieldGroups(part.content.toString('utf8'));
    const match = /^<([\w-]+)@([^>]+)>$/.exec(headers?.get('message-id') ?? '');
    if (match?.[2]?.toLowerCase() === domain.toLowerCase()) return match[1];
  }
  return undefined;
}

function tags(mailbox: string | undefined, recipients: readonly string[]): string[] {
  if (mailbox === undefined) return [];
  return recipients.flatMap((recipient) => plusTag(mailbox, recipient) ?? []);
}

/** To, and what mail servers write when they put a mail into a mailbox. */
function headerRecipients(mail: ParsedMail): string[] {
  return mail.headerLines
    .filter(({ key }) => key === 'to' || key === 'delivered-to' || key === 'x-original-to')
    .flatMap(({ line }) => line.slice(line.indexOf(':') + 1).match(/[^\s<>,;"]+@[^\s<>,;"]+/g) ?? []);
}

async function readAll(raw: Buffer | Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Not destroyed when it is too large: the SMTP server must still read to the end of it.
  for await (const chunk of Buffer.isBuffer(raw) ? [raw] : raw.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBytes) {
      throw new HeraldError(
        'too-large',
        'mail-report-too-large',
        `the mail is larger than ${maxBytes} bytes`,
      );
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
