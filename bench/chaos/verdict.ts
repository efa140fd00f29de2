import type pg from 'pg';
import type { Launched } from '../../src/cli/launch.ts';
import type { Field } from './field.ts';
import type { Follower } from './interventions.ts';
import { readLedger } from './ledger.ts';
import { FAULTY_OUTLET, type Part, WITH_OUTLETS } from './population.ts';
import { type Counts, judgeRow, NOTHING_COUNTED, type Pause, type Row } from './rows.ts';
import type { Strikes } from './strikes.ts';

/** Whom each announcement concerns, by the topic that they chose. */
const TOPICS = {
  cancelled: 'cancelled',
  expiring: 'expiring',
  corrected: 'corrected',
  correction: 'corrected',
  retracted: 'retracted',
  retraction: 'retracted',
  main: 'main',
  outage: 'outage',
} as const satisfies Readonly<Record<Part | Follower, Part>>;

export interface Verdict {
  readonly counts: Counts;
  /** Rows of the main announcement whose recipients left. */
  readonly leavers: number;
  /** Rows that the cancellation and the expiry kept from being sent. */
  readonly stopped: Readonly<Record<'cancelled' | 'expiring', number>>;
  readonly offending: readonly {
    readonly delivery: string;
    readonly why: string;
    readonly events: unknown;
  }[];
}

/** What must be 0, or somebody was missed, written to twice, or written to against their will. */
const MUST_BE_NONE = [
  'missing',
  'duplicateSms',
  'unexplained',
  'afterOptOut',
  'afterStop',
  'afterPause',
  'stillOpen',
  'wrongReceipts',
  'wrongReaders',
] as const satisfies readonly (keyof Counts)[];

/** What was found wrong, in words; empty: nothing. */
export const wrongIn = (counts: Counts): readonly string[] =>
  MUST_BE_NONE.filter((name) => counts[name] > 0).map((name) => `${name}: ${counts[name]}`);

interface Found extends Row {
  readonly id: number;
  readonly n: number;
}

/**
 * The worker that an event speaks of had just been struck: it was killed, and others found what it left; or it stood still,
 * and found the answers gone when it woke.
 */
const WAS_STRUCK = `EXISTS (
         SELECT FROM workers w JOIN jsonb_to_recordset($2) AS s(pid int, at timestamptz) ON s.pid = w.pid
         WHERE w.id = substring(e.source || ' ' || coalesce(e.detail, '') FROM 'worker (\\d+)')::bigint
           AND e.at BETWEEN s.at - interval '2 seconds' AND s.at + interval '5 minutes')`;

const ROWS = `
  SELECT d.announcement_id AS id, d.n, d.channel, d.status, d.address_key AS address, d.provider_message_id AS sid,
    d.error_code AS code,
    (SELECT count(*)::int FROM delivery_events e
     WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown') AS doubts,
    (SELECT count(*)::int FROM delivery_events e
     WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown' AND (
       d.channel = 'webhook' AND d.address_key = ANY ($4)
       OR ${WAS_STRUCK}
       OR EXISTS (SELECT FROM jsonb_to_recordset($3) AS w("from" timestamptz, until timestamptz, channels jsonb, sources jsonb)
                  WHERE e.at BETWEEN w."from" AND w.until AND w.channels ? d.channel::text
                    AND (w.sources IS NULL OR w.sources ? e.source)))) AS explained,
    (SELECT count(*)::int FROM delivery_events e
     WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown' AND ${WAS_STRUCK}) AS struck,
    (SELECT s.created_at FROM suppressions s WHERE s.channel = d.channel AND s.address = d.address_key AND s.reason = 'left') AS "leftAt",
    CASE WHEN a.state = 'cancelled' THEN a.ended_at WHEN d.channel <> 'webhook' AND a.expires_at < now() THEN a.expires_at END AS "stoppedAt"
  FROM deliveries d JOIN announcements a ON a.id = d.announcement_id WHERE d.announcement_id = ANY ($1)`;

/** Contacts of an audience that nobody wrote a row for, less those who left before. */
const MISSED = `
  SELECT count(*)::int AS n FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
  WHERE s.topics = ARRAY[(SELECT id FROM topics WHERE code = $2)]
    AND NOT EXISTS (SELECT FROM deliveries d WHERE d.announcement_id = $1 AND d.channel = k.channel AND d.address_key = k.address)
    AND NOT EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address)`;

/** The same of the outlets, all of which chose every topic. */
const MISSED_OUTLETS = `
  SELECT count(*)::int AS n FROM endpoints e
  WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.announcement_id = $1 AND d.channel = 'webhook' AND d.address_key = e.id::text)`;

/** Rows for citizens whom an announcement does not concern. */
const STRANGERS = `
  SELECT count(*)::int AS n FROM deliveries d
  WHERE d.announcement_id = $1 AND d.channel <> 'webhook' AND NOT EXISTS (
    SELECT FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
    WHERE s.topics = ARRAY[(SELECT id FROM topics WHERE code = $2)] AND k.channel = d.channel AND k.address = d.address_key)`;

/** The gateways' own ledger against Herald's tables, message by message. */
export async function judge(
  { app, sandboxUrl }: Launched,
  announcements: Readonly<Record<Part | Follower, number>>,
  pause: Pause,
  { outages, struck }: Pick<Strikes, 'outages'> & Pick<Field, 'struck'>,
): Promise<Verdict> {
  const parts = new Map(Object.entries(announcements).map(([part, id]) => [id, part as Row['part']]));
  const { rows } = await app.pool.query<Omit<Found, 'part'>>(ROWS, [
    [...parts.keys()],
    JSON.stringify(struck.map(({ pid, at }) => ({ pid, at: new Date(at) }))),
    JSON.stringify(outages),
    await faultyOutlets(app.pool),
  ]);
  const ledger = await readLedger(sandboxUrl);
  const counts: Record<keyof Counts, number> = { ...NOTHING_COUNTED };
  const offending: { row: Found | null; why: string; delivery: string }[] = [];
  const blame = (count: keyof Counts, row: Found | null, why: string, n = 1) => {
    counts[count] += n;
    const delivery = row ? app.ids.encode('delivery', row.id, row.n) : '';
    offending.push({ row, why, delivery });
  };

  for (const [id, topic] of [
    [announcements.main, 'main'],
    [announcements.outage, 'outage'],
    // Who had not got the wrong text gets the right one.
    [announcements.correction, 'corrected'],
  ] as const) {
    const { rows: lost } = await app.pool.query<{ n: number }>(MISSED, [id, topic]);
    const n = lost[0]?.n ?? 0;
    if (n > 0) blame('missing', null, `${n} contacts of the audience of ${topic} have no delivery`, n);
  }
  for (const [part, topic] of Object.entries(TOPICS)) {
    const id = announcements[part as keyof typeof TOPICS];
    const { rows: strangers } = await app.pool.query<{ n: number }>(STRANGERS, [id, topic]);
    const n = strangers[0]?.n ?? 0;
    if (n > 0) blame('wrongReaders', null, `${n} deliveries of ${part} go to strangers`, n);
    if (!WITH_OUTLETS.includes(topic)) continue;
    const { rows: lost } = await app.pool.query<{ n: number }>(MISSED_OUTLETS, [id]);
    const outlets = lost[0]?.n ?? 0;
    if (outlets > 0) blame('missing', null, `${outlets} outlets have no delivery of ${part}`, outlets);
  }

  const found = rows.map((row): Found => ({ ...row, part: parts.get(row.id) ?? 'main' }));
  /** Rows that somebody got, or may have got. */
  const read = new Set<Found>();
  for (const row of found) {
    const delivery = app.ids.encode('delivery', row.id, row.n);
    const entries = ledger.get(delivery) ?? [];
    ledger.delete(delivery);
    // What the gateway took, but for what it said later that nobody got.
    if ((entries.length > 0 && row.status !== 'undelivered') || row.status === 'unknown') read.add(row);
    for (const { count, n, why } of judgeRow(row, entries, pause)) {
      if (why === undefined) counts[count] += n;
      else blame(count, row, why, n);
    }
  }
  for (const [old, follower] of [
    ['corrected', 'correction'],
    ['retracted', 'retraction'],
  ] as const) {
    const addressed = new Set(found.filter(({ part }) => part === follower).map(({ address }) => address));
    for (const row of found) {
      if (row.part !== old || row.leftAt) continue;
      const isAddressed = addressed.has(row.address);
      if (read.has(row) && !isAddressed) blame('wrongReaders', row, 'was read, and its reader was not told');
      // Outlets are told of every retraction that was meant for them.
      else if (
        !read.has(row) &&
        follower === 'retraction' &&
        isAddressed &&
        row.doubts === 0 &&
        row.channel !== 'webhook'
      )
        blame('wrongReaders', row, 'was never read, and is retracted all the same');
    }
  }
  for (const [delivery, entries] of ledger)
    blame('unexplained', null, `the gateway took what Herald does not know: ${delivery}`, entries.length);

  const ended = (part: Row['part'], status: Row['status']) =>
    found.filter((row) => row.part === part && row.status === status).length;
  return {
    counts,
    leavers: found.filter(({ part, leftAt }) => part === 'main' && leftAt).length,
    stopped: { cancelled: ended('cancelled', 'cancelled'), expiring: ended('expiring', 'expired') },
    offending: await Promise.all(
      offending.slice(0, 10).map(async ({ row, why, delivery }) => ({
        delivery,
        why,
        events: row ? (await app.reports.delivery(row.id, row.n)).events : [],
      })),
    ),
  };
}

/** Outlets whose answers the gateway takes away by itself. */
async function faultyOutlets(pool: pg.Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>('SELECT id::text FROM endpoints WHERE outlet = $1', [
    FAULTY_OUTLET,
  ]);
  return rows.map(({ id }) => id);
}
