import type pg from 'pg';
import type { Channel } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import { HeraldError } from '../domain/errors.ts';
import { SET_APART_DEATHS } from '../domain/retry.ts';
import type {
  ChannelReport,
  DeliveryEvent,
  DeliveryRow,
  DeliverySums,
  Letter,
  ReportStore,
} from '../pipeline/report-store.ts';
import { BUCKET_FACTOR } from './counts.ts';
import { RUNNABLE } from './shards.ts';
import { loadTroubles } from './troubles.ts';

const COUNTS = `
  SELECT channel, status, sum(n)::int AS n, CASE WHEN status BETWEEN 'unknown' AND 'delivered' AND status <> 'failed' THEN sum(segments)::int ELSE 0 END AS segments
  FROM delivery_counts WHERE announcement_id = $1 GROUP BY channel, status HAVING sum(n) <> 0`;

const SUMS = `
  SELECT announcement_id AS id, sum(n)::int AS total, coalesce(sum(n) FILTER (WHERE status <= 'unknown'), 0)::int AS open,
    coalesce(sum(n) FILTER (WHERE status = 'unknown'), 0)::int AS unsettled,
    coalesce(sum(n) FILTER (WHERE status IN ('sent', 'delivered')), 0)::int AS sent
  FROM delivery_counts WHERE announcement_id = ANY ($1) GROUP BY announcement_id HAVING sum(n) <> 0`;

const LATENCIES = `
  SELECT channel, bucket, sum(n)::int AS n, max(max_ms)::float8 AS max_ms
  FROM send_latencies WHERE announcement_id = $1 GROUP BY channel, bucket ORDER BY channel, bucket`;

const WITHOUT_RECEIPT = `
  SELECT channel, sum(without_receipt)::int AS n FROM shards WHERE announcement_id = $1 GROUP BY channel`;

const ROW = `announcement_id AS "announcementId", n, channel, status, attempt, address_key AS address, locale, segments,
  provider_message_id AS "providerMessageId", error_code AS code, due_at AS "dueAt"`;

interface Bucket {
  readonly channel: Channel;
  readonly bucket: number;
  readonly n: number;
  readonly max_ms: number;
}

/** Never more than the true maximum. Seconds. */
const upperBound = ({ bucket }: Bucket, maxMs: number): number =>
  Math.min(BUCKET_FACTOR ** (bucket + 1), maxMs) / 1000;

function sentBy(buckets: readonly Bucket[]): ChannelReport['sentBy'] {
  const max = Math.max(...buckets.map((b) => b.max_ms));
  let n = 0;
  return buckets.map((b) => {
    n += b.n;
    return { seconds: upperBound(b, max), n };
  });
}

/** The upper bound of the bucket in which the share lies. */
function percentile(buckets: readonly Bucket[], share: number): number | null {
  const total = buckets.reduce((sum, b) => sum + b.n, 0);
  const max = Math.max(...buckets.map((b) => b.max_ms));
  let seen = 0;
  for (const b of buckets) {
    seen += b.n;
    if (seen >= share * total) return upperBound(b, max);
  }
  return null;
}

function noDelivery(): never {
  throw new HeraldError('not-found', 'no-such-delivery', 'there is no such delivery');
}

export function createReportStore(pool: pg.Pool): ReportStore {
  return {
    async channels(announcementId) {
      const [counts, latencies, silent] = await Promise.all([
        pool.query<{ channel: Channel; status: DeliveryStatus; n: number; segments: number }>(COUNTS, [
          announcementId,
        ]),
        pool.query<Bucket>(LATENCIES, [announcementId]),
        pool.query<{ channel: Channel; n: number }>(WITHOUT_RECEIPT, [announcementId]),
      ]);
      const reports: Partial<Record<Channel, ChannelReport>> = {};
      for (const channel of new Set(counts.rows.map((r) => r.channel))) {
        const rows = counts.rows.filter((r) => r.channel === channel);
        const buckets = latencies.rows.filter((b) => b.channel === channel);
        reports[channel] = {
          counts: Object.fromEntries(rows.map((r) => [r.status, r.n])),
          segments: rows.reduce((sum, r) => sum + r.segments, 0),
          total: rows.reduce((sum, r) => sum + r.n, 0),
          withoutReceipt: silent.rows.find((r) => r.channel === channel)?.n ?? 0,
          p50: percentile(buckets, 0.5),
          p95: percentile(buckets, 0.95),
          max: percentile(buckets, 1),
          sentBy: sentBy(buckets),
        };
      }
      return reports;
    },

    async sums(announcementIds) {
      const { rows } = await pool.query<DeliverySums & { id: number }>(SUMS, [announcementIds]);
      return new Map(rows.map(({ id, ...sums }) => [id, sums]));
    },

    async expanded(announcementId) {
      const { rows } = await pool.query<{ phase: string }>(
        'SELECT phase FROM expansions WHERE announcement_id = $1',
        [announcementId],
      );
      return rows[0]?.phase === 'done';
    },

    troubles: (announcementId, sampled) => loadTroubles(pool, announcementId, sampled),

    async deliveries(announcementId, { after, limit, channel, status }) {
      const { rows } = await pool.query<DeliveryRow>(
        `SELECT ${ROW} FROM deliveries
         WHERE announcement_id = $1 AND n > $2 AND ($3::channel IS NULL OR channel = $3) AND ($4::delivery_status IS NULL OR status = $4)
         ORDER BY n LIMIT $5`,
        [announcementId, after, channel ?? null, status ?? null, limit],
      );
      return rows;
    },

    async deliveriesTo(announcementId, addresses) {
      const { rows } = await pool.query<DeliveryRow>(
        `SELECT ${ROW} FROM deliveries d JOIN unnest($2::channel[], $3::text[]) AS wanted(c, a) ON d.channel = wanted.c AND d.address_key = wanted.a
         WHERE announcement_id = $1 ORDER BY n`,
        [announcementId, addresses.map(({ channel }) => channel), addresses.map(({ address }) => address)],
      );
      return rows;
    },

    async letter(announcementId, n) {
      const { rows } = await pool.query<Letter>(
        `SELECT d.channel, d.address_key AS address, d.contact_id AS "contactId", d.locale, d.sequence, s.name
         FROM deliveries d LEFT JOIN contacts k ON d.channel <> 'webhook' AND k.id = d.contact_id
         LEFT JOIN subscribers s ON s.id = k.subscriber_id
         WHERE d.announcement_id = $1 AND d.n = $2`,
        [announcementId, n],
      );
      return rows[0] ?? noDelivery();
    },

    async delivery(announcementId, n) {
      const { rows } = await pool.query<DeliveryRow>(
        `SELECT ${ROW} FROM deliveries WHERE announcement_id = $1 AND n = $2`,
        [announcementId, n],
      );
      if (!rows[0]) return noDelivery();
      const events = await pool.query<DeliveryEvent>(
        'SELECT type, attempt, source, code, detail, at FROM delivery_events WHERE announcement_id = $1 AND n = $2 ORDER BY at, dedupe',
        [announcementId, n],
      );
      return { ...rows[0], events: events.rows };
    },

    async health() {
      const [setApart, due, breakers, workers] = await Promise.all([
        pool.query(
          `SELECT id AS "shardId", announcement_id AS "announcementId", channel, to_n - from_n + 1 AS rows, deaths
           FROM shards WHERE deaths >= ${SET_APART_DEATHS} AND due_at IS NOT NULL ORDER BY id LIMIT 100`,
        ),
        pool.query<{ channel: Channel; n: number; age: number }>(
          `SELECT s.channel, count(*)::int AS n, extract(epoch FROM max(now() - s.due_at))::float8 AS age
           FROM shards s JOIN announcements a ON a.id = s.announcement_id
           WHERE s.due_at <= now() AND s.claimed_by IS NULL AND ${RUNNABLE}
           GROUP BY s.channel`,
        ),
        pool.query(
          `SELECT channel, gateway, code, message, opened_at AS "openedAt" FROM breakers ORDER BY opened_at`,
        ),
        pool.query(
          `SELECT kind, host, pid, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 * 1000 AS "silentMs"
           FROM workers WHERE ended_at IS NULL ORDER BY kind, id`,
        ),
      ]);
      return {
        setApart: setApart.rows,
        shardsDue: Object.fromEntries(due.rows.map((r) => [r.channel, r.n])),
        oldestDueSeconds: Math.max(0, ...due.rows.map((r) => r.age)),
        breakers: breakers.rows,
        workers: workers.rows,
      };
    },
  };
}
