import type pg from 'pg';
import type { Draft } from '../domain/announcement.ts';
import { CHANNELS, type Channel } from '../domain/channel.ts';
import type { Audience } from '../pipeline/announcement-store.ts';

type Queryable = Pick<pg.Pool, 'query'>;

/** The citizens that an audience names, over `subscribers s` and parameters with the ids of topics and districts. */
export const IN_AUDIENCE = (topics: string, districts: string): string => `
  (cardinality(${topics}) = 0 OR cardinality(s.topics) = 0 OR s.topics && ${topics})
  AND (cardinality(${districts}) = 0 OR cardinality(s.districts) = 0 OR s.districts && ${districts})`;

export const idsOf = (list: 'topics' | 'districts', codes: string): string =>
  `ARRAY(SELECT id FROM ${list} WHERE code = ANY (${codes}))`;

/**
 * Whether the citizen of a row of `deliveries d` got its text or may have got it. A mail that was in doubt once may:
 * a later attempt that was refused, or stopped, says nothing of the earlier one.
 */
export const MAY_HAVE_READ = `d.channel <> 'webhook' AND (d.status IN ('sending', 'sent', 'delivered', 'unknown')
  OR d.channel = 'email' AND d.attempt > 1 AND EXISTS (
    SELECT FROM delivery_events e WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown'))`;

/** The announcements that this one supersedes, directly or not, oldest first. */
export async function loadChain(db: Queryable, id: number): Promise<readonly number[]> {
  const { rows } = await db.query<{ id: number }>(
    `WITH RECURSIVE chain AS (
       SELECT supersedes AS id, 1 AS depth FROM announcements WHERE id = $1 AND supersedes IS NOT NULL
       UNION ALL
       SELECT a.supersedes, depth + 1 FROM announcements a JOIN chain c ON a.id = c.id WHERE a.supersedes IS NOT NULL AND depth < 100)
     SELECT id FROM chain ORDER BY depth DESC`,
    [id],
  );
  return rows.map((r) => r.id);
}

/**
 * Whose the address of a citizen's row of `deliveries d` is now, as `k (id, channel, address, subscriber_id)`: the contact's
 * that it was sent to, wherever that moved; and where it was removed, whoever came back to its address.
 */
export const READERS_OF = `
  CROSS JOIN LATERAL (
    SELECT id, channel, address, subscriber_id FROM contacts WHERE id = d.contact_id AND channel = d.channel
    UNION ALL
    SELECT id, channel, address, subscriber_id FROM contacts WHERE channel = d.channel AND address = d.address_key
      AND NOT EXISTS (SELECT FROM contacts WHERE id = d.contact_id)
  ) k`;

/**
 * As the expansion will: whoever may have read the superseded texts, on the same channel ($4 their ids), and, unless it
 * is a retraction ($5), the audience; less who left. Outlets: the audience's, and all that were addressed.
 */
const COUNT = `
  WITH wanted AS MATERIALIZED (SELECT ${idsOf('topics', '$1::text[]')} AS topics, ${idsOf('districts', '$2::text[]')} AS districts),
  reached AS MATERIALIZED (
    SELECT DISTINCT k.id, k.channel FROM deliveries d ${READERS_OF} WHERE d.announcement_id = ANY ($4::bigint[]) AND ${MAY_HAVE_READ}
  ),
  addressed AS MATERIALIZED (
    SELECT d.contact_id AS id FROM deliveries d WHERE d.announcement_id = ANY ($4::bigint[]) AND d.channel = 'webhook'
  )
  SELECT locale, sum(sms)::int AS sms, sum(email)::int AS email, 0 AS webhook, count(*)::int AS citizens FROM (
    SELECT s.locale, count(*) FILTER (WHERE k.channel = 'sms') AS sms, count(*) FILTER (WHERE k.channel = 'email') AS email
    FROM wanted w, subscribers s JOIN contacts k ON k.subscriber_id = s.id
    WHERE (NOT $5::boolean AND k.channel = ANY ($3::channel[]) AND ${IN_AUDIENCE('w.topics', 'w.districts')}
        OR (k.id, k.channel) IN (SELECT id, channel FROM reached))
      AND NOT EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address)
    GROUP BY s.id) each
  GROUP BY locale
  UNION ALL
  SELECT '', 0, 0, count(*)::int, 0 FROM wanted w, endpoints s
  WHERE s.removed_at IS NULL AND s.disabled_at IS NULL
    AND (NOT $5::boolean AND 'webhook' = ANY ($3::channel[]) AND ${IN_AUDIENCE('w.topics', 'w.districts')}
      OR s.id IN (SELECT id FROM addressed))
  ORDER BY 1`;

/** Whom a draft would reach now. */
export async function countAudience(
  db: Queryable,
  { audience, channels, kind }: Pick<Draft, 'audience' | 'channels' | 'kind'>,
  supersedes: number | null,
): Promise<Audience> {
  const chain = supersedes === null ? [] : [...(await loadChain(db, supersedes)), supersedes];
  type Counted = { readonly locale: string; readonly citizens: number } & Readonly<Record<Channel, number>>;
  const { rows } = await db.query<Counted>(COUNT, [
    audience.topics,
    audience.districts,
    channels,
    chain,
    kind === 'retraction',
  ]);
  return {
    counts: CHANNELS.flatMap((channel) =>
      rows.flatMap((row) => (row[channel] > 0 ? [{ channel, locale: row.locale, count: row[channel] }] : [])),
    ),
    citizens: rows.reduce((sum, { citizens }) => sum + citizens, 0),
  };
}
