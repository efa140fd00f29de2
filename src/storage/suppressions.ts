import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import {
  type Address,
  LIFTABLE,
  type Suppression,
  type SuppressionReason,
  type SuppressionStore,
} from '../pipeline/citizen-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';
import { suppressAddress } from './receipts.ts';

const SUPPRESSION = 's.channel, s.address, s.reason, s.source, s.note, s.created_at AS "createdAt"';

/** The channel and why: never the address, which the chain must not hold. */
const about = ({ channel }: Address, reason: SuppressionReason) => ({
  subjectType: 'suppression',
  details: { channel, reason },
});

/** Addresses that nothing is sent to. @param slot of the counters; see counts.ts */
export const createSuppressionStore = (pool: pg.Pool, slot: number): SuppressionStore => ({
  async of(addresses) {
    const { rows } = await pool.query<Suppression>(
      `SELECT ${SUPPRESSION} FROM unnest($1::channel[], $2::text[]) AS wanted(c, a)
       JOIN suppressions s ON s.channel = wanted.c AND s.address = wanted.a`,
      [addresses.map(({ channel }) => channel), addresses.map(({ address }) => address)],
    );
    return rows;
  },

  async blocked(limit) {
    const { rows } = await pool.query<Suppression>(
      `SELECT ${SUPPRESSION} FROM suppressions s WHERE s.reason = 'blocked' ORDER BY s.created_at DESC LIMIT $1`,
      [limit],
    );
    return rows;
  },

  block: ({ channel, address }, note, by) =>
    inTransaction(pool, async (client) => {
      const { rowCount } = await client.query(
        `INSERT INTO suppressions (channel, address, reason, source, note) VALUES ($1, $2, 'blocked', 'console', $3)
         ON CONFLICT DO NOTHING`,
        [channel, address, note],
      );
      if (rowCount === 0)
        throw new HeraldError('conflict', 'suppressed-already', 'nothing is sent to this address already');
      // It is written down; this stops what is queued for it.
      await suppressAddress(client, slot, { channel, address, reason: 'blocked', source: 'console' });
      await noteAudit(client, { by, act: 'block', ...about({ channel, address }, 'blocked') });
    }),

  lift: (address, by) =>
    inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ reason: SuppressionReason }>(
        'SELECT reason FROM suppressions WHERE channel = $1 AND address = $2 FOR UPDATE',
        [address.channel, address.address],
      );
      const reason = rows[0]?.reason;
      if (!reason) throw new HeraldError('not-found', 'not-suppressed', 'this address is not suppressed');
      if (!LIFTABLE.includes(reason))
        throw new HeraldError('conflict', 'may-not-lift', `the office cannot take this back (${reason})`, {
          fix: 'they come back with a new consent, or by sending START',
        });
      await client.query('DELETE FROM suppressions WHERE channel = $1 AND address = $2', [
        address.channel,
        address.address,
      ]);
      await noteAudit(client, { by, act: 'lift', ...about(address, reason) });
    }),
});
