import type pg from 'pg';
import type { Draft, Urgency } from '../domain/announcement.ts';
import { canonicalSha256 } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type {
  ActRecord,
  AnnouncementRecord,
  AnnouncementStore,
  AnnouncementTransaction,
} from '../pipeline/announcement-store.ts';
import type { SentRecord } from '../pipeline/stores.ts';
import { countAudience, idsOf, loadChain } from './audience.ts';
import { inTransaction } from './pool.ts';
import { heldUntil } from './quiet-hours.ts';
import { addSuggestion, decideSuggestion, listSuggestions, loadSuggestion } from './suggestions.ts';

type Queryable = Pick<pg.Pool, 'query'>;

const recordOver = (cases: string) => `
  SELECT a.id, a.state, a.kind, a.mode, a.urgency, a.supersedes, a.revision, a.gateway, a.reason,
    ARRAY(SELECT b.id FROM announcements b WHERE b.supersedes = a.id ORDER BY b.id) AS "supersededBy",
    ARRAY(SELECT b.id FROM announcements b WHERE b.supersedes = a.id AND b.approved_at IS NOT NULL ORDER BY b.id) AS "replacedBy",
    r.draft, CASE WHEN a.state <> 'draft' THEN encode(r.sha256, 'hex') END AS sha256,
    json_build_object('reference', c.reference, 'title', coalesce(r.draft -> 'case' ->> 'title', c.title)) AS "case",
    a.created_at AS "createdAt", a.submitted_at AS "submittedAt", a.approved_at AS "approvedAt", a.scheduled_at AS "scheduledAt",
    a.expires_at AS "expiresAt", a.first_sent_at AS "firstSentAt", a.ended_at AS "endedAt",
    a.created_by AS "createdBy", a.approved_by AS "approvedBy", a.break_glass_reason AS "breakGlassReason",
    a.nobody_left_at AS "nobodyLeftAt"
  FROM announcements a
  ${cases} c ON c.id = a.case_id
  JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision`;
/** Single messages have no case: whatever reads this does not know them. */
const RECORD = recordOver('JOIN cases');
const SENT = recordOver('LEFT JOIN cases');

/** @throws HeraldError `no-such-announcement` */
export async function loadRecord(db: Queryable, id: number): Promise<AnnouncementRecord> {
  return (await loadOne<AnnouncementRecord>(db, RECORD, id)) ?? unknown();
}

/** An announcement or a single message. @throws HeraldError `no-such-announcement` */
export async function loadSent(db: Queryable, id: number): Promise<SentRecord> {
  return (await loadOne<SentRecord>(db, SENT, id)) ?? unknown();
}

async function loadOne<T extends object>(db: Queryable, records: string, id: number): Promise<T | undefined> {
  return (await db.query<T>(`${records} WHERE a.id = $1`, [id])).rows[0];
}

function unknown(): never {
  throw new HeraldError('not-found', 'no-such-announcement', 'there is no such announcement');
}

/** Bundles that are kept; an office has a few templates and seldom edits them. */
const KEPT_BUNDLES = 50;
/** By their hash: a bundle never changes, and whoever compiles it does so once. */
const bundles = new Map<string, TemplateBundle>();

/**
 * The frozen templates of the current revision; null while it is a draft. Equal ones are the same object.
 * @throws HeraldError `revision-damaged` (conflict)
 */
export async function loadBundle(db: Queryable, id: number): Promise<TemplateBundle | null> {
  const { rows } = await db.query<{ sha256: string }>(
    `SELECT encode(r.bundle_sha256, 'hex') AS sha256 FROM announcements a
     JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision
     WHERE a.id = $1 AND a.state <> 'draft' AND r.bundle_sha256 IS NOT NULL`,
    [id],
  );
  const sha256 = rows[0]?.sha256;
  if (sha256 === undefined) return null;
  const known = bundles.get(sha256);
  if (known) return known;
  const found = await db.query<{ bundle: TemplateBundle }>(
    `SELECT bundle FROM template_bundles WHERE sha256 = decode($1, 'hex')`,
    [sha256],
  );
  const bundle = found.rows[0]?.bundle;
  if (!bundle || canonicalSha256(bundle).toString('hex') !== sha256) {
    throw new HeraldError(
      'conflict',
      'revision-damaged',
      'the stored templates are not those that were submitted',
      {
        fix: 'return it to the author and submit it again; or restore the row of template_bundles from a backup',
      },
    );
  }
  bundles.set(sha256, bundle);
  for (const oldest of bundles.keys()) {
    if (bundles.size <= KEPT_BUNDLES) break;
    bundles.delete(oldest);
  }
  return bundle;
}

/** One row a case; what is submitted last gives it its title (each revision has its own). */
async function caseId(db: Queryable, draft: Draft): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO cases (reference, title) VALUES ($1, $2)
     ON CONFLICT (reference) DO UPDATE SET title = cases.title RETURNING id`,
    [draft.case.reference, draft.case.title],
  );
  return rows[0]?.id ?? Promise.reject(new Error('no case row'));
}

async function writeRevision(
  db: Queryable,
  id: number,
  number: number,
  draft: Draft,
  authorId: number,
): Promise<void> {
  await db.query(
    'INSERT INTO revisions (announcement_id, number, author_id, draft) VALUES ($1, $2, $3, $4)',
    [id, number, authorId, JSON.stringify(draft)],
  );
}

/** One row for all revisions and messages with the same bytes. */
export async function freezeTemplates(db: Queryable, bundle: TemplateBundle, sha256: Buffer): Promise<void> {
  await db.query('INSERT INTO template_bundles (sha256, bundle) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    sha256,
    JSON.stringify(bundle),
  ]);
}

async function writeAct(
  db: Queryable,
  id: number,
  act: string,
  by: number | null,
  reason: string | null = null,
): Promise<void> {
  await db.query(
    `INSERT INTO announcement_acts (announcement_id, revision, act, user_id, reason)
     SELECT id, revision, $2, $3, $4 FROM announcements WHERE id = $1`,
    [id, act, by, reason],
  );
}

/** Whatever somebody does with it, they were reached. */
const ANSWER = `
  UPDATE approver_calls SET answered_at = now() WHERE announcement_id = $1 AND user_id = $2 AND answered_at IS NULL`;

/** Who looks and then falls asleep must not keep it waiting for ever. */
const LOOK = `
  WITH found AS (UPDATE announcements SET nobody_left_at = NULL WHERE id = $1)
  INSERT INTO approver_calls AS c (announcement_id, revision, submitted_at, user_id, called_at, escalate_at, answered_at)
  SELECT id, revision, submitted_at, $2, NULL, now() + interval '15 minutes', now() FROM announcements WHERE id = $1
  ON CONFLICT (announcement_id, revision, submitted_at, user_id) DO UPDATE
    SET answered_at = coalesce(c.answered_at, now()), escalate_at = excluded.escalate_at`;

const APPROVE = `
  WITH approved AS (
    UPDATE announcements SET state = 'approved', approved_at = now(), approved_by = $2, gateway = $3, expires_at = $4,
      scheduled_at = $5, break_glass_reason = $9, reason = NULL
    WHERE id = $1 RETURNING id
  )
  INSERT INTO expansions (announcement_id, channels, topics, districts, upper_contact)
  SELECT id, $6::channel[], ${idsOf('topics', '$7::text[]')}, ${idsOf('districts', '$8::text[]')},
    (SELECT coalesce(max(id), 0) FROM contacts)
  FROM approved`;

async function unknownCodes(
  db: Queryable,
  list: 'topics' | 'districts',
  codes: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ code: string }>(
    `SELECT wanted.code FROM unnest($1::text[]) WITH ORDINALITY AS wanted(code, place)
     WHERE NOT EXISTS (SELECT FROM ${list} l WHERE l.code = wanted.code AND l.archived_at IS NULL) ORDER BY place`,
    [codes],
  );
  return rows.map((r) => r.code);
}

/** What is read with the lock. */
type Locked = AnnouncementTransaction['newest'] & { readonly now: number; readonly authors: number[] };

function transaction(
  client: pg.PoolClient,
  record: AnnouncementRecord,
  { now, authors: authorIds, ...newest }: Locked,
): AnnouncementTransaction {
  const { id } = record;
  const setFacts = async (revision: number, draft: Draft, supersedes: number | null, urgency: Urgency) =>
    await client.query(
      `UPDATE announcements SET revision = $7, case_id = $2, kind = $3, supersedes = $4, urgency = $5, mode = $6 WHERE id = $1`,
      [id, await caseId(client, draft), draft.kind, supersedes, urgency, draft.mode, revision],
    );
  return {
    record,
    now,
    authorIds,
    newest,
    async rewrite(draft, supersedes, urgency) {
      await setFacts(record.revision, draft, supersedes, urgency);
      await client.query('UPDATE revisions SET draft = $3 WHERE announcement_id = $1 AND number = $2', [
        id,
        record.revision,
        JSON.stringify(draft),
      ]);
    },
    async addRevision(draft, supersedes, urgency, authorId) {
      await setFacts(record.revision + 1, draft, supersedes, urgency);
      await writeRevision(client, id, record.revision + 1, draft, authorId);
      await writeAct(client, id, 'edit', authorId);
    },
    async freeze(bundle, sha256, draft) {
      const bundleSha256 = canonicalSha256(bundle);
      await freezeTemplates(client, bundle, bundleSha256);
      await client.query(
        `UPDATE revisions r SET bundle_sha256 = $2, sha256 = $3, draft = $4 FROM announcements a
         WHERE a.id = $1 AND r.announcement_id = a.id AND r.number = a.revision`,
        [id, bundleSha256, sha256, JSON.stringify(draft)],
      );
      // A retraction's title names nobody.
      if (draft.kind !== 'retraction')
        await client.query('UPDATE cases SET title = $2 WHERE reference = $1 AND title <> $2', [
          draft.case.reference,
          draft.case.title,
        ]);
    },
    async move(act, state, by, reason) {
      await client.query(
        `UPDATE announcements SET state = $2, reason = $3,
           submitted_at = CASE WHEN $2 = 'submitted' THEN now() ELSE submitted_at END,
           nobody_left_at = CASE WHEN $2 = 'submitted' THEN NULL ELSE nobody_left_at END,
           ended_at = CASE WHEN $2 IN ('completed', 'rejected', 'cancelled', 'expired') THEN now() END
         WHERE id = $1`,
        [id, state, reason],
      );
      await writeAct(client, id, act, by?.id ?? null, reason);
      if (by) await client.query(ANSWER, [id, by.id]);
    },
    async replacement() {
      if (record.supersedes === null) return null;
      await client.query('SELECT FROM announcements WHERE id = $1 FOR UPDATE', [record.supersedes]);
      const { rows } = await client.query<{ id: number | null }>(
        'SELECT max(id) AS id FROM announcements WHERE supersedes = $1 AND approved_at IS NOT NULL',
        [record.supersedes],
      );
      return rows[0]?.id ?? null;
    },
    async approve({ by, gateway, expiresAt, scheduledAt, breakGlassReason }) {
      const { audience, channels } = record.draft;
      // What it supersedes stops now; the sweeper takes back the rows, and the new text waits for those in flight.
      for (const old of await loadChain(client, id)) {
        const { rowCount } = await client.query(
          `UPDATE announcements SET state = 'cancelled', ended_at = now(), reason = 'superseded'
           WHERE id = $1 AND state IN ('approved', 'sending', 'paused')`,
          [old],
        );
        if (rowCount === 1) await writeAct(client, old, 'cancel', by.id, 'superseded');
      }
      await client.query(APPROVE, [
        id,
        by.id,
        gateway,
        expiresAt,
        scheduledAt,
        channels,
        audience.topics,
        audience.districts,
        breakGlassReason,
      ]);
      await writeAct(
        client,
        id,
        breakGlassReason === null ? 'approve' : 'break-glass',
        by.id,
        breakGlassReason,
      );
      await client.query(ANSWER, [id, by.id]);
    },
    async look(by) {
      await client.query(LOOK, [id, by.id]);
      await writeAct(client, id, 'look', by.id);
    },
    async suggest(content, note, by) {
      await addSuggestion(client, id, { userId: by.id, content, note });
      await client.query(LOOK, [id, by.id]);
      await writeAct(client, id, 'suggest', by.id, note);
    },
    suggestion: (suggestionId) => loadSuggestion(client, id, suggestionId),
    async decide(suggestion, decision, by) {
      await decideSuggestion(client, suggestion.id, decision, by.id);
      await writeAct(client, id, decision === 'accepted' ? 'accept' : 'decline', by.id);
    },
    bundle: () => loadBundle(client, id),
    unknownCodes: (list, codes) => unknownCodes(client, list, codes),
    heldUntil: (channels, at) => heldUntil(client, channels, at),
  };
}

export function createAnnouncementStore(pool: pg.Pool): AnnouncementStore {
  return {
    create: (draft, supersedes, urgency, author) =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: number }>(
          `INSERT INTO announcements (case_id, kind, supersedes, urgency, mode, created_by) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
          [await caseId(client, draft), draft.kind, supersedes, urgency, draft.mode, author.id],
        );
        const id = rows[0]?.id ?? 0;
        await writeRevision(client, id, 1, draft, author.id);
        await writeAct(client, id, 'create', author.id);
        return id;
      }),

    get: (id) => loadRecord(pool, id),
    bundleOf: (id) => loadBundle(pool, id),

    async acts(id) {
      const { rows } = await pool.query<ActRecord>(
        `SELECT act, revision, user_id AS "userId", reason, at FROM announcement_acts WHERE announcement_id = $1 ORDER BY id`,
        [id],
      );
      return rows;
    },

    suggestions: (id) => listSuggestions(pool, id),

    async list({ before, limit, state, states, search, writtenBy }) {
      const { rows } = await pool.query<AnnouncementRecord>(
        `${RECORD} WHERE ($1::bigint IS NULL OR a.id < $1) AND ($2::text[] IS NULL OR a.state = ANY ($2))
           AND ($3::text IS NULL OR strpos(lower(c.reference || ' ' || c.title), lower($3)) > 0)
           AND ($5::bigint IS NULL OR EXISTS (SELECT FROM revisions v WHERE v.announcement_id = a.id AND v.author_id = $5))
         ORDER BY a.id DESC LIMIT $4`,
        [before ?? null, states ?? (state ? [state] : null), search || null, limit, writtenBy ?? null],
      );
      return rows;
    },

    locked: (id, act) =>
      inTransaction(pool, async (client) => {
        // First the lock, then a look: a join would be checked again with the old revision after waiting, and find nothing.
        await client.query('SELECT FROM announcements WHERE id = $1 FOR UPDATE', [id]);
        const { rows } = await client.query<Locked>(
          `SELECT extract(epoch FROM now())::float8 * 1000 AS now,
             ARRAY(SELECT DISTINCT author_id FROM revisions WHERE announcement_id = $1) AS authors,
             r.author_id AS "authorId", r.created_at AS "writtenAt", r.sha256 IS NOT NULL AS "wasSubmitted"
           FROM announcements a JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision
           WHERE a.id = $1`,
          [id],
        );
        return act(transaction(client, await loadRecord(client, id), rows[0] ?? unknown()));
      }),

    async now() {
      const { rows } = await pool.query<{ now: number }>(
        'SELECT extract(epoch FROM now())::float8 * 1000 AS now',
      );
      return rows[0]?.now ?? Number.NaN;
    },

    unknownCodes: (list, codes) => unknownCodes(pool, list, codes),

    audience: (draft, supersedes) => countAudience(pool, draft, supersedes),
  };
}
