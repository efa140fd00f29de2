import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { Invitation, InvitationStore } from '../pipeline/account-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';

const OPEN = 'i.ended_at IS NULL AND i.expires_at > now() AND u.disabled_at IS NULL';
const UNIQUE_VIOLATION = '23505';

export function createInvitationStore(pool: pg.Pool): InvitationStore {
  return {
    add: (userId, tokenSha256, lifeMs, by) =>
      inTransaction(pool, async (client) => {
        await client.query(
          'UPDATE invitations SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL',
          [userId],
        );
        const { rows } = await client.query<{ id: number; expiresAt: Date }>(
          `INSERT INTO invitations (user_id, token_sha256, created_by, expires_at)
           SELECT id, $2, $3, now() + $4 * interval '1 millisecond' FROM users WHERE id = $1 AND disabled_at IS NULL
           RETURNING id, expires_at AS "expiresAt"`,
          [userId, tokenSha256, by?.id ?? null, lifeMs],
        );
        if (!rows[0])
          throw new HeraldError('not-found', 'no-such-user', 'there is no such user, or they are disabled');
        await noteAudit(client, {
          by,
          act: 'invite',
          subjectType: 'user',
          subjectId: userId,
          details: { invitation: String(rows[0].id) },
        });
        return rows[0].expiresAt;
      }),

    async find(tokenSha256) {
      const { rows } = await pool.query<Invitation>(
        `SELECT u.id AS "userId", u.name, u.login, u.role, i.expires_at AS "expiresAt"
         FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.token_sha256 = $1 AND ${OPEN}`,
        [tokenSha256],
      );
      return rows[0];
    },

    accept: (tokenSha256, login, passwordHash) =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ id: number; userId: number }>(
          `UPDATE invitations i SET ended_at = now() FROM users u
           WHERE i.token_sha256 = $1 AND u.id = i.user_id AND ${OPEN} RETURNING i.id, i.user_id AS "userId"`,
          [tokenSha256],
        );
        const invitation = rows[0];
        if (!invitation)
          throw new HeraldError(
            'not-found',
            'no-such-invitation',
            'this invitation was used, replaced or has expired',
            { fix: 'ask an admin for a new one' },
          );
        const { userId } = invitation;
        try {
          await client.query(
            `UPDATE users SET login = $2, password_hash = $3, totp_sealed = NULL, totp_step = NULL WHERE id = $1`,
            [userId, login, passwordHash],
          );
        } catch (error) {
          if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
          throw new HeraldError('conflict', 'login-taken', 'somebody else signs in with this name', {
            fix: 'choose another one',
          });
        }
        await client.query('DELETE FROM passkeys WHERE user_id = $1', [userId]);
        await client.query('DELETE FROM recovery_codes WHERE user_id = $1', [userId]);
        await client.query('UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL', [
          userId,
        ]);
        await noteAudit(client, {
          by: { id: userId },
          act: 'accept',
          subjectType: 'user',
          subjectId: userId,
          details: { invitation: String(invitation.id) },
        });
        return { userId };
      }),
  };
}
