import type { Draft } from '../domain/announcement.ts';
import type { NewMessage } from './message-store.ts';
import type { Job, SingleChannel } from './ports.ts';

/** Whom the next call goes to, and about what. */
export interface DueCall {
  readonly announcementId: number;
  readonly draft: Draft;
  readonly userId: number;
  readonly locale: string | null;
  /** At least one of the two is there. */
  readonly phone: string | null;
  readonly email: string | null;
}

/** One approver's call, as it is shown. */
export interface ApproverCall {
  readonly userId: number;
  readonly name: string;
  readonly revision: number;
  /** Null: came by themselves. */
  readonly calledAt: Date | null;
  readonly channels: readonly SingleChannel[];
  /** When the next one's turn is, while it is not decided. */
  readonly escalateAt: Date;
  readonly answeredAt: Date | null;
}

export type CallOutcome =
  /** Somebody else sees to it, or it is not its time any more. */
  | { readonly kind: 'nothing' }
  /** @property first whether it is found only now */
  | { readonly kind: 'nobody-left'; readonly first: boolean }
  | {
      readonly kind: 'called';
      readonly userId: number;
      readonly channels: readonly SingleChannel[];
      readonly jobs: readonly Job[];
    };

/** Who was asked to approve what. All times are the database's. */
export interface CallStore {
  /** Submitted live announcements for which somebody is to be called now. */
  due(): Promise<readonly number[]>;
  /**
   * Calls the next approver of an announcement, once however many do this at a time: their call and the messages stand in
   * one transaction.
   * @param write the messages to them; those to suppressed addresses are left out
   */
  callNext(announcementId: number, write: (call: DueCall) => readonly NewMessage[]): Promise<CallOutcome>;
  /** In order of their calls, of all submissions. */
  of(announcementId: number): Promise<readonly ApproverCall[]>;
  /** Submitted ones for which nobody is left to be called, the longest waiting first. */
  unanswered(): Promise<readonly { readonly id: number; readonly title: string; readonly since: Date }[]>;
}
