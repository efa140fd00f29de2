import { timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';

export interface Installation {
  /** Short and random; part of queue names, so that two installations can share a Redis. */
  readonly id: string;
  /** 16 bytes: turns row numbers into opaque ids. */
  readonly idKey: Buffer;
}

/**
 * Opens the installation that a database holds: checks that the secret is the one it was made with, and that what
 * has been live is never opened for trial (real citizens would become test data).
 * @param secretCheck a digest under HERALD_SECRET, made for this purpose only
 * @param timezone IANA, the office's: quiet hours are reckoned in it from now on, by every process
 * @throws HeraldError `wrong-secret`, `has-been-live` (conflict), `unknown-timezone` (invalid)
 */
export async function openInstallation(
  pool: pg.Pool,
  secretCheck: Buffer,
  mode: 'trial' | 'live',
  timezone: string,
): Promise<Installation> {
  await requireTimezone(pool, timezone);
  const { rows } = await pool.query<{
    id: string;
    idKey: Buffer;
    secretCheck: Buffer;
    liveSince: Date | null;
  }>(
    `WITH before AS MATERIALIZED (SELECT live_since, timezone FROM installation FOR UPDATE),
     opened AS (
       UPDATE installation i SET secret_check = coalesce(secret_check, $1),
         live_since = CASE WHEN $2 AND coalesce(secret_check, $1) = $1 THEN coalesce(i.live_since, now()) ELSE i.live_since END,
         timezone = CASE WHEN coalesce(secret_check, $1) = $1 THEN $3 ELSE i.timezone END
       FROM before RETURNING i.*),
     live AS (
       INSERT INTO audit_notes (act, subject_type) SELECT 'go-live', 'installation' FROM opened, before
       WHERE opened.live_since IS NOT NULL AND before.live_since IS NULL),
     moved AS (
       INSERT INTO audit_notes (act, subject_type, details)
       SELECT 'change', 'installation', jsonb_build_object('timezone', opened.timezone) FROM opened, before
       WHERE opened.timezone <> before.timezone)
     SELECT id, id_key AS "idKey", secret_check AS "secretCheck", live_since AS "liveSince" FROM opened`,
    [secretCheck, mode === 'live', timezone],
  );
  const installation = rows[0];
  if (!installation)
    throw new HeraldError('unavailable', 'no-installation', 'the database holds no installation', {
      fix: 'run `herald migrate`',
    });
  if (!timingSafeEqual(installation.secretCheck, secretCheck)) {
    throw new HeraldError(
      'conflict',
      'wrong-secret',
      'HERALD_SECRET is not the one that this database was set up with',
      {
        fix: 'use the secret of the first start; without it, sealed webhook secrets cannot be read',
      },
    );
  }
  if (mode === 'trial' && installation.liveSince) {
    throw new HeraldError(
      'conflict',
      'has-been-live',
      `this database has been live since ${installation.liveSince.toISOString()} and cannot be opened in trial mode`,
      {
        fix: 'set HERALD_MODE=live, or use another database for trials',
      },
    );
  }
  return { id: installation.id, idKey: installation.idKey };
}

/** Node and PostgreSQL each bring their own list of time zones. */
async function requireTimezone(pool: pg.Pool, timezone: string): Promise<void> {
  const { rowCount } = await pool.query(
    'SELECT FROM pg_timezone_names WHERE lower(name) = lower($1) LIMIT 1',
    [timezone],
  );
  if (rowCount === 0)
    throw new HeraldError(
      'invalid',
      'unknown-timezone',
      `PostgreSQL does not know OFFICE_TIMEZONE ${timezone}`,
      {
        fix: 'use another name of the zone, such as Asia/Shanghai',
      },
    );
}
