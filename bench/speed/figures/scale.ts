import { Redis } from 'ioredis';
import { populate } from '../audience.ts';
import type { Figure } from '../goals.ts';
import type { Ground } from '../ground.ts';
import type { Herald, Sent } from '../herald.ts';
import { median, percentile, type Round, roundOf } from '../measure.ts';
import { rssAnon } from '../proc.ts';

/** A broadcast of one size, for the plots and the capacity model. */
export interface SizePoint extends Round {
  readonly recipients: number;
  /** Seconds from approval to sent. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

const MB = 1_000_000;
/** Where memory is looked at the first time. */
const EARLY_MESSAGES = 50_000;
const LOOK_EVERY_MS = 100;

/** SMS broadcasts of growing size; the largest one is watched while it runs. */
export async function measureScale(
  ground: Ground,
  herald: Herald,
): Promise<{
  readonly figures: readonly Figure[];
  readonly points: readonly SizePoint[];
  /** What a delivery leaves in the database. */
  readonly databaseBytesEach: number;
  /** What it writes to the write-ahead log. */
  readonly walBytesEach: number;
}> {
  const { recipients, rounds } = ground.options;
  const small = Math.ceil(recipients / 100);
  const sizes = [...new Set([100, 1_000, 10_000, 100_000, small, recipients])]
    .filter((size) => size <= recipients)
    .sort((a, b) => a - b);
  const topicOf = (size: number) => `bench-${size}`;
  const points: SizePoint[] = [];
  const run = async (size: number): Promise<Sent> => {
    const ids = await herald.prepare('sms', topicOf(size));
    const sent = await herald.broadcast(ids, size);
    const report = (await herald.app.reports.channels(ids[0] ?? 0)).sms;
    points.push({
      recipients: size,
      ...roundOf(sent),
      p50: report?.p50 ?? null,
      p95: report?.p95 ?? null,
      max: report?.max ?? null,
    });
    ground.say(`scale: ${size} recipients, ${Math.round((size / sent.ms) * 1_000)}/s`);
    return sent;
  };

  // The small ones among as few citizens as they have, for it is they that are compared.
  await populate(ground, herald.app, 'sms', [{ topic: topicOf(small), first: small }]);
  const smallOnes: Sent[] = [];
  for (let i = 0; i <= Math.min(3, rounds); i += 1) smallOnes.push(await run(small));
  points.splice(0);
  const smallCpu = median(smallOnes.slice(1).map((sent) => sent.cpu.total / sent.messages));

  await populate(
    ground,
    herald.app,
    'sms',
    sizes.map((size) => ({ topic: topicOf(size), first: size })),
  );
  for (const size of sizes.slice(0, -1)) await run(size);
  const before = await storage(ground);
  await ground.sinks.reset();
  const watch = await watchLargest(ground, herald, recipients);
  const largest = await run(recipients);
  const watched = await watch.end();
  const { firstAt } = await ground.sinks.report();
  const after = await storage(ground);
  const largestCpu = largest.cpu.total / recipients;

  const figures: Figure[] = [
    { name: 'cpu/small', value: largestCpu / smallCpu, detail: { largestCpu, smallCpu, recipients, small } },
    { name: 'memory/growth', value: watched.growth, detail: { processes: watched.processes } },
    { name: 'memory/most', value: watched.most / MB },
    ...(watched.redis === undefined
      ? []
      : [
          {
            name: 'redis/memory',
            value: watched.redis / MB,
            detail: { recipients, idle: watched.redisIdle },
          } as const,
        ]),
    { name: 'counts/p95', value: percentile(watched.looks, 0.95), detail: { looks: watched.looks.length } },
    { name: 'first-sms', value: ((firstAt.sms ?? Number.NaN) - largest.approvedAt) / 1_000 },
  ];
  return {
    figures,
    points,
    databaseBytesEach: (after.database - before.database) / recipients,
    walBytesEach: (after.wal - before.wal) / recipients,
  };
}

async function storage({ pool }: Ground): Promise<{ readonly database: number; readonly wal: number }> {
  const { rows } = await pool.query<{ database: number; wal: number }>(
    `SELECT pg_database_size(current_database())::float8 AS database,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal`,
  );
  return rows[0] ?? { database: 0, wal: 0 };
}

/** Looks at memory and at the announcement's page until it is told to end. */
async function watchLargest({ pool, servers }: Ground, herald: Herald, recipients: number) {
  const { rows } = await pool.query<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM announcements');
  const last = rows[0]?.id ?? 0;
  const key = await herald.apiKey();
  const url = servers.config.redisUrl;
  const redis = url ? new Redis(url) : undefined;
  const early = new Map<string, number>();
  const most = new Map<string, number>();
  const looks: number[] = [];
  const redisMemory = async (client: Redis) =>
    Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const redisIdle = redis && (await redisMemory(redis));
  let redisBytes = 0;
  let ending = false;

  const look = async () => {
    const { rows: found } = await pool.query<{ id: number; sent: number }>(
      `SELECT a.id, coalesce((SELECT sum(n) FROM delivery_counts c WHERE c.announcement_id = a.id AND c.status = 'sent'), 0)::int AS sent
       FROM announcements a WHERE a.id > $1 AND a.state = 'sending'`,
      [last],
    );
    const [one] = found;
    if (!one) return;
    const isEarly = one.sent >= Math.min(EARLY_MESSAGES, recipients / 4);
    for (const { name, pid } of herald.children) {
      const bytes = rssAnon(pid);
      if (isEarly && !early.has(name)) early.set(name, bytes);
      most.set(name, Math.max(bytes, most.get(name) ?? 0));
    }
    if (redis) redisBytes = Math.max(redisBytes, await redisMemory(redis));
    const began = performance.now();
    const path = `/v1/announcements/${herald.app.ids.encode('announcement', one.id)}`;
    const answer = await fetch(`${herald.webUrl}${path}`, { headers: { authorization: `Bearer ${key}` } });
    await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    looks.push(performance.now() - began);
  };
  const looking = (async () => {
    while (!ending) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  })();
  // Whoever ends it is told.
  looking.catch(() => undefined);

  return {
    async end() {
      ending = true;
      await looking;
      redis?.disconnect();
      const processes = Object.fromEntries(
        [...most].map(([name, bytes]) => [name, { early: early.get(name) ?? bytes, most: bytes }]),
      );
      const all = Object.values(processes);
      return {
        processes,
        growth: Math.max(...all.map(({ early: before, most: after }) => after / before)),
        most: Math.max(...all.map(({ most: bytes }) => bytes)),
        looks,
        redis: redis ? redisBytes : undefined,
        redisIdle,
      };
    },
  };
}
