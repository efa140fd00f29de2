import type pg from 'pg';
import type { Channel } from '../domain/channel.ts';
import { groupBy } from '../domain/group-by.ts';
import { SET_APART_DEATHS } from '../domain/retry.ts';
import { type Job, queueOf, SINGLE_PRIORITY } from '../pipeline/ports.ts';
import type { SweepStore } from '../pipeline/stores.ts';
import { countChanges } from './counts.ts';
import { toJob } from './expansions.ts';
import { inTransaction, pastDeadlocks } from './pool.ts';
import { doubt, RUNNABLE, unknownUntil } from './shards.ts';

/**
 * Jobs that may wait in one queue at one priority. The queue is a wake-up call: a short one costs little memory,
 * holds no message that cannot be found again, and is noticed soon when it is lost.
 */
const WINDOW = 64;
/** A job that nobody took for so long counts as lost, and its shard is enqueued under the next generation. */
const LOST_AFTER = `interval '15 seconds'`;
/** Shards that are asked for receipts at a time, by all workers together. */
const ASKING = 2;
const LOWEST_PRIORITY = 4;
/** A single message is to be through within ten seconds, whatever the queue has lost. */
const SHARD_LOST_AFTER = `(CASE WHEN s.priority = ${SINGLE_PRIORITY} THEN interval '3 seconds' ELSE ${LOST_AFTER} END)`;
/** No run of a shard takes so long: its worker lives and does not know that it has it (a lost acknowledgement). */
const FORGOTTEN_AFTER = `interval '10 minutes'`;
/** The advisory lock that the sweeping process holds. */
const LEADER_LOCK = 7_239_846;

/** A leader whose turn takes longer has been stopped or cut off, as far as anybody can tell: another one may lead. */
const LONGEST_TURN = '20s';

/** When sweeping, or the database, was away, workers could not be heard: nobody is declared dead for a lease. */
const NOTE_TURN = `
  UPDATE sweeper SET turn_at = clock_timestamp(),
    bury_from = CASE WHEN turn_at < clock_timestamp() - interval '5 seconds'
                     THEN clock_timestamp() + $1 * interval '1 millisecond' ELSE bury_from END`;
/** A turn that takes long is no absence. */
const NOTE_END = 'UPDATE sweeper SET turn_at = clock_timestamp()';

const START_DUE = `
  WITH started AS (
    UPDATE announcements SET state = 'sending'
    WHERE id IN (SELECT id FROM announcements
      WHERE state = 'approved' AND (scheduled_at IS NULL OR scheduled_at <= now()) AND expires_at > now()
      FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, revision
  ),
  acts AS (INSERT INTO announcement_acts (announcement_id, revision, act) SELECT id, revision, 'start' FROM started)
  SELECT count(*) FROM started`;

/** One that is locked is being written by somebody: nothing here waits for a process that may have been stopped. */
const ENQUEUE_EXPANSIONS = `
  WITH due AS (
    SELECT e.announcement_id AS id, a.urgency FROM expansions e JOIN announcements a ON a.id = e.announcement_id
    WHERE a.state = 'sending' AND e.phase <> 'done'
      AND (e.enqueued_at IS NULL OR e.enqueued_at < now() - ${LOST_AFTER})
    FOR UPDATE OF e SKIP LOCKED
  )
  UPDATE expansions e SET generation = e.generation + 1, enqueued_at = now()
  FROM due WHERE e.announcement_id = due.id
  RETURNING due.id, e.generation, due.urgency`;

/** Per queue and priority: as many due shards as its window has room for, the earliest first. */
const ENQUEUE_SHARDS = `
  WITH waiting AS (
    SELECT channel, priority, count(*) AS n FROM shards
    WHERE due_at IS NOT NULL AND claimed_by IS NULL AND enqueued_at >= now() - ${LOST_AFTER} GROUP BY channel, priority
  ),
  due AS (
    SELECT picked.id, picked.lost FROM unnest(enum_range(NULL::channel)) AS c(channel), unnest(ARRAY[1, 2, 3, 4]) AS p(priority)
    CROSS JOIN LATERAL (
      SELECT s.id, s.enqueued_at IS NOT NULL AS lost FROM shards s JOIN announcements a ON a.id = s.announcement_id
      WHERE s.channel = c.channel AND s.priority = p.priority AND s.due_at <= now() AND s.claimed_by IS NULL
        AND (s.enqueued_at IS NULL OR s.enqueued_at < now() - ${SHARD_LOST_AFTER}) AND ${RUNNABLE}
      ORDER BY s.due_at, s.id
      LIMIT greatest(0, ${WINDOW} - coalesce((SELECT w.n FROM waiting w WHERE w.channel = c.channel AND w.priority = p.priority), 0))
      FOR UPDATE OF s SKIP LOCKED
    ) picked
  )
  UPDATE shards s SET generation = s.generation + 1, enqueued_at = now() FROM due WHERE s.id = due.id
  RETURNING s.id, s.channel, s.generation, s.priority, due.lost`;

/**
 * Shards whose receipts are overdue, whatever has become of their announcements: a few, the longest overdue first, at
 * the lowest priority.
 */
const ENQUEUE_ASKING = `
  WITH asking AS (
    SELECT count(*) AS n FROM (
      SELECT FROM shards WHERE claimed_by IS NOT NULL AND ask_receipts_at <= now()
      UNION ALL
      SELECT FROM shards WHERE ask_receipts_at <= now() AND claimed_by IS NULL AND enqueued_at >= now() - ${LOST_AFTER}
    ) x
  ),
  picked AS (
    SELECT s.id FROM shards s
    WHERE s.ask_receipts_at <= now() AND s.claimed_by IS NULL
      AND (s.enqueued_at IS NULL OR s.enqueued_at < now() - ${LOST_AFTER})
      AND NOT EXISTS (SELECT FROM breakers b WHERE b.channel = s.channel AND b.gateway = s.gateway)
    ORDER BY s.ask_receipts_at, s.id LIMIT greatest(0, ${ASKING} - (SELECT n FROM asking))
    FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE shards s SET generation = s.generation + 1, enqueued_at = now() FROM picked WHERE s.id = picked.id
  RETURNING s.id, s.channel, s.generation, ${LOWEST_PRIORITY} AS priority`;

/**
 * A dead worker's claims: its rows become `unknown` (they may have been sent), its shards are free again. So are
 * those of a worker that left without putting them back, because the database did not answer it any more. Two
 * statements of one transaction: what a claim wrote while the first one waited for it is seen by the second one only.
 */
const FREE_SHARDS = `
  WITH dead AS (
    UPDATE workers SET ended_at = clock_timestamp(), died = true
    WHERE ended_at IS NULL AND heartbeat_at < clock_timestamp() - $1 * interval '1 millisecond'
      AND EXISTS (SELECT FROM sweeper WHERE bury_from <= clock_timestamp())
    RETURNING id, kind
  ),
  gone AS (
    SELECT s.id AS shard_id, w.id AS worker_id FROM shards s JOIN workers w ON w.id = s.claimed_by
    WHERE s.claimed_by IS NOT NULL
      AND (w.ended_at IS NOT NULL OR w.id IN (SELECT id FROM dead)
        OR s.claimed_at < now() - ${FORGOTTEN_AFTER} AND EXISTS (SELECT FROM sweeper WHERE bury_from <= clock_timestamp()))
  ),
  freed AS (
    UPDATE shards s SET claimed_by = NULL, claimed_at = NULL, deaths = s.deaths + 1, enqueued_at = NULL,
      due_at = least(s.due_at, now())
    FROM gone WHERE s.id = gone.shard_id AND s.claimed_by = gone.worker_id
    RETURNING s.id, s.deaths, gone.worker_id
  )
  SELECT dead.id, dead.kind, f.id AS "shardId", f.deaths, coalesce(f.worker_id, dead.id) AS "workerId"
  FROM dead FULL JOIN freed f ON f.worker_id = dead.id ORDER BY dead.id, f.id`;

const DOUBT_ROWS = `
  WITH locked AS (
    SELECT d.announcement_id, d.n, f.id AS shard_id
    FROM (SELECT s.*, w.worker_id FROM unnest($1::bigint[], $2::int[]) AS w(shard_id, worker_id)
          JOIN shards s ON s.id = w.shard_id ORDER BY s.announcement_id, s.from_n) f
    -- Range by range: the planner cannot know that a worker holds few shards.
    CROSS JOIN LATERAL (
      SELECT d.announcement_id, d.n FROM deliveries d
      WHERE d.announcement_id = f.announcement_id AND d.n BETWEEN f.from_n AND f.to_n
        AND d.status = 'sending' AND d.worker_id = f.worker_id AND (d.channel <> 'webhook' OR f.retry = (d.attempt > 1))
      ORDER BY d.n FOR UPDATE OF d
    ) d
  ), ${doubt(
    `now() + ($3::jsonb ->> d.channel::text)::int * interval '1 millisecond'`,
    'sweep',
    `'worker ' || worker_id || ' died holding it'`,
  )}, ${countChanges('0::smallint')}
  SELECT worker_id AS "workerId", count(*)::int AS rows FROM doubted GROUP BY worker_id`;

interface Freed {
  /** Null for a worker that had ended by itself. */
  readonly id: number | null;
  readonly kind: string;
  /** Null when it held none. */
  readonly shardId: number | null;
  readonly deaths: number;
  readonly workerId: number;
}

/** Queued rows of what was cancelled, or has expired for citizens: shard by shard, a bounded batch a call. */
const STOP_ROWS = `
  WITH stopped AS MATERIALIZED (
    SELECT s.id, s.announcement_id, s.from_n, s.to_n,
      CASE WHEN a.state = 'cancelled' THEN 'cancelled' ELSE 'expired' END::delivery_status AS status
    FROM shards s JOIN announcements a ON a.id = s.announcement_id
    WHERE s.due_at IS NOT NULL AND s.claimed_by IS NULL AND (
      a.state = 'cancelled' OR (a.expires_at <= now() AND s.channel <> 'webhook'
        -- One that was in doubt is found not to have been sent when all the rest is over.
        AND (a.state IN ('sending', 'paused', 'approved', 'expired') OR a.state = 'completed' AND s.due_at <= now())))
  ),
  over AS (
    SELECT t.* FROM stopped t JOIN shards s ON s.id = t.id AND s.due_at IS NOT NULL AND s.claimed_by IS NULL
    CROSS JOIN LATERAL (
      SELECT FROM deliveries d WHERE d.announcement_id = t.announcement_id AND d.n BETWEEN t.from_n AND t.to_n AND d.status = 'queued'
      LIMIT 1
    ) queued
    ORDER BY t.id LIMIT 10 FOR UPDATE OF s SKIP LOCKED
  ),
  locked AS (
    -- Range by range, as above.
    SELECT d.announcement_id, d.n, o.status FROM (SELECT * FROM over ORDER BY announcement_id, from_n) o
    CROSS JOIN LATERAL (
      SELECT d.announcement_id, d.n FROM deliveries d
      WHERE d.announcement_id = o.announcement_id AND d.n BETWEEN o.from_n AND o.to_n AND d.status = 'queued'
      ORDER BY d.n FOR UPDATE OF d
    ) d
  ),
  changed AS (
    UPDATE deliveries d SET status = l.status, due_at = NULL FROM locked l
    WHERE d.announcement_id = l.announcement_id AND d.n = l.n
    RETURNING d.announcement_id, d.n, d.channel, 'queued'::delivery_status AS old, d.status AS new, d.segments AS old_segments, d.segments
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, source)
    SELECT announcement_id, n, new::text, new::text, 'sweep' FROM changed ON CONFLICT DO NOTHING
  ),
  idle AS (
    UPDATE shards s SET due_at = (
      SELECT min(d.due_at) FROM deliveries d
      WHERE d.announcement_id = s.announcement_id AND d.n BETWEEN s.from_n AND s.to_n AND d.status = 'unknown')
    FROM over o WHERE s.id = o.id
  ), ${countChanges('0::smallint')}
  SELECT count(*)::int AS n FROM changed`;

/** Whether an announcement `a` has no such row, by its counts. */
const none = (which: string) => `NOT EXISTS (
  SELECT FROM delivery_counts c WHERE c.announcement_id = a.id AND ${which}
  GROUP BY c.channel, c.status HAVING sum(c.n) > 0)`;

/**
 * Nothing queued or sending, and what is unknown is settled or past its bound: completed.
 * What was held back past its expiry with nothing left to send: expired.
 */
const FINISH = `
  WITH over AS (
    SELECT a.id, CASE a.state WHEN 'sending' THEN 'completed' ELSE 'expired' END AS state
    FROM announcements a LEFT JOIN expansions e ON e.announcement_id = a.id
    WHERE ${none(`c.status IN ('queued', 'sending')`)} AND (
      a.state = 'sending' AND e.phase = 'done' AND ${none(`c.status = 'unknown' AND ${unknownUntil('c.channel')} > now()`)}
      OR a.state IN ('submitted', 'approved', 'paused') AND a.expires_at <= now())
    FOR UPDATE OF a SKIP LOCKED
  ),
  finished AS (
    UPDATE announcements a SET ended_at = now(), state = over.state FROM over WHERE a.id = over.id
    RETURNING a.id, a.revision, a.state
  ),
  acts AS (
    INSERT INTO announcement_acts (announcement_id, revision, act)
    SELECT id, revision, CASE state WHEN 'expired' THEN 'expire' ELSE 'complete' END FROM finished
  )
  SELECT id FROM finished`;

/** Counts against rows, once, when an announcement is finished; a difference is put right and returned. */
const RECONCILE = `
  WITH difference AS (
    SELECT channel, status, sum(n) AS n FROM (
      SELECT channel, status, count(*) AS n FROM deliveries WHERE announcement_id = $1 GROUP BY 1, 2
      UNION ALL
      SELECT channel, status, -n FROM delivery_counts WHERE announcement_id = $1
    ) x GROUP BY 1, 2 HAVING sum(n) <> 0
  ),
  mended AS (
    INSERT INTO delivery_counts AS c (announcement_id, channel, status, slot, n)
    SELECT $1, channel, status, 0, n FROM difference ORDER BY 2, 3
    ON CONFLICT (announcement_id, channel, status, slot) DO UPDATE SET n = c.n + excluded.n
  )
  SELECT channel, status, n::int FROM difference`;

/** @param keyed for what goes by keys alone */
export function createSweepStore(pool: pg.Pool, keyed: pg.Pool): SweepStore {
  const one = async (sql: string, values: unknown[] = []) => (await pool.query(sql, values)).rows;
  /** Asked after each slice and every second: planned once. */
  const often = async (name: string, text: string) => (await pool.query({ name, text })).rows;

  return {
    async lead(graceMs, turn) {
      // The transaction's, so that a leader that was stopped loses it.
      return inTransaction(pool, async (client) => {
        await client.query(`SET LOCAL idle_in_transaction_session_timeout = '${LONGEST_TURN}'`);
        const { rows } = await client.query<{ led: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS led', [
          LEADER_LOCK,
        ]);
        if (!rows[0]?.led) return false;
        await pool.query(NOTE_TURN, [graceMs]);
        await turn();
        await pool.query(NOTE_END);
        return true;
      });
    },

    async startDue() {
      await often('start-due', START_DUE);
      return (await often('enqueue-expansions', ENQUEUE_EXPANSIONS)).map(toJob);
    },

    async enqueueDue() {
      const rows: { id: number; channel: Channel; generation: number; priority: number; lost?: boolean }[] =
        await often('enqueue-shards', ENQUEUE_SHARDS);
      rows.push(...(await often('enqueue-asking', ENQUEUE_ASKING)));
      return rows.map(
        (r): Job => ({
          queue: queueOf(r.channel, r.priority),
          id: r.id,
          generation: r.generation,
          priority: r.priority,
          ...(r.lost && { replaces: true }),
        }),
      );
    },

    // A worker that puts a shard back meanwhile locks rows and shard the other way round.
    buryDead: (silentMs, settleAfterMs) =>
      pastDeadlocks(() =>
        inTransaction(pool, async (client) => {
          const { rows: freed } = await client.query<Freed>(FREE_SHARDS, [silentMs]);
          const held = freed.filter(({ shardId }) => shardId !== null);
          const { rows: doubted } = await client.query<{ workerId: number; rows: number }>(DOUBT_ROWS, [
            held.map(({ shardId }) => shardId),
            held.map(({ workerId }) => workerId),
            JSON.stringify(settleAfterMs),
          ]);
          return [...groupBy(freed, ({ id }) => id)].flatMap(([id, shards]) =>
            id === null
              ? []
              : {
                  id,
                  kind: shards[0]?.kind ?? '',
                  rows: doubted.find(({ workerId }) => workerId === id)?.rows ?? 0,
                  setApart: shards.flatMap((s) => (s.deaths === SET_APART_DEATHS ? (s.shardId ?? []) : [])),
                },
          );
        }),
      ),

    async stopRows() {
      return (await keyed.query({ name: 'stop-rows', text: STOP_ROWS })).rows[0]?.n ?? 0;
    },

    async finish() {
      const finished = [];
      for (const { id } of await one(FINISH)) finished.push({ id, miscounted: await one(RECONCILE, [id]) });
      return finished;
    },
  };
}
