import type pg from 'pg';
import type { Channel } from '../domain/channel.ts';
import { MAX_DEATHS, SET_APART_DEATHS } from '../domain/retry.ts';
import { type Job, queueOf } from '../pipeline/ports.ts';
import type {
  AttemptRecord,
  ClaimedDelivery,
  DeliveryStore,
  SendingFacts,
  ShardClaim,
  UnsettledDelivery,
} from '../pipeline/stores.ts';
import { loadBundle, loadSent } from './announcements.ts';
import { loadChain } from './audience.ts';
import { countChanges, countLatencies, slotOf } from './counts.ts';
import { inTransaction } from './pool.ts';
import type { Sealer } from './seal.ts';
import { AWAKE, askReceiptAt, DEATHS, doubt, RUNNABLE, rowFor, SILENT, unknownUntil } from './shards.ts';

/** Whatever becomes of its worker: what it may send is asked for in time. */
const CLAIM_SHARD = `
  UPDATE shards s SET claimed_by = $3, claimed_at = now(), enqueued_at = NULL,
    ask_receipts_at = CASE s.channel WHEN 'sms' THEN coalesce(s.ask_receipts_at, ${askReceiptAt('now()')}) END
  FROM announcements a
  WHERE s.id = $1 AND s.generation = $2 AND s.claimed_by IS NULL AND (s.due_at IS NOT NULL OR s.ask_receipts_at <= now())
    AND a.id = s.announcement_id
  RETURNING s.id AS "shardId", s.announcement_id AS "announcementId", s.channel, s.gateway, s.priority,
    s.from_n AS "fromN", s.to_n AS "toN", s.retry, s.deaths, coalesce(s.due_at <= now(), false) AS sends,
    coalesce(s.ask_receipts_at <= now(), false) AS asks`;

/** Rows of a shard that the present run may take: a webhook's later attempts are their own shard's business. */
const IN_SHARD = `d.announcement_id = $1 AND d.n BETWEEN $2 AND $3 AND (d.channel <> 'webhook' OR $4::boolean OR d.attempt = 0)`;

/** Whoever left, bounced or was removed after the row was written. */
const UNWANTED = `(EXISTS (SELECT FROM suppressions s WHERE s.channel = d.channel AND s.address = d.address_key)
  OR d.channel = 'webhook' AND NOT EXISTS (
    SELECT FROM endpoints e WHERE e.id = d.contact_id AND e.removed_at IS NULL AND e.disabled_at IS NULL))`;

/**
 * Queued rows that are not wanted any more (found here when the fan-out ran meanwhile) are suppressed. Rows in doubt
 * that would be sent again stay unknown, for they may have been sent, and rest until the announcement gives them up;
 * so do those that killed their workers.
 */
const SUPPRESS = `
  WITH rested AS (
    UPDATE deliveries d SET due_at = ${unknownUntil('d.channel')} FROM announcements a
    WHERE ${IN_SHARD} AND d.status = 'unknown' AND d.channel <> 'sms' AND d.due_at <= now() AND a.id = $1
      AND (${UNWANTED} OR ${DEATHS} >= ${MAX_DEATHS})
  ),
  changed AS (
    UPDATE deliveries d SET status = 'suppressed', error_code = 'suppressed'
    WHERE ${IN_SHARD} AND d.status = 'queued' AND ${UNWANTED}
    RETURNING d.announcement_id, d.n, d.channel, 'queued'::delivery_status AS old, d.status AS new, d.segments AS old_segments, d.segments
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, source)
    SELECT announcement_id, n, 'suppressed', 'suppressed', 'herald' FROM changed ON CONFLICT DO NOTHING
  ), ${countChanges('$5::smallint')}
  SELECT count(*) FROM changed`;

/**
 * Only while the shard is this worker's, which its burial waits for: rows that a claim took after that would be in
 * nobody's hands. And only while its provider takes anything.
 * @param order which rows come first
 */
const claimRowsBy = (order: string) => `
  WITH mine AS MATERIALIZED (
    SELECT FROM shards s WHERE s.id = $9 AND s.claimed_by = $6
      AND NOT EXISTS (SELECT FROM breakers b WHERE b.channel = s.channel AND b.gateway = s.gateway)
    FOR SHARE OF s),
  picked AS (
    SELECT d.announcement_id, d.n, d.status AS old, d.segments FROM deliveries d
    WHERE EXISTS (SELECT FROM mine) AND ${IN_SHARD}
      AND (d.status = 'queued' OR d.status = 'unknown' AND d.channel <> 'sms')
      AND (d.due_at IS NULL OR d.due_at <= now())
      AND EXISTS (SELECT FROM announcements a WHERE a.id = $1 AND a.state = 'sending'
                  AND (a.expires_at > now() OR d.channel = 'webhook'))
      AND ${AWAKE('d.channel', '$8::int')}
      AND NOT ${UNWANTED}
    ORDER BY ${order} LIMIT $7 FOR UPDATE OF d SKIP LOCKED
  ),
  claimed AS (
    UPDATE deliveries d SET status = 'sending', attempt = d.attempt + 1, worker_id = $6, claimed_at = now(), due_at = NULL
    FROM picked p WHERE d.announcement_id = p.announcement_id AND d.n = p.n
    RETURNING d.announcement_id, d.n, d.channel, d.attempt, d.tries, d.address_key, d.contact_id, d.locale, d.sequence, d.segments, p.old
  ),
  changed AS (
    SELECT announcement_id, channel, old, 'sending'::delivery_status AS new, segments AS old_segments, segments FROM claimed
  ), ${countChanges('$5::smallint')}
  SELECT c.n, c.attempt, c.tries, CASE WHEN c.old = 'unknown' THEN
      (SELECT greatest(1, count(*))::int FROM delivery_events e WHERE e.announcement_id = c.announcement_id AND e.n = c.n AND e.type = 'unknown')
    ELSE 0 END AS doubts, c.address_key AS address, c.contact_id AS "contactId", c.locale, c.sequence,
    s.name, e.url, e.sealed_secrets AS secrets
  FROM claimed c
  LEFT JOIN contacts k ON c.channel <> 'webhook' AND k.id = c.contact_id
  LEFT JOIN subscribers s ON s.id = k.subscriber_id
  LEFT JOIN endpoints e ON c.channel = 'webhook' AND e.id = c.contact_id
  ORDER BY c.n`;
const CLAIM_ROWS = claimRowsBy('d.n');
/** In a shard that kills its workers: what was tried least, so that the one that kills is the last, and no other dies with it. */
const CLAIM_UNTRIED = claimRowsBy('d.attempt, d.n');

/** Only SMS is settled by asking; the other channels are sent again under the same id (CLAIM_ROWS). */
const UNSETTLED = `
  SELECT d.n, d.attempt, d.tries, 1 AS doubts, d.address_key AS address, d.contact_id AS "contactId", d.locale, d.sequence, s.name,
    extract(epoch FROM now() - d.claimed_at) * 1000 AS "claimedAgoMs",
    (SELECT count(*)::int FROM delivery_events e
     WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'not-found' AND e.attempt = d.attempt) AS "askedBefore",
    ${DEATHS} AS deaths
  FROM deliveries d LEFT JOIN contacts k ON k.id = d.contact_id LEFT JOIN subscribers s ON s.id = k.subscriber_id
  WHERE d.announcement_id = $1 AND d.n BETWEEN $2 AND $3 AND d.channel = 'sms' AND d.status = 'unknown' AND d.due_at <= now()
  ORDER BY d.n LIMIT $4`;

/** So many announcements (single messages are some) back, whatever became of them: an SMS in doubt is minutes old, or hours. */
const RECENT_ANNOUNCEMENTS = 5_000;

/** Of those that are under way or are recent; by keys, one row an announcement. */
const OTHERS = `
  SELECT d.provider_message_id AS id FROM announcements a
  CROSS JOIN LATERAL (${rowFor('d.*', 'a.id', "'sms'::channel", '$3')}) d
  WHERE (a.state NOT IN ('completed', 'rejected') OR a.id > (SELECT max(id) FROM announcements) - ${RECENT_ANNOUNCEMENTS})
    AND d.provider_message_id = ANY ($4) AND (d.announcement_id, d.n) <> ($1, $2)`;

/**
 * Results are matched on the attempt. A status only moves up, but for `queued`: a retry takes back exactly
 * the claim that it speaks of (`sending`, or `unknown` that was settled as never sent).
 */
const RECORD = `
  WITH result AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::delivery_status[], $5::int[], $6::boolean[],
      $7::text[], $8::text[], $9::text[], $10::smallint[], $11::text[], $12::text[], $13::boolean[], $14::bigint[])
    AS r(announcement_id, n, attempt, status, due_in_ms, burnt, provider_message_id, code, detail, segments, event, dedupe, suppress, shard_id)
  ),
  locked AS (
    SELECT d.announcement_id, d.n, d.status AS old, d.segments AS old_segments, d.channel, d.address_key
    FROM deliveries d JOIN result r ON d.announcement_id = r.announcement_id AND d.n = r.n AND d.attempt = r.attempt
    ORDER BY d.announcement_id, d.n FOR UPDATE OF d
  ),
  decided AS (
    SELECT r.*, l.old, l.old_segments, l.channel, l.address_key,
      CASE WHEN r.status = 'queued' AND l.old IN ('sending', 'unknown') THEN 'queued'::delivery_status
           WHEN r.status IN ('suppressed', 'expired') AND l.old > 'unknown' THEN l.old
           ELSE greatest(l.old, r.status) END AS new
    FROM result r JOIN locked l ON l.announcement_id = r.announcement_id AND l.n = r.n
  ),
  changed AS (
    UPDATE deliveries d SET
      status = x.new,
      -- Once, also when a result is written again; an unknown row's new due time is a settlement's, which burns nothing.
      tries = d.tries + (x.burnt AND (x.old = 'sending' OR x.old = 'unknown' AND x.new <> 'unknown'))::int,
      due_at = CASE WHEN x.new NOT IN ('queued', 'unknown') THEN NULL
                    WHEN x.new = x.status AND (x.new <> x.old OR x.new = 'unknown' AND NOT x.burnt)
                    THEN now() + x.due_in_ms * interval '1 millisecond' ELSE d.due_at END,
      provider_message_id = coalesce(d.provider_message_id, x.provider_message_id),
      error_code = CASE WHEN x.new = x.status THEN x.code ELSE d.error_code END,
      segments = coalesce(x.segments, d.segments)
    FROM decided x WHERE d.announcement_id = x.announcement_id AND d.n = x.n
    RETURNING d.announcement_id, d.n, x.channel, x.old, d.status AS new, x.old_segments, d.segments, d.due_at, x.attempt, x.shard_id
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, attempt, source, code, detail)
    SELECT announcement_id, n, dedupe, event, attempt, 'worker ' || $15::int, code, detail FROM decided
    ON CONFLICT DO NOTHING
  ),
  -- What the sandbox says in a live installation is a rehearsal, and touches no real contact.
  gone AS (
    SELECT DISTINCT x.channel, x.address_key, x.code FROM decided x JOIN announcements a ON a.id = x.announcement_id
    JOIN installation i ON i.live_since IS NULL OR a.gateway = 'live'
    WHERE x.suppress
  ),
  left_at_provider AS (
    INSERT INTO suppressions (channel, address, reason, source)
    SELECT channel, address_key, 'opted-out', 'provider' FROM gone WHERE channel <> 'webhook' ORDER BY 1, 2
    ON CONFLICT DO NOTHING
  ),
  disabled AS (
    UPDATE endpoints e SET disabled_at = now(), disabled_reason = g.code
    FROM gone g WHERE g.channel = 'webhook' AND e.id::text = g.address_key AND e.disabled_at IS NULL
  ),
  own_shards AS (
    INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, retry, due_at)
    SELECT c.announcement_id, c.channel, s.gateway, s.priority, c.n, c.n, true, c.due_at
    FROM changed c JOIN shards s ON s.id = c.shard_id
    WHERE c.channel = 'webhook' AND NOT s.retry AND c.new IN ('queued', 'unknown') AND c.old = 'sending'
  ), ${countChanges('$16::smallint')}, ${countLatencies('$16::smallint')}
  SELECT count(*) FROM changed`;

/** How long a lost SMS rests before it is asked for: as long as a dead worker's. The others are sent again. */
const SETTLE_LOST = `now() + CASE d.channel WHEN 'sms' THEN interval '30 seconds' ELSE interval '0' END`;

/**
 * First the shard, then a look at its rows: a claim whose answer was lost may still be under way, and what it takes is seen
 * only by a statement that begins after it.
 */
const LOCK_SHARD = 'SELECT FROM shards WHERE id = $1 FOR UPDATE';

/** A shard of which nobody knows that it was claimed. It is as it was: no row of it was taken. */
const DROP_SHARD = `
  UPDATE shards SET claimed_by = NULL, claimed_at = NULL, enqueued_at = NULL WHERE id = $1 AND claimed_by = $2`;

/**
 * A shard is put back when nothing of it is in flight. What this worker has still claimed in it then was lost with a
 * connection, in the claim's answer or with the result: it is in doubt. Receipts are asked for when the first one is
 * overdue; that of an SMS in doubt too, for a callback may say that it was sent, and then nobody comes back to it.
 */
const RELEASE_SHARD = `
  WITH locked AS (
    SELECT d.announcement_id, d.n, $5::bigint AS shard_id FROM deliveries d
    WHERE d.announcement_id = $1 AND d.n BETWEEN $2 AND $3 AND (d.channel <> 'webhook' OR $4::boolean = (d.attempt > 1))
      AND d.status = 'sending' AND d.worker_id = $6 AND EXISTS (SELECT FROM shards s WHERE s.id = $5 AND s.claimed_by = $6)
    ORDER BY d.n FOR UPDATE OF d
  ), ${doubt(SETTLE_LOST, 'deliver', `'the claim or its result was lost'`)}, ${countChanges('$7::smallint')},
  rest AS (
    SELECT min(due) AS due, min(ask) FILTER (WHERE channel = 'sms' AND (status = 'sent' OR ask > now())) AS ask FROM (
      SELECT d.channel, d.status, CASE d.status WHEN 'queued' THEN coalesce(d.due_at, now()) WHEN 'unknown' THEN d.due_at END AS due,
        CASE WHEN d.status <> 'queued' THEN ${askReceiptAt('d.claimed_at')} END AS ask
      FROM deliveries d JOIN announcements a ON a.id = d.announcement_id
      WHERE ${IN_SHARD} AND (d.status IN ('queued', 'unknown') OR ${SILENT})
      UNION ALL
      SELECT channel, 'unknown', due_at, ${askReceiptAt('now()')} FROM doubted JOIN announcements a ON a.id = $1
      WHERE channel <> 'webhook' OR $4::boolean
    ) x
  )
  UPDATE shards s SET claimed_by = NULL, claimed_at = NULL, due_at = rest.due,
    ask_receipts_at = CASE WHEN rest.ask > now() THEN rest.ask
                           WHEN rest.ask IS NOT NULL THEN now() + $8::float8 * interval '1 millisecond' END,
    generation = s.generation + (coalesce(rest.due <= now(), false) AND ${RUNNABLE})::int,
    enqueued_at = CASE WHEN rest.due <= now() AND ${RUNNABLE} THEN now() END
  FROM rest, announcements a WHERE s.id = $5 AND s.claimed_by = $6 AND a.id = s.announcement_id
  RETURNING s.channel, s.id, s.generation, s.priority, s.enqueued_at IS NOT NULL AS due`;

interface ClaimedRow extends Omit<ClaimedDelivery, 'endpoint'> {
  readonly url: string | null;
  readonly secrets: readonly Buffer[] | null;
}

export function createDeliveryStore(pool: pg.Pool, sealer: Sealer): DeliveryStore {
  const range = (claim: ShardClaim) => [claim.announcementId, claim.fromN, claim.toN, claim.retry] as const;

  return {
    async sendingFacts(announcementId): Promise<SendingFacts> {
      const record = await loadSent(pool, announcementId);
      const bundle = await loadBundle(pool, announcementId);
      if (!bundle) throw new Error(`announcement ${announcementId} has no frozen templates`);
      const { rows } = await pool.query<{ now: Date }>('SELECT now()');
      const nowMs = rows[0]?.now.getTime() ?? Number.NaN;
      return {
        // Outsiders learn what has superseded it, not that somebody is writing a correction.
        record: { ...record, supersededBy: record.replacedBy },
        bundle,
        chain: await loadChain(pool, announcementId),
        nowMs,
        expiresInMs: (record.expiresAt?.getTime() ?? nowMs) - nowMs,
      };
    },

    claimShard: (shardId, generation, workerId) =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<ShardClaim>({
          name: 'claim-shard',
          text: CLAIM_SHARD,
          values: [shardId, generation, workerId],
        });
        const claim = rows[0];
        if (!claim) return null;
        await client.query({
          name: 'suppress-in-shard',
          text: SUPPRESS,
          values: [...range(claim), slotOf(workerId)],
        });
        return claim;
      }),

    async claimRows(claim, limit, workerId) {
      const { rows } = await pool.query<ClaimedRow>({
        ...(claim.deaths < SET_APART_DEATHS
          ? { name: 'claim-rows', text: CLAIM_ROWS }
          : { name: 'claim-untried', text: CLAIM_UNTRIED }),
        values: [...range(claim), slotOf(workerId), workerId, limit, claim.priority, claim.shardId],
      });
      return rows.map(({ url, secrets, ...row }) => ({
        ...row,
        endpoint: url === null ? null : { url, secrets: (secrets ?? []).map((s) => sealer.open(s)) },
      }));
    },

    async unsettled(claim, limit) {
      const { rows } = await pool.query<Omit<UnsettledDelivery, 'endpoint'>>({
        name: 'unsettled',
        text: UNSETTLED,
        values: [claim.announcementId, claim.fromN, claim.toN, limit],
      });
      return rows.map((row) => ({ ...row, claimedAgoMs: Number(row.claimedAgoMs), endpoint: null }));
    },

    async otherMessages(announcementId, { n, address }, ids) {
      const { rows } = await pool.query<{ id: string }>({
        name: 'other-messages',
        text: OTHERS,
        values: [announcementId, n, address, ids],
      });
      return new Set(rows.map(({ id }) => id));
    },

    async record(results, workerId) {
      const column = <K extends keyof AttemptRecord>(key: K) => results.map((r) => r[key]);
      await pool.query({
        name: 'record',
        text: RECORD,
        values: [
          column('announcementId'),
          column('n'),
          column('attempt'),
          column('status'),
          column('dueInMs'),
          column('burnt'),
          column('providerMessageId'),
          column('code'),
          column('detail'),
          column('segments'),
          column('event'),
          column('dedupe'),
          column('suppress'),
          column('shardId'),
          workerId,
          slotOf(workerId),
        ],
      });
    },

    dropShard: (shardId, workerId) =>
      inTransaction(pool, async (client) => {
        await client.query({ name: 'lock-shard', text: LOCK_SHARD, values: [shardId] });
        await client.query({ name: 'drop-shard', text: DROP_SHARD, values: [shardId, workerId] });
      }),

    async releaseShard(claim, workerId, askInMs = 0) {
      const { rows } = await inTransaction(pool, async (client) => {
        await client.query({ name: 'lock-shard', text: LOCK_SHARD, values: [claim.shardId] });
        return client.query<{
          channel: Channel;
          id: number;
          generation: number;
          priority: number;
          due: boolean;
        }>({
          name: 'release-shard',
          text: RELEASE_SHARD,
          values: [...range(claim), claim.shardId, workerId, slotOf(workerId), askInMs],
        });
      });
      const shard = rows[0];
      if (!shard?.due) return null;
      return {
        queue: queueOf(shard.channel, shard.priority),
        id: shard.id,
        generation: shard.generation,
        priority: shard.priority,
      } satisfies Job;
    },

    async pauseFor(announcementId, reason) {
      await pool.query(
        `WITH paused AS (
           UPDATE announcements SET state = 'paused', reason = $2 WHERE id = $1 AND state = 'sending' AND kind <> 'message' RETURNING id, revision)
         INSERT INTO announcement_acts (announcement_id, revision, act, reason) SELECT id, revision, 'pause', $2 FROM paused`,
        [announcementId, reason],
      );
    },
  };
}
