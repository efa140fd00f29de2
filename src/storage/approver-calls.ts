import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { ApproverCall, CallStore, DueCall } from '../pipeline/call-store.ts';
import type { Job, SingleChannel } from '../pipeline/ports.ts';
import { noteAudit } from './audit.ts';
import { addMessage } from './messages.ts';
import { inTransaction } from './pool.ts';

/** How long an approver has before the next one is called. */
const ANSWER_WITHIN = `interval '5 minutes'`;

/** Calls for what is to be approved now: a text that was changed by an accepted suggestion is called for anew. */
const PRESENT = `c.announcement_id = a.id AND c.submitted_at = a.submitted_at AND c.revision = a.revision`;

const IS_DUE = `a.state = 'submitted' AND a.mode = 'live' AND NOT EXISTS (
    SELECT FROM approver_calls c WHERE ${PRESENT} AND c.escalate_at > now())`;

/** Whether a user `u` can be called about an announcement, and may approve it: who wrote any of it may not. */
const IS_ABLE = (announcement: string) => `u.disabled_at IS NULL AND u.role IN ('approver', 'admin')
      AND (u.phone IS NOT NULL OR u.email IS NOT NULL)
      AND NOT EXISTS (SELECT FROM revisions v WHERE v.announcement_id = ${announcement} AND v.author_id = u.id)`;

/** Those for which nobody was left are looked at again only when somebody is. */
const DUE = `
  SELECT a.id FROM announcements a WHERE ${IS_DUE} AND (a.nobody_left_at IS NULL OR EXISTS (
    SELECT FROM users u WHERE ${IS_ABLE('a.id')}
      AND NOT EXISTS (SELECT FROM approver_calls c WHERE ${PRESENT} AND c.user_id = u.id)))
  ORDER BY a.submitted_at`;

/**
 * The next one: whose suggestion was just taken over; who is on duty, in the rota's order; then everybody else, admins last.
 * When nobody on duty has answered, the others are called at once and not one by one: all but the last of them leave no time.
 */
const NEXT = `
  WITH able AS (
    SELECT u.id, u.role, u.locale, u.phone, u.email, duty.position, EXISTS (
      SELECT FROM suggestions s JOIN announcements a ON a.id = s.announcement_id AND a.revision = s.revision + 1
      WHERE a.id = $1 AND s.user_id = u.id AND s.decision = 'accepted') AS suggested
    FROM users u
    LEFT JOIN LATERAL (
      SELECT min(r.position) AS position FROM rota r WHERE r.user_id = u.id AND r.starts_at <= now() AND r.ends_at > now()
    ) duty ON true
    WHERE ${IS_ABLE('$1')}
  )
  SELECT able.id AS "userId", able.locale, able.phone, able.email,
    able.suggested OR able.position IS NOT NULL OR count(*) OVER () = 1
      OR NOT EXISTS (SELECT FROM able onduty WHERE onduty.position IS NOT NULL) AS waits
  FROM able JOIN announcements a ON a.id = $1
  WHERE NOT EXISTS (SELECT FROM approver_calls c WHERE ${PRESENT} AND c.user_id = able.id)
  ORDER BY able.suggested DESC, able.position NULLS LAST, able.role = 'admin', able.id LIMIT 1`;

/** Whom nothing could be sent to has no time to answer. */
const CALL = `
  WITH before AS (
    UPDATE approver_calls c SET escalated_at = now() FROM announcements a
    WHERE a.id = $1 AND c.announcement_id = a.id AND c.submitted_at = a.submitted_at AND c.escalated_at IS NULL
  ),
  found AS (UPDATE announcements SET nobody_left_at = NULL WHERE id = $1 AND nobody_left_at IS NOT NULL)
  INSERT INTO approver_calls (announcement_id, revision, submitted_at, user_id, channels, escalate_at)
  SELECT id, revision, submitted_at, $2, $3::channel[],
    CASE WHEN $4 AND cardinality($3::channel[]) > 0 THEN now() + ${ANSWER_WITHIN} ELSE now() END
  FROM announcements WHERE id = $1`;

const OF = `
  SELECT c.user_id AS "userId", u.name, c.revision, c.called_at AS "calledAt", c.channels::text[] AS channels,
    c.escalate_at AS "escalateAt", c.answered_at AS "answeredAt"
  FROM approver_calls c JOIN users u ON u.id = c.user_id WHERE c.announcement_id = $1 ORDER BY c.id`;

/** @param slot of the counts, 0 to 15 */
export const createCallStore = (pool: pg.Pool, slot: number): CallStore => ({
  async due() {
    const { rows } = await pool.query<{ id: number }>(DUE);
    return rows.map(({ id }) => id);
  },

  callNext: (announcementId, write) =>
    inTransaction(pool, async (client) => {
      // First the lock, then a look: what another process wrote while it held the row is seen by the second statement.
      await client.query('SELECT FROM announcements WHERE id = $1 FOR NO KEY UPDATE', [announcementId]);
      const { rows: waiting } = await client.query<{ draft: DueCall['draft'] }>(
        `SELECT r.draft FROM announcements a JOIN revisions r ON r.announcement_id = a.id AND r.number = a.revision
         WHERE a.id = $1 AND ${IS_DUE}`,
        [announcementId],
      );
      if (!waiting[0]) return { kind: 'nothing' };
      const { rows: next } = await client.query<
        Omit<DueCall, 'announcementId' | 'draft'> & { readonly waits: boolean }
      >(NEXT, [announcementId]);
      if (!next[0]) {
        const { rowCount } = await client.query(
          'UPDATE announcements SET nobody_left_at = now() WHERE id = $1 AND nobody_left_at IS NULL',
          [announcementId],
        );
        return { kind: 'nobody-left', first: rowCount === 1 };
      }
      const { userId } = next[0];
      const jobs: Job[] = [];
      const channels: SingleChannel[] = [];
      for (const message of write({ announcementId, draft: waiting[0].draft, ...next[0] })) {
        const job = await addUnlessSuppressed(client, slot, message);
        if (!job) continue;
        jobs.push(job);
        channels.push(message.draft.channels[0]);
      }
      await client.query(CALL, [announcementId, userId, channels, next[0].waits]);
      await noteAudit(client, {
        by: undefined,
        act: 'call',
        subjectType: 'announcement',
        subjectId: announcementId,
        details: { user: String(userId), channels: channels.join(' ') },
      });
      return { kind: 'called', userId, channels, jobs };
    }),

  of: async (id) => (await pool.query<ApproverCall>(OF, [id])).rows,

  async unanswered() {
    const { rows } = await pool.query<{ id: number; title: string; since: Date }>(
      `SELECT a.id, c.title, a.submitted_at AS since FROM announcements a JOIN cases c ON c.id = a.case_id
       WHERE a.state = 'submitted' AND a.nobody_left_at IS NOT NULL ORDER BY a.submitted_at`,
    );
    return rows;
  },
});

async function addUnlessSuppressed(
  client: pg.PoolClient,
  slot: number,
  message: Parameters<typeof addMessage>[2],
): Promise<Job | undefined> {
  try {
    return (await addMessage(client, slot, message)).job;
  } catch (error) {
    if (error instanceof HeraldError && error.code === 'address-suppressed') return undefined;
    throw error;
  }
}
