import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Channel } from '../domain/channel.ts';
import { Spool } from './spool.ts';

/** What a gateway says when it has taken a message. */
export interface Taken {
  readonly channel: Channel;
  /** The gateway's own name for it: Twilio sid, Message-ID, webhook-id. */
  readonly gatewayMessageId: string;
  /** Herald's opaque delivery id, where the message carries it (callback URL, VERP address, webhook-id). */
  readonly deliveryId?: string;
  /** Phone number, mailbox or endpoint URL. */
  readonly address: string;
  readonly subject?: string;
  /** The text as it arrived, unabridged. */
  readonly body: string;
  /** What else came with it: request or mail headers, lower-case names. No credentials. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What the gateway decided at once, e.g. `accepted`, `bounced`, `reset`. */
  readonly outcome: string;
}

/** What a gateway has told the sender about a message after taking it: a status callback, a bounce. */
export interface Told {
  /** In the gateway's own words: Twilio's message status, the action of a delivery status notification. */
  readonly status: string;
  /** Twilio's error code, or the enhanced status of RFC 3463. */
  readonly code?: string;
  /** What the receiver answered, as an HTTP status or SMTP reply code; null: no try got through. */
  readonly answer: number | null;
}

/** One message in the ledger. */
export interface LedgerEntry extends Taken {
  /** Random, for links. */
  readonly id: string;
  /** Position in the ledger from 1, in order of arrival; also the page cursor. */
  readonly seq: number;
  /** `performance.now()` of this process when the gateway took it. */
  readonly takenAtMs: number;
  /** The same moment on the wall clock. */
  readonly takenAt: Date;
  /** The furthest that was told of its life, in whatever order it was told; absent: nothing was. */
  told?: Told;
}

/** Every part that is given must be equal. */
export interface LedgerFilter {
  readonly channel?: Channel;
  readonly address?: string;
  readonly deliveryId?: string;
  /** Only entries after this `seq`. */
  readonly after?: number;
  /** At most so many, the oldest first. */
  readonly limit?: number;
}

/**
 * Every message that a gateway of the sandbox took, in order of arrival, for as long as the process lives; bodies and
 * headers are in a file. What was refused is not in it; what was taken without an answer (reset, hang) is: this is the truth that receipts are compared with.
 */
export class Ledger {
  readonly #entries: LedgerEntry[] = [];
  readonly #spool = new Spool();
  readonly #byId = new Map<string, LedgerEntry>();
  readonly #byAddress = new Map<string, LedgerEntry[]>();
  readonly #events = new EventEmitter<{ taken: [LedgerEntry] }>().setMaxListeners(0);

  /** Writes a message down and tells the subscribers, synchronously. */
  add({ body, headers, ...taken }: Taken): LedgerEntry {
    const kept = this.#spool.write(JSON.stringify({ body, headers }));
    const read = () => JSON.parse(kept()) as Pick<Taken, 'body' | 'headers'>;
    const entry: LedgerEntry = {
      ...taken,
      get body() {
        return read().body;
      },
      get headers() {
        return read().headers;
      },
      id: randomUUID(),
      seq: this.#entries.length + 1,
      takenAtMs: performance.now(),
      takenAt: new Date(),
    };
    this.#entries.push(entry);
    this.#byId.set(entry.id, entry);
    const same = this.#byAddress.get(entry.address);
    if (same) same.push(entry);
    else this.#byAddress.set(entry.address, [entry]);
    this.#events.emit('taken', entry);
    return entry;
  }

  /** Writes down what was told about a message; what was told before is replaced. */
  tell(entry: LedgerEntry, told: Told): void {
    entry.told = told;
  }

  get(id: string): LedgerEntry | undefined {
    return this.#byId.get(id);
  }

  /** Oldest first. */
  list(filter: LedgerFilter = {}): LedgerEntry[] {
    const { channel, address, deliveryId, after = 0, limit = Number.POSITIVE_INFINITY } = filter;
    const source = address === undefined ? this.#entries : (this.#byAddress.get(address) ?? []);
    const found: LedgerEntry[] = [];
    // All entries stand at seq − 1, so a page of an unfiltered ledger starts where the last one ended.
    for (let i = address === undefined ? after : 0; i < source.length && found.length < limit; i++) {
      const entry = source[i];
      if (!entry || entry.seq <= after) continue;
      if (channel !== undefined && entry.channel !== channel) continue;
      if (deliveryId !== undefined && entry.deliveryId !== deliveryId) continue;
      found.push(entry);
    }
    return found;
  }

  /** Messages taken, by channel. */
  counts(): Record<Channel, number> {
    const counts = { sms: 0, email: 0, webhook: 0 };
    for (const entry of this.#entries) counts[entry.channel]++;
    return counts;
  }

  /** Nothing is added or read any more. */
  close(): void {
    this.#spool.close();
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Calls `listener` for each message from now on; returns the way to stop it. */
  onTaken(listener: (entry: LedgerEntry) => void): () => void {
    this.#events.on('taken', listener);
    return () => this.#events.off('taken', listener);
  }
}
