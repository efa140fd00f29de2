import type { EmailContent, SmsContent } from '../domain/message.ts';
import type { TemplateBundle, TemplateManifest } from '../domain/template.ts';
import type { By } from './audit-store.ts';
import type { HistoryStore, SuppressionStore } from './citizen-store.ts';
import type { OutletSends, OutletStore } from './outlet-store.ts';

/** Somebody's time of being called when something waits for approval. */
export interface Duty {
  readonly id: number;
  readonly userId: number;
  readonly name: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** The lowest is called first. */
  readonly position: number;
  /** Has a phone or a mailbox, and may still approve. */
  readonly canBeCalled: boolean;
}

/** Seven days of the office's calendar, Monday first. */
export interface RotaWeek {
  /** `YYYY-MM-DD`. */
  readonly monday: string;
  readonly previous: string;
  readonly next: string;
  /** From midnight to midnight; 23 or 25 hours where clocks change. */
  readonly days: readonly { readonly startsAt: Date; readonly endsAt: Date }[];
  /** That overlap the week, in order of start and position. */
  readonly duties: readonly Duty[];
}

export interface RotaStore {
  /** @param date any day of it, `YYYY-MM-DD`; absent: today */
  week(date?: string): Promise<RotaWeek>;
  /** Enabled users who may approve: who can be put on the rota. */
  approvers(): Promise<
    readonly { readonly id: number; readonly name: string; readonly canBeCalled: boolean }[]
  >;
  /**
   * @param duty.from and `until`: local times of the office, `YYYY-MM-DDTHH:MM`
   * @throws HeraldError `no-such-approver`, `bad-duty` (invalid)
   */
  add(
    duty: {
      readonly userId: number;
      readonly from: string;
      readonly until: string;
      readonly position: number;
    },
    by: By,
  ): Promise<void>;
  /** Twice is fine. */
  remove(id: number, by: By): Promise<void>;
}

/** A template as it is now, and what comes of it with made-up texts. */
export interface TemplateOnShelf {
  readonly bundle: TemplateBundle;
  readonly rendered: readonly {
    readonly locale: string;
    readonly sms: SmsContent;
    readonly email: Pick<EmailContent, 'subject' | 'text' | 'html'>;
  }[];
  /** The body, as JSON; single messages have none. */
  readonly webhook: string | null;
}

/** @throws HeraldError `unknown-template` (invalid) */
export type ShowTemplate = (manifest: TemplateManifest) => TemplateOnShelf;

export interface Administration {
  readonly rota: RotaStore;
  readonly history: HistoryStore;
  readonly suppressions: SuppressionStore;
  readonly outlets: OutletStore;
  readonly outletSends: OutletSends;
  readonly showTemplate: ShowTemplate;
}
