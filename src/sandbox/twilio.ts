import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, answerJson, readBody } from './http.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { type MagicEffect, magicFor } from './magic.ts';
import { Callbacks } from './twilio-callbacks.ts';
import { type LifeSettings, Lives } from './twilio-lives.ts';
import { type Message, Messages } from './twilio-messages.ts';
import { type ApiError, type NewMessage, parseNewMessage } from './twilio-requests.ts';

/** What can be changed while it runs. */
export interface TwilioSettings extends LifeSettings {
  /** Time before the API answers, in milliseconds; the message is taken at once. */
  readonly latencyMs: number;
  /** How far the list of messages runs behind, in milliseconds; the real one up to 5 s. */
  readonly listLagMs: number;
  /** Messages sent or asked for per second (and a burst of one second) above which the API answers 429; 0: no limit. */
  readonly requestsPerSecond: number;
}

export const TWILIO_DEFAULTS: TwilioSettings = {
  latencyMs: 0,
  receiptDelayMs: 0,
  listLagMs: 5000,
  requestsPerSecond: 0,
  inboundUrl: '',
  callbackFaults: { duplicateShare: 0, reorderShare: 0, seed: 1 },
};

const TOO_FAST = { status: 429, code: 20429, message: 'Too Many Requests', retryAfterSeconds: 1 } as const;

export interface TwilioAccount {
  /** `AC` and 32 hexadecimal digits. */
  readonly accountSid: string;
  readonly authToken: string;
}

/** Twilio's Messaging API on loopback: its validation, errors, lists and signed callbacks. */
export class SandboxTwilio {
  readonly #account: TwilioAccount;
  readonly #ledger: Ledger;
  readonly #messages: Messages;
  readonly #callbacks: Callbacks;
  readonly #lives: Lives;
  /** How often a magic number with a bounded effect was asked for. */
  readonly #tries = new Map<string, number>();
  #settings: TwilioSettings;
  /** GCRA: when the next request is due, on the monotonic clock. */
  #dueMs = 0;

  constructor(ledger: Ledger, account: TwilioAccount, settings: Partial<TwilioSettings> = {}) {
    this.#ledger = ledger;
    this.#account = account;
    this.#settings = { ...TWILIO_DEFAULTS, ...settings };
    this.#messages = new Messages(account.accountSid);
    this.#callbacks = new Callbacks({
      authToken: account.authToken,
      connections: 16,
      retryDelaysMs: [200, 1000, 5000],
    });
    this.#lives = new Lives(account.accountSid, this.#callbacks, () => this.#settings);
  }

  configure(settings: Partial<TwilioSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** Callbacks that were given up because the receiver was away too long. */
  get lostCallbacks(): number {
    return this.#callbacks.lost;
  }

  /** A citizen's message to the office, posted to `inboundUrl`. Resolves when it was answered or given up. */
  async inbound(from: string, body: string): Promise<void> {
    await this.#lives.inbound(from, body);
  }

  /** Resolves when no callback is due or under way. */
  async idle(): Promise<void> {
    await this.#lives.idle();
  }

  /** Drops the callbacks that are left. */
  async close(): Promise<void> {
    await this.#callbacks.close();
    await this.#lives.idle();
  }

  /** Answers a request below `/2010-04-01/`. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { accountSid } = this.#account;
    if (!this.#authorised(request)) {
      return refuse(response, { status: 401, code: 20003, message: 'Authenticate' });
    }
    const base = `/2010-04-01/Accounts/${accountSid}`;
    const path = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : undefined;
    const route = `${request.method} ${path}`;
    if (route === 'POST /Messages.json') return await this.#create(request, response);
    if (route === 'GET /Messages.json') {
      return answerJson(response, 200, this.#messages.list(url.searchParams, this.#settings.listLagMs));
    }
    if (route === 'GET .json') {
      return answerJson(response, 200, {
        sid: accountSid,
        friendly_name: 'Sandbox',
        status: 'active',
        type: 'Full',
      });
    }
    const message = this.#messages.get(/^GET \/Messages\/(SM[0-9a-f]{32})\.json$/.exec(route)?.[1] ?? '');
    if (message && this.#tooFast()) return refuse(response, TOO_FAST);
    if (message) return answerJson(response, 200, this.#messages.toJson(message));
    refuse(response, {
      status: 404,
      code: 20404,
      message: `The requested resource ${url.pathname} was not found`,
    });
  }

  async #create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    if (this.#tooFast()) return refuse(response, TOO_FAST);
    const asked = parseNewMessage(form);
    if ('code' in asked) return refuse(response, asked);
    const effect = this.#effectFor(asked.to);
    if (effect?.kind === 'refuse') return refuse(response, effect);
    if (effect?.kind === 'cut') return cut(request);

    const { message, entry } = this.#take(asked, form, effect);
    // As it is now: by the time the answer leaves, the message may be further.
    const shown = this.#messages.toJson(message);
    const delayMs = this.#settings.latencyMs + (effect?.kind === 'slow' ? effect.ms : 0);
    this.#lives.start(message, effect, delayMs, (told) => this.#ledger.tell(entry, told));
    if (effect?.kind === 'take-and-cut') return cut(request);
    if (effect?.kind === 'take-and-hang') return;
    await this.#callbacks.pause(delayMs);
    answerJson(response, 201, shown);
  }

  #take(
    asked: NewMessage,
    form: URLSearchParams,
    effect: MagicEffect | undefined,
  ): { readonly message: Message; readonly entry: LedgerEntry } {
    const message = this.#messages.add({
      ...asked,
      status: asked.messagingServiceSid ? 'accepted' : 'queued',
    });
    const deliveryId = asked.statusCallback && new URL(asked.statusCallback).searchParams.get('delivery');
    const { To, Body, ...rest } = Object.fromEntries(form);
    const entry = this.#ledger.add({
      channel: 'sms',
      gatewayMessageId: message.sid,
      ...(deliveryId ? { deliveryId } : {}),
      address: message.to,
      body: message.body,
      headers: Object.fromEntries(Object.entries(rest).map(([name, value]) => [name.toLowerCase(), value])),
      outcome: effect?.kind === 'end' ? `${effect.status} ${effect.code}` : (effect?.kind ?? 'delivered'),
    });
    return { message, entry };
  }

  #effectFor(to: string): MagicEffect | undefined {
    const effect = magicFor(to)?.effect;
    if (effect === undefined || !('times' in effect) || effect.times === undefined) return effect;
    const tries = (this.#tries.get(to) ?? 0) + 1;
    this.#tries.set(to, tries);
    return tries <= effect.times ? effect : undefined;
  }

  #tooFast(): boolean {
    const { requestsPerSecond } = this.#settings;
    if (requestsPerSecond <= 0) return false;
    const now = performance.now();
    const due = Math.max(this.#dueMs, now) + 1000 / requestsPerSecond;
    if (due - now > 1000) return true;
    this.#dueMs = due;
    return false;
  }

  #authorised(request: IncomingMessage): boolean {
    const { accountSid, authToken } = this.#account;
    const expected = Buffer.from(`Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`);
    const given = Buffer.from(request.headers.authorization ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function refuse(response: ServerResponse, error: Omit<ApiError, 'code'> & { readonly code?: number }): void {
  const { status, code, message, retryAfterSeconds } = error;
  const headers: Record<string, string> = retryAfterSeconds
    ? { 'retry-after': String(retryAfterSeconds) }
    : {};
  if (code === undefined) {
    answer(response, status, 'text/html', `<h1>${status} ${message}</h1>`, headers);
    return;
  }
  const more_info = `https://www.twilio.com/docs/errors/${code}`;
  answerJson(response, status, { code, message, more_info, status }, headers);
}

function cut(request: IncomingMessage): void {
  request.socket.destroy();
}
