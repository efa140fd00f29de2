import type { Ground } from './ground.ts';
import type { openHerald } from './herald.ts';

type App = Awaited<ReturnType<typeof openHerald>>['app'];

/** A part of the citizens: the first so many. */
export interface Part {
  readonly topic: string;
  readonly first: number;
}

const POPULATE = `
  WITH person AS (
    INSERT INTO subscribers (name, locale, topics, consent_at, consent_source)
    SELECT 'Citizen ' || i, 'zh-CN',
      ARRAY(SELECT t.id FROM unnest($3::text[], $4::int[]) AS p(code, first) JOIN topics t ON t.code = p.code WHERE i <= p.first),
      now(), 'bench'
    FROM generate_series(1, $1::int) AS i
    RETURNING id, name
  )
  INSERT INTO contacts (subscriber_id, channel, address)
  SELECT id, $2::channel, CASE $2 WHEN 'email' THEN 'c' || substr(name, 9) || '@example.org' ELSE '+1' || 2000000000 + substr(name, 9)::int END
  FROM person ORDER BY id`;

/** Replaces all citizens by so many new ones, each with one address on the channel. The largest part has them all. */
export async function populate(
  { pool }: Ground,
  app: App,
  channel: 'sms' | 'email',
  parts: readonly Part[],
): Promise<void> {
  await pool.query('TRUNCATE subscribers, contacts');
  await addTopics(app, parts);
  const most = Math.max(...parts.map((part) => part.first));
  await pool.query(POPULATE, [most, channel, parts.map((p) => p.topic), parts.map((p) => p.first)]);
  // As autovacuum does in time.
  await pool.query('VACUUM ANALYZE subscribers, contacts');
}

async function addTopics(app: App, parts: readonly { readonly topic: string }[]): Promise<void> {
  const known = new Set((await app.lists.list('topics')).map(({ code }) => code));
  for (const { topic } of parts)
    if (!known.has(topic)) await app.lists.add('topics', { code: topic, names: {} });
}

/** Newsrooms at the sinks; the first so many belong to a part. */
export async function addEndpoints(
  { sinks }: Ground,
  app: App,
  count: number,
  parts: readonly Part[],
): Promise<void> {
  await addTopics(app, parts);
  for (let i = 0; i < count; i += 1)
    await app.endpoints.create({
      outlet: `outlet-${i}`,
      url: `${sinks.url}/hooks/outlet-${i}`,
      topics: parts.filter((part) => i < part.first).map((part) => part.topic),
      districts: [],
    });
}
