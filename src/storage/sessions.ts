import type pg from 'pg';
import { IDLE_MS, SESSION_MS } from '../domain/session.ts';
import type { Session, SessionStore, SessionSummary } from '../pipeline/account-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';

const ALIVE = `s.ended_at IS NULL AND s.expires_at > now() AND s.last_seen_at > now() - ${IDLE_MS} * interval '1 millisecond'
  AND u.disabled_at IS NULL AND u.role = s.role`;

export function createSessionStore(pool: pg.Pool): SessionStore {
  return {
    async open({ userId, tokenSha256, method, secondFactor, lifeMs, client: { userAgent, address } }) {
      const { rowCount } = await pool.query(
        `WITH opened AS (
           INSERT INTO sessions (user_id, token_sha256, role, user_agent, address, expires_at, second_factor_at)
           SELECT id, $2, role, $3, $4, now() + $5 * interval '1 millisecond', CASE WHEN $6 THEN now() END
           FROM users WHERE id = $1 AND disabled_at IS NULL RETURNING id, user_id),
         noted AS (
           INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
           SELECT user_id, 'sign-in', 'session', id::text, jsonb_build_object('method', $7::text) FROM opened)
         SELECT FROM opened`,
        [userId, tokenSha256, userAgent.slice(0, 300), address, lifeMs, secondFactor, method],
      );
      return rowCount === 1;
    },

    async find(tokenSha256, touch) {
      const { rows } = await pool.query<Session>(
        `WITH touched AS (
           UPDATE sessions s SET last_seen_at = now() FROM users u
           WHERE s.token_sha256 = $1 AND $2 AND u.id = s.user_id AND ${ALIVE} AND s.last_seen_at < now() - interval '1 minute')
         SELECT s.id, s.user_id AS "userId", u.role, u.name, u.login, u.locale, u.theme,
           s.second_factor_at AS "secondFactorAt", f."hasTotp", f."hasPasskey", f."hasTotp" OR f."hasPasskey" AS "hasSecondFactor"
         FROM sessions s JOIN users u ON u.id = s.user_id CROSS JOIN LATERAL (
           SELECT u.totp_sealed IS NOT NULL AS "hasTotp", EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id) AS "hasPasskey") f
         WHERE s.token_sha256 = $1 AND ${ALIVE}`,
        [tokenSha256, touch],
      );
      return rows[0];
    },

    raise: (session, tokenSha256, method) =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE sessions s SET token_sha256 = $2, second_factor_at = now(), last_seen_at = now(),
             expires_at = s.created_at + ${SESSION_MS} * interval '1 millisecond'
           FROM users u WHERE s.id = $1 AND u.id = s.user_id AND ${ALIVE}`,
          [session.id, tokenSha256],
        );
        if (rowCount !== 1) return false;
        await noteAudit(client, {
          by: { id: session.userId },
          act: 'second-factor',
          subjectType: 'session',
          subjectId: session.id,
          details: { method },
        });
        return true;
      }),

    async list(userId) {
      const { rows } = await pool.query<SessionSummary>(
        `SELECT s.id, s.user_agent AS "userAgent", s.address, s.created_at AS "createdAt", s.last_seen_at AS "lastSeenAt"
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = $1 AND ${ALIVE} ORDER BY s.last_seen_at DESC, s.id DESC`,
        [userId],
      );
      return rows;
    },

    async end(userId, { id, except }, by) {
      await pool.query(
        `WITH ended AS (
           UPDATE sessions SET ended_at = now()
           WHERE user_id = $1 AND ended_at IS NULL AND ($2::bigint IS NULL OR id = $2) AND id IS DISTINCT FROM $3::bigint
           RETURNING id)
         INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
         SELECT $4, 'end', 'session', id::text, jsonb_build_object('user', $1::text) FROM ended`,
        [userId, id ?? null, except ?? null, by?.id ?? null],
      );
    },
  };
}
