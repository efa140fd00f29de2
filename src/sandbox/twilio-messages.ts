import { randomUUID } from 'node:crypto';
import { segmentSms } from '../domain/segments.ts';

/** Messages a page when the request does not say, and at most. */
const PAGE = { usual: 50, most: 1000 } as const;

/** A message as the sandbox's Twilio keeps it. */
export interface Message {
  readonly sid: string;
  /** Place in the account's list, oldest 0. */
  readonly index: number;
  readonly to: string;
  readonly from: string | null;
  readonly messagingServiceSid: string | null;
  readonly body: string;
  readonly statusCallback: string | null;
  readonly createdAt: Date;
  /** `performance.now()` at creation; what the listing's lag is measured by. */
  readonly createdAtMs: number;
  updatedAt: Date;
  /** Null until it was sent: a list filtered by `DateSent` does not know it before. */
  sentAt: Date | null;
  status: string;
  errorCode: number | null;
}

/** The messages of one account: by sid at once, in lists a little later, like the real ones. */
export class Messages {
  readonly #accountSid: string;
  readonly #all: Message[] = [];
  readonly #bySid = new Map<string, Message>();
  readonly #byTo = new Map<string, Message[]>();

  constructor(accountSid: string) {
    this.#accountSid = accountSid;
  }

  add(
    fields: Pick<Message, 'to' | 'from' | 'messagingServiceSid' | 'body' | 'statusCallback' | 'status'>,
  ): Message {
    const now = new Date();
    const message: Message = {
      ...fields,
      sid: `SM${randomUUID().replaceAll('-', '')}`,
      index: this.#all.length,
      createdAt: now,
      createdAtMs: performance.now(),
      updatedAt: now,
      sentAt: null,
      errorCode: null,
    };
    this.#all.push(message);
    this.#bySid.set(message.sid, message);
    const same = this.#byTo.get(message.to);
    if (same) same.push(message);
    else this.#byTo.set(message.to, [message]);
    return message;
  }

  get(sid: string): Message | undefined {
    return this.#bySid.get(sid);
  }

  /** `GET Messages.json`: newest first, without what is younger than `lagMs`. */
  list(query: URLSearchParams, lagMs: number): unknown {
    const asked = Number(query.get('PageSize') ?? PAGE.usual);
    const size = Math.min(Math.max(Number.isInteger(asked) ? asked : PAGE.usual, 1), PAGE.most);
    const page = Math.max(Number.parseInt(query.get('Page') ?? '0', 10) || 0, 0);
    const before =
      this.#bySid.get((query.get('PageToken') ?? '').slice(2))?.index ?? Number.POSITIVE_INFINITY;
    const to = query.get('To');
    const source = to === null ? this.#all : (this.#byTo.get(to) ?? []);
    const youngest = performance.now() - lagMs;

    const found: Message[] = [];
    for (let i = source.length - 1; i >= 0 && found.length <= size; i--) {
      const message = source[i];
      if (message && message.index < before && message.createdAtMs <= youngest && matches(message, query)) {
        found.push(message);
      }
    }
    const shown = found.slice(0, size);
    const base = `/2010-04-01/Accounts/${this.#accountSid}/Messages.json`;
    const uri = (at: number, token?: string) => {
      const next = new URLSearchParams(query);
      next.set('PageSize', String(size));
      next.set('Page', String(at));
      next.delete('PageToken');
      if (token) next.set('PageToken', token);
      return `${base}?${next}`;
    };
    const last = shown.at(-1);
    return {
      messages: shown.map((message) => this.toJson(message)),
      page,
      page_size: size,
      start: page * size,
      end: page * size + Math.max(shown.length - 1, 0),
      first_page_uri: uri(0),
      next_page_uri: last && found.length > size ? uri(page + 1, `PA${last.sid}`) : null,
      previous_page_uri: null,
      uri: uri(page),
    };
  }

  /** The resource as the API shows it. */
  toJson(message: Message): unknown {
    const uri = `/2010-04-01/Accounts/${this.#accountSid}/Messages/${message.sid}`;
    return {
      account_sid: this.#accountSid,
      api_version: '2010-04-01',
      body: message.body,
      date_created: rfc2822(message.createdAt),
      date_sent: message.sentAt && rfc2822(message.sentAt),
      date_updated: rfc2822(message.updatedAt),
      direction: 'outbound-api',
      error_code: message.errorCode,
      error_message: null,
      from: message.from,
      messaging_service_sid: message.messagingServiceSid,
      num_media: '0',
      // A Messaging Service has not chosen the sender yet, so the parts are not counted yet.
      num_segments: message.status === 'accepted' ? '0' : String(segmentSms(message.body).count),
      price: null,
      price_unit: 'USD',
      sid: message.sid,
      status: message.status,
      subresource_uris: { media: `${uri}/Media.json` },
      to: message.to,
      uri: `${uri}.json`,
    };
  }
}

/** `From`, and `DateSent` with its two inequalities: by day (UTC), and never for what has no date yet. */
function matches(message: Message, query: URLSearchParams): boolean {
  const from = query.get('From');
  if (from !== null && message.from !== from) return false;
  const sent = message.sentAt?.toISOString().slice(0, 10);
  const day = (name: string) => query.get(name)?.slice(0, 10);
  const [on, until, since] = [day('DateSent'), day('DateSent<'), day('DateSent>')];
  if (on !== undefined && sent !== on) return false;
  if (until !== undefined && !(sent !== undefined && sent <= until)) return false;
  return since === undefined || (sent !== undefined && sent >= since);
}

function rfc2822(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}
