import type pg from 'pg';
import type { HistoryEntry, HistoryStore } from '../pipeline/citizen-store.ts';

/** By the index on channel, announcement and address: one look for each announcement, until there are enough. */
const HISTORY = `
  SELECT d.announcement_id AS "announcementId", d.n, d.channel, d.status, d.error_code AS code, d.kind, d.content,
    (SELECT max(e.at) FROM delivery_events e WHERE e.announcement_id = d.announcement_id AND e.n = d.n) AS at
  FROM contacts k CROSS JOIN LATERAL (
    SELECT d.*, a.kind, CASE a.kind WHEN 'message' THEN '{}' ELSE r.draft -> 'content' END AS content FROM announcements a
    JOIN deliveries d ON d.announcement_id = a.id AND d.channel = k.channel AND d.address_key = k.address
    JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision
    WHERE a.id <= $2 AND (a.id, d.n) < ($2, $3) ORDER BY a.id DESC, d.n DESC LIMIT $4) d
  WHERE k.subscriber_id = $1 ORDER BY d.announcement_id DESC, d.n DESC LIMIT $4`;

/** What citizens got. */
export const createHistoryStore = (pool: pg.Pool): HistoryStore => ({
  async of(subscriberId, { before, limit }) {
    const { announcementId, n } = before ?? { announcementId: Number.MAX_SAFE_INTEGER, n: 0 };
    const { rows } = await pool.query<HistoryEntry>(HISTORY, [subscriberId, announcementId, n, limit]);
    return rows;
  },
});
