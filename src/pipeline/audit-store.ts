import type { Anchor, AuditRow, BrokenLink } from '../domain/audit.ts';
import type { Actor } from './announcement-store.ts';

/** Who does something; absent: whoever runs this process (the operator of a command, or Herald itself). */
export type By = Pick<Actor, 'id'> | undefined;

/** What is left for the chain in an act's own transaction. Holds references and names of fields, no personal data. */
export interface AuditNote {
  readonly by: By;
  readonly act: string;
  readonly subjectType: string;
  /** Absent: all of the type. */
  readonly subjectId?: string | number;
  /** Flat; what is undefined is left out. */
  readonly details?: Readonly<Record<string, string | undefined>>;
}

/** A row as it is read. */
export interface AuditEntry extends AuditRow {
  readonly at: Date;
}

export interface AuditFilter {
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** A user's id; `herald`: no user. */
  readonly actor?: number | 'herald' | undefined;
  readonly act?: string | undefined;
  readonly subject?: { readonly types: readonly string[]; readonly id?: string | undefined } | undefined;
}

/** The chain of what was done. */
export interface AuditStore {
  /** For what changes nothing and is still told, such as a look-up; acts that change something note it themselves. */
  note(note: AuditNote): Promise<void>;
  /** Newest first. */
  list(
    page: AuditFilter & { readonly before?: number | undefined; readonly limit: number },
  ): Promise<readonly AuditEntry[]>;
  /** The newest row, to be kept outside. */
  head(): Promise<Anchor>;
  /** Reads the whole chain, in constant memory. @param anchors what was kept outside */
  verify(
    anchors: readonly Anchor[],
  ): Promise<{ readonly rows: number; readonly head: Anchor | null; readonly broken: BrokenLink | null }>;
  /** Notes the templates that this process works with when they are not the ones that were noted last. */
  noticeTemplates(sha256: Buffer): Promise<void>;
  /** Whether no anchor was made for a day. */
  isAnchorDue(): Promise<boolean>;
}
