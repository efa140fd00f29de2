/**
 * Counts are signed deltas written in the change's own transaction: statistics are never a COUNT(*) over
 * deliveries. A statement that changes rows ends in a CTE `changed` and appends these.
 */

/** Milliseconds per bucket grow by this factor; a percentile read from buckets is right to within 10 %. */
export const BUCKET_FACTOR = 1.1;

/** Rows of `delivery_counts` per counter: concurrent writers use different ones. */
export const SLOTS = 16;
export const slotOf = (writer: number): number => writer % SLOTS;

/**
 * CTEs that count the rows of `changed (announcement_id, channel, old, new, old_segments, segments)`.
 * Keys are written in order, so that two writers cannot deadlock.
 * @param slot the parameter that holds the writer's slot, e.g. `$3::smallint`
 */
export const countChanges = (slot: string): string => `
  count_deltas AS (
    SELECT announcement_id, channel, status, sum(n) AS n, sum(segments) AS segments
    FROM (
      SELECT announcement_id, channel, old AS status, -1 AS n, -coalesce(old_segments, 0) AS segments FROM changed
      UNION ALL
      SELECT announcement_id, channel, new, 1, coalesce(segments, 0) FROM changed
    ) delta
    GROUP BY announcement_id, channel, status
    HAVING sum(n) <> 0 OR sum(segments) <> 0
    ORDER BY announcement_id, channel, status
  ),
  counted AS (
    INSERT INTO delivery_counts AS c (announcement_id, channel, status, slot, n, segments)
    SELECT announcement_id, channel, status, ${slot}, n, segments FROM count_deltas
    ON CONFLICT (announcement_id, channel, status, slot)
    DO UPDATE SET n = c.n + excluded.n, segments = c.segments + excluded.segments
  )`;

/**
 * CTEs that add the rows of `changed` which were sent just now to the histogram of seconds from approval (or
 * schedule) to sent, and note the announcement's first one.
 */
export const countLatencies = (slot: string): string => `
  sent_now AS (
    SELECT c.announcement_id, c.channel,
      greatest(0, extract(epoch FROM clock_timestamp() - greatest(a.approved_at, a.scheduled_at)) * 1000)::bigint AS ms
    FROM changed c JOIN announcements a ON a.id = c.announcement_id
    WHERE c.old IN ('queued', 'sending', 'unknown') AND c.new IN ('sent', 'delivered', 'undelivered')
  ),
  timed AS (
    INSERT INTO send_latencies AS l (announcement_id, channel, bucket, slot, n, max_ms)
    SELECT announcement_id, channel, floor(ln(greatest(ms, 1)) / ln(${BUCKET_FACTOR}))::smallint AS bucket, ${slot}, count(*), max(ms)
    FROM sent_now GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (announcement_id, channel, bucket, slot)
    DO UPDATE SET n = l.n + excluded.n, max_ms = greatest(l.max_ms, excluded.max_ms)
  ),
  first_sent AS (
    UPDATE announcements a SET first_sent_at = clock_timestamp()
    WHERE a.first_sent_at IS NULL AND a.id IN (SELECT announcement_id FROM sent_now)
  )`;
