import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { Account, AccountStore } from '../pipeline/account-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';

const ACCOUNT = `SELECT u.id, u.name, u.role, u.login, u.phone, u.email, u.locale, u.theme, u.created_at AS "createdAt",
    u.disabled_at AS "disabledAt", u.password_hash IS NOT NULL AS "hasPassword", u.totp_sealed IS NOT NULL AS "hasTotp",
    (SELECT count(*) FROM passkeys p WHERE p.user_id = u.id) AS passkeys,
    (SELECT count(*) FROM recovery_codes c WHERE c.user_id = u.id AND c.used_at IS NULL) AS "recoveryCodes",
    (SELECT count(*) FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()) AS "openSessions",
    (SELECT max(expires_at) FROM invitations i WHERE i.user_id = u.id AND i.ended_at IS NULL AND i.expires_at > now()) AS "invitedUntil",
    (SELECT max(last_seen_at) FROM sessions s WHERE s.user_id = u.id) AS "lastSeenAt"
  FROM users u`;

const noSuchUser = () => new HeraldError('not-found', 'no-such-user', 'there is no such user');

/** Columns by the names of what a profile may change. */
const COLUMNS = { name: 'name', phone: 'phone', email: 'email', locale: 'locale', theme: 'theme' } as const;

export function createAccountStore(pool: pg.Pool): AccountStore {
  const get = async (id: number): Promise<Account> => {
    const account = (await pool.query<Account>(`${ACCOUNT} WHERE u.id = $1`, [id])).rows[0];
    if (account) return account;
    throw noSuchUser();
  };

  return {
    get,
    list: async () =>
      (await pool.query<Account>(`${ACCOUNT} ORDER BY u.disabled_at IS NOT NULL, u.name, u.id`)).rows,

    async change(id, change, by) {
      const fields = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).filter(
        (f) => change[f] !== undefined,
      );
      if (fields.length === 0) return;
      await inTransaction(pool, async (client) => {
        const sets = fields.map((field, i) => `${COLUMNS[field]} = $${i + 2}`).join(', ');
        const { rowCount } = await client.query(`UPDATE users SET ${sets} WHERE id = $1`, [
          id,
          ...fields.map((field) => change[field]),
        ]);
        if (rowCount !== 1) throw noSuchUser();
        const details = { fields: fields.join(' ') };
        await noteAudit(client, { by, act: 'change', subjectType: 'user', subjectId: id, details });
      });
    },

    setRole: (id, role, by) =>
      inTransaction(pool, async (client) => {
        // Locked in order, so that two admins cannot demote each other at once.
        const { rows: admins } = await client.query<{ id: number }>(
          `SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR UPDATE`,
        );
        if (role !== 'admin' && admins.length === 1 && admins[0]?.id === id)
          throw new HeraldError('conflict', 'last-admin', 'this is the only admin who is left', {
            fix: 'make somebody else an admin first',
          });
        const { rows } = await client.query<{ role: string }>(
          `UPDATE users u SET role = $2 FROM (SELECT id, role FROM users WHERE id = $1 FOR UPDATE) was
           WHERE u.id = was.id RETURNING was.role`,
          [id, role],
        );
        if (!rows[0]) throw noSuchUser();
        if (rows[0].role === role) return;
        await client.query('UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL', [
          id,
        ]);
        const details = { from: rows[0].role, to: role };
        await noteAudit(client, { by, act: 'change-role', subjectType: 'user', subjectId: id, details });
      }),

    enable: (id, by) =>
      inTransaction(pool, async (client) => {
        const { rowCount } = await client.query(
          'UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL',
          [id],
        );
        if (rowCount === 0) {
          if ((await client.query('SELECT FROM users WHERE id = $1', [id])).rowCount === 0)
            throw noSuchUser();
          return;
        }
        // What was lost with them comes back with nobody.
        await client.query(
          'UPDATE api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL',
          [id],
        );
        await client.query('UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL', [
          id,
        ]);
        await noteAudit(client, { by, act: 'enable', subjectType: 'user', subjectId: id });
      }),

    async passwordOf(login) {
      const { rows } = await pool.query<{ id: number; hash: string | null }>(
        'SELECT id, password_hash AS hash FROM users WHERE lower(login) = lower($1) AND disabled_at IS NULL',
        [login],
      );
      return rows[0];
    },

    async passwordOfUser(id) {
      const { rows } = await pool.query<{ hash: string | null }>(
        'SELECT password_hash AS hash FROM users WHERE id = $1',
        [id],
      );
      return rows[0]?.hash ?? null;
    },

    setPassword: (id, hash, session) =>
      inTransaction(pool, async (client) => {
        await client.query('UPDATE users SET password_hash = $2 WHERE id = $1', [id, hash]);
        await client.query(
          'UPDATE sessions SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL AND id <> $2',
          [id, session],
        );
        await noteAudit(client, {
          by: { id },
          act: 'change',
          subjectType: 'user',
          subjectId: id,
          details: { fields: 'password' },
        });
      }),
  };
}
