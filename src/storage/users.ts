import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Role } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import type { By } from '../pipeline/audit-store.ts';

export interface User {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

/** Who a key acts for. */
export interface KeyHolder {
  readonly id: number;
  readonly role: Role;
  readonly name: string;
  /** The key's own id. */
  readonly keyId: number;
}

export interface ApiKey {
  readonly id: number;
  readonly userId: number;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

const USER = 'id, name, role, created_at AS "createdAt", disabled_at AS "disabledAt"';

/** For the audit log: which key of whom. */
const noteKey = (act: 'create' | 'revoke', keys: string, by = '$3') => `
  INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
  SELECT ${by}, '${act}', 'key', id::text, jsonb_build_object('user', user_id::text) FROM ${keys}`;

/** The press office's people, and the keys that act for them. */
export class UserStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async add(user: { readonly name: string; readonly role: Role }, by?: By): Promise<User> {
    const { rows } = await this.#pool.query<User>(
      `WITH added AS (INSERT INTO users (name, role) VALUES ($1, $2) RETURNING *),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
         SELECT $3, 'add', 'user', id::text, jsonb_build_object('role', role) FROM added
       )
       SELECT ${USER} FROM added`,
      [user.name, user.role, by?.id ?? null],
    );
    return found(rows[0], 'user');
  }

  /** Oldest first; disabled ones too. */
  async list(): Promise<readonly User[]> {
    return (await this.#pool.query<User>(`SELECT ${USER} FROM users ORDER BY id`)).rows;
  }

  /** @throws HeraldError `no-such-user` */
  async get(id: number): Promise<User> {
    return found(
      (await this.#pool.query<User>(`SELECT ${USER} FROM users WHERE id = $1`, [id])).rows[0],
      'user',
    );
  }

  /**
   * All keys and sessions of a disabled user stop working at once, and stay so.
   * @throws HeraldError `no-such-user`, `last-admin` (conflict)
   */
  async disable(id: number, by?: By): Promise<User> {
    const { rows } = await this.#pool.query<User>(
      `WITH admins AS MATERIALIZED (
         SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR UPDATE),
       disabled AS (
         UPDATE users SET disabled_at = coalesce(disabled_at, now())
         WHERE id = $1 AND (SELECT array_agg(id) FROM admins) IS DISTINCT FROM ARRAY[$1::bigint] RETURNING *),
       ended AS (
         UPDATE sessions SET ended_at = now() WHERE user_id IN (SELECT id FROM disabled) AND ended_at IS NULL),
       noted AS (
         INSERT INTO audit_notes (actor, act, subject_type, subject_id)
         SELECT $2, 'disable', 'user', id::text FROM disabled
       )
       SELECT ${USER} FROM disabled`,
      [id, by?.id ?? null],
    );
    if (rows[0]) return rows[0];
    await this.get(id);
    throw new HeraldError('conflict', 'last-admin', 'this is the only admin who is left', {
      fix: 'add another admin first',
    });
  }

  /**
   * A new key: `hk_` and 256 random bits in base64url. It is shown this once; only its SHA-256 is kept.
   * @throws HeraldError `no-such-user`, also when the user is disabled
   */
  async createKey(userId: number, by?: By): Promise<{ readonly id: number; readonly key: string }> {
    const key = `hk_${randomBytes(32).toString('base64url')}`;
    const { rows } = await this.#pool.query<{ id: number }>(
      `WITH made AS (
         INSERT INTO api_keys (user_id, key_sha256)
         SELECT id, $2 FROM users WHERE id = $1 AND disabled_at IS NULL RETURNING id, user_id),
       noted AS (${noteKey('create', 'made')})
       SELECT id FROM made`,
      [userId, sha256(key), by?.id ?? null],
    );
    return { id: found(rows[0], 'user').id, key };
  }

  async keys(userId: number): Promise<readonly ApiKey[]> {
    const { rows } = await this.#pool.query<ApiKey>(
      `SELECT id, user_id AS "userId", created_at AS "createdAt", revoked_at AS "revokedAt"
       FROM api_keys WHERE user_id = $1 ORDER BY id`,
      [userId],
    );
    return rows;
  }

  /** Revoking twice is fine. @throws HeraldError `no-such-key` */
  async revokeKey(keyId: number, by?: By): Promise<void> {
    const { rows } = await this.#pool.query<{ id: number }>(
      `WITH revoked AS (
         UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id, user_id),
       noted AS (${noteKey('revoke', 'revoked', '$2')})
       SELECT id FROM revoked`,
      [keyId, by?.id ?? null],
    );
    found(rows[0], 'key');
  }

  /** Who a key acts for; `undefined` when it is unknown or revoked, or its user is disabled. */
  async authenticate(key: string): Promise<KeyHolder | undefined> {
    const { rows } = await this.#pool.query<KeyHolder>(
      `SELECT u.id, u.role, u.name, k.id AS "keyId" FROM api_keys k JOIN users u ON u.id = k.user_id
       WHERE k.key_sha256 = $1 AND k.revoked_at IS NULL AND u.disabled_at IS NULL`,
      [sha256(key)],
    );
    return rows[0];
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

function found<T>(row: T | undefined, what: 'user' | 'key'): T {
  if (row) return row;
  throw new HeraldError('not-found', `no-such-${what}`, `there is no such ${what}`);
}
