import type { FailureCategory } from '../../domain/outcome.ts';

/** One line of Twilio's vocabulary. */
export interface TwilioCode {
  readonly code: number;
  readonly category: FailureCategory;
  readonly meaning: string;
}

/**
 * Twilio's error codes as Herald understands them, for answers of the API and for status callbacks alike.
 * Source: https://www.twilio.com/docs/api/errors; the categories are ours. What is not here is `temporary`
 * and is reported, so that somebody adds it.
 */
export const TWILIO_CODES: readonly TwilioCode[] = [
  { code: 20429, category: 'throttled', meaning: 'too many requests; not processed' },
  { code: 20503, category: 'throttled', meaning: 'service unavailable; not processed' },
  { code: 14107, category: 'throttled', meaning: 'message rate exceeded' },
  { code: 30001, category: 'throttled', meaning: 'the queue of the sender is full' },
  { code: 30017, category: 'throttled', meaning: 'carrier network congestion' },
  { code: 21611, category: 'throttled', meaning: 'this From number has too many messages queued' },
  { code: 63017, category: 'throttled', meaning: 'channel rate limit exceeded' },

  { code: 30003, category: 'temporary', meaning: 'handset unreachable (off or out of coverage)' },
  { code: 30008, category: 'temporary', meaning: 'unknown error of the carrier' },

  // A setting of ours, but about this number's country: it must not stop the channel for everybody else.
  { code: 21408, category: 'permanent', meaning: 'the region is not enabled for this account' },
  { code: 21211, category: 'permanent', meaning: 'not a phone number' },
  { code: 21614, category: 'permanent', meaning: 'not a mobile number (landline)' },
  { code: 21635, category: 'permanent', meaning: 'a landline cannot receive SMS' },
  { code: 30005, category: 'permanent', meaning: 'unknown or deactivated handset' },
  { code: 30006, category: 'permanent', meaning: 'landline or unreachable carrier' },

  { code: 21610, category: 'opted-out', meaning: 'the recipient replied STOP' },

  { code: 21602, category: 'rejected-content', meaning: 'the message has no body' },
  { code: 21617, category: 'rejected-content', meaning: 'the body is longer than 1600 characters' },
  { code: 30004, category: 'rejected-content', meaning: 'message blocked' },
  { code: 30007, category: 'rejected-content', meaning: 'filtered by the carrier' },

  { code: 20003, category: 'configuration', meaning: 'the credentials are not accepted' },
  { code: 20404, category: 'configuration', meaning: 'no such account or resource' },
  { code: 21212, category: 'configuration', meaning: 'the From is not a valid sender' },
  { code: 21603, category: 'configuration', meaning: 'neither From nor a Messaging Service' },
  { code: 21606, category: 'configuration', meaning: 'the From may not send SMS' },
  { code: 21608, category: 'configuration', meaning: 'a trial account sends to verified numbers only' },
  { code: 21609, category: 'configuration', meaning: 'the status callback URL is not valid' },
  { code: 21701, category: 'configuration', meaning: 'no such Messaging Service' },
  { code: 30002, category: 'configuration', meaning: 'the account is suspended' },
  { code: 30018, category: 'configuration', meaning: 'the destination needs a registered sender' },
  { code: 30032, category: 'configuration', meaning: 'the toll-free number is not verified' },
  { code: 30034, category: 'configuration', meaning: 'the number is not registered for A2P 10DLC' },
  { code: 30037, category: 'configuration', meaning: 'the sender is not enabled for outbound messages' },
  { code: 30040, category: 'configuration', meaning: 'the destination needs a sender ID registration' },
  { code: 30041, category: 'configuration', meaning: 'the destination takes no international long codes' },
  { code: 30042, category: 'configuration', meaning: 'the destination takes no such sender' },
  // A quota comes back by itself at its reset; until then every message fails alike, so the breaker is right.
  { code: 30022, category: 'configuration', meaning: 'US A2P 10DLC rate limit of the day reached' },
  { code: 30023, category: 'configuration', meaning: 'US A2P 10DLC daily message cap reached' },
  { code: 30027, category: 'configuration', meaning: 'T-Mobile daily message limit reached' },
  { code: 63038, category: 'configuration', meaning: 'daily message limit of the account reached' },

  { code: 30036, category: 'expired', meaning: 'the validity period ended before it was sent' },
];

const BY_CODE = new Map(TWILIO_CODES.map((row) => [row.code, row]));

/** The line for a code; `undefined` when the table does not know it. */
export function twilioCode(code: number): TwilioCode | undefined {
  return BY_CODE.get(code);
}

/**
 * What an HTTP status means where no listed code comes with it (a proxy's answer, a fault at Twilio).
 *
 * `unknown-outcome`: Twilio says of HTTP 500 (code 20500) that a POST sending an SMS may have been carried
 * out and that repeating it can reach the recipient twice; 502 and 504 come from a gateway in front that did
 * not see the answer. 503 is refused before anything is done.
 */
const BY_STATUS: Readonly<Record<number, FailureCategory | 'unknown-outcome'>> = {
  401: 'configuration',
  403: 'configuration',
  404: 'configuration',
  405: 'configuration',
  408: 'temporary',
  413: 'rejected-content',
  425: 'temporary',
  429: 'throttled',
  503: 'throttled',
};

/**
 * What a refusing HTTP status means; `undefined` for one that says nothing by itself (most of 4xx).
 * @param status 300 … 599
 */
export function twilioStatus(status: number): FailureCategory | 'unknown-outcome' | undefined {
  // The API does not redirect: this is another server.
  if (status < 400) return 'configuration';
  return BY_STATUS[status] ?? (status >= 500 ? 'unknown-outcome' : undefined);
}
