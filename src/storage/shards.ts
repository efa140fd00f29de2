import { WEBHOOK_HOURS } from '../domain/announcement.ts';
import { LONGEST_VALIDITY_MS, NO_RECEIPT, RECEIPT_GRACE_MS } from '../domain/receipts.ts';

/** When an announcement `a` gives up what is still unknown on a channel: an hour after the last try there can be. */
export const unknownUntil = (channel: string): string => `(interval '1 hour' + CASE ${channel}
  WHEN 'webhook' THEN greatest(a.approved_at, a.scheduled_at) + interval '${WEBHOOK_HOURS} hours' ELSE a.expires_at END)`;

/** When an announcement `a` asks for the receipt of what was sent at `sentAt`: `askReceiptAt` of src/domain/receipts.ts. */
export const askReceiptAt = (sentAt: string): string =>
  `(least(a.expires_at, ${sentAt} + interval '${LONGEST_VALIDITY_MS} milliseconds') + interval '${RECEIPT_GRACE_MS} milliseconds')`;

/** Whether a row `d` was sent and nobody has said what became of it; not those without receipt for good. */
export const SILENT = `(d.channel = 'sms' AND d.status = 'sent' AND d.error_code IS DISTINCT FROM '${NO_RECEIPT}')`;

/**
 * The row `d` of an announcement that goes to an address, alone in a subquery that is not joined in. Compared as one value, and
 * in the index's order, it can be found by the index on these three only: while there are no statistics of an announcement,
 * reading all its rows by number looks as good.
 */
export const rowFor = (
  columns: string,
  announcement: string,
  channel: string,
  address: string,
  and = '',
): string => `
  SELECT ${columns} FROM deliveries d
  WHERE (d.channel, d.announcement_id, d.address_key) >= (${channel}, ${announcement}, ${address})
    AND (d.channel, d.announcement_id, d.address_key) <= (${channel}, ${announcement}, ${address}) ${and}
  ORDER BY d.channel, d.announcement_id, d.address_key LIMIT 1`;

/** How many workers died while they were sending a row of `deliveries d`. */
export const DEATHS = `(SELECT count(*)::int FROM delivery_events e
  WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown' AND e.source = 'sweep')`;

/** Priorities up to this one pass quiet hours: single messages and urgent announcements. */
const PASSES_QUIET_HOURS = 2;

/** Whether quiet hours let a priority leave on a channel now; looked up once a statement. */
export const AWAKE = (channel: string, priority: string): string => `(${priority} <= ${PASSES_QUIET_HOURS}
  OR ${channel} <> ALL (ARRAY(SELECT q.channel FROM quiet_hours q WHERE quiet_until(q.channel, now()) IS NOT NULL)))`;

/**
 * Whether a shard `s` of an announcement `a` may run now: it is being sent, citizens' messages have not expired,
 * no quiet hours hold it, and the channel's provider is not known to refuse us. What became of an SMS in doubt is asked for even when nothing
 * more is sent: once its queued rows are stopped, a shard is due for nothing else.
 */
export const RUNNABLE = `((a.state = 'sending' AND (a.expires_at > now() OR s.channel = 'webhook') AND ${AWAKE('s.channel', 's.priority')}
    OR a.state IN ('sending', 'paused', 'cancelled', 'expired') AND s.channel = 'sms' AND ${unknownUntil('s.channel')} > now()
      -- Of what is held back, few have any in doubt: its rows are looked at only then.
      AND EXISTS (SELECT FROM delivery_counts c WHERE c.announcement_id = a.id AND c.channel = 'sms' AND c.status = 'unknown'
        HAVING sum(c.n) > 0) AND EXISTS (
      SELECT FROM deliveries u WHERE u.announcement_id = s.announcement_id AND u.n BETWEEN s.from_n AND s.to_n
        AND u.status = 'unknown' AND u.due_at <= now()))
  AND NOT EXISTS (SELECT FROM breakers b WHERE b.channel = s.channel AND b.gateway = s.gateway))`;

/**
 * CTEs that make `sending` rows `unknown`, given `locked (announcement_id, n, shard_id)`: they may have been sent,
 * and whoever held them cannot say. A webhook's first attempt gets the shard of its own that every retry has.
 * They end in `changed`, for the counts.
 * @param due when they may be settled, over `deliveries d`
 * @param why the event's detail, over `doubted`
 */
export const doubt = (due: string, source: string, why: string): string => `
  doubted AS (
    UPDATE deliveries d SET status = 'unknown', due_at = ${due}
    FROM locked l WHERE d.announcement_id = l.announcement_id AND d.n = l.n
    RETURNING d.announcement_id, d.n, d.channel, d.attempt, d.worker_id, d.segments, d.due_at, l.shard_id
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, attempt, source, detail)
    SELECT announcement_id, n, 'a' || attempt || ':unknown', 'unknown', attempt, '${source}', ${why} FROM doubted
    ON CONFLICT DO NOTHING
  ),
  own_shards AS (
    INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, retry, due_at)
    SELECT b.announcement_id, b.channel, s.gateway, s.priority, b.n, b.n, true, b.due_at
    FROM doubted b JOIN shards s ON s.id = b.shard_id WHERE b.channel = 'webhook' AND NOT s.retry
  ),
  changed AS (
    SELECT announcement_id, channel, 'sending'::delivery_status AS old, 'unknown'::delivery_status AS new,
      segments AS old_segments, segments FROM doubted
  )`;
