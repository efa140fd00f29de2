import type { Draft } from '../domain/announcement.ts';
import type { Gateway } from '../domain/channel.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type { Actor } from './announcement-store.ts';
import type { Job, SingleChannel } from './ports.ts';

/** What is kept of a single message beside whom it goes to. */
export interface MessageDraft extends Pick<Draft, 'mode' | 'template' | 'content'> {
  readonly kind: 'message';
  readonly channels: readonly [SingleChannel];
}

export interface NewMessage {
  readonly draft: MessageDraft;
  readonly bundle: TemplateBundle;
  /** Of draft and bundle, as for a revision. */
  readonly sha256: Buffer;
  /** Normalised. */
  readonly address: string;
  readonly locale: string;
  readonly gateway: Gateway;
  /** From now, on the database's clock. */
  readonly expiresInMinutes: number;
  /** Null: Herald itself. */
  readonly by: Actor | null;
}

/** Single messages: each an announcement to one. */
export interface MessageStore {
  /**
   * Writes a message that may leave at once: announcement, frozen templates, delivery, shard and count, in one
   * transaction. The job may be enqueued now; the sweeper does it otherwise.
   * @throws HeraldError `address-suppressed` (conflict)
   */
  add(
    message: NewMessage,
  ): Promise<{ readonly announcementId: number; readonly n: number; readonly job: Job }>;
}
