/** What the sandbox's Twilio does for a magic number. `times`: only for the first so many requests, then as usual. */
export type MagicEffect =
  /** The API refuses. Without `code` the answer is a gateway's HTML page. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly code?: number;
      readonly message: string;
      readonly times?: number;
      readonly retryAfterSeconds?: number;
    }
  /** Taken; the connection is cut (or the answer never comes) afterwards. */
  | { readonly kind: 'take-and-cut' }
  | { readonly kind: 'take-and-hang' }
  /** Not taken; the connection is cut when the request has been read. */
  | { readonly kind: 'cut'; readonly times: number }
  /** Taken; the answer comes late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Taken; ends like this, by callback. */
  | { readonly kind: 'end'; readonly status: 'undelivered' | 'failed'; readonly code: number }
  /** Taken, and gets this far; no callback ever comes, so only who asks gets to know it. */
  | { readonly kind: 'silent'; readonly status: 'sent' | 'delivered' }
  /** Delivered; then the citizen answers. */
  | { readonly kind: 'answer'; readonly body: string };

/** A kind of phone number for which the sandbox's Twilio does something else than deliver. */
export interface MagicNumber {
  /** The last six digits of the number: 9 and Twilio's code, or 9000xx where there is none. */
  readonly suffix: string;
  readonly what: string;
  readonly effect: MagicEffect;
}

const refuse = (status: number, code: number, message: string): MagicEffect => ({
  kind: 'refuse',
  status,
  code,
  message,
});

/** The table, in the order in which documents show it. */
export const MAGIC_NUMBERS: readonly MagicNumber[] = [
  {
    suffix: '930003',
    what: 'undelivered: handset off',
    effect: { kind: 'end', status: 'undelivered', code: 30003 },
  },
  {
    suffix: '930005',
    what: 'undelivered: unknown handset',
    effect: { kind: 'end', status: 'undelivered', code: 30005 },
  },
  {
    suffix: '930006',
    what: 'undelivered: landline',
    effect: { kind: 'end', status: 'undelivered', code: 30006 },
  },
  {
    suffix: '930007',
    what: 'undelivered: filtered for its content',
    effect: { kind: 'end', status: 'undelivered', code: 30007 },
  },
  { suffix: '930008', what: 'failed: unknown error', effect: { kind: 'end', status: 'failed', code: 30008 } },
  {
    suffix: '921610',
    what: 'refused: has replied STOP before',
    effect: refuse(400, 21610, 'Attempt to send to unsubscribed recipient'),
  },
  {
    suffix: '921211',
    what: 'refused: invalid number',
    effect: refuse(400, 21211, "Invalid 'To' Phone Number"),
  },
  {
    suffix: '921614',
    what: 'refused: landline',
    effect: refuse(400, 21614, "'To' number is not a valid mobile number"),
  },
  {
    suffix: '921606',
    what: 'refused: our sender may not send SMS',
    effect: refuse(400, 21606, 'The From phone number is not a valid, SMS-capable inbound phone number'),
  },
  {
    suffix: '921408',
    what: 'refused: region not enabled',
    effect: refuse(403, 21408, 'Permission to send an SMS has not been enabled for the region'),
  },
  {
    suffix: '920429',
    what: 'refused twice with 429 and Retry-After, then taken',
    effect: {
      kind: 'refuse',
      status: 429,
      code: 20429,
      message: 'Too Many Requests',
      times: 2,
      retryAfterSeconds: 1,
    },
  },
  {
    suffix: '920500',
    what: 'HTTP 500 once and not taken, then taken',
    effect: { kind: 'refuse', status: 500, code: 20500, message: 'Internal Server Error', times: 1 },
  },
  {
    suffix: '900502',
    what: 'HTTP 502 of a gateway once and not taken, then taken',
    effect: { kind: 'refuse', status: 502, message: 'Bad Gateway', times: 1 },
  },
  {
    suffix: '920503',
    what: 'HTTP 503 once, then taken',
    effect: { kind: 'refuse', status: 503, code: 20503, message: 'Service unavailable', times: 1 },
  },
  {
    suffix: '900001',
    what: 'taken, and the connection cut before the answer',
    effect: { kind: 'take-and-cut' },
  },
  { suffix: '900002', what: 'taken, and never answered', effect: { kind: 'take-and-hang' } },
  { suffix: '900003', what: 'not taken: connection cut once, then taken', effect: { kind: 'cut', times: 1 } },
  { suffix: '900004', what: 'taken, answered after 2 s', effect: { kind: 'slow', ms: 2000 } },
  { suffix: '900005', what: 'sent, no receipt ever', effect: { kind: 'silent', status: 'sent' } },
  {
    suffix: '900006',
    what: 'delivered, and the citizen answers STOP',
    effect: { kind: 'answer', body: 'STOP' },
  },
  {
    suffix: '900007',
    what: 'delivered, no receipt ever: the API says so when it is asked',
    effect: { kind: 'silent', status: 'delivered' },
  },
];

const BY_SUFFIX = new Map(MAGIC_NUMBERS.map((magic) => [magic.suffix, magic]));

/** The line for a phone number (E.164), if it is a magic one. */
export function magicFor(number: string): MagicNumber | undefined {
  return BY_SUFFIX.get(number.slice(-6));
}
