import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { Suggestion } from '../pipeline/announcement-store.ts';

type Queryable = Pick<pg.Pool, 'query'>;

const SUGGESTION = `
  SELECT id, revision, user_id AS "userId", content, note, created_at AS "createdAt", decision FROM suggestions`;

/** Oldest first. */
export const listSuggestions = async (
  db: Queryable,
  announcementId: number,
): Promise<readonly Suggestion[]> =>
  (await db.query<Suggestion>(`${SUGGESTION} WHERE announcement_id = $1 ORDER BY id`, [announcementId])).rows;

/** @throws HeraldError `no-such-suggestion` */
export async function loadSuggestion(db: Queryable, announcementId: number, id: number): Promise<Suggestion> {
  const { rows } = await db.query<Suggestion>(`${SUGGESTION} WHERE announcement_id = $1 AND id = $2`, [
    announcementId,
    id,
  ]);
  if (rows[0]) return rows[0];
  throw new HeraldError('not-found', 'no-such-suggestion', 'there is no such suggestion');
}

/** For the announcement's newest revision. */
export async function addSuggestion(
  db: Queryable,
  announcementId: number,
  { userId, content, note }: Pick<Suggestion, 'userId' | 'content' | 'note'>,
): Promise<void> {
  await db.query(
    `INSERT INTO suggestions (announcement_id, revision, user_id, content, note)
     SELECT id, revision, $2, $3, $4 FROM announcements WHERE id = $1`,
    [announcementId, userId, JSON.stringify(content), note],
  );
}

export async function decideSuggestion(
  db: Queryable,
  id: number,
  decision: 'accepted' | 'declined',
  by: number,
): Promise<void> {
  await db.query(
    'UPDATE suggestions SET decision = $2, decided_by = $3, decided_at = now() WHERE id = $1 AND decision IS NULL',
    [id, decision, by],
  );
}
