import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import { inTransaction } from './pool.ts';

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
  /** Stable; see src/pipeline/import.ts. */
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

const IMPORT = `id, state, rows_read AS "rowsRead", taken, refused, error, created_by AS "createdBy",
  created_at AS "createdAt", finished_at AS "finishedAt"`;

/** What the database knows of a batch's addresses. Each address is looked up in two unique indexes. */
const KNOWN = `
  SELECT a.channel, a.address, k.id IS NOT NULL AS taken, s.reason, s.created_at AS since
  FROM unnest($1::channel[], $2::text[]) AS a(channel, address)
  LEFT JOIN contacts k ON k.channel = a.channel AND k.address = a.address
  LEFT JOIN suppressions s ON s.channel = a.channel AND s.address = a.address
  WHERE k.id IS NOT NULL OR s.reason IS NOT NULL`;

/** Citizens and their contacts in one statement: the ids are drawn first, so that nothing is read back. */
const INSERT_ROWS = `
  WITH input AS MATERIALIZED (
    SELECT nextval('subscribers_id_seq') AS id, r.*
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
    AS r(name, phone, email, locale, topics, districts, consent_at, consent_source)
  ),
  people AS (
    INSERT INTO subscribers (id, name, locale, topics, districts, consent_at, consent_source)
    OVERRIDING SYSTEM VALUE
    SELECT id, name, locale, topics::int[], districts::int[], consent_at, consent_source FROM input
  )
  INSERT INTO contacts (subscriber_id, channel, address)
  SELECT id, 'sms'::channel, phone FROM input WHERE phone IS NOT NULL
  UNION ALL SELECT id, 'email', email FROM input WHERE email IS NOT NULL`;

/** As when one citizen is added: `liftSuppression` in subscribers.ts. */
const LIFT = `
  DELETE FROM suppressions s USING unnest($1::channel[], $2::text[]) AS a(channel, address)
  WHERE s.channel = a.channel AND s.address = a.address`;

const REFUSE = `
  INSERT INTO import_refusals (import_id, line, code, message)
  SELECT $1, * FROM unnest($2::int[], $3::text[], $4::text[])`;

/** For the audit log: how many came in. */
const noteEnd = (imports: string, by: string) => `
  INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
  SELECT ${by}, CASE state WHEN 'done' THEN 'finish' ELSE 'fail' END, 'import', id::text,
    jsonb_build_object('rows', rows_read::text, 'taken', taken::text, 'refused', refused::text) FROM ${imports}`;

/** Longer than a client may take to send a whole file. */
const ABANDONED_MINUTES = 15;

/** Somebody else took an address between our look and our insert, or we waited for each other. */
const TRY_AGAIN = new Set(['23505', '40P01']);

/** Imports of citizens: their record, and the batches in which they are written. */
export class ImportStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async create(userId: number | null): Promise<number> {
    const { rows } = await this.#pool.query<{ id: number }>(
      `WITH made AS (INSERT INTO imports (created_by) VALUES ($1) RETURNING id, created_by),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id) SELECT created_by, 'start', 'import', id::text FROM made
       )
       SELECT id FROM made`,
      [userId],
    );
    return found(rows[0]).id;
  }

  /**
   * Takes a batch and records what it refused, in one transaction. A row is refused as `duplicate` when one of
   * its addresses belongs to a subscriber or to an earlier row that was taken, as `has-left` when it is
   * suppressed and the row's consent is no newer.
   */
  async commit(
    importId: number,
    batch: ImportBatch,
  ): Promise<{ readonly taken: number; readonly refused: number }> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await inTransaction(this.#pool, (client) => commitBatch(client, importId, batch));
      } catch (error) {
        if (attempt === 5 || !TRY_AGAIN.has((error as { code?: string }).code ?? '')) throw error;
      }
    }
  }

  /** @param error why it failed; absent when it is done */
  async finish(importId: number, error?: string): Promise<ImportRecord> {
    const { rows } = await this.#pool.query<ImportRecord>(
      `WITH finished AS (UPDATE imports SET state = $2, error = $3, finished_at = now() WHERE id = $1 RETURNING *),
       noted AS (${noteEnd('finished', 'created_by')})
       SELECT ${IMPORT} FROM finished`,
      [importId, error === undefined ? 'done' : 'failed', error ?? null],
    );
    return found(rows[0]);
  }

  /** Imports that nobody goes on with, because their process was killed: failed, with how far they came. */
  async failAbandoned(): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `WITH failed AS (
         UPDATE imports SET state = 'failed', finished_at = now(),
           error = 'Herald was ended while it read the file, after ' || rows_read || ' rows; import it again: '
             || 'who was taken already is refused as a duplicate, and nothing happens twice'
         WHERE state = 'running' AND touched_at < now() - interval '${ABANDONED_MINUTES} minutes' RETURNING *)
       ${noteEnd('failed', 'NULL::bigint')}`,
    );
    return rowCount ?? 0;
  }

  /** @throws HeraldError `no-such-import` */
  async get(importId: number): Promise<ImportRecord> {
    return found(
      (await this.#pool.query<ImportRecord>(`SELECT ${IMPORT} FROM imports WHERE id = $1`, [importId]))
        .rows[0],
    );
  }

  /** Newest first. @param page.before the id that the last page ended with */
  async list(page: { readonly before?: number; readonly limit: number }): Promise<readonly ImportRecord[]> {
    const { rows } = await this.#pool.query<ImportRecord>(
      `SELECT ${IMPORT} FROM imports WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2`,
      [page.before ?? null, page.limit],
    );
    return rows;
  }

  /** By line. @param page.after the line that the last page ended with */
  async refusals(
    importId: number,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly Refusal[]> {
    const { rows } = await this.#pool.query<Refusal>(
      'SELECT line, code, message FROM import_refusals WHERE import_id = $1 AND line > $2 ORDER BY line LIMIT $3',
      [importId, page.after, page.limit],
    );
    return rows;
  }
}

interface Known {
  readonly channel: 'sms' | 'email';
  readonly address: string;
  readonly taken: boolean;
  readonly reason: string | null;
  readonly since: Date | null;
}

async function commitBatch(client: pg.PoolClient, importId: number, batch: ImportBatch) {
  const wanted = batch.rows.flatMap(addressesOf);
  const known = await client.query<Known>({ name: 'import-known', text: KNOWN, values: columnsOf(wanted) });
  const { taken, refusals, lifted } = sift(batch.rows, known.rows);
  const refused = [...batch.refusals, ...refusals];
  if (lifted.length > 0) await client.query(LIFT, columnsOf(lifted));
  if (taken.length > 0) {
    await client.query({
      name: 'import-rows',
      text: INSERT_ROWS,
      values: [
        taken.map((r) => r.name),
        taken.map((r) => r.phone),
        taken.map((r) => r.email),
        taken.map((r) => r.locale),
        taken.map((r) => `{${r.topics.join(',')}}`),
        taken.map((r) => `{${r.districts.join(',')}}`),
        taken.map((r) => r.consentAt),
        taken.map((r) => r.consentSource),
      ],
    });
  }
  if (refused.length > 0) {
    await client.query(REFUSE, [
      importId,
      refused.map((r) => r.line),
      refused.map((r) => r.code),
      refused.map((r) => r.message),
    ]);
  }
  await client.query(
    'UPDATE imports SET rows_read = $2, taken = taken + $3, refused = refused + $4, touched_at = now() WHERE id = $1',
    [importId, batch.rowsRead, taken.length, refused.length],
  );
  return { taken: taken.length, refused: refused.length };
}

type Address = readonly [channel: 'sms' | 'email', address: string];

function addressesOf(row: ImportRow): Address[] {
  const addresses: Address[] = [];
  if (row.phone !== null) addresses.push(['sms', row.phone]);
  if (row.email !== null) addresses.push(['email', row.email]);
  return addresses;
}

const columnsOf = (addresses: readonly Address[]) => [addresses.map((a) => a[0]), addresses.map((a) => a[1])];
const NOUN = { sms: 'phone number', email: 'mailbox' } as const;

/** Which rows can be taken, in the order of the file. A refused row reserves nothing. */
function sift(rows: readonly ImportRow[], known: readonly Known[]) {
  const stored = new Map(known.map((k) => [`${k.channel} ${k.address}`, k]));
  const lineOf = new Map<string, number>();
  const taken: ImportRow[] = [];
  const refusals: Refusal[] = [];
  const lifted: Address[] = [];
  for (const row of rows) {
    const lifts: Address[] = [];
    let refusal: Refusal | undefined;
    for (const address of addressesOf(row)) {
      const key = address.join(' ');
      const noun = NOUN[address[0]];
      const before = stored.get(key);
      const earlier = lineOf.get(key);
      if (earlier !== undefined) {
        refusal ??= { line: row.line, code: 'duplicate', message: `has the same ${noun} as line ${earlier}` };
      } else if (before?.taken) {
        refusal ??= {
          line: row.line,
          code: 'duplicate',
          message: `its ${noun} is subscribed already, or stands on an earlier line`,
        };
      } else if (before?.reason) {
        const mayReturn = before.reason === 'left' || before.reason === 'bounced';
        if (mayReturn && before.since && before.since < row.consentAt) lifts.push(address);
        else
          refusal ??= {
            line: row.line,
            code: 'has-left',
            message: `its ${noun} is suppressed (${before.reason}) since its consent`,
          };
      }
    }
    if (refusal) {
      refusals.push(refusal);
      continue;
    }
    for (const address of addressesOf(row)) lineOf.set(address.join(' '), row.line);
    lifted.push(...lifts);
    taken.push(row);
  }
  return { taken, refusals, lifted };
}

function found<T>(row: T | undefined): T {
  if (row) return row;
  throw new HeraldError('not-found', 'no-such-import', 'there is no such import');
}
