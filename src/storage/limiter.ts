import type pg from 'pg';
import type { Limiter } from '../pipeline/ports.ts';

/** Seconds of the rate that one grant covers at most, and how far ahead of its time it may be given unless said otherwise. */
const BLOCK = 0.1;
/** It may be given so many seconds ahead at most. */
const AHEAD = 1;
/** How long a refused priority keeps the ones below it waiting. */
const DEMAND = 1;

/** Longest that a refused caller is told to wait, in seconds: within {@link DEMAND}, or its demand would lapse. */
const RETRY = 0.5;
/** As many tokens may be owed: a few messages of many segments that cost more than was thought. */
const MOST_OWED = 64;

/**
 * GCRA in one row: the theoretical arrival time moves on by what is granted. A caller that would have to wait
 * longer than it asks for gets nothing and asks again; while a higher priority asks in vain, lower ones get nothing (an
 * ask for later than the next block neither begins nor ends that).
 * What is owed moves it on as well, whosever turn it is. A `tat` further off than any grant can put it means that the
 * clock was set back: it is pulled near.
 */
const RESERVE = `
  WITH clock AS (SELECT extract(epoch FROM clock_timestamp())::float8 AS now),
  bucket AS (
    SELECT l.waiting, c.now,
      greatest(c.now, due.tat) AS start, due.tat,
      EXISTS (SELECT FROM generate_series(1, $4::int - 1) AS p
              WHERE l.waiting[p] > c.now - ${DEMAND} AND l.waiting[p] <= c.now) AS outranked
    FROM limits l, clock c
    CROSS JOIN LATERAL (
      SELECT least(l.tat, c.now + ${AHEAD} + greatest(${BLOCK}, ${MOST_OWED} / $2::float8)) + $5::float8 / $2::float8 AS tat
    ) due
    WHERE l.bucket = $1 FOR UPDATE OF l
  ),
  granted AS (
    SELECT *, CASE WHEN outranked OR start > now + $7::float8 THEN 0
                   ELSE least($3::int, greatest($6::int, floor($2::float8 * ${BLOCK})::int)) END AS n
    FROM bucket
  ),
  written AS (
    UPDATE limits l SET
      tat = CASE WHEN g.n > 0 THEN g.start + g.n / $2::float8 ELSE g.tat END,
      waiting = CASE WHEN $3::int = 0 OR $7::float8 > ${BLOCK} THEN l.waiting
        ELSE l.waiting[1:$4::int - 1] || (CASE WHEN g.n < $3::int THEN g.now ELSE 0 END) || l.waiting[$4::int + 1:4] END
    FROM granted g WHERE l.bucket = $1
  )
  SELECT n AS granted, (CASE WHEN n > 0 THEN start - now WHEN outranked THEN ${BLOCK} ELSE least(${RETRY}, start - now - ${BLOCK} / 2) END) * 1000 AS "inMs"
  FROM granted`;

/** Limits across all processes by one row a bucket, on the database's clock. */
export function createPostgresLimiter(pool: pg.Pool): Limiter {
  const known = new Set<string>();
  return {
    async reserve({ bucket, ratePerSecond, wanted, priority, atLeast = 1, owed = 0, withinMs }) {
      if (!known.has(bucket)) {
        await pool.query('INSERT INTO limits (bucket) VALUES ($1) ON CONFLICT DO NOTHING', [bucket]);
        known.add(bucket);
      }
      const { rows } = await pool.query<{ granted: number; inMs: number }>({
        name: 'reserve',
        text: RESERVE,
        values: [
          bucket,
          ratePerSecond,
          Math.max(0, Math.floor(wanted)),
          priority,
          owed,
          Math.ceil(atLeast),
          withinMs === undefined ? BLOCK : Math.min(AHEAD, withinMs / 1_000),
        ],
      });
      const { granted = 0, inMs = 100 } = rows[0] ?? {};
      return { granted, inMs: Math.max(0, inMs) };
    },
  };
}
