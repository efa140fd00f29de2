import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { ImportBatch, ImportRecord, ImportRow, Refusal } from '../pipeline/import-store.ts';
import { copyIn, copyText, NULL } from './imports-copy.ts';
import { inTransaction } from './pool.ts';

const IMPORT = `id, state, rows_read AS "rowsRead", taken, refused, error, created_by AS "createdBy",
  created_at AS "createdAt", finished_at AS "finishedAt"`;

/** What stands against a batch's addresses on one channel: each list is sorted once and compared with an index. */
const SUPPRESSED = `
  SELECT address, reason, created_at AS since FROM suppressions WHERE channel = $1 AND address = ANY ($2::text[])`;
const TAKEN = 'SELECT address FROM contacts WHERE channel = $1 AND address = ANY ($2::text[])';

/** Ids for so many citizens, in their order; drawn first, so that nothing is read back. */
const DRAW_IDS = `SELECT string_agg(nextval('subscribers_id_seq')::text, ',') AS ids FROM generate_series(1, $1::int)`;
const COPY_PEOPLE =
  'COPY subscribers (id, name, locale, topics, districts, consent_at, consent_source) FROM STDIN';
const COPY_CONTACTS = 'COPY contacts (subscriber_id, channel, address) FROM STDIN';

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

const UNIQUE_VIOLATION = '23505';
/** Somebody has an address already (or took it between our look and our insert), or we waited for each other. */
const TRY_AGAIN = new Set([UNIQUE_VIOLATION, '40P01']);
const ATTEMPTS = 8;

/** Imports of citizens: their record, and the batches in which they are written. */
export class ImportStore {
  readonly #pool: pg.Pool;
  /** Imports of which citizens were known already: there it is asked first who is. */
  readonly #looking = new Set<number>();

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
      const look = this.#looking.has(importId);
      try {
        const { known, ...outcome } = await inTransaction(this.#pool, (client) =>
          commitBatch(client, importId, batch, look),
        );
        if (look && known === 0) this.#looking.delete(importId);
        return outcome;
      } catch (error) {
        const { code } = error as { code?: string };
        if (attempt === ATTEMPTS || !TRY_AGAIN.has(code ?? '')) throw error;
        // The unique index says for nothing that nobody is known, which is the rule; but it does not say who is.
        if (code === UNIQUE_VIOLATION) this.#looking.add(importId);
      }
    }
  }

  /** @param error why it failed; absent when it is done */
  async finish(importId: number, error?: string): Promise<ImportRecord> {
    this.#looking.delete(importId);
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

/** @param look whether to ask first which addresses are taken; otherwise the unique index has to say that none is */
async function commitBatch(client: pg.PoolClient, importId: number, batch: ImportBatch, look: boolean) {
  const known = { sms: new Map<string, Known>(), email: new Map<string, Known>() };
  for (const channel of CHANNELS) {
    const addresses = batch.rows.flatMap((row) => row[FIELD[channel]] ?? []);
    await ask(client, channel, addresses, look, known[channel]);
  }
  const { taken, refusals, lifted } = sift(batch.rows, known);
  const refused = refusals.length > 0 ? [...batch.refusals, ...refusals] : batch.refusals;
  if (lifted.length > 0) await client.query(LIFT, [lifted.map((a) => a[0]), lifted.map((a) => a[1])]);
  if (taken.length > 0) await write(client, taken);
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
  const stored = look ? countTaken(known.sms) + countTaken(known.email) : 0;
  return { taken: taken.length, refused: refused.length, known: stored };
}

interface Known {
  readonly taken: boolean;
  readonly suppressed?: { readonly reason: string; readonly since: Date };
}

const countTaken = (known: ReadonlyMap<string, Known>) => {
  let count = 0;
  for (const { taken } of known.values()) if (taken) count += 1;
  return count;
};

async function ask(
  client: pg.PoolClient,
  channel: Channel,
  addresses: readonly string[],
  look: boolean,
  into: Map<string, Known>,
): Promise<void> {
  if (addresses.length === 0) return;
  const suppressed = await client.query<{ address: string; reason: string; since: Date }>({
    name: 'import-suppressed',
    text: SUPPRESSED,
    values: [channel, addresses],
  });
  for (const { address, ...why } of suppressed.rows) into.set(address, { taken: false, suppressed: why });
  if (!look) return;
  const taken = await client.query<{ address: string }>({
    name: 'import-taken',
    text: TAKEN,
    values: [channel, addresses],
  });
  for (const { address } of taken.rows) into.set(address, { taken: true });
}

/** Citizens and their contacts, as PostgreSQL takes them fastest. */
async function write(client: pg.PoolClient, rows: readonly ImportRow[]): Promise<void> {
  const drawn = await client.query<{ ids: string }>({
    name: 'import-ids',
    text: DRAW_IDS,
    values: [rows.length],
  });
  const ids = found(drawn.rows[0]).ids.split(',');
  let people = '';
  let consent: Date | undefined;
  let consentAt = '';
  for (const [i, row] of rows.entries()) {
    // Most consents of a file are of a few days, and those of a day are one Date.
    if (row.consentAt !== consent) {
      consent = row.consentAt;
      consentAt = consent.toISOString();
    }
    people += `${ids[i]}\t${row.name === null ? NULL : copyText(row.name)}\t${copyText(row.locale)}\t{${row.topics}}\t{${row.districts}}\t${consentAt}\t${copyText(row.consentSource)}\n`;
  }
  await copyIn(client, COPY_PEOPLE, people);
  let contacts = '';
  for (const [i, row] of rows.entries()) {
    if (row.phone !== null) contacts += `${ids[i]}\tsms\t${copyText(row.phone)}\n`;
    if (row.email !== null) contacts += `${ids[i]}\temail\t${copyText(row.email)}\n`;
  }
  await copyIn(client, COPY_CONTACTS, contacts);
}

type Channel = 'sms' | 'email';
type Address = readonly [channel: Channel, address: string];
const CHANNELS: readonly Channel[] = ['sms', 'email'];
const FIELD = { sms: 'phone', email: 'email' } as const;
const NOUN = { sms: 'phone number', email: 'mailbox' } as const;

/** Which rows can be taken, in the order of the file. A refused row reserves nothing. */
function sift(rows: readonly ImportRow[], known: Readonly<Record<Channel, ReadonlyMap<string, Known>>>) {
  const lineOf = { sms: new Map<string, number>(), email: new Map<string, number>() };
  const taken: ImportRow[] = [];
  const refusals: Refusal[] = [];
  const lifted: Address[] = [];
  for (const row of rows) {
    const lifts: Address[] = [];
    let refusal: Refusal | undefined;
    for (const channel of CHANNELS) {
      const address = row[FIELD[channel]];
      if (address === null) continue;
      const noun = NOUN[channel];
      const before = known[channel].get(address);
      const earlier = lineOf[channel].get(address);
      if (earlier !== undefined) {
        refusal ??= { line: row.line, code: 'duplicate', message: `has the same ${noun} as line ${earlier}` };
      } else if (before?.taken) {
        refusal ??= {
          line: row.line,
          code: 'duplicate',
          message: `its ${noun} is subscribed already, or stands on an earlier line`,
        };
      } else if (before?.suppressed) {
        const { reason, since } = before.suppressed;
        const mayReturn = reason === 'left' || reason === 'bounced';
        if (mayReturn && since < row.consentAt) lifts.push([channel, address]);
        else
          refusal ??= {
            line: row.line,
            code: 'has-left',
            message: `its ${noun} is suppressed (${reason}) since its consent`,
          };
      }
    }
    if (refusal) {
      refusals.push(refusal);
      continue;
    }
    if (row.phone !== null) lineOf.sms.set(row.phone, row.line);
    if (row.email !== null) lineOf.email.set(row.email, row.line);
    if (lifts.length > 0) lifted.push(...lifts);
    taken.push(row);
  }
  return { taken, refusals, lifted };
}

function found<T>(row: T | undefined): T {
  if (row) return row;
  throw new HeraldError('not-found', 'no-such-import', 'there is no such import');
}
