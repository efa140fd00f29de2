import type { Channel, Gateway } from '../domain/channel.ts';
import type { ReceiptStatus } from '../domain/delivery.ts';
import { HeraldError } from '../domain/errors.ts';
import { readLeaveToken } from '../domain/leave-token.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import type { FailureCategory } from '../domain/outcome.ts';
import { withoutNul } from '../domain/text.ts';
import { maskAddress } from './address.ts';
import { createBatcher } from './batcher.ts';
import type { Logger } from './ports.ts';
import { createRefusalWatch } from './refusal-watch.ts';
import type { DeliveryStore, ReceiptFact, ReceiptStore } from './stores.ts';
import { isInert, receiptKey, takeReceipt } from './take-receipt.ts';

/** A provider's callbacks: whose they are, whether they are genuine, what they say. Given by the channel's adapter. */
export interface SmsCallbacks {
  readonly gateway: Gateway;
  readonly accountSid: string;
  verify(request: SignedRequest): boolean;
  parseStatus(request: SignedRequest): {
    readonly deliveryId: string;
    readonly providerMessageId: string;
    readonly providerStatus: string;
    readonly receipt?: ReceiptStatus;
    readonly code?: string;
    readonly category?: FailureCategory;
  };
  parseInbound(request: SignedRequest): {
    readonly from: string;
    readonly act: 'leave' | 'return' | 'help' | 'other';
    readonly messageSid: string;
  };
}

export interface SignedRequest {
  /** The full public URL, query included, as the provider called it. */
  readonly url: string;
  /** All fields that came, repeated ones as a list. */
  readonly params: Readonly<Record<string, string | readonly string[]>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly signature: string | undefined;
}

/** What a mail to our bounce or leave address says. */
export type MailReport =
  | { readonly kind: 'leave'; readonly leaveToken: string }
  | {
      readonly kind: 'bounce';
      readonly deliveryId: string;
      readonly action: string;
      readonly receipt?: 'undelivered' | 'delivered';
      readonly hard: boolean;
      readonly statusCode: string;
      readonly diagnostic: string;
    };

/** What comes back: verified, written and applied, and only then answered. */
export interface Receive {
  /** @throws HeraldError `bad-signature` (forbidden) */
  smsStatus(request: SignedRequest): Promise<void>;
  /** @returns TwiML. @throws HeraldError `bad-signature` (forbidden) */
  smsInbound(request: SignedRequest): Promise<{ readonly twiml: string }>;
  /** Writes one report down; false when it names no delivery of ours. */
  mail(report: MailReport): Promise<boolean>;
  /** A whole mail: bounce reports (RFC 3464), or one to a leave address. @throws HeraldError when it is neither */
  bounce(raw: Buffer): Promise<{ readonly applied: number; readonly unknown: number }>;
  /** @throws HeraldError `no-such-link` (not-found) */
  leaveInfo(token: string): Promise<{
    readonly channel: Channel;
    readonly maskedAddress: string;
    readonly locale: string;
    readonly left: boolean;
  }>;
  /** @throws HeraldError `no-such-link` (not-found) */
  leave(token: string, source: string): Promise<void>;
}

export interface ReceiveDeps {
  readonly receipts: ReceiptStore;
  readonly deliveries: Pick<DeliveryStore, 'pauseFor'>;
  readonly callbacks: readonly SmsCallbacks[];
  readonly parseBounce: (raw: Buffer) => Promise<readonly MailReport[]>;
  readonly ids: OpaqueIds;
  readonly leaveKey: Buffer;
  readonly officeName: string;
  readonly mode: 'trial' | 'live';
  readonly log: Logger;
}

/** Callbacks that arrive together share a transaction. */
const GROUP_COMMIT = { maxItems: 500, lingerMs: 2 };

export function createReceive(deps: ReceiveDeps): Receive {
  const { receipts, ids, log } = deps;
  const refusesAll = createRefusalWatch(() => performance.now());
  const batcher = createBatcher<ReceiptFact>(async (facts) => {
    const { unknown } = await receipts.apply(facts);
    if (unknown > 0)
      log.warn({ unknown }, 'receipts for deliveries that are not known, or not of this gateway');
  }, GROUP_COMMIT);

  function genuine(request: SignedRequest): SmsCallbacks {
    const callbacks = deps.callbacks.find((c) => c.accountSid === request.params.AccountSid);
    if (callbacks?.verify(request)) return callbacks;
    throw new HeraldError('forbidden', 'bad-signature', 'the signature of this callback is missing or wrong');
  }

  async function contactBehind(token: string) {
    const contactId = readLeaveToken(deps.leaveKey, token);
    const contact = contactId === undefined ? null : await receipts.contact(contactId);
    if (!contact)
      throw new HeraldError(
        'not-found',
        'no-such-link',
        'this link is not one of ours, or its address has been removed',
      );
    return contact;
  }

  async function leave(token: string, source: string): Promise<void> {
    const { channel, address } = await contactBehind(token);
    await receipts.suppress({ channel, address, reason: 'left', source });
  }

  /** @returns TwiML */
  async function answer(act: 'leave' | 'return' | 'help' | 'other', from: string): Promise<string> {
    switch (act) {
      case 'leave':
        await receipts.suppress({ channel: 'sms', address: from, reason: 'opted-out', source: 'sms-reply' });
        log.info({ address: maskAddress('sms', from) }, 'a citizen left by reply');
        return '<Response/>';
      case 'return':
        await receipts.allow('sms', from);
        return '<Response/>';
      case 'help':
        return `<Response><Message>${escapeXml(deps.officeName)}: STOP = leave, START = return</Message></Response>`;
      case 'other':
        return '<Response/>';
    }
  }

  async function mail(report: MailReport): Promise<boolean> {
    if (report.kind === 'leave') {
      await leave(report.leaveToken, 'mail');
      return true;
    }
    const id = ids.tryDecode('delivery', report.deliveryId);
    const row = id && (await receipts.delivery(id.id, id.n));
    // Outlets know the ids of their webhooks; a bounce of one would say nothing.
    if (!id || row?.channel !== 'email') return false;
    const { receipt, action, statusCode, diagnostic, hard } = report;
    await batcher.add({
      announcementId: id.id,
      n: id.n,
      gateway: row.gateway,
      source: 'bounce',
      receipt: receipt ?? null,
      event: receipt ?? action,
      dedupe: `bounce:${action}:${statusCode}`,
      providerMessageId: null,
      code: statusCode || null,
      category: null,
      detail: withoutNul(diagnostic),
    });
    if (hard && receipt === 'undelivered' && !isInert(deps.mode, row.gateway)) {
      await receipts.suppress({
        channel: 'email',
        address: row.address,
        reason: 'bounced',
        source: `bounce ${statusCode}`,
      });
    }
    return true;
  }

  return {
    async smsStatus(request) {
      const { gateway, parseStatus } = genuine(request);
      const told = parseStatus(request);
      const delivery = ids.tryDecode('delivery', told.deliveryId);
      if (!delivery) {
        log.warn({ sid: told.providerMessageId }, 'a status callback names no delivery of ours');
        return;
      }
      const fact: ReceiptFact = {
        announcementId: delivery.id,
        n: delivery.n,
        gateway,
        source: 'twilio',
        receipt: told.receipt ?? null,
        event: told.providerStatus,
        dedupe: receiptKey(told.providerMessageId, told.providerStatus),
        providerMessageId: told.providerMessageId,
        code: told.code ?? null,
        category: told.category ?? null,
        detail: null,
      };
      if (!isInert(deps.mode, gateway) && refusesAll(fact))
        await deps.deliveries.pauseFor(
          fact.announcementId,
          `twilio takes the messages and delivers none: our sender or account is refused (${fact.code ?? 'no code'})`,
        );
      await takeReceipt(deps, fact, (one) => batcher.add(one));
    },

    async smsInbound(request) {
      const { gateway, parseInbound } = genuine(request);
      const { from, act, messageSid } = parseInbound(request);
      // A START that Twilio tells again must not undo the STOP that came after it.
      if (isInert(deps.mode, gateway) || (await receipts.isAnswered(messageSid)))
        return { twiml: '<Response/>' };
      const twiml = await answer(act, from);
      await receipts.noteAnswered(messageSid);
      return { twiml };
    },

    mail,

    async bounce(raw) {
      const known = await Promise.all((await deps.parseBounce(raw)).map(mail));
      const applied = known.filter(Boolean).length;
      return { applied, unknown: known.length - applied };
    },

    async leaveInfo(token) {
      const { channel, address, locale, left } = await contactBehind(token);
      return { channel, maskedAddress: maskAddress(channel, address), locale, left };
    },

    leave,
  };
}

const escapeXml = (text: string): string =>
  text.replace(
    /[<>&'"]/g,
    (c) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', "'": '&apos;', '"': '&quot;' })[c] ?? c,
  );
