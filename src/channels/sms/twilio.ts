import twilio from 'twilio';
import type { Abilities, Gateway } from '../../domain/channel.ts';
import type { ReceiptAnswer, SendOutcome, SettleOutcome } from '../../domain/outcome.ts';
import { LONGEST_VALIDITY_MS } from '../../domain/receipts.ts';
import type { ChannelAdapter, OutgoingSms, SettleQuestion } from '../../pipeline/ports.ts';
import { newCall } from '../exchange.ts';
import { twilioReceipt } from './twilio-callbacks.ts';
import { failureOf, type UnlistedCode } from './twilio-failures.ts';
import { findMessage } from './twilio-settle.ts';
import { UndiciTransport } from './undici-transport.ts';

/**
 * What Twilio can. To mainland China: no replies, no URLs, at most 8 segments
 * (https://www.twilio.com/en-us/guidelines/cn/sms).
 */
export const TWILIO_ABILITIES: Abilities = {
  freeText: true,
  receipts: true,
  routes: [
    { prefix: '', links: true, twoWay: true },
    { prefix: '+86', links: false, twoWay: false, maxSegments: 8 },
  ],
};

export interface TwilioOptions {
  readonly gateway: Gateway;
  /** `AC…` */
  readonly accountSid: string;
  readonly authToken: string;
  readonly sender: { readonly messagingServiceSid: string } | { readonly from: string };
  /** Another server with the same API: the sandbox, a regional edge. Default `https://api.twilio.com`. */
  readonly apiUrl?: string | undefined;
  /** Where Twilio reports what became of a delivery: an absolute URL that carries the delivery's id. */
  readonly statusCallbackUrl: (deliveryId: string) => string;
  /** Sockets and so requests at a time, ≥ 1. */
  readonly connections: number;
  /** Bound of one request, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Told of each refusal whose code no table knows; it was treated as temporary. Log it loudly. */
  readonly onUnlistedCode: (unlisted: UnlistedCode) => void;
}

/** Twilio's code of a 404. */
const NO_SUCH_RESOURCE = 20404;

/** SMS through Twilio's Programmable Messaging. */
export function createTwilioAdapter(options: TwilioOptions): ChannelAdapter<'sms'> {
  const { accountSid, requestTimeoutMs, connections } = options;
  const apiUrl = options.apiUrl ?? 'https://api.twilio.com';
  const transport = new UndiciTransport({
    origin: new URL(apiUrl).origin,
    connections,
    timeoutMs: requestTimeoutMs,
  });
  const client = twilio(accountSid, options.authToken, { httpClient: transport });
  client.api.baseUrl = apiUrl;

  async function send(message: OutgoingSms, signal?: AbortSignal): Promise<SendOutcome> {
    // Rounded down: better a second too early than an announcement after its time.
    const validity = Math.min(Math.floor(message.validForMs / 1000), LONGEST_VALIDITY_MS / 1000);
    if (validity < 1) {
      return {
        outcome: 'refused',
        category: 'expired',
        code: 'validity',
        message: 'less than a second left to send',
      };
    }
    const call = newCall(signal, message.startWithinMs);
    try {
      const created = await transport.within(call, () =>
        client.messages.create({
          ...options.sender,
          to: message.address,
          body: message.content.body,
          // Or Twilio rewrites the full-width punctuation of Chinese.
          smartEncoded: false,
          validityPeriod: validity,
          statusCallback: options.statusCallbackUrl(message.deliveryId),
        }),
      );
      if (typeof created.sid !== 'string' || created.sid === '')
        throw new TypeError('an answer without a sid');
      return {
        outcome: 'accepted',
        providerMessageId: created.sid,
        delivered: false,
        detail: created.status,
      };
    } catch (error) {
      return failureOf(error, call, message.address, options.onUnlistedCode);
    }
  }

  /** Looks for the message; see {@link findMessage} for what counts as the same one. */
  async function settle(question: SettleQuestion, signal: AbortSignal): Promise<SettleOutcome> {
    const call = newCall(signal);
    try {
      return await findMessage(client.messages, question, call, (start) => transport.within(call, start));
    } catch (error) {
      return { settled: 'unavailable', message: messageOf(error) };
    }
  }

  /** The message as Twilio knows it now, read as its callback would be. */
  async function askReceipt(
    { providerMessageId: sid }: { readonly providerMessageId: string },
    signal: AbortSignal,
  ): Promise<ReceiptAnswer> {
    const call = newCall(signal);
    try {
      const message = await transport.within(call, () => client.messages(sid).fetch());
      if (message.sid !== sid) throw new TypeError('an answer about another message');
      const code = message.errorCode ? String(message.errorCode) : undefined;
      return { asked: 'told', ...twilioReceipt(message.status, code) };
    } catch (error) {
      // Twilio's own 404; one without its code comes from something in front of it, or from another server.
      if (call.answer?.status === 404 && isObject(error) && error.code === NO_SUCH_RESOURCE)
        return { asked: 'not-known' };
      return { asked: 'unavailable', message: messageOf(error) };
    }
  }

  async function probe(signal: AbortSignal) {
    try {
      const account = await transport.within(newCall(signal), () =>
        client.api.v2010.accounts(accountSid).fetch(),
      );
      if (account.sid !== accountSid)
        return { ok: false, message: `${apiUrl} does not answer like Twilio` } as const;
      if (account.status === 'active') return { ok: true } as const;
      return { ok: false, message: `the Twilio account is ${account.status}` } as const;
    } catch (error) {
      return { ok: false, message: messageOf(error) } as const;
    }
  }

  return {
    channel: 'sms',
    provider: 'twilio',
    gateway: options.gateway,
    abilities: TWILIO_ABILITIES,
    concurrency: connections,
    requestTimeoutMs,
    send,
    settle,
    askReceipt,
    probe,
    close: () => transport.close(),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
