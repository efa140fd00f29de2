import type pg from 'pg';
import type { AnnouncementState } from '../domain/announcement.ts';
import type { Gateway } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import { HeraldError } from '../domain/errors.ts';
import type { EndpointTest, LastDelivery, OutletDelivery, OutletStore } from '../pipeline/outlet-store.ts';
import { noteAudit } from './audit.ts';
import type { Sealer } from './seal.ts';

/** The newest deliveries of an endpoint: one look at an index for each announcement, until there are enough. */
const newest = (columns: string, endpoint: string, where: string) => `
  SELECT ${columns}, (SELECT max(e.at) FROM delivery_events e WHERE e.announcement_id = d.announcement_id AND e.n = d.n) AS at
  FROM announcements a JOIN deliveries d ON d.announcement_id = a.id AND d.channel = 'webhook' AND d.address_key = ${endpoint}::text
  ${where} ORDER BY a.id DESC`;

const LAST = `
  SELECT w.id, last.status, last.code, last.at FROM unnest($1::bigint[]) AS w(id)
  CROSS JOIN LATERAL (${newest('d.status, d.error_code AS code', 'w.id', '')} LIMIT 1) last`;

const DELIVERIES = `${newest(
  `d.announcement_id AS "announcementId", d.n, d.status, d.error_code AS code, d.attempt, r.draft -> 'content' AS content`,
  '$1',
  'JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision WHERE ($2::bigint IS NULL OR a.id < $2)',
)} LIMIT $3`;

/** What was sent to outlets, and on whose wish. @param sealer of the endpoints' secrets */
export const createOutletStore = (pool: pg.Pool, sealer: Sealer): OutletStore => ({
  async last(endpointIds) {
    const { rows } = await pool.query<LastDelivery & { id: number }>(LAST, [endpointIds]);
    return new Map(rows.map(({ id, ...last }) => [id, last]));
  },

  async deliveries(endpointId, { before, limit }) {
    return (await pool.query<OutletDelivery>(DELIVERIES, [endpointId, before ?? null, limit])).rows;
  },

  async tests(endpointId, limit) {
    const { rows } = await pool.query<EndpointTest>(
      'SELECT id, at, user_id AS "userId", status, error, ms FROM endpoint_tests WHERE endpoint_id = $1 ORDER BY id DESC LIMIT $2',
      [endpointId, limit],
    );
    return rows;
  },

  async address(endpointId) {
    const { rows } = await pool.query<{ url: string; secrets: Buffer[]; disabledAt: Date | null }>(
      'SELECT url, sealed_secrets AS secrets, disabled_at AS "disabledAt" FROM endpoints WHERE id = $1 AND removed_at IS NULL',
      [endpointId],
    );
    if (!rows[0]) return noEndpoint();
    return { ...rows[0], secrets: rows[0].secrets.map((sealed) => sealer.open(sealed)) };
  },

  async sent(announcementId, n) {
    const { rows } = await pool.query<{
      endpointId: number;
      status: DeliveryStatus;
      attempt: number;
      gateway: Gateway;
      state: AnnouncementState;
      replaced: boolean;
    }>(
      `SELECT d.contact_id AS "endpointId", d.status, d.attempt, a.gateway, a.state,
         EXISTS (SELECT FROM announcements b WHERE b.supersedes = a.id AND b.approved_at IS NOT NULL) AS replaced
       FROM deliveries d
       JOIN announcements a ON a.id = d.announcement_id
       WHERE d.announcement_id = $1 AND d.n = $2 AND d.channel = 'webhook' AND a.gateway IS NOT NULL`,
      [announcementId, n],
    );
    if (rows[0]) return rows[0];
    throw new HeraldError('not-found', 'no-such-delivery', 'there is no such delivery to an outlet');
  },

  async beginTest(endpointId, by) {
    const { rows } = await pool.query<{ id: number }>(
      `WITH begun AS (
         INSERT INTO endpoint_tests (endpoint_id, user_id) SELECT id, $2 FROM endpoints WHERE id = $1 AND removed_at IS NULL
         RETURNING id, endpoint_id),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id)
         SELECT $2, 'test', 'endpoint', endpoint_id::text FROM begun)
       SELECT id FROM begun`,
      [endpointId, by?.id ?? null],
    );
    return rows[0]?.id ?? noEndpoint();
  },

  async endTest(testId, { status, error, ms }) {
    await pool.query('UPDATE endpoint_tests SET status = $2, error = $3, ms = $4 WHERE id = $1', [
      testId,
      status,
      error,
      ms,
    ]);
  },

  noteAgain: (announcementId, n, by) =>
    noteAudit(pool, { by, act: 'send-again', subjectType: 'delivery', subjectId: `${announcementId}/${n}` }),
});

function noEndpoint(): never {
  throw new HeraldError('not-found', 'no-such-endpoint', 'there is no such endpoint');
}
