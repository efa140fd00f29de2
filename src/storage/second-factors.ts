import type pg from 'pg';
import type { FactorStore, Passkey } from '../pipeline/account-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';

const PASSKEY = `p.id, p.user_id AS "userId", p.credential_id AS "credentialId", p.public_key AS "publicKey", p.sign_count AS "signCount",
  p.transports, p.name, p.created_at AS "createdAt", p.last_used_at AS "lastUsedAt"`;

export function createFactorStore(pool: pg.Pool): FactorStore {
  /** One statement and its line in the audit log, in one transaction. @returns whether it changed a row */
  const acted = (userId: number, act: string, subjectType: string, sql: string, values: readonly unknown[]) =>
    inTransaction(pool, async (client) => {
      const { rowCount } = await client.query(sql, [userId, ...values]);
      if (!rowCount) return false;
      await noteAudit(client, { by: { id: userId }, act, subjectType, subjectId: userId });
      return true;
    });

  return {
    async totpOf(userId) {
      const { rows } = await pool.query<{ sealed: Buffer | null }>(
        'SELECT totp_sealed AS sealed FROM users WHERE id = $1',
        [userId],
      );
      return rows[0]?.sealed ?? null;
    },
    setTotp: async (userId, sealed, step) =>
      void (await acted(
        userId,
        'set',
        'totp',
        'UPDATE users SET totp_sealed = $2, totp_step = $3 WHERE id = $1',
        [sealed, step],
      )),
    removeTotp: async (userId) =>
      void (await acted(
        userId,
        'remove',
        'totp',
        'UPDATE users SET totp_sealed = NULL, totp_step = NULL WHERE id = $1 AND totp_sealed IS NOT NULL',
        [],
      )),
    async useTotpStep(userId, step) {
      const { rowCount } = await pool.query(
        'UPDATE users SET totp_step = $2 WHERE id = $1 AND totp_sealed IS NOT NULL AND coalesce(totp_step, 0) < $2',
        [userId, step],
      );
      return rowCount === 1;
    },

    async passkeys(userId) {
      const { rows } = await pool.query<Passkey>(
        `SELECT ${PASSKEY} FROM passkeys p WHERE p.user_id = $1 ORDER BY p.id`,
        [userId],
      );
      return rows;
    },
    async passkey(credentialId) {
      const { rows } = await pool.query<Passkey>(
        `SELECT ${PASSKEY} FROM passkeys p JOIN users u ON u.id = p.user_id
         WHERE p.credential_id = $1 AND u.disabled_at IS NULL`,
        [credentialId],
      );
      return rows[0];
    },
    addPasskey: async ({ userId, credentialId, publicKey, signCount, transports, name }) =>
      void (await acted(
        userId,
        'add',
        'passkey',
        `INSERT INTO passkeys (user_id, credential_id, public_key, sign_count, transports, name)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [credentialId, publicKey, signCount, transports, name],
      )),
    removePasskey: async (userId, id) =>
      void (await acted(userId, 'remove', 'passkey', 'DELETE FROM passkeys WHERE user_id = $1 AND id = $2', [
        id,
      ])),
    async usedPasskey(id, signCount) {
      await pool.query('UPDATE passkeys SET sign_count = $2, last_used_at = now() WHERE id = $1', [
        id,
        signCount,
      ]);
    },
    async addChallenge(challenge, userId, lifeMs) {
      await pool.query(
        `WITH expired AS (DELETE FROM passkey_challenges WHERE expires_at < now())
         INSERT INTO passkey_challenges (challenge, user_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 millisecond')`,
        [challenge, userId, lifeMs],
      );
    },
    async takeChallenge(challenge, userId) {
      const { rowCount } = await pool.query(
        `DELETE FROM passkey_challenges
         WHERE challenge = $1 AND user_id IS NOT DISTINCT FROM $2::bigint AND expires_at > now()`,
        [challenge, userId],
      );
      return rowCount === 1;
    },

    replaceRecoveryCodes: async (userId, sha256s) =>
      void (await acted(
        userId,
        'set',
        'recovery-codes',
        `WITH old AS (DELETE FROM recovery_codes WHERE user_id = $1)
         INSERT INTO recovery_codes (user_id, code_sha256) SELECT $1, unnest($2::bytea[])`,
        [sha256s],
      )),
    useRecoveryCode: (userId, sha256) =>
      acted(
        userId,
        'use',
        'recovery-codes',
        'UPDATE recovery_codes SET used_at = now() WHERE user_id = $1 AND code_sha256 = $2 AND used_at IS NULL',
        [sha256],
      ),
  };
}
