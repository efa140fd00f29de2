import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { Duty, RotaStore } from '../pipeline/admin-store.ts';
import { noteAudit } from './audit.ts';
import { inTransaction } from './pool.ts';

/** Longer is a typing error. */
const MOST_DAYS = 31;

const MONDAY = `date_trunc('week', coalesce($1::timestamp, now() AT TIME ZONE $2))`;
const DAYS = `
  SELECT to_char(d, 'YYYY-MM-DD') AS date, d AT TIME ZONE $2 AS "startsAt", (d + interval '1 day') AT TIME ZONE $2 AS "endsAt"
  FROM generate_series(${MONDAY} - interval '7 days', ${MONDAY} + interval '13 days', interval '1 day') AS d ORDER BY d`;

const CAN_BE_CALLED = `(u.disabled_at IS NULL AND u.role IN ('approver', 'admin') AND (u.phone IS NOT NULL OR u.email IS NOT NULL))`;
const DUTIES = `
  SELECT r.id, r.user_id AS "userId", u.name, r.starts_at AS "startsAt", r.ends_at AS "endsAt", r.position,
    ${CAN_BE_CALLED} AS "canBeCalled"
  FROM rota r JOIN users u ON u.id = r.user_id WHERE r.ends_at > $1 AND r.starts_at < $2
  ORDER BY r.starts_at, r.position, r.id`;

/** @param timezone the office's */
export const createRotaStore = (pool: pg.Pool, timezone: string): RotaStore => ({
  async week(date) {
    const { rows } = await pool.query<{ date: string; startsAt: Date; endsAt: Date }>(DAYS, [
      date ?? null,
      timezone,
    ]);
    const days = rows.slice(7, 14);
    const { rows: duties } = await pool.query<Duty>(DUTIES, [days[0]?.startsAt, days[6]?.endsAt]);
    const dateAt = (n: number) => rows[n]?.date ?? '';
    return { monday: dateAt(7), previous: dateAt(0), next: dateAt(14), days, duties };
  },

  async approvers() {
    const { rows } = await pool.query<{ id: number; name: string; canBeCalled: boolean }>(
      `SELECT u.id, u.name, ${CAN_BE_CALLED} AS "canBeCalled" FROM users u
       WHERE u.disabled_at IS NULL AND u.role IN ('approver', 'admin') ORDER BY u.role = 'admin', u.name, u.id`,
    );
    return rows;
  },

  add: ({ userId, from, until, position }, by) =>
    inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ id: number | null; fits: boolean; approves: boolean }>(
        `WITH wanted AS (SELECT $2::timestamp AT TIME ZONE $4 AS starts, $3::timestamp AT TIME ZONE $4 AS ends),
         fit AS (SELECT *, ends > starts AND ends <= starts + interval '${MOST_DAYS} days' AS fits FROM wanted),
         who AS (SELECT id FROM users WHERE id = $1 AND disabled_at IS NULL AND role IN ('approver', 'admin')),
         added AS (
           INSERT INTO rota (user_id, starts_at, ends_at, position, created_by)
           SELECT who.id, starts, ends, $5, $6 FROM fit, who WHERE fits RETURNING id)
         SELECT fits, EXISTS (SELECT FROM who) AS approves, (SELECT id FROM added) AS id FROM fit`,
        [userId, from, until, timezone, position, by?.id ?? null],
      );
      const result = rows[0];
      if (!result?.approves)
        throw new HeraldError('invalid', 'no-such-approver', 'there is no such approver', {
          issues: [{ path: 'user', message: 'is nobody who may approve' }],
        });
      if (!result.fits || result.id === null)
        throw new HeraldError(
          'invalid',
          'bad-duty',
          `a duty ends after it starts, and lasts ${MOST_DAYS} days at most`,
          {
            issues: [{ path: 'until', message: 'does not fit the start' }],
          },
        );
      await noteAudit(client, {
        by,
        act: 'add',
        subjectType: 'duty',
        subjectId: result.id,
        details: { user: String(userId) },
      });
    }),

  remove: (id, by) =>
    inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ userId: number }>(
        'DELETE FROM rota WHERE id = $1 RETURNING user_id AS "userId"',
        [id],
      );
      if (!rows[0]) return;
      const details = { user: String(rows[0].userId) };
      await noteAudit(client, { by, act: 'remove', subjectType: 'duty', subjectId: id, details });
    }),
});
