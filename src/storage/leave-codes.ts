import type pg from 'pg';
import type { LeaveCodeStore } from '../pipeline/citizen-store.ts';

/** How long a code is good, and the shortest time between two. */
const LIFE = `interval '10 minutes'`;
const MOST_A_DAY = 5;
const MOST_TRIES = 5;

const CONTACT = `
  SELECT k.id, s.locale FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
  WHERE k.channel = 'sms' AND k.address = $1
    AND NOT EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address)`;

const ISSUE = `
  WITH contact AS (${CONTACT}),
  issued AS (
    INSERT INTO leave_codes AS c (contact_id, code_hmac) SELECT id, $2 FROM contact
    ON CONFLICT (contact_id) DO UPDATE SET code_hmac = excluded.code_hmac, sent_at = now(), tries = 0,
      sent = CASE WHEN c.day_began_at < now() - interval '1 day' THEN 1 ELSE c.sent + 1 END,
      day_began_at = CASE WHEN c.day_began_at < now() - interval '1 day' THEN now() ELSE c.day_began_at END
    WHERE c.sent_at < now() - ${LIFE} AND (c.sent < ${MOST_A_DAY} OR c.day_began_at < now() - interval '1 day')
    RETURNING contact_id)
  SELECT locale FROM contact JOIN issued ON issued.contact_id = contact.id`;

const OF_PHONE = `contact_id = (SELECT id FROM contacts WHERE channel = 'sms' AND address = $1)`;

/** Codes by which citizens leave. */
export const createLeaveCodeStore = (pool: pg.Pool): LeaveCodeStore => ({
  async issue(phone, hmac) {
    return (await pool.query<{ locale: string }>(ISSUE, [phone, hmac])).rows[0] ?? null;
  },

  async tryOnce(phone) {
    const { rows } = await pool.query<{ hmac: Buffer }>(
      `UPDATE leave_codes SET tries = tries + 1
       WHERE ${OF_PHONE} AND tries < ${MOST_TRIES} AND sent_at > now() - ${LIFE} AND code_hmac IS NOT NULL
       RETURNING code_hmac AS hmac`,
      [phone],
    );
    return rows[0]?.hmac ?? null;
  },

  async end(phone) {
    await pool.query(`UPDATE leave_codes SET code_hmac = NULL WHERE ${OF_PHONE}`, [phone]);
    await pool.query(
      `DELETE FROM leave_codes WHERE greatest(day_began_at, sent_at) < now() - interval '2 days'`,
    );
  },
});
