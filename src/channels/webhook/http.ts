import { Agent } from 'undici';
import type { Gateway } from '../../domain/channel.ts';
import { HeraldError } from '../../domain/errors.ts';
import type { SendOutcome } from '../../domain/outcome.ts';
import type { ChannelAdapter, OutgoingWebhook } from '../../pipeline/ports.ts';
import { type Answer, type Call, exchange, NoAnswerError, newCall } from '../exchange.ts';
import { guardedConnector } from './guarded-connector.ts';
import { meaningOfStatus, retryAfterMs } from './http-codes.ts';
import { sign, type WebhookHeaders } from './signature.ts';
import { BlockedAddressError, createEndpointGuard, type GuardOptions } from './ssrf.ts';

export interface WebhookOptions extends GuardOptions {
  readonly gateway: Gateway;
  /** Requests at a time in this process; also the most connections to one origin. */
  readonly concurrency: number;
  /** Of the whole exchange, connecting and the answer's body included, in milliseconds. Default 20,000. */
  readonly requestTimeoutMs?: number;
  /** Default `Herald`. */
  readonly userAgent?: string;
}

/** Bytes of an answer that are read, and characters that are kept of it. */
const MAX_ANSWER_BYTES = 20_000;
const MAX_SNIPPET = 200;

/**
 * Webhooks over HTTP with Standard Webhooks signatures. 2xx is proof of delivery; the same `webhook-id` at every
 * retry lets the outlet drop what it has already.
 *
 * @throws HeraldError `webhook-cidr-invalid`
 */
export function createWebhookAdapter(options: WebhookOptions): ChannelAdapter<'webhook'> {
  const { concurrency, requestTimeoutMs = 20_000, userAgent = 'Herald' } = options;
  const guard = createEndpointGuard(options);
  // As many connections to one origin as there may be requests at all: no request ever queues behind another, so a
  // slow endpoint delays nobody, not even its neighbour on the same host.
  const agent = new Agent({
    connections: concurrency,
    pipelining: 1,
    connect: guardedConnector(guard, requestTimeoutMs),
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  return {
    channel: 'webhook',
    provider: 'http',
    gateway: options.gateway,
    abilities: { freeText: true, receipts: false, routes: [{ prefix: '', links: true, twoWay: false }] },
    concurrency,
    requestTimeoutMs,

    async send(message, signal) {
      if (signal?.aborted) return refused('throttled', 'ABORTED', 'given up before it was sent');
      const prepared = prepare(message, guard.checkUrl);
      if ('outcome' in prepared) return prepared;
      const { url, body, headers } = prepared;
      const call = newCall(signal);
      const options = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'user-agent': userAgent },
        body,
      };
      try {
        const answer = await exchange(agent, call, options, {
          timeoutMs: requestTimeoutMs,
          maxAnswerBytes: MAX_ANSWER_BYTES,
          keepsPart: true,
        });
        return outcomeOf(answer, snippetOf(answer.body), message.deliveryId);
      } catch (error) {
        return failure(error, call);
      }
    },

    /** There is nothing to log in to: every endpoint answers for itself. */
    async probe() {
      return { ok: true };
    },

    close: () => agent.close(),
  };
}

function prepare(
  message: OutgoingWebhook,
  checkUrl: (url: URL) => void,
): { url: URL; body: Buffer; headers: WebhookHeaders } | SendOutcome {
  if (!URL.canParse(message.address)) return refused('permanent', 'endpoint-url-refused', 'it is not a URL');
  const url = new URL(message.address);
  const body = Buffer.from(message.content.body, 'utf8');
  try {
    checkUrl(url);
    return {
      url,
      body,
      headers: sign(message.secrets, message.deliveryId, Math.floor(Date.now() / 1_000), body),
    };
  } catch (error) {
    if (error instanceof BlockedAddressError)
      return refused('permanent', 'endpoint-url-refused', error.message);
    if (error instanceof HeraldError) return refused('permanent', error.code, error.message);
    throw error;
  }
}

function outcomeOf({ status, headers }: Answer, snippet: string, deliveryId: string): SendOutcome {
  const code = `HTTP ${status}`;
  if (status >= 200 && status < 300) {
    const detail = snippet === '' ? code : `${code}: ${snippet}`;
    return { outcome: 'accepted', providerMessageId: deliveryId, delivered: true, detail };
  }
  const { category, why } = meaningOfStatus(status);
  const wait = retryAfterMs(first(headers['retry-after']), first(headers.date), Date.now());
  return {
    ...refused(category, code, snippet === '' ? why : `${why}: ${snippet}`),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

function failure(error: unknown, { written }: Call): SendOutcome {
  if (!(error instanceof NoAnswerError)) throw error;
  const { code, message, cause } = error;
  const expired = code === 'TIMEOUT';
  if (written) {
    return expired
      ? { outcome: 'unknown', code: 'ETIMEDOUT', message: 'the endpoint did not answer in time' }
      : { outcome: 'unknown', code, message: `no answer after the request was written: ${message}` };
  }
  if (cause instanceof BlockedAddressError) return refused('permanent', 'endpoint-url-refused', message);
  if (expired) return refused('temporary', 'ETIMEDOUT', 'the endpoint could not be reached in time');
  if (code === 'ABORTED') return refused('throttled', code, 'given up before it was sent');
  return refused('temporary', code, `the endpoint could not be reached: ${message}`);
}

/** The beginning of an answer as printable text. */
function snippetOf(body: Buffer): string {
  if (body.length === 0) return '';
  return body
    .subarray(0, MAX_ANSWER_BYTES)
    .toString('utf8')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_SNIPPET);
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function refused(
  category: Extract<SendOutcome, { outcome: 'refused' }>['category'],
  code: string,
  message: string,
): SendOutcome & { readonly outcome: 'refused' } {
  return { outcome: 'refused', category, code, message };
}
