import type pg from 'pg';
import type { BreakerStore, WorkerStore } from '../pipeline/stores.ts';

/** Seconds between two probes of a provider that refuses us. */
const PROBE_EVERY = `interval '10 seconds'`;
/**
 * When a provider is asked first after it refused us. Its credentials may be right and its sender wrong, which no probe sees:
 * so each time the same refusal comes again within ten minutes, twice as long, up to five minutes.
 */
const FIRST_PROBE = `now() + least(${PROBE_EVERY} * power(2, least(10, (
  SELECT count(*) FROM audit WHERE subject_type = 'breaker' AND subject_id = $2 || ':' || $3 AND act = 'open'
    AND details ->> 'code' = $4 AND at > now() - interval '10 minutes'))), interval '5 minutes')`;

export function createWorkerStore(pool: pg.Pool): WorkerStore {
  return {
    async register({ kind, host, pid }) {
      const { rows } = await pool.query<{ id: number }>(
        'INSERT INTO workers (kind, host, pid) VALUES ($1, $2, $3) RETURNING id',
        [kind, host, pid],
      );
      return rows[0]?.id ?? Promise.reject(new Error('no worker row'));
    },

    async heartbeat(workerId) {
      const { rowCount } = await pool.query({
        name: 'heartbeat',
        text: 'UPDATE workers SET heartbeat_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL',
        values: [workerId],
      });
      return rowCount === 1;
    },

    async leave(workerId) {
      await pool.query('UPDATE workers SET ended_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL', [
        workerId,
      ]);
    },
  };
}

/** For the audit log: Herald stopped a channel, or let it go on. */
const note = (act: 'open' | 'close', breakers: string) => `
  INSERT INTO audit_notes (act, subject_type, subject_id, details)
  SELECT '${act}', 'breaker', channel || ':' || gateway, jsonb_build_object('provider', provider, 'code', code) FROM ${breakers}`;

export function createBreakerStore(pool: pg.Pool): BreakerStore {
  return {
    async open({ provider, channel, gateway, code, message }) {
      await pool.query(
        `WITH opened AS (
           INSERT INTO breakers (provider, channel, gateway, code, message, probe_at) VALUES ($1, $2::text::channel, $3::text::gateway, $4, $5, ${FIRST_PROBE})
           ON CONFLICT (channel, gateway) DO NOTHING RETURNING *)
         ${note('open', 'opened')}`,
        [provider, channel, gateway, code, message],
      );
    },

    async isOpen(channel, gateway) {
      const { rows } = await pool.query('SELECT FROM breakers WHERE channel = $1 AND gateway = $2', [
        channel,
        gateway,
      ]);
      return rows.length > 0;
    },

    async takeProbes(channel) {
      const { rows } = await pool.query<{ gateway: 'live' | 'sandbox' }>(
        `UPDATE breakers SET probe_at = now() + ${PROBE_EVERY} WHERE channel = $1 AND probe_at <= now() RETURNING gateway`,
        [channel],
      );
      return rows.map((r) => r.gateway);
    },

    async close(channel, gateway) {
      await pool.query(
        `WITH closed AS (DELETE FROM breakers WHERE channel = $1 AND gateway = $2 RETURNING *) ${note('close', 'closed')}`,
        [channel, gateway],
      );
    },
  };
}
