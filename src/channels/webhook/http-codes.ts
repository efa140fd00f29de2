import type { FailureCategory } from '../../domain/outcome.ts';

/**
 * What an endpoint's HTTP status means (Standard Webhooks 1.0). First match wins; webhooks are retried for three
 * days, so what an outlet can mend in that time is temporary.
 */
const STATUSES: readonly {
  readonly from: number;
  readonly to: number;
  readonly category: FailureCategory;
  readonly why: string;
}[] = [
  // Following one would hand signed text to whoever can make the endpoint redirect.
  {
    from: 300,
    to: 399,
    category: 'permanent',
    why: 'redirects are not followed; register the URL that it points to',
  },
  { from: 410, to: 410, category: 'opted-out', why: 'the endpoint is gone and wants no more webhooks' },
  { from: 429, to: 429, category: 'throttled', why: 'the endpoint asks for fewer requests' },
  { from: 400, to: 499, category: 'temporary', why: 'the endpoint refused the request' },
  { from: 500, to: 599, category: 'temporary', why: 'the endpoint failed' },
];

export function meaningOfStatus(status: number): {
  readonly category: FailureCategory;
  readonly why: string;
} {
  return (
    STATUSES.find(({ from, to }) => status >= from && status <= to) ?? {
      category: 'temporary',
      why: 'the endpoint answered with a status that HTTP does not have',
    }
  );
}

/** No endpoint may ask for more than a day. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/**
 * RFC 9110 10.2.3: seconds, or a date; the date is read against the server's own clock where it sends one.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds, 0 to one day; `undefined` when the header is absent or makes no sense
 */
export function retryAfterMs(
  retryAfter: string | undefined,
  date: string | undefined,
  now: number,
): number | undefined {
  if (retryAfter === undefined) return undefined;
  const text = retryAfter.trim();
  const serverNow = Date.parse(date ?? '');
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1_000
    : Date.parse(text) - (Number.isNaN(serverNow) ? now : serverNow);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
