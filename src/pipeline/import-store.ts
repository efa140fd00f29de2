export interface ImportRecord {
  readonly id: number;
  readonly state: 'running' | 'done' | 'failed';
  readonly rowsRead: number;
  readonly taken: number;
  readonly refused: number;
  /** Why it failed, and how far it came; null unless failed. */
  readonly error: string | null;
  readonly createdBy: number | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** A row that was not taken, and why. */
export interface Refusal {
  /** Line of the file, the header being line 1. */
  readonly line: number;
  /** Stable; see import.ts. */
  readonly code: string;
  /** For the person who corrects the file. Holds no addresses. */
  readonly message: string;
}

/** A row that can be taken, with normalised addresses and ids of topics and districts. */
export interface ImportRow {
  readonly line: number;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly locale: string;
  readonly topics: readonly number[];
  readonly districts: readonly number[];
  readonly consentAt: Date;
  readonly consentSource: string;
}

export interface ImportBatch {
  /** Ascending by line; at most some thousands. */
  readonly rows: readonly ImportRow[];
  readonly refusals: readonly Refusal[];
  /** Rows of the file so far, these included. */
  readonly rowsRead: number;
}

/** Where citizens are written to. */
export interface ImportSink {
  create(userId: number | null): Promise<number>;
  /** One transaction; refuses duplicates by line. */
  commit(importId: number, batch: ImportBatch): Promise<{ readonly taken: number; readonly refused: number }>;
  finish(importId: number, error?: string): Promise<ImportRecord>;
}
