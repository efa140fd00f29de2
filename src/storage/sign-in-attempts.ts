import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { AttemptStore } from '../pipeline/account-store.ts';

/** What is not tried again for so long starts anew. */
const FORGOTTEN_AFTER = `interval '24 hours'`;
/** Doubles with each failure after the free ones; at most 15 minutes. Needs `failures` and `free`. */
const wait = (failures: string, free: string) =>
  `CASE WHEN ${failures} < ${free} THEN interval '0' ELSE least(power(2, least(${failures} - ${free}, 20)), 900) * interval '1 second' END`;

export function createAttemptStore(pool: pg.Pool): AttemptStore {
  const hash = (name: string) => createHash('sha256').update(`herald attempt ${name}`).digest();
  return {
    async begin(subjects) {
      const hashes = subjects.map(({ name }) => hash(name));
      const { rowCount } = await pool.query(
        `INSERT INTO sign_in_attempts AS a (subject, failures, last_at, blocked_until)
         SELECT subject, 1, clock_timestamp(), clock_timestamp() + ${wait('1', 'free')}
         FROM unnest($1::bytea[], $2::int[]) AS w(subject, free) ORDER BY subject
         ON CONFLICT (subject) DO UPDATE SET last_at = clock_timestamp(),
           failures = CASE WHEN a.last_at < clock_timestamp() - ${FORGOTTEN_AFTER} THEN 1 ELSE a.failures + 1 END,
           blocked_until = clock_timestamp() + (SELECT ${wait('a.failures + 1', 'w.free')}
             FROM unnest($1::bytea[], $2::int[]) AS w(subject, free) WHERE w.subject = a.subject)
         WHERE a.blocked_until <= clock_timestamp()`,
        [hashes, subjects.map(({ free }) => free)],
      );
      if (rowCount === subjects.length) return 0;
      const { rows } = await pool.query<{ seconds: number }>(
        `SELECT ceil(greatest(1, extract(epoch FROM max(blocked_until) - clock_timestamp())))::int AS seconds
         FROM sign_in_attempts WHERE subject = ANY ($1)`,
        [hashes],
      );
      return rows[0]?.seconds ?? 1;
    },

    async succeed(cleared, forgiven = []) {
      await pool.query(
        `WITH forgiven AS (
           UPDATE sign_in_attempts SET failures = greatest(failures - 1, 0), blocked_until = clock_timestamp()
           WHERE subject = ANY ($2)),
         forgotten AS (DELETE FROM sign_in_attempts WHERE last_at < now() - ${FORGOTTEN_AFTER})
         DELETE FROM sign_in_attempts WHERE subject = ANY ($1)`,
        [cleared.map(hash), forgiven.map(hash)],
      );
    },
  };
}
