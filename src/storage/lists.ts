import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { By } from '../pipeline/audit-store.ts';

/** The office's own lists. Both tables have the same columns. */
export const LISTS = ['topics', 'districts'] as const;
export type ListName = (typeof LISTS)[number];

export interface ListEntry {
  readonly id: number;
  readonly code: string;
  /** What citizens read, by locale. */
  readonly names: Readonly<Record<string, string>>;
  readonly archivedAt: Date | null;
}

const ENTRY = 'id, code, names, archived_at AS "archivedAt"';
const SINGULAR = { topics: 'topic', districts: 'district' } as const;

/** Topics and districts: few enough to be read whole. */
export class ListStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** By code; archived ones only when asked for. */
  async list(list: ListName, options: { readonly archived?: boolean } = {}): Promise<readonly ListEntry[]> {
    const { rows } = await this.#pool.query<ListEntry>(
      `SELECT ${ENTRY} FROM ${list} WHERE archived_at IS NULL OR $1 ORDER BY code`,
      [options.archived ?? false],
    );
    return rows;
  }

  /** @throws HeraldError `topic-exists` or `district-exists` (conflict) */
  async add(
    list: ListName,
    entry: { readonly code: string; readonly names: Readonly<Record<string, string>> },
    by?: By,
  ): Promise<ListEntry> {
    const what = SINGULAR[list];
    const { rows } = await this.#pool.query<ListEntry>(
      `WITH added AS (
         INSERT INTO ${list} (code, names) VALUES ($1, $2) ON CONFLICT (code) DO NOTHING RETURNING *),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id) SELECT $3, 'add', '${what}', code FROM added
       )
       SELECT ${ENTRY} FROM added`,
      [entry.code, JSON.stringify(entry.names), by?.id ?? null],
    );
    if (rows[0]) return rows[0];
    throw new HeraldError(
      'conflict',
      `${what}-exists`,
      `there is a ${what} ${JSON.stringify(entry.code)} already`,
      {
        fix: `change it with PATCH /v1/${list}/${entry.code}`,
      },
    );
  }

  /**
   * New names, or in and out of the archive. The code stays: announcements and imports name it.
   * Subscribers keep an archived topic; nothing new can be addressed to it.
   * @throws HeraldError `unknown-topic` or `unknown-district` (not-found)
   */
  async change(
    list: ListName,
    code: string,
    change: {
      readonly names?: Readonly<Record<string, string>> | undefined;
      readonly archived?: boolean | undefined;
    },
    by?: By,
  ): Promise<ListEntry> {
    const what = SINGULAR[list];
    const { rows } = await this.#pool.query<ListEntry>(
      `WITH changed AS (
         UPDATE ${list} SET names = coalesce($2::jsonb, names),
           archived_at = CASE $3::boolean WHEN true THEN coalesce(archived_at, now()) WHEN false THEN NULL ELSE archived_at END
         WHERE code = $1 RETURNING *),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
         SELECT $4, CASE $3::boolean WHEN true THEN 'archive' WHEN false THEN 'restore' ELSE 'change' END, '${what}', code,
           CASE WHEN $2::jsonb IS NULL THEN '{}'::jsonb ELSE '{"fields": "names"}' END FROM changed
       )
       SELECT ${ENTRY} FROM changed`,
      [code, change.names ? JSON.stringify(change.names) : null, change.archived ?? null, by?.id ?? null],
    );
    if (rows[0]) return rows[0];
    throw new HeraldError('not-found', `unknown-${what}`, `there is no ${what} ${JSON.stringify(code)}`);
  }

  rename(list: ListName, code: string, names: Readonly<Record<string, string>>): Promise<ListEntry> {
    return this.change(list, code, { names });
  }

  archive(list: ListName, code: string): Promise<ListEntry> {
    return this.change(list, code, { archived: true });
  }

  /**
   * The ids behind codes, in ascending order without repeats.
   * @throws HeraldError `unknown-topic` or `unknown-district` (invalid) naming each code that is not there or archived
   */
  async idsOf(list: ListName, codes: readonly string[]): Promise<readonly number[]> {
    if (codes.length === 0) return [];
    const { rows } = await this.#pool.query<{ id: number; code: string }>(
      `SELECT id, code FROM ${list} WHERE code = ANY($1) AND archived_at IS NULL ORDER BY id`,
      [codes],
    );
    const known = new Set(rows.map((row) => row.code));
    const unknown = codes.filter((code) => !known.has(code));
    if (unknown.length > 0) {
      const what = SINGULAR[list];
      throw new HeraldError(
        'invalid',
        `unknown-${what}`,
        `there is no ${what} ${unknown.map((c) => JSON.stringify(c)).join(', ')}`,
        {
          fix: `use the codes that GET /v1/${list} lists, or add it there first`,
          issues: unknown.map((code) => ({ path: list, message: `unknown ${what} ${JSON.stringify(code)}` })),
        },
      );
    }
    return rows.map((row) => row.id);
  }
}
