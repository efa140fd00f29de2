import twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient.js';
import type response from 'twilio/lib/http/response.js';
import { Pool } from 'undici';
import { type Call, exchange } from '../exchange.ts';

/** Answers of Twilio are a few kilobytes, a page of 50 messages some 60; more than this is not from Twilio. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * The transport of the Twilio SDK over an undici pool: several times the requests per second of its own, an
 * upper bound of time for each, and the truth about whether a failed request had been written.
 */
export class UndiciTransport extends twilio.RequestClient {
  readonly #pool: Pool;
  readonly #timeoutMs: number;
  #call: Call | undefined;
  #parsed = { uri: '', path: '' };
  #encoded = { credentials: '', header: '' };

  /**
   * @param options.origin scheme, host and port of the API
   * @param options.connections sockets at most
   * @param options.timeoutMs bound of one request, from being asked for to the last byte of its answer
   */
  constructor(options: {
    readonly origin: string;
    readonly connections: number;
    readonly timeoutMs: number;
  }) {
    super();
    this.#timeoutMs = options.timeoutMs;
    this.#pool = new Pool(options.origin, {
      connections: options.connections,
      connectTimeout: options.timeoutMs,
      // One timer bounds the whole request; undici's own would only be a second opinion.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Starts one SDK call, so that its request finds its signal and notes what happened. The SDK comes to {@link request}
   * before it waits for anything; an AsyncLocalStorage would slow down every promise of the process.
   */
  within<T>(call: Call, start: () => Promise<T>): Promise<T> {
    this.#call = call;
    try {
      return start();
    } finally {
      this.#call = undefined;
    }
  }

  /** The SDK's way in. @throws NoAnswerError */
  override async request<TData>(opts: RequestClient.RequestOptions<TData>): Promise<response.default<TData>> {
    const call = this.#call;
    if (!call) throw new Error('a request of the Twilio SDK outside of UndiciTransport.within()');
    const options = {
      path: this.#pathOf(opts.uri, encodedForm(opts.params)),
      method: opts.method.toUpperCase(),
      headers: { ...opts.headers, authorization: this.#basic(`${opts.username}:${opts.password}`) },
      body: opts.data === undefined ? null : encodedForm(opts.data),
    };
    const bounds = { timeoutMs: this.#timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES };
    const answer = await exchange(this.#pool, call, options, bounds);
    const body = answer.body.toString('utf8');
    // Text, which the SDK parses itself, and only when the status calls for it.
    return {
      statusCode: answer.status,
      body: (answer.status === 201 ? withoutDates(body) : body) as TData,
      headers: answer.headers,
    };
  }

  /** Most requests go to one address: it is parsed once. */
  #pathOf(uri: string, query: string): string {
    if (uri !== this.#parsed.uri) {
      const { pathname, search } = new URL(uri);
      this.#parsed = { uri, path: pathname + search };
    }
    const { path } = this.#parsed;
    return query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`;
  }

  #basic(credentials: string): string {
    if (credentials !== this.#encoded.credentials)
      this.#encoded = { credentials, header: `Basic ${Buffer.from(credentials).toString('base64')}` };
    return this.#encoded.header;
  }

  /** Ends the sockets when the requests under way have ended. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/**
 * `application/x-www-form-urlencoded`. node:querystring writes Chinese character by character: a fifth of all the memory that
 * an SMS takes.
 */
function encodedForm(fields: unknown): string {
  let form = '';
  for (const [name, values] of Object.entries(fields ?? {}))
    for (const value of Array.isArray(values) ? values : [values ?? ''])
      form += `${form === '' ? '' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return form;
}

/** What was made, without its dates: nobody reads them, and the SDK takes longer over them than over all the rest. */
function withoutDates(body: string): unknown {
  let made: unknown;
  try {
    made = JSON.parse(body);
  } catch {
    return body; // the SDK says what is wrong with it
  }
  if (typeof made !== 'object' || made === null) return body;
  const { date_created: _, date_updated: _2, date_sent: _3, ...rest } = made as Record<string, unknown>;
  return rest;
}
