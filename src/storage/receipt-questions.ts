import type pg from 'pg';
import { NO_RECEIPT } from '../domain/receipts.ts';
import type { ReceiptQuestionStore, ShardClaim, SilentDelivery } from '../pipeline/stores.ts';
import { askReceiptAt, SILENT } from './shards.ts';

const OVERDUE = `
  SELECT d.n, d.provider_message_id AS "providerMessageId",
    (extract(epoch FROM now() - ${askReceiptAt('d.claimed_at')}) * 1000)::float8 AS "overdueMs"
  FROM deliveries d JOIN announcements a ON a.id = d.announcement_id
  WHERE d.announcement_id = $1 AND d.n BETWEEN $2 AND $3 AND d.n > $4 AND ${SILENT}
    AND ${askReceiptAt('d.claimed_at')} <= now()
  ORDER BY d.n LIMIT $5`;

/** A receipt that has come meanwhile is better news. */
const NOTE = `
  WITH locked AS (
    SELECT d.announcement_id, d.n FROM deliveries d
    WHERE d.announcement_id = $1 AND d.n = ANY ($2::int[]) AND ${SILENT} ORDER BY d.n FOR UPDATE OF d
  ),
  noted AS (
    UPDATE deliveries d SET error_code = '${NO_RECEIPT}' FROM locked l
    WHERE d.announcement_id = l.announcement_id AND d.n = l.n RETURNING d.announcement_id, d.n, d.attempt
  ),
  events AS (
    INSERT INTO delivery_events (announcement_id, n, dedupe, type, attempt, source)
    SELECT announcement_id, n, '${NO_RECEIPT}', '${NO_RECEIPT}', attempt, 'herald' FROM noted ON CONFLICT DO NOTHING
  )
  UPDATE shards s SET without_receipt = s.without_receipt + x.n
  FROM (SELECT count(*) AS n FROM noted) x WHERE s.id = $3 AND x.n > 0`;

export function createReceiptQuestionStore(pool: pg.Pool): ReceiptQuestionStore {
  return {
    async silent({ announcementId, fromN, toN }: ShardClaim, after, limit) {
      const { rows } = await pool.query<SilentDelivery>({
        name: 'silent',
        text: OVERDUE,
        values: [announcementId, fromN, toN, after, limit],
      });
      return rows;
    },

    async noReceipt({ announcementId, shardId }, ns) {
      await pool.query({ name: 'no-receipt', text: NOTE, values: [announcementId, ns, shardId] });
    },
  };
}
