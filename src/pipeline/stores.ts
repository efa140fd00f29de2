import type { Draft, RecordKind } from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import type { DeliveryStatus, ReceiptStatus } from '../domain/delivery.ts';
import type { FailureCategory } from '../domain/outcome.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type { AnnouncementRecord } from './announcement-store.ts';
import type { Job } from './ports.ts';

/** What the pipeline's verbs need of the database, by noun. Implemented in src/storage, one file each. */

// ── expand ──────────────────────────────────────────────────────────────────────────────────────────────────

export interface ExpansionStore {
  /**
   * The next keyset slice in which there is somebody, if it is soon found; each slice, its shards and the cursor in one
   * transaction. 'waiting' when the superseded announcement still has rows under way, 'stopped' when the announcement
   * is not being sent.
   */
  slice(announcementId: number, generation: number): Promise<'more' | 'done' | 'waiting' | 'stopped'>;
  /** The job of the next slice; null when somebody else has enqueued it. */
  next(announcementId: number, generation: number): Promise<Job | null>;
}

// ── deliver ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A shard that this worker holds. */
export interface ShardClaim {
  readonly shardId: number;
  readonly announcementId: number;
  readonly channel: Channel;
  readonly gateway: Gateway;
  readonly priority: number;
  readonly fromN: number;
  readonly toN: number;
  readonly retry: boolean;
  /** From {@link SET_APART_DEATHS} on its rows are taken one by one. */
  readonly deaths: number;
  /** Whether rows of it are due to be sent, or to be settled. */
  readonly sends: boolean;
  /** Whether it is time to ask for receipts that never came. */
  readonly asks: boolean;
}

/** A row that was moved to `sending` for us. */
export interface ClaimedDelivery {
  readonly n: number;
  readonly attempt: number;
  readonly tries: number;
  /**
   * Earlier attempts that may have been sent (e-mail, webhook), where that is not known yet: only an acceptance, or a refusal
   * for good, ends that doubt.
   */
  readonly doubts: number;
  readonly address: string;
  readonly contactId: number;
  readonly locale: string;
  readonly name: string | null;
  readonly sequence: number | null;
  /** For webhooks: the endpoint as it is now. */
  readonly endpoint: { readonly url: string; readonly secrets: readonly string[] } | null;
}

/** An `unknown` row whose time to ask the provider has come. */
export interface UnsettledDelivery extends ClaimedDelivery {
  readonly claimedAgoMs: number;
  /** How often the provider said "not found" so far. */
  readonly askedBefore: number;
  /** How many workers died while they were sending it. */
  readonly deaths: number;
}

/** What to write of one attempt. */
export interface AttemptRecord {
  readonly shardId: number;
  readonly announcementId: number;
  readonly n: number;
  /** The attempt it speaks of; a row that has moved on keeps what it has. */
  readonly attempt: number;
  readonly status: Exclude<DeliveryStatus, 'sending' | 'cancelled'>;
  /** For `queued` and `unknown`: how long to wait. */
  readonly dueInMs: number | null;
  /** Whether it used up one of the tries. */
  readonly burnt: boolean;
  readonly providerMessageId: string | null;
  readonly code: string | null;
  readonly detail: string | null;
  readonly segments: number | null;
  /** The event's type and its dedupe key within the delivery. */
  readonly event: string;
  readonly dedupe: string;
  /** Suppress the address as well (the provider says that the recipient left). */
  readonly suppress: boolean;
}

/** An announcement, or a single message, as it is sent; a message's draft has no case. */
export type SentRecord = Omit<AnnouncementRecord, 'kind' | 'case' | 'draft'> & {
  readonly kind: RecordKind;
  readonly draft: Pick<Draft, 'content'> & Partial<Pick<Draft, 'case'>>;
};

/** What a worker needs to render an announcement; immutable but for `state`. */
export interface SendingFacts {
  readonly record: SentRecord;
  readonly bundle: TemplateBundle;
  /** Ids of the superseded chain, oldest first. */
  readonly chain: readonly number[];
  /** The database's clock when this was read, milliseconds since the epoch; and how long was left until expiry. */
  readonly nowMs: number;
  readonly expiresInMs: number;
}

export interface DeliveryStore {
  sendingFacts(announcementId: number): Promise<SendingFacts>;
  claimShard(shardId: number, generation: number, workerId: number): Promise<ShardClaim | null>;
  /** Puts back a shard that may have been claimed: the answer was lost, and nothing was done with it. */
  dropShard(shardId: number, workerId: number): Promise<void>;
  /**
   * The write-ahead: moves up to `limit` due rows to `sending`, attempt + 1. State of the announcement, expiry
   * and suppressions are checked in the claiming statement.
   */
  claimRows(claim: ShardClaim, limit: number, workerId: number): Promise<readonly ClaimedDelivery[]>;
  unsettled(claim: ShardClaim, limit: number): Promise<readonly UnsettledDelivery[]>;
  /** Which of these are the provider's names of other SMS to the row's number, of announcements that may have been sent meanwhile. */
  otherMessages(
    announcementId: number,
    row: Pick<ClaimedDelivery, 'n' | 'address'>,
    providerMessageIds: readonly string[],
  ): Promise<ReadonlySet<string>>;
  /** Writes a batch of results, their events and counts, in one transaction. */
  record(results: readonly AttemptRecord[], workerId: number): Promise<void>;
  /**
   * Puts the shard back; returns the job to enqueue when something in it is due now.
   * @param askInMs receipts that are overdue now are asked for after this pause; null: never
   */
  releaseShard(claim: ShardClaim, workerId: number, askInMs?: number | null): Promise<Job | null>;
  /** Stops an announcement for a reason that a person must see. */
  pauseFor(announcementId: number, reason: string): Promise<void>;
}

export interface BreakerStore {
  open(breaker: {
    readonly provider: string;
    readonly channel: Channel;
    readonly gateway: Gateway;
    readonly code: string;
    readonly message: string;
  }): Promise<void>;
  isOpen(channel: Channel, gateway: Gateway): Promise<boolean>;
  /** The breakers of a channel whose probe is due, taken for this caller alone. */
  takeProbes(channel: Channel): Promise<readonly Gateway[]>;
  close(channel: Channel, gateway: Gateway): Promise<void>;
}

export interface WorkerStore {
  register(worker: { readonly kind: string; readonly host: string; readonly pid: number }): Promise<number>;
  /** False when somebody has declared this worker dead: it must stop sending for good. */
  heartbeat(workerId: number): Promise<boolean>;
  leave(workerId: number): Promise<void>;
}

// ── receive ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A verified fact about a delivery, from a provider or a recipient's server. */
export interface ReceiptFact {
  readonly announcementId: number;
  readonly n: number;
  /** The gateway that the fact came from: one of the sandbox never touches a live delivery. */
  readonly gateway: Gateway;
  readonly source: string;
  /** What it proves; null for news that changes nothing (`queued`). */
  readonly receipt: ReceiptStatus | null;
  readonly event: string;
  readonly dedupe: string;
  readonly providerMessageId: string | null;
  readonly code: string | null;
  readonly category: FailureCategory | null;
  readonly detail: string | null;
}

/** A sent message whose end should be known by now. */
export interface SilentDelivery {
  readonly n: number;
  readonly providerMessageId: string;
  /** Since the time to ask for it. */
  readonly overdueMs: number;
}

export interface ReceiptQuestionStore {
  /** Those of a shard after row `after`, in order. */
  silent(claim: ShardClaim, after: number, limit: number): Promise<readonly SilentDelivery[]>;
  /** Of these the provider knows no end: they stay sent, and are shown and counted as without receipt. */
  noReceipt(claim: ShardClaim, ns: readonly number[]): Promise<void>;
}

export interface ReceiptStore {
  /** Writes and applies facts in one transaction; unknown deliveries are counted, not an error. */
  apply(facts: readonly ReceiptFact[]): Promise<{ readonly applied: number; readonly unknown: number }>;
  /** Whether this very fact was written before. */
  isKnown(fact: Pick<ReceiptFact, 'announcementId' | 'n' | 'dedupe'>): Promise<boolean>;
  /** Whether a citizen's message was acted on before, by the provider's id of it. */
  isAnswered(messageId: string): Promise<boolean>;
  noteAnswered(messageId: string): Promise<void>;
  /** Suppresses an address and moves its queued rows to `suppressed` in the same transaction. */
  suppress(address: {
    readonly channel: Channel;
    readonly address: string;
    readonly reason: 'left' | 'opted-out' | 'bounced' | 'blocked';
    readonly source: string;
  }): Promise<void>;
  /** Takes a suppression back (START). */
  allow(channel: Channel, address: string): Promise<void>;
  delivery(
    announcementId: number,
    n: number,
  ): Promise<{ readonly channel: Channel; readonly address: string; readonly gateway: Gateway } | null>;
  contact(contactId: number): Promise<{
    readonly channel: Channel;
    readonly address: string;
    readonly locale: string;
    readonly left: boolean;
  } | null>;
}

// ── sweep ───────────────────────────────────────────────────────────────────────────────────────────────────

export interface SweepStore {
  /**
   * Runs `turn` while holding the leader's lock; false when somebody else leads.
   * @param graceMs after an absence of all sweepers, nobody is declared dead for so long
   */
  lead(graceMs: number, turn: () => Promise<void>): Promise<boolean>;
  /** Approved ones whose time has come → sending, and the expansions to enqueue. */
  startDue(): Promise<readonly Job[]>;
  /**
   * Shards that are due and in nobody's hands, at most a window per queue and priority; and a few of those whose
   * receipts never came.
   */
  enqueueDue(): Promise<readonly Job[]>;
  /** Workers silent for longer than `silentMs`: their rows become unknown, their shards free. */
  buryDead(
    silentMs: number,
    settleAfterMs: Readonly<Record<Channel, number>>,
  ): Promise<
    readonly {
      readonly id: number;
      readonly kind: string;
      readonly rows: number;
      /** Shards that it was one death too many for. */
      readonly setApart: readonly number[];
    }[]
  >;
  /** Rows of cancelled or expired announcements that are still queued; a bounded batch per call. */
  stopRows(): Promise<number>;
  /** Announcements with nothing under way → completed (or expired), their counts checked against the rows. */
  finish(): Promise<
    readonly {
      readonly id: number;
      readonly miscounted: readonly {
        readonly channel: Channel;
        readonly status: DeliveryStatus;
        readonly n: number;
      }[];
    }[]
  >;
}
