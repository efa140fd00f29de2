import type { Abilities, Channel, Gateway } from '../domain/channel.ts';
import type {
  EmailContent,
  EmailInPieces,
  Recipient,
  SmsContent,
  WebhookContent,
} from '../domain/message.ts';
import type { ReceiptAnswer, SendOutcome, SettleOutcome } from '../domain/outcome.ts';
import type { OfficeStyle, RenderContext, TemplateBundle } from '../domain/template.ts';

/** Time that cannot be set back; injected so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds from an arbitrary start, never going backwards. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts (it does not reject). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Structured logging: fields first, then a sentence. pino satisfies it. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// ── channels ────────────────────────────────────────────────────────────────────────────────────────────────

interface Outgoing {
  /** Opaque delivery id: travels in callback URLs, VERP addresses, Message-IDs and webhook-ids. */
  readonly deliveryId: string;
  /** 1 for the first; a retry of the same delivery has a higher one. */
  readonly attempt: number;
}

export interface OutgoingSms extends Outgoing {
  /** E.164. */
  readonly address: string;
  readonly content: SmsContent;
  /** Milliseconds from now until the message must no longer be delivered. */
  readonly validForMs: number;
  /** Milliseconds from now until it must no longer be written: who it is for may have left since it was looked at. */
  readonly startWithinMs?: number;
}

export interface OutgoingEmail extends Outgoing {
  readonly address: string;
  readonly content: EmailContent | EmailInPieces;
  /** RFC 8058 one-click target, and the same thing by mail; null for a message that belongs to no list. */
  readonly leaveUrl: string | null;
  /** Opaque announcement id; with the superseded ones (oldest first) it threads mails by References. */
  readonly announcementId: string;
  readonly supersededIds: readonly string[];
}

export interface OutgoingWebhook extends Outgoing {
  /** The endpoint's URL. */
  readonly address: string;
  readonly content: WebhookContent;
  /** `whsec_…` secrets, newest first; signed with each (rotation). */
  readonly secrets: readonly string[];
}

export interface OutgoingByChannel {
  sms: OutgoingSms;
  email: OutgoingEmail;
  webhook: OutgoingWebhook;
}

/** "Did you take this message?", asked when the answer to a send never came. */
export interface SettleQuestion {
  readonly deliveryId: string;
  readonly address: string;
  /** The text as it would be sent now; null: it cannot be made any more. Name or address may have changed since. */
  readonly body: string | null;
  /** How long ago the attempt was claimed, in milliseconds; messages created earlier are not ours. */
  readonly claimedAgoMs: number;
  /** Which of these of the provider's names are known to be other messages to this address. */
  readonly others: (providerMessageIds: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Who carries a channel's messages. `send` never throws for a delivery's error: it returns what happened.
 * One adapter per channel and gateway; the sandbox runs the very adapters of production against loopback.
 */
export interface ChannelAdapter<C extends Channel = Channel> {
  readonly channel: C;
  /** For limits, breakers and the ledger: `twilio`, `smtp`, `http`. */
  readonly provider: string;
  readonly gateway: Gateway;
  readonly abilities: Abilities;
  /** Most requests at a time in one process. */
  readonly concurrency: number;
  /** Upper bound of one `send`, in milliseconds. After it the outcome is `unknown`. */
  readonly requestTimeoutMs: number;
  /** Hands one message over. An aborted signal before the request is written gives `throttled`, after it `unknown`. */
  send(message: OutgoingByChannel[C], signal?: AbortSignal): Promise<SendOutcome>;
  /** Where the provider can be asked. Without it, an unknown delivery is sent again under the same id. */
  settle?(question: SettleQuestion, signal: AbortSignal): Promise<SettleOutcome>;
  /**
   * What became of a message that the provider took, for `abilities.receipts`: asked when its report has not come.
   * Says the same as the report would have. Never throws.
   */
  askReceipt?(question: { readonly providerMessageId: string }, signal: AbortSignal): Promise<ReceiptAnswer>;
  /** Whether the provider takes our credentials now; what an open breaker waits for. */
  probe(
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>;
  close(): Promise<void>;
}

/** The adapter that carries a channel through a gateway; `undefined` when none is configured. */
export type AdapterFor = <C extends Channel>(channel: C, gateway: Gateway) => ChannelAdapter<C> | undefined;

// ── rendering ───────────────────────────────────────────────────────────────────────────────────────────────

/** The parts of a webhook's envelope that are not template text. */
export interface WebhookFacts {
  /** Opaque delivery-independent facts; `state` is the announcement's present one. */
  readonly state: string;
  readonly sequence: number;
  /** RFC 3339. */
  readonly publishedAt: string;
  readonly supersededBy: string | null;
  readonly links: Readonly<Record<string, string>>;
}

/** One announcement's revision, compiled once and rendered for many. All methods are pure and synchronous. */
export interface CompiledTemplate {
  /** The locale that a recipient gets, and whether it is a fallback. */
  resolveLocale(wanted: string): { readonly locale: string; readonly fallback: boolean };
  sms(locale: string, recipient: Recipient): SmsContent;
  email(locale: string, recipient: Recipient): EmailContent;
  /** The same, for sending. */
  emailInPieces(locale: string, recipient: Recipient): EmailInPieces;
  /** Every locale's text in one fixed, versioned JSON envelope (`/schemas/announcement.v1.json`). */
  webhook(facts: WebhookFacts): WebhookContent;
}

export interface Renderer {
  /**
   * Compiles a frozen bundle for one announcement. A template that uses an unknown variable or does not
   * parse is an error here, not a blank in a citizen's SMS.
   * @throws HeraldError `template-error` (invalid) naming file and line
   */
  compile(bundle: TemplateBundle, context: RenderContext): CompiledTemplate;
}

/** The templates as they are now; a bundle of one is frozen with a revision. */
export interface TemplateLibrary {
  /**
   * @param options.purpose templates of the other purpose are unknown; `announcement` by default
   * @throws HeraldError `unknown-template` (invalid) naming those that there are
   */
  bundle(
    name: string,
    options: OfficeStyle & { readonly purpose?: 'announcement' | 'message' },
  ): TemplateBundle;
}

// ── queue ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What workers take jobs from; single messages have queues of their own, so that no slow broadcast is before them. */
export const QUEUES = ['expand', 'sms', 'email', 'webhook', 'sms-single', 'email-single'] as const;
export type QueueName = (typeof QUEUES)[number];

/** The channels that single messages go by. */
export const SINGLE_CHANNELS = ['sms', 'email'] as const;
export type SingleChannel = (typeof SINGLE_CHANNELS)[number];
/** A single message's priority; announcements have 2 to 4 by their urgency. */
export const SINGLE_PRIORITY = 1;

/** The queue for a shard's jobs. */
export const queueOf = (channel: Channel, priority: number): QueueName =>
  priority === SINGLE_PRIORITY && channel !== 'webhook' ? `${channel}-single` : channel;

/** A wake-up call: ids, never content. Losing one loses no message. */
export interface Job {
  readonly queue: QueueName;
  /** A shard's id, or for `expand` an announcement's. */
  readonly id: number;
  /** Incremented in the table at each enqueue; makes the job id unique. */
  readonly generation: number;
  /** The job of the generation before was not taken for long, and need not wait any more. */
  readonly replaces?: boolean;
  /** 1 (soonest) … 4; BullMQ priority. */
  readonly priority: number;
}

export interface WakeUps {
  /**
   * Adds jobs. Fails fast (≤ 2 s) when the backend is away: the sweeper calls again.
   * @throws HeraldError `queue-unavailable`
   */
  enqueue(jobs: readonly Job[]): Promise<void>;
  /** Resolves when the backend answers; for readiness. @throws HeraldError `queue-unavailable` */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface JobRunner {
  /** Stops taking jobs and resolves when those under way have ended. */
  close(): Promise<void>;
}

/** Runs `handle` for each job of one queue. `handle` may throw: the job is dropped, the table knows. */
export type StartRunner = (
  queue: QueueName,
  options: { readonly concurrency: number; readonly onError: (error: Error) => void },
  handle: (job: { readonly id: number; readonly generation: number }) => Promise<void>,
) => Promise<JobRunner>;

// ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * GCRA across all worker processes, granted in blocks. A grant is relative (never a wall-clock time): the
 * tokens may be spent evenly from `inMs` on.
 */
export interface Limiter {
  /**
   * @param request.bucket the limited thing, e.g. `twilio:live`
   * @param request.ratePerSecond > 0, in segments (SMS) or messages
   * @param request.wanted tokens asked for; 0: only what is owed is settled
   * @param request.atLeast what is of use to the caller, by default 1: so many are granted when its turn has come, even
   *   where that is more than a block (one message of many segments at a low limit)
   * @param request.owed tokens that were spent beyond what was granted; negative: that were granted and not spent. They
   *   are settled whether anything is granted or not
   * @param request.withinMs how far ahead of its time it may be granted, by default 100, 1,000 at most
   * @param request.priority 1 (soonest) … 4: while a lower number has unmet demand, higher ones get nothing
   */
  reserve(request: {
    readonly bucket: string;
    readonly ratePerSecond: number;
    readonly wanted: number;
    readonly priority: number;
    readonly atLeast?: number;
    readonly owed?: number;
    readonly withinMs?: number;
  }): Promise<{ readonly granted: number; readonly inMs: number }>;
}
