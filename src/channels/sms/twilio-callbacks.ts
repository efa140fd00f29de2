import twilio from 'twilio';
import type { ReceiptStatus } from '../../domain/delivery.ts';
import { HeraldError } from '../../domain/errors.ts';
import type { FailureCategory } from '../../domain/outcome.ts';
import { twilioCode } from './twilio-codes.ts';

/** A form body or a query, as parsed: Twilio sends each name once. */
export type Params = Readonly<Record<string, unknown>>;

/** The name in a status callback's query that carries our delivery id. */
export const DELIVERY_PARAM = 'delivery';

/**
 * Whether a request was signed by Twilio with our auth token (`X-Twilio-Signature`, compared in constant time).
 *
 * @param request.url the URL that Twilio called as it knows it: `PUBLIC_URL`, path and query, not what a proxy left
 * @param request.params all form fields that came; Twilio may add new ones, and signs them
 * @param request.rawBody the body of a request that is not a form; its hash is in the URL as `bodySHA256`
 */
export function verifyTwilioSignature(request: {
  readonly authToken: string;
  readonly signature: string | undefined;
  readonly url: string;
  readonly params: Params;
  readonly rawBody?: string;
}): boolean {
  const { authToken, signature, url } = request;
  if (!signature || !URL.canParse(url)) return false;
  if (request.rawBody !== undefined && new URL(url).searchParams.has('bodySHA256')) {
    return twilio.validateRequestWithBody(authToken, signature, url, request.rawBody);
  }
  return twilio.validateRequest(authToken, signature, url, request.params);
}

/** Twilio's message statuses as facts about a delivery. Absent ones say nothing new: it was accepted before. */
const RECEIPTS: ReadonlyMap<string, ReceiptStatus> = new Map([
  ['sent', 'sent'],
  // Some parts arrived: no proof of delivery, and no failure either.
  ['partially_delivered', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'undelivered'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** A message's status, as a fact about a delivery. */
export interface TwilioStatus {
  /** Twilio's own word; with the sid it tells a repeated callback. */
  readonly providerStatus: string;
  /** Absent for a status that says nothing about the end (queued, sending, …). */
  readonly receipt?: ReceiptStatus;
  /** Twilio's error code, where there is one. */
  readonly code?: string;
  readonly category?: FailureCategory;
  /** True when the code is in no table and `category` is the default; log it loudly. */
  readonly unlisted?: true;
}

/** What a status and an error code mean, whether Twilio reported them or was asked. */
export function twilioReceipt(status: string, code: string | undefined): TwilioStatus {
  const providerStatus = status.toLowerCase();
  const receipt = RECEIPTS.get(providerStatus);
  return {
    providerStatus,
    ...(receipt ? { receipt } : {}),
    ...(code && code !== '0' ? { code, ...categoryOf(code) } : {}),
  };
}

/** What a status callback says. */
export interface StatusCallback extends TwilioStatus {
  /** Opaque; from the callback URL's query. Not yet checked to be one of ours. */
  readonly deliveryId: string;
  /** The message's sid. */
  readonly providerMessageId: string;
  /** The carrier's local time of the end, `YYYY-MM-DDThh:mm`: it names no timezone, so it is text for people. */
  readonly doneAt?: string;
}

/**
 * Reads a status callback; verify its signature first.
 * @param params the form body
 * @param query the query of the URL that was called
 * @throws HeraldError `invalid-callback` when it is not a status callback of ours
 */
export function parseStatusCallback(params: Params, query: Params): StatusCallback {
  const deliveryId = required(query, DELIVERY_PARAM);
  const providerMessageId = text(params, 'MessageSid') ?? required(params, 'SmsSid');
  const status = text(params, 'MessageStatus') ?? required(params, 'SmsStatus');
  const done = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(text(params, 'RawDlrDoneDate') ?? '');
  return {
    deliveryId,
    providerMessageId,
    ...twilioReceipt(status, text(params, 'ErrorCode')),
    ...(done ? { doneAt: `20${done[1]}-${done[2]}-${done[3]}T${done[4]}:${done[5]}` } : {}),
  };
}

function categoryOf(code: string): Pick<TwilioStatus, 'category' | 'unlisted'> {
  const listed = twilioCode(Number(code));
  return listed ? { category: listed.category } : { category: 'temporary', unlisted: true };
}

/** What the sender of a message wants: leave all announcements, return, be told how it works, or anything else. */
export type InboundAct = 'leave' | 'return' | 'help' | 'other';

/**
 * Words that are an order when they are the whole message, in lower case. Twilio's own, and those that people in
 * China know from 拒收请回复R.
 */
const WORDS: ReadonlyMap<string, InboundAct> = new Map(
  (
    [
      ['leave', 'stop unsubscribe end quit stopall revoke optout cancel r t td 退订 拒收'],
      ['return', 'start yes unstop'],
      ['help', 'help info'],
    ] as const
  ).flatMap(([act, words]) => words.split(' ').map((word) => [word, act] as const)),
);

const OPT_OUT_TYPES: ReadonlyMap<string, InboundAct> = new Map([
  ['STOP', 'leave'],
  ['START', 'return'],
  ['HELP', 'help'],
]);

/** What people put around an order. */
const POLITE = /^(please\s+|回复\s*|请\s*|我要\s*)|\s+(please|thanks|thank you)$/gu;

/** A message from a citizen. */
export interface InboundSms {
  /** E.164. */
  readonly from: string;
  readonly act: InboundAct;
  readonly messageSid: string;
}

/**
 * Reads an inbound message; verify its signature first. `OptOutType` (Advanced Opt-Out has acted already) wins
 * over the words of the text.
 * @throws HeraldError `invalid-callback` when it is not an inbound message
 */
export function parseInbound(params: Params): InboundSms {
  const from = required(params, 'From');
  const messageSid = text(params, 'MessageSid') ?? required(params, 'SmsSid');
  // NFKC: full-width letters (ＴＤ) are what a Chinese keyboard gives; Cf: what has no width came with a paste.
  const word = (text(params, 'Body') ?? '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Cf}/gu, '')
    .replace(/^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$/gu, '')
    .replace(POLITE, '');
  const told = OPT_OUT_TYPES.get((text(params, 'OptOutType') ?? '').toUpperCase());
  return { from, act: told ?? WORDS.get(word) ?? 'other', messageSid };
}

function text(params: Params, name: string): string | undefined {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function required(params: Params, name: string): string {
  const value = text(params, name);
  if (value !== undefined) return value;
  throw new HeraldError('invalid', 'invalid-callback', `the callback has no ${name}`);
}
