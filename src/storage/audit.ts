import type pg from 'pg';
import { type Anchor, checkChain } from '../domain/audit.ts';
import type { AuditEntry, AuditNote, AuditStore } from '../pipeline/audit-store.ts';
import { inTransaction } from './pool.ts';

type Queryable = Pick<pg.Pool, 'query'>;

/** Rows in memory at a time while the chain is verified. */
const PAGE = 5_000;
/** The lock of those who look first and note then; not the chain's own, which is taken at COMMIT. */
const NOTICE_LOCK = 7_239_848;

const ROW = `id, at, (extract(epoch FROM at) * 1000000)::bigint AS "atMicros", actor, act, subject_type AS "subjectType",
  subject_id AS "subjectId", revision, details, previous_sha256 AS "previousSha256", sha256`;

/** Whether a look-up showed the subscriber $8: among those that a search found, or on a page of the whole list. */
const SHOWED = `($8 = ANY (string_to_array(details ->> 'found', ' ')) OR
  CASE WHEN subject_type = 'subscriber' AND $8 ~ '^\\d{1,18}$' AND details ->> 'from' ~ '^\\d{1,18}$' AND details ->> 'to' ~ '^\\d{1,18}$'
    THEN $8::bigint BETWEEN (details ->> 'from')::bigint AND (details ->> 'to')::bigint ELSE false END)`;

/** In the act's own transaction; at its COMMIT the note becomes a row of the chain (migration 0003). */
export async function noteAudit(db: Queryable, note: AuditNote): Promise<void> {
  const { by, act, subjectType, subjectId, details } = note;
  await db.query(
    'INSERT INTO audit_notes (actor, act, subject_type, subject_id, details) VALUES ($1, $2, $3, $4, $5)',
    [by?.id ?? null, act, subjectType, subjectId ?? null, JSON.stringify(details ?? {})],
  );
}

export function createAuditStore(pool: pg.Pool): AuditStore {
  const installation = async () =>
    (await pool.query<{ id: string }>('SELECT id FROM installation')).rows[0]?.id ?? '';
  const anchorOf = (of: string, row: Pick<AuditEntry, 'id' | 'at' | 'sha256'>): Anchor => ({
    installation: of,
    id: row.id,
    time: row.at.toISOString(),
    sha256: row.sha256.toString('hex'),
  });

  async function* chain(): AsyncGenerator<AuditEntry> {
    for (let after = 0; ; ) {
      const { rows } = await pool.query<AuditEntry>(
        `SELECT ${ROW} FROM audit WHERE id > $1 ORDER BY id LIMIT ${PAGE}`,
        [after],
      );
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = last.id;
    }
  }

  return {
    note: (note) => noteAudit(pool, note),

    async list({ before, limit, since, until, actor, act, subject }) {
      const { rows } = await pool.query<AuditEntry>(
        `SELECT ${ROW} FROM audit
         WHERE ($1::bigint IS NULL OR id < $1) AND ($2::timestamptz IS NULL OR at >= $2) AND ($3::timestamptz IS NULL OR at < $3)
           AND ($4::bigint IS NULL OR actor = $4) AND (NOT $5::boolean OR actor IS NULL) AND ($6::text IS NULL OR act = $6)
           AND ($7::text[] IS NULL OR subject_type = ANY ($7) AND ($8::text IS NULL OR subject_id = $8)
             OR CASE WHEN act = 'look-up' AND 'subscriber' = ANY ($7) THEN ${SHOWED} ELSE false END)
         ORDER BY id DESC LIMIT $9`,
        [
          before ?? null,
          since ?? null,
          until ?? null,
          typeof actor === 'number' ? actor : null,
          actor === 'herald',
          act ?? null,
          subject?.types ?? null,
          subject?.id ?? null,
          limit,
        ],
      );
      return rows;
    },

    async head() {
      const { rows } = await pool.query<AuditEntry>(`SELECT ${ROW} FROM audit ORDER BY id DESC LIMIT 1`);
      if (!rows[0]) throw new Error('the audit log is empty: not even its first row is there');
      return anchorOf(await installation(), rows[0]);
    },

    async verify(anchors) {
      const of = await installation();
      const check = checkChain(of, anchors);
      let rows = 0;
      let last: AuditEntry | undefined;
      for await (const row of chain()) {
        const broken = check.next(row);
        if (broken) return { rows, head: last ? anchorOf(of, last) : null, broken };
        rows += 1;
        last = row;
      }
      return { rows, head: last ? anchorOf(of, last) : null, broken: check.end() ?? null };
    },

    async noticeTemplates(sha256) {
      const hex = sha256.toString('hex');
      const noted = async (db: Queryable) => {
        const { rows } = await db.query<{ sha256: string }>(
          `SELECT details ->> 'sha256' AS sha256 FROM audit WHERE subject_type = 'templates' ORDER BY id DESC LIMIT 1`,
        );
        return rows[0]?.sha256 === hex;
      };
      if (await noted(pool)) return;
      await inTransaction(pool, async (client) => {
        // Many processes start at once; one of them writes it.
        await client.query('SELECT pg_advisory_xact_lock($1)', [NOTICE_LOCK]);
        if (await noted(client)) return;
        await noteAudit(client, {
          by: undefined,
          act: 'change',
          subjectType: 'templates',
          details: { sha256: hex },
        });
      });
    },

    async isAnchorDue() {
      const { rows } = await pool.query<{ due: boolean }>(
        `SELECT NOT EXISTS (SELECT FROM audit WHERE subject_type = 'audit' AND act = 'anchor'
           AND at > clock_timestamp() - interval '24 hours') AS due`,
      );
      return rows[0]?.due ?? false;
    },
  };
}
