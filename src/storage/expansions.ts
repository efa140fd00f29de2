import type pg from 'pg';
import type { Kind, Urgency } from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import type { Job } from '../pipeline/ports.ts';
import type { ExpansionStore } from '../pipeline/stores.ts';
import { IN_AUDIENCE, loadChain, MAY_HAVE_READ, READERS_OF } from './audience.ts';
import { inTransaction } from './pool.ts';
import { rowFor } from './shards.ts';

/** Contacts looked at in one transaction; sending starts with the first slice. */
const SLICE = 20_000;
/** Contacts of which nobody is in the audience are passed over at once, for so long at a time. Milliseconds. */
const PASS_OVER_MS = 500;
const SHARD_ROWS = 500;
/** First attempts of webhooks; a retry has a shard of its own. */
const WEBHOOK_SHARD_ROWS = 100;

/** BullMQ priorities; 1 is the lane of single messages. */
export const PRIORITY: Readonly<Record<Urgency, number>> = { urgent: 2, normal: 3, routine: 4 };

interface Expansion {
  readonly channels: readonly Channel[];
  readonly topics: readonly number[];
  readonly districts: readonly number[];
  readonly phase: 'endpoints' | 'reached' | 'audience' | 'done';
  /** Text: two numbers in one of 64 bits, which JavaScript's cannot hold. */
  readonly cursor: string;
  readonly upper: number;
  readonly nextN: number;
  readonly generation: number;
  readonly state: string;
  readonly kind: Kind;
  readonly urgency: Urgency;
  readonly gateway: Gateway;
  readonly defaultLocale: string;
}

/**
 * Writes the rows of `candidates (channel, id, address_key, locale, sequence)`, their shards and counts. No candidate
 * may have a row already: so nothing is asked of the rows that were written, everything follows from their numbers.
 * Parameters: $1 announcement, $2 next n, $3 gateway, $4 priority, $5 counter slot.
 */
const FAN_OUT = `
  numbered AS MATERIALIZED (
    SELECT *, ($2::int + row_number() OVER (ORDER BY channel, id) - 1)::int AS n FROM candidates
  ),
  inserted AS (
    INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale, sequence)
    SELECT $1::bigint, n, channel, id, address_key, locale, sequence FROM numbered
  ),
  ranges AS MATERIALIZED (
    SELECT channel, min(n) AS low, max(n) AS high,
      CASE channel WHEN 'webhook' THEN ${WEBHOOK_SHARD_ROWS} ELSE ${SHARD_ROWS} END AS size
    FROM numbered GROUP BY channel
  ),
  sharded AS (
    INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, due_at)
    SELECT $1::bigint, channel, $3::gateway, $4::smallint, from_n, least(from_n + size - 1, high), now()
    FROM ranges, generate_series(low, high, size) AS from_n ORDER BY from_n
  ),
  counted AS (
    INSERT INTO delivery_counts AS c (announcement_id, channel, status, slot, n)
    SELECT $1::bigint, channel, 'queued', $5::smallint, high - low + 1 FROM ranges ORDER BY channel
    ON CONFLICT (announcement_id, channel, status, slot) DO UPDATE SET n = c.n + excluded.n
  )`;

const NEXT = `(SELECT coalesce(max(high) + 1, $2::int) FROM ranges) AS "nextN"`;

/** Outlets of the audience ($6 topics, $7 districts; not when $9), and all that a superseded one ($8) addressed. */
const ENDPOINTS = `
  WITH addressed AS (
    SELECT e.id FROM endpoints e
    WHERE e.removed_at IS NULL AND e.disabled_at IS NULL AND (
      NOT $9::boolean AND EXISTS (SELECT FROM (SELECT e.topics, e.districts) s WHERE ${IN_AUDIENCE('$6::int[]', '$7::int[]')})
      OR EXISTS (SELECT FROM deliveries d WHERE d.announcement_id = ANY ($8::bigint[]) AND d.channel = 'webhook' AND d.address_key = e.id::text))
    ORDER BY e.id FOR UPDATE OF e
  ),
  bumped AS (
    UPDATE endpoints e SET last_sequence = e.last_sequence + 1 FROM addressed a WHERE e.id = a.id
    RETURNING e.id, e.last_sequence
  ),
  candidates AS (
    SELECT 'webhook'::channel AS channel, id, id::text AS address_key, $10::text AS locale, last_sequence AS sequence FROM bumped
  ), ${FAN_OUT}
  SELECT 0 AS seen, '0' AS cursor, ${NEXT}`;

/**
 * A citizen who is to be addressed has not left, and (if that may be) has no row yet. Over `contacts k`. Rows are looked up one
 * by one: the statistics know nothing of those that were written a moment ago, and a join would go through all of them each time.
 */
const NOT_LEFT =
  'NOT EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address)';
const NOT_YET = `(${rowFor('d.n', '$1::bigint', 'k.channel', 'k.address')}) IS NULL`;

/** Who got or may have got a superseded text ($6), on the same channel, at their present address, less who left since. */
const REACHED = `
  WITH slice AS (
    SELECT d.announcement_id, d.n, d.channel, d.contact_id, d.address_key, d.status, d.attempt FROM deliveries d
    WHERE d.announcement_id = ANY ($6::bigint[]) AND (d.announcement_id, d.n) > ($7::bigint >> 32, ($7::bigint & 4294967295)::int)
    ORDER BY d.announcement_id, d.n LIMIT ${SLICE}
  ),
  candidates AS (
    SELECT DISTINCT k.channel, k.id, k.address AS address_key, s.locale, NULL::int AS sequence
    FROM slice d ${READERS_OF} JOIN subscribers s ON s.id = k.subscriber_id
    WHERE ${MAY_HAVE_READ} AND ${NOT_LEFT} AND ${NOT_YET}
  ), ${FAN_OUT}
  SELECT (SELECT count(*)::int FROM slice) AS seen,
    (SELECT ((announcement_id << 32) + n)::text FROM slice ORDER BY announcement_id DESC, n DESC LIMIT 1) AS cursor, ${NEXT}`;

/** The next contacts by id, up to the highest one at approval, and whose they are: bounds that a plan can be made by. */
const BOUNDS = `
  SELECT count(*)::int AS seen, max(id) AS last, min(subscriber_id) AS "from", max(subscriber_id) AS "to"
  FROM (SELECT id, subscriber_id FROM contacts WHERE id > $1 AND id <= $2 ORDER BY id LIMIT ${SLICE}) slice`;

/** The audience's contacts in a slice: after $9, up to $10, of subscribers $11 to $12. */
const AUDIENCE = (careful: boolean) => `
  WITH candidates AS (
    SELECT k.channel, k.id, k.address AS address_key, s.locale, NULL::int AS sequence
    FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
    WHERE k.id > $9::bigint AND k.id <= $10::bigint AND s.id BETWEEN $11::bigint AND $12::bigint
      AND k.channel = ANY ($6::channel[]) AND ${IN_AUDIENCE('$7::int[]', '$8::int[]')}
      AND ${NOT_LEFT} ${careful ? `AND ${NOT_YET}` : ''}
  ), ${FAN_OUT}
  SELECT ${NEXT}`;

/** The job of an expansion's slice. */
export const toJob = (expansion: { id: number; generation: number; urgency: Urgency }): Job => ({
  queue: 'expand',
  id: expansion.id,
  generation: expansion.generation,
  priority: PRIORITY[expansion.urgency],
});

interface SliceResult {
  readonly seen: number;
  readonly cursor: string | null;
  readonly nextN: number;
}

interface Bounds {
  readonly seen: number;
  readonly last: number | null;
  readonly from: number | null;
  readonly to: number | null;
}

const UNIQUE_VIOLATION = '23505';

/**
 * @param slot of the counters, see src/storage/counts.ts
 * @param passOverMs how long contacts that are not concerned are passed over within one job
 */
export function createExpansionStore(pool: pg.Pool, slot: number, passOverMs = PASS_OVER_MS): ExpansionStore {
  const runSlice = (announcementId: number, generation: number, careful: boolean) =>
    inTransaction(pool, async (client): Promise<'more' | 'nobody' | 'done' | 'waiting' | 'stopped'> => {
      // First the lock, then a look: whether it is still being sent may have changed while it was waited for.
      await client.query({
        name: 'lock-expansion',
        text: 'SELECT FROM expansions WHERE announcement_id = $1 FOR UPDATE',
        values: [announcementId],
      });
      const { rows } = await client.query<Expansion>({
        name: 'read-expansion',
        text: `SELECT e.channels::text[] AS channels, e.topics, e.districts, e.phase, e.cursor::text AS cursor, e.upper_contact AS upper,
             e.next_n AS "nextN", e.generation, a.state, a.kind, a.urgency, a.gateway,
             t.bundle ->> 'defaultLocale' AS "defaultLocale"
           FROM expansions e JOIN announcements a ON a.id = e.announcement_id
           JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision
           JOIN template_bundles t ON t.sha256 = r.bundle_sha256
           WHERE e.announcement_id = $1`,
        values: [announcementId],
      });
      const expansion = rows[0];
      if (expansion?.generation !== generation) return 'stopped';
      if (expansion.phase === 'done') return 'done';
      const chain = await loadChain(client, announcementId);
      const stopped = expansion.state !== 'sending';
      if (stopped || (await underWay(client, chain))) {
        // No job is under way from here on: the sweeper enqueues the next one when it may go on.
        await client.query('UPDATE expansions SET enqueued_at = NULL WHERE announcement_id = $1', [
          announcementId,
        ]);
        return stopped ? 'stopped' : 'waiting';
      }
      const next = await runPhase(client, announcementId, expansion, chain, slot, careful);
      await client.query(
        'UPDATE expansions SET phase = $2, cursor = $3, next_n = $4, enqueued_at = now() WHERE announcement_id = $1',
        [announcementId, next.phase, next.cursor, next.nextN],
      );
      if (next.phase === 'done') return 'done';
      return expansion.phase === 'audience' && next.nextN === expansion.nextN ? 'nobody' : 'more';
    });
  const retried = async (announcementId: number, generation: number) => {
    try {
      return await runSlice(announcementId, generation, false);
    } catch (error) {
      // An address moved on to a contact whose turn comes now, and its row is there already: looked for only then.
      if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
      return await runSlice(announcementId, generation, true);
    }
  };

  return {
    async next(announcementId, generation) {
      const { rows } = await pool.query<{ id: number; generation: number; urgency: Urgency }>(
        `UPDATE expansions e SET generation = e.generation + 1, enqueued_at = now() FROM announcements a
         WHERE e.announcement_id = $1 AND e.generation = $2 AND e.phase <> 'done' AND a.id = $1
         RETURNING e.announcement_id AS id, e.generation, a.urgency`,
        [announcementId, generation],
      );
      return rows[0] ? toJob(rows[0]) : null;
    },

    async slice(announcementId, generation) {
      const until = performance.now() + passOverMs;
      let outcome = await retried(announcementId, generation);
      while (outcome === 'nobody' && performance.now() < until)
        outcome = await retried(announcementId, generation);
      return outcome === 'nobody' ? 'more' : outcome;
    },
  };
}

/**
 * A superseding text starts when nothing of the old one can still leave: no row is being sent, and while some are queued, no
 * worker has a shard, in which a claim that began before it was stopped may be under way. What is queued then stays so.
 */
async function underWay(client: pg.PoolClient, chain: readonly number[]): Promise<boolean> {
  if (chain.length === 0) return false;
  const { rows } = await client.query(
    `SELECT FROM delivery_counts c WHERE c.announcement_id = ANY ($1) AND (c.status = 'sending' OR c.status = 'queued'
       AND EXISTS (SELECT FROM shards s WHERE s.claimed_by IS NOT NULL AND s.announcement_id = c.announcement_id))
     GROUP BY c.announcement_id, c.status HAVING sum(c.n) > 0 LIMIT 1`,
    [chain],
  );
  return rows.length > 0;
}

async function runPhase(
  client: pg.PoolClient,
  id: number,
  e: Expansion,
  chain: readonly number[],
  slot: number,
  careful: boolean,
): Promise<{ phase: Expansion['phase']; cursor: string; nextN: number }> {
  const common = [id, e.nextN, e.gateway, PRIORITY[e.urgency], slot];
  const run = async (text: string, values: readonly unknown[], name?: string) => {
    const { rows } = await client.query<SliceResult>({
      ...(name && { name }),
      text,
      values: [...common, ...values],
    });
    return rows[0] ?? { seen: 0, cursor: null, nextN: e.nextN };
  };
  // A retraction reaches only those who were reached; what is for outlets alone, nobody else.
  const toCitizens = e.channels.some((channel) => channel !== 'webhook');
  const afterReached = e.kind === 'retraction' || !toCitizens ? 'done' : 'audience';

  if (e.phase === 'endpoints') {
    const phase = chain.length > 0 ? 'reached' : afterReached;
    // Whatever channels it names: who got the superseded text gets this one the same way.
    const onlyAddressed = e.kind === 'retraction' || !e.channels.includes('webhook');
    const values = [e.topics, e.districts, chain, onlyAddressed, e.defaultLocale];
    // Small for most, so the planning is what it costs.
    const { nextN } = await run(ENDPOINTS, values, 'expand-endpoints');
    return { phase, cursor: '0', nextN };
  }
  if (e.phase === 'reached') {
    const { seen, cursor, nextN } = await run(REACHED, [chain, e.cursor]);
    return seen < SLICE
      ? { phase: afterReached, cursor: '0', nextN }
      : { phase: 'reached', cursor: cursor ?? '0', nextN };
  }
  const { rows } = await client.query<Bounds>(BOUNDS, [e.cursor, e.upper]);
  const bounds = rows[0];
  if (!bounds || bounds.last === null) return { phase: 'done', cursor: '0', nextN: e.nextN };
  const { seen, last, from, to } = bounds;
  // Whoever got the superseded text has a row.
  const { nextN } = await run(AUDIENCE(careful || chain.length > 0), [
    e.channels,
    e.topics,
    e.districts,
    e.cursor,
    last,
    from,
    to,
  ]);
  return seen < SLICE
    ? { phase: 'done', cursor: '0', nextN }
    : { phase: 'audience', cursor: String(last), nextN };
}
