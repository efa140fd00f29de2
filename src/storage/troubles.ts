import type pg from 'pg';
import type { Trouble, Troubles } from '../domain/progress.ts';

/** Shards that are looked at while an announcement is being sent: 20,000 rows at most, whatever its size. */
const SHARDS = 40;

/**
 * Reasons by code, in shards that lie evenly over the announcement ($2 of them; NULL: all), each row by its key. A
 * webhook's retries have shards of their own over rows that the first ones hold already.
 */
const TROUBLES = `
  WITH numbered AS (
    SELECT from_n, to_n, row_number() OVER (ORDER BY from_n) - 1 AS place, count(*) OVER () AS total,
      sum(to_n - from_n + 1) OVER () AS rows
    FROM shards WHERE announcement_id = $1 AND NOT retry
  ),
  picked AS (
    SELECT from_n, to_n, rows FROM numbered
    WHERE $2::int IS NULL OR total <= $2 OR (place + 1) * $2 / total > place * $2 / total
  ),
  seen AS (SELECT coalesce(sum(to_n - from_n + 1)::float8 / max(rows)::float8, 1) AS share FROM picked)
  SELECT d.channel, d.status, coalesce(d.error_code, CASE d.status WHEN 'expired' THEN 'expired' ELSE '' END) AS code, count(*)::int AS n, (SELECT share FROM seen) AS share
  FROM picked p CROSS JOIN LATERAL (
    -- OFFSET keeps the statuses out: troubles are few, so the planner would look for them in the whole announcement.
    SELECT channel, status, error_code FROM deliveries WHERE announcement_id = $1 AND n BETWEEN p.from_n AND p.to_n OFFSET 0
  ) d
  WHERE d.status IN ('failed', 'undelivered', 'unknown', 'suppressed', 'expired') OR d.error_code IS NOT NULL AND d.status = 'queued'
  GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3 LIMIT 50`;

/**
 * Why messages did not arrive, the most frequent first.
 * @param sampled from a bounded part of the messages, scaled up; for while they are being sent
 */
export async function loadTroubles(
  db: Pick<pg.Pool, 'query'>,
  announcementId: number,
  sampled: boolean,
): Promise<Troubles> {
  const { rows } = await db.query<Trouble & { readonly share: number }>(TROUBLES, [
    announcementId,
    sampled ? SHARDS : null,
  ]);
  const share = rows[0]?.share ?? 1;
  return {
    share,
    groups: rows.map(({ share: _, n, ...group }) => ({ ...group, n: Math.round(n / share) })),
  };
}
