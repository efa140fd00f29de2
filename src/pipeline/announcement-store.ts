import type { AnnouncementState, Draft, Kind, Mode, Role, Urgency } from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import type { TemplateBundle } from '../domain/template.ts';

export interface Actor {
  readonly id: number;
  readonly role: Role;
}

/** An announcement with its current revision, as the acts see it. */
export interface AnnouncementRecord {
  readonly id: number;
  readonly state: AnnouncementState;
  readonly kind: Kind;
  readonly mode: Mode;
  readonly urgency: Urgency;
  readonly supersedes: number | null;
  /** Also by drafts; `replacedBy`: by what was approved. Until then, it still stands. */
  readonly supersededBy: readonly number[];
  readonly replacedBy: readonly number[];
  readonly revision: number;
  readonly draft: Draft;
  readonly case: { readonly reference: string; readonly title: string };
  readonly gateway: Gateway | null;
  /** The submitted revision's SHA-256, hex; null while it is a draft. */
  readonly sha256: string | null;
  readonly createdAt: Date;
  readonly submittedAt: Date | null;
  readonly approvedAt: Date | null;
  readonly scheduledAt: Date | null;
  readonly expiresAt: Date | null;
  readonly firstSentAt: Date | null;
  readonly endedAt: Date | null;
  readonly reason: string | null;
  readonly createdBy: number | null;
  readonly approvedBy: number | null;
  /** Why an admin approved it when nobody else answered; it stays for ever. */
  readonly breakGlassReason: string | null;
  /** Since when nobody is left to be called for its approval. */
  readonly nobodyLeftAt: Date | null;
}

/** Which announcements, newest first. */
export interface AnnouncementPage {
  /** Only those with a lower id. */
  readonly before?: number;
  readonly limit: number;
  readonly state?: AnnouncementState;
  /** Only those that are in one of these. */
  readonly states?: readonly AnnouncementState[];
  /** Only those that this user wrote part of. */
  readonly writtenBy?: number;
  /** A part of the case's reference or title. */
  readonly search?: string;
}

export interface ActRecord {
  readonly act: string;
  readonly revision: number;
  readonly userId: number | null;
  readonly reason: string | null;
  readonly at: Date;
}

/** What an approver would change. */
export interface Suggestion {
  readonly id: number;
  /** The revision that it was made for. */
  readonly revision: number;
  readonly userId: number;
  readonly content: Draft['content'];
  readonly note: string | null;
  readonly createdAt: Date;
  readonly decision: 'accepted' | 'declined' | null;
}

/** Whom an announcement would reach. */
export interface Audience {
  /** Contacts and endpoints, by channel and wanted locale. */
  readonly counts: readonly { readonly channel: Channel; readonly locale: string; readonly count: number }[];
  /** Whose contacts these are: each once, on however many channels. */
  readonly citizens: number;
}

/** One locked announcement inside a transaction: every act reads, decides and writes through it. */
export interface AnnouncementTransaction {
  readonly record: AnnouncementRecord;
  /** Milliseconds since the epoch on the database's clock, at the transaction's start. */
  readonly now: number;
  /** Ids of all users who wrote any revision. */
  readonly authorIds: readonly number[];
  /** The newest revision, as far as it decides who may go on writing it. */
  readonly newest: { readonly authorId: number; readonly writtenAt: Date; readonly wasSubmitted: boolean };
  /** Writes the newest revision anew; for whoever is still writing it. */
  rewrite(draft: Draft, supersedes: number | null, urgency: Urgency): Promise<void>;
  addRevision(draft: Draft, supersedes: number | null, urgency: Urgency, authorId: number): Promise<void>;
  /** @param draft as it is submitted, in the revision that is the newest by now */
  freeze(bundle: TemplateBundle, sha256: Buffer, draft: Draft): Promise<void>;
  /** Writes the state and the act that led to it. */
  move(act: string, state: AnnouncementState, by: Actor | null, reason: string | null): Promise<void>;
  /**
   * Locks what it supersedes, so that of two that supersede one text only the first can be approved.
   * @returns what was approved to supersede that; null: nothing was
   */
  replacement(): Promise<number | null>;
  /** The approval's facts, and the expansion that must follow, in this very transaction. */
  approve(approval: {
    readonly by: Actor;
    readonly gateway: Gateway;
    readonly expiresAt: Date;
    readonly scheduledAt: Date | null;
    /** Why it was approved by one of its authors; null: it was not. */
    readonly breakGlassReason: string | null;
  }): Promise<void>;
  /** Somebody looks at it: until then the next approver is not called. */
  look(by: Actor): Promise<void>;
  suggest(content: Draft['content'], note: string | null, by: Actor): Promise<void>;
  /** @throws HeraldError `no-such-suggestion` */
  suggestion(id: number): Promise<Suggestion>;
  decide(suggestion: Suggestion, decision: 'accepted' | 'declined', by: Actor): Promise<void>;
  bundle(): Promise<TemplateBundle | null>;
  /** As the store's, on the transaction's own connection: a second one of the same pool may never come. */
  unknownCodes: AnnouncementStore['unknownCodes'];
  /** When the quiet hours end that these channels are in at an instant. */
  heldUntil(channels: readonly Channel[], at: Date): Promise<Readonly<Partial<Record<Channel, Date>>>>;
}

export interface AnnouncementStore {
  create(draft: Draft, supersedes: number | null, urgency: Urgency, author: Actor): Promise<number>;
  /** @throws HeraldError `no-such-announcement` */
  get(id: number): Promise<AnnouncementRecord>;
  bundleOf(id: number): Promise<TemplateBundle | null>;
  acts(id: number): Promise<readonly ActRecord[]>;
  /** Oldest first. */
  suggestions(id: number): Promise<readonly Suggestion[]>;
  list(page: AnnouncementPage): Promise<readonly AnnouncementRecord[]>;
  /** Runs `act` with the announcement's row locked; throwing rolls everything back. */
  locked<T>(id: number, act: (tx: AnnouncementTransaction) => Promise<T>): Promise<T>;
  /** The database's clock. */
  now(): Promise<number>;
  /** Which of these codes are unknown or archived. */
  unknownCodes(list: 'topics' | 'districts', codes: readonly string[]): Promise<readonly string[]>;
  /**
   * Whom it would reach now, less suppressions.
   * @param supersedes the announcement whose readers are reached as well
   */
  audience(draft: Draft, supersedes: number | null): Promise<Audience>;
}
