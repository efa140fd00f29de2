import { createHash, createHmac } from 'node:crypto';
import { Agent, request } from 'undici';

/** Faults of the callbacks: which share of the recipients they happen to. The same seed picks the same ones. */
export interface CallbackFaults {
  /** 0 … 1: each of their callbacks comes twice. */
  readonly duplicateShare: number;
  /** 0 … 1: theirs come last first. */
  readonly reorderShare: number;
  readonly seed: number;
}

const CLOSED = 'the sandbox is closed';

/** Requests of Twilio to the application: signed, a bounded number at a time, repeated while the receiver is away. */
export class Callbacks {
  readonly #authToken: string;
  readonly #retryDelaysMs: readonly number[];
  readonly #agent: Agent;
  /** What ends each pause that is under way; a set, because an abort signal gets slow with thousands of listeners. */
  readonly #pauses = new Set<(error: Error) => void>();
  #closed = false;
  #lost = 0;

  /**
   * @param options.connections requests at a time to one receiver
   * @param options.retryDelaysMs pauses before the second, third, … try; then the callback is lost
   */
  constructor(options: {
    readonly authToken: string;
    readonly connections: number;
    readonly retryDelaysMs: readonly number[];
  }) {
    this.#authToken = options.authToken;
    this.#retryDelaysMs = options.retryDelaysMs;
    // The pool is the queue. 15 s is how long the real one waits for an answer.
    this.#agent = new Agent({
      connections: options.connections,
      headersTimeout: 15_000,
      bodyTimeout: 15_000,
    });
  }

  /** Callbacks that no try got through. */
  get lost(): number {
    return this.#lost;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Posts a form. Resolves when it was answered, or given up; rejects only when the sandbox closes.
   * @returns the HTTP status of the answer; null when it was given up
   */
  async post(url: string, params: Readonly<Record<string, string>>): Promise<number | null> {
    const body = new URLSearchParams(params).toString();
    const headers = {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'user-agent': 'TwilioProxy/1.1 (Herald sandbox)',
      'x-twilio-signature': signature(this.#authToken, url, params),
    };
    for (const delay of [0, ...this.#retryDelaysMs]) {
      await this.pause(delay);
      const status = await this.#once(url, headers, body);
      // What the receiver refuses (4xx) it would refuse again.
      if (status !== undefined && status < 500 && status !== 429) return status;
    }
    this.#lost++;
    return null;
  }

  /** Waits; rejects when the sandbox closes. */
  async pause(ms: number): Promise<void> {
    if (this.#closed) throw new Error(CLOSED);
    if (ms <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pauses.delete(end);
        resolve();
      }, ms);
      const end = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#pauses.add(end);
    });
  }

  /** Drops what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#pauses) end(new Error(CLOSED));
    this.#pauses.clear();
    await this.#agent.destroy();
  }

  async #once(url: string, headers: Record<string, string>, body: string): Promise<number | undefined> {
    try {
      const response = await request(url, { method: 'POST', headers, body, dispatcher: this.#agent });
      await response.body.dump();
      return response.statusCode;
    } catch {
      // The receiver is away, or the sandbox is closing, which the next pause finds out.
      return undefined;
    }
  }
}

/**
 * `X-Twilio-Signature`: base64 HMAC-SHA1 over the URL and the sorted names and values. Written from Twilio's
 * description and not with its SDK, which the receiver verifies with: so the two check each other.
 */
function signature(authToken: string, url: string, params: Readonly<Record<string, string>>): string {
  const sorted = Object.keys(params).sort();
  const text = url + sorted.map((name) => name + params[name]).join('');
  return createHmac('sha1', authToken).update(text, 'utf8').digest('base64');
}

/** Whether a recipient belongs to a share (0 … 1) of all, the same for the same seed whatever the order. */
export function inShare(share: number, seed: number, fault: string, recipient: string): boolean {
  if (share <= 0) return false;
  const hash = createHash('sha1').update(`${seed} ${fault} ${recipient}`).digest();
  return hash.readUInt32BE(0) / 2 ** 32 < share;
}
