import type pg from 'pg';
import type { Channel } from '../domain/channel.ts';
import { NO_RECEIPT } from '../domain/receipts.ts';
import type { ReceiptFact, ReceiptStore } from '../pipeline/stores.ts';
import { countChanges, countLatencies } from './counts.ts';
import { inTransaction, pastDeadlocks } from './pool.ts';
import { rowFor } from './shards.ts';

type Queryable = Pick<pg.PoolClient, 'query'>;

/**
 * The facts of one batch. Each is written as an event first (the dedupe key makes a second telling nothing),
 * then the highest one of each delivery moves its row: only up, but proof of delivery also overrides a stop.
 * The rule is `afterReceipt` of src/domain/delivery.ts; a test compares the two.
 */
const APPLY = `
  WITH fact AS (
    SELECT * FROM unnest($1::bigint[], $2::int[], $3::gateway[], $4::text[], $5::delivery_status[], $6::text[], $7::text[],
      $8::text[], $9::text[], $10::text[])
    AS f(announcement_id, n, gateway, source, receipt, event, dedupe, provider_message_id, code, detail)
  ),
  known AS (
    SELECT f.* FROM fact f JOIN announcements a ON a.id = f.announcement_id AND a.gateway = f.gateway
    -- OFFSET keeps it from being joined in: the planner would read all rows of an announcement that has few so far.
    WHERE EXISTS (SELECT FROM deliveries d WHERE d.announcement_id = f.announcement_id AND d.n = f.n OFFSET 0)
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, source, code, detail)
    SELECT announcement_id, n, dedupe, event, source, code, detail FROM known ORDER BY announcement_id, n, dedupe
    ON CONFLICT DO NOTHING
  ),
  best AS (
    SELECT DISTINCT ON (announcement_id, n) announcement_id, n, receipt, provider_message_id, code, source
    FROM known ORDER BY announcement_id, n, receipt DESC NULLS LAST
  ),
  locked AS (
    SELECT d.announcement_id, d.n, d.channel, d.status AS old, d.segments, d.error_code FROM deliveries d
    JOIN best b ON b.announcement_id = d.announcement_id AND b.n = d.n
    ORDER BY d.announcement_id, d.n FOR UPDATE OF d
  ),
  decided AS (
    SELECT l.*, b.receipt, b.provider_message_id, b.code, b.source,
      CASE WHEN b.receipt IS NULL THEN l.old
           WHEN l.old IN ('expired', 'cancelled') AND b.receipt = 'delivered' THEN 'delivered'
           WHEN l.old IN ('suppressed', 'expired', 'cancelled') THEN l.old
           ELSE greatest(l.old, b.receipt) END AS new
    FROM locked l JOIN best b ON b.announcement_id = l.announcement_id AND b.n = l.n
  ),
  changed AS (
    UPDATE deliveries d SET
      status = x.new,
      due_at = CASE WHEN x.new IN ('queued', 'unknown') THEN d.due_at END,
      -- A report of delivery by mail knows no provider's id, and may come before the answer that has it.
      provider_message_id = coalesce(d.provider_message_id, x.provider_message_id,
        CASE WHEN x.new IN ('sent', 'delivered') THEN x.source END),
      error_code = CASE WHEN x.new IN ('failed', 'undelivered') AND x.new <> x.old THEN coalesce(x.code, 'unknown')
                        WHEN x.new IN ('sent', 'delivered') AND x.new <> x.old THEN NULL ELSE d.error_code END
    FROM decided x WHERE d.announcement_id = x.announcement_id AND d.n = x.n
      AND (x.new <> x.old OR d.provider_message_id IS NULL AND x.provider_message_id IS NOT NULL)
    RETURNING d.announcement_id, d.n, x.channel, x.old, d.status AS new, x.segments AS old_segments, d.segments, x.error_code AS old_code
  ),
  -- The receipt came after all: its shard counts one less. A shard's rows are looked up by where it begins.
  late AS (
    SELECT own.id, count(*) AS n FROM changed c CROSS JOIN LATERAL (
      SELECT s.id FROM shards s WHERE s.announcement_id = c.announcement_id AND s.channel = c.channel AND s.from_n <= c.n
      ORDER BY s.from_n DESC LIMIT 1) own
    WHERE c.old = 'sent' AND c.new <> 'sent' AND c.old_code = '${NO_RECEIPT}' GROUP BY own.id ORDER BY own.id
  ),
  counted_off AS (UPDATE shards s SET without_receipt = s.without_receipt - late.n FROM late WHERE s.id = late.id), ${countChanges('$11::smallint')}, ${countLatencies('$11::smallint')}
  SELECT (SELECT count(*)::int FROM fact) AS facts, (SELECT count(*)::int FROM known) AS known`;

/**
 * Suppresses an address and, in the same transaction, takes back what is still queued for it: a claim's
 * snapshot would miss the suppression otherwise. Only announcements under way can have queued rows.
 */
const SUPPRESS_ADDRESS = `
  WITH written AS (
    INSERT INTO suppressions (channel, address, reason, source) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
  ),
  locked AS (
    SELECT d.announcement_id, d.n
    FROM (SELECT id FROM announcements WHERE state IN ('approved', 'sending', 'paused') ORDER BY id) a
    CROSS JOIN LATERAL (${rowFor('d.announcement_id, d.n', 'a.id', '$1', '$2', `AND d.status = 'queued'`)} FOR UPDATE) d
  ),
  changed AS (
    UPDATE deliveries d SET status = 'suppressed', error_code = $3, due_at = NULL FROM locked l
    WHERE d.announcement_id = l.announcement_id AND d.n = l.n
    RETURNING d.announcement_id, d.n, d.channel, 'queued'::delivery_status AS old, d.status AS new, d.segments AS old_segments, d.segments
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, source, code)
    SELECT announcement_id, n, 'suppressed', 'suppressed', $4, $3 FROM changed ON CONFLICT DO NOTHING
  ), ${countChanges('$5::smallint')}
  SELECT count(*) FROM changed`;

export interface Suppression {
  readonly channel: Channel;
  readonly address: string;
  readonly reason: 'left' | 'opted-out' | 'bounced' | 'blocked';
  /** Who said so: `twilio`, `one-click`, `api`… */
  readonly source: string;
}

/** Inside the caller's transaction, so that removing a citizen and stopping what is queued for them are one thing. */
export async function suppressAddress(db: Queryable, slot: number, suppression: Suppression): Promise<void> {
  const { channel, address, reason, source } = suppression;
  await db.query({
    name: 'suppress-address',
    text: SUPPRESS_ADDRESS,
    values: [channel, address, reason, source, slot],
  });
}

export function createReceiptStore(pool: pg.Pool, slot: number): ReceiptStore {
  return {
    async apply(facts) {
      const column = <K extends keyof ReceiptFact>(key: K) => facts.map((f) => f[key]);
      const write = {
        name: 'apply-receipts',
        text: APPLY,
        values: [
          column('announcementId'),
          column('n'),
          column('gateway'),
          column('source'),
          column('receipt'),
          column('event'),
          column('dedupe'),
          column('providerMessageId'),
          column('code'),
          column('detail'),
          slot,
        ],
      };
      // A provider tells most things once: what was aborted for somebody else's sake is written again.
      const { rows } = await pastDeadlocks(() => pool.query<{ facts: number; known: number }>(write));
      const { facts: told = 0, known = 0 } = rows[0] ?? {};
      return { applied: known, unknown: told - known };
    },

    async isKnown({ announcementId, n, dedupe }) {
      const { rows } = await pool.query(
        'SELECT FROM delivery_events WHERE announcement_id = $1 AND n = $2 AND dedupe = $3',
        [announcementId, n, dedupe],
      );
      return rows.length > 0;
    },

    async isAnswered(messageId) {
      return (await pool.query('SELECT FROM inbound_messages WHERE id = $1', [messageId])).rows.length > 0;
    },

    async noteAnswered(messageId) {
      await pool.query('INSERT INTO inbound_messages (id) VALUES ($1) ON CONFLICT DO NOTHING', [messageId]);
    },

    suppress: (suppression) => inTransaction(pool, (client) => suppressAddress(client, slot, suppression)),

    async allow(channel, address) {
      // A hard bounce or a block by the office is not taken back by the citizen's START.
      await pool.query(
        `DELETE FROM suppressions WHERE channel = $1 AND address = $2 AND reason IN ('left', 'opted-out')`,
        [channel, address],
      );
    },

    async delivery(announcementId, n) {
      const { rows } = await pool.query(
        `SELECT d.channel, d.address_key AS address, a.gateway FROM deliveries d JOIN announcements a ON a.id = d.announcement_id
         WHERE d.announcement_id = $1 AND d.n = $2`,
        [announcementId, n],
      );
      return rows[0] ?? null;
    },

    async contact(contactId) {
      const { rows } = await pool.query(
        `SELECT k.channel, k.address, s.locale,
           EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address) AS "left"
         FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id WHERE k.id = $1`,
        [contactId],
      );
      return rows[0] ?? null;
    },
  };
}
