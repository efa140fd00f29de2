import { randomBytes } from 'node:crypto';
import { test as base, describe, expect } from 'vitest';
import { canonicalSha256, type Draft, urgencyOf } from '../../src/domain/announcement.ts';
import type { Channel, Gateway } from '../../src/domain/channel.ts';
import type { DeliveryStatus } from '../../src/domain/delivery.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import type { AttemptRecord, ClaimedDelivery, ReceiptFact, ShardClaim } from '../../src/pipeline/stores.ts';
import { createAnnouncementStore } from '../../src/storage/announcements.ts';
import { createDeliveryStore } from '../../src/storage/deliveries.ts';
import { createExpansionStore } from '../../src/storage/expansions.ts';
import { createPool } from '../../src/storage/pool.ts';
import { createReceiptStore } from '../../src/storage/receipts.ts';
import { createReportStore } from '../../src/storage/reports.ts';
import { createSealer } from '../../src/storage/seal.ts';
import { createSweepStore } from '../../src/storage/sweeps.ts';
import { createBreakerStore, createWorkerStore } from '../../src/storage/workers.ts';
import { bundleOf } from '../render/fixtures.ts';
import { createTestDatabase, servers } from './database.ts';
import type { PostgresServer } from './global-setup.ts';

/** One row of `deliveries`, as the stories look at it. */
export interface Row {
  readonly n: number;
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  readonly attempt: number;
  readonly tries: number;
  readonly address: string;
  readonly sequence: number | null;
  readonly code: string | null;
  readonly sid: string | null;
  readonly dueInMs: number | null;
}

export interface Shard {
  readonly id: number;
  readonly channel: Channel;
  readonly from: number;
  readonly to: number;
  readonly priority: number;
  readonly retry: boolean;
  readonly deaths: number;
  readonly claimedBy: number | null;
  readonly enqueued: boolean;
  readonly dueInMs: number | null;
}

export type Office = Awaited<ReturnType<typeof openOffice>>;

/** Tells the stories on every PostgreSQL server of this run; each gets an office of its own. */
export function stories(title: string, tell: (test: ReturnType<typeof testOn>) => void): void {
  for (const server of servers()) describe(`${title}, on ${server.name}`, () => tell(testOn(server)));
}

const testOn = (server: PostgresServer) =>
  base.extend('server', server).extend('office', async ({ server }, { onCleanup }) => {
    const office = await openOffice(server);
    onCleanup(() => office.close());
    return office;
  });

/** A press office on a database of its own: an author, an approver, the engine's stores, and short ways to use them. */
export async function openOffice(server?: PostgresServer) {
  const { pool, connectionString, drop } = await createTestDatabase(server);
  // As in src/app.ts: what goes by keys has connections of its own.
  const keyed = createPool({ connectionString, max: 4, applicationName: 'herald-test', byKeys: true });
  const rowsOf = async <T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> =>
    (await pool.query<T>(sql, [...values])).rows;
  const idOf = async (sql: string, values: readonly unknown[]) =>
    first(await rowsOf<{ id: number }>(sql, values)).id;
  const user = async (name: string, role: Actor['role']): Promise<Actor> => ({
    id: await idOf('INSERT INTO users (name, role) VALUES ($1, $2) RETURNING id', [name, role]),
    role,
  });

  const sealer = createSealer(randomBytes(32), 'endpoint-secret');
  const announcements = createAnnouncementStore(pool);
  const expansions = createExpansionStore(pool, 3);
  const deliveries = createDeliveryStore(keyed, sealer);
  const sweeps = createSweepStore(pool, keyed);
  const workers = createWorkerStore(pool);
  const [author, approver] = [await user('李娜', 'author'), await user('Chen', 'approver')];
  let numbers = 0;

  /** Citizens with ids in this order; each has the addresses that are given. */
  const citizen = async (who: {
    readonly phone?: string;
    readonly email?: string;
    readonly name?: string;
    readonly locale?: string;
    readonly topics?: readonly number[];
    readonly districts?: readonly number[];
  }) => {
    const id = await idOf(
      `INSERT INTO subscribers (name, locale, topics, districts, consent_at, consent_source) VALUES ($1, $2, $3, $4, now(), 'test') RETURNING id`,
      [who.name ?? null, who.locale ?? 'en', who.topics ?? [], who.districts ?? []],
    );
    const contact = (channel: Channel, address: string | undefined) =>
      address === undefined
        ? undefined
        : idOf('INSERT INTO contacts (subscriber_id, channel, address) VALUES ($1, $2, $3) RETURNING id', [
            id,
            channel,
            address,
          ]);
    return { id, sms: await contact('sms', who.phone), email: await contact('email', who.email) };
  };

  /** So many citizens at once, each with one address: +86139… or p…@example.org. */
  const citizens = async (count: number, channel: 'sms' | 'email' = 'sms') => {
    const from = numbers;
    numbers += count;
    await pool.query(
      `WITH s AS (
         INSERT INTO subscribers (locale, consent_at, consent_source) SELECT 'en', now(), 'test' FROM generate_series(1, $1) RETURNING id)
       INSERT INTO contacts (subscriber_id, channel, address)
       SELECT id, $2, CASE $2::channel WHEN 'sms' THEN '+86139' || lpad(n::text, 8, '0') ELSE 'p' || n || '@example.org' END
       FROM (SELECT id, $3 + row_number() OVER (ORDER BY id) AS n FROM s) x ORDER BY id`,
      [count, channel, from],
    );
  };

  const endpoint = (outlet: string, choice: { topics?: number[]; districts?: number[] } = {}) =>
    idOf(
      `INSERT INTO endpoints (outlet, url, sealed_secrets, topics, districts) VALUES ($1, $2, ARRAY[$3::bytea], $4, $5) RETURNING id`,
      [
        outlet,
        `https://${outlet}.example/hook`,
        sealer.seal(`whsec_${outlet}`),
        choice.topics ?? [],
        choice.districts ?? [],
      ],
    );

  const topic = (code: string, list: 'topics' | 'districts' = 'topics') =>
    idOf(`INSERT INTO ${list} (code) VALUES ($1) RETURNING id`, [code]);

  /** A draft; `supersedes` is a row's id, as the stores take it. */
  const draft = async (
    change: Partial<Omit<Draft, 'supersedes'>> & { readonly supersedes?: number } = {},
  ): Promise<number> => {
    const { supersedes, ...rest } = change;
    const whole: Draft = {
      case: { reference: 'DL-2026-0117', title: 'Refund frauds' },
      kind: 'notice',
      mode: 'live',
      template: 'tiny',
      content: { en: { headline: 'News' } },
      audience: { topics: [], districts: [] },
      channels: ['sms', 'email', 'webhook'],
      ...rest,
    };
    return announcements.create(whole, supersedes ?? null, urgencyOf(whole), author);
  };
  const submit = (id: number) =>
    announcements.locked(id, async (tx) => {
      const bundle = bundleOf();
      const { draft } = tx.record;
      await tx.freeze(bundle, canonicalSha256({ draft, bundle }), draft);
      await tx.move('submit', 'submitted', author, null);
    });
  const approve = (
    id: number,
    how: { gateway?: Gateway; expiresAt?: Date; scheduledAt?: Date } = {},
  ): Promise<void> =>
    announcements.locked(id, (tx) =>
      tx.approve({
        by: approver,
        gateway: how.gateway ?? 'sandbox',
        expiresAt: how.expiresAt ?? new Date(Date.now() + 86_400_000),
        scheduledAt: how.scheduledAt ?? null,
        breakGlassReason: null,
      }),
    );
  /** Written, submitted and approved. */
  const approved = async (
    change: Parameters<typeof draft>[0] = {},
    how: Parameters<typeof approve>[1] = {},
  ) => {
    const id = await draft(change);
    await submit(id);
    await approve(id, how);
    return id;
  };
  /** Slices until it is done, or cannot go on; what each slice said. */
  const expand = async (id: number): Promise<string[]> => {
    const jobs = (await sweeps.startDue()).filter((job) => job.queue === 'expand' && job.id === id);
    const said: string[] = [];
    for (const job of jobs) {
      do said.push(await expansions.slice(id, job.generation));
      while (said.at(-1) === 'more');
    }
    return said;
  };
  /** Approved and expanded: its rows are queued. */
  const sending = async (...args: Parameters<typeof approved>) => {
    const id = await approved(...args);
    expect((await expand(id)).at(-1)).toBe('done');
    return id;
  };
  const move = (id: number, act: string, state: 'paused' | 'sending' | 'cancelled' | 'draft') =>
    announcements.locked(id, (tx) => tx.move(act, state, approver, null));

  const worker = (kind = 'sms') => workers.register({ kind, host: 'here', pid: process.pid });
  /** Enqueues what is due, and claims all of it that belongs to one announcement. */
  const hold = async (id: number, workerId: number, channel?: Channel): Promise<ShardClaim[]> => {
    const claims: ShardClaim[] = [];
    for (const job of await sweeps.enqueueDue()) {
      if (channel && job.queue !== channel) continue;
      const claim = await deliveries.claimShard(job.id, job.generation, workerId);
      if (claim?.announcementId === id) claims.push(claim);
    }
    return claims;
  };

  return {
    pool,
    keyed,
    connectionString,
    rowsOf,
    author,
    approver,
    announcements,
    expansions,
    deliveries,
    sweeps,
    workers,
    breakers: createBreakerStore(pool),
    receipts: createReceiptStore(keyed, 5),
    reports: createReportStore(pool),
    citizen,
    citizens,
    endpoint,
    topic,
    draft,
    submit,
    approve,
    approved,
    expand,
    sending,
    move,
    worker,
    hold,
    /** The one shard that is due. */
    holdOne: async (id: number, workerId: number, channel?: Channel) =>
      only(await hold(id, workerId, channel)),
    rows: (id: number) =>
      rowsOf<Row>(
        `SELECT n, channel, status, attempt, tries, address_key AS address, sequence, error_code AS code,
           provider_message_id AS sid, (extract(epoch FROM due_at - now()) * 1000)::float8 AS "dueInMs"
         FROM deliveries WHERE announcement_id = $1 ORDER BY n`,
        [id],
      ),
    shards: (id: number) =>
      rowsOf<Shard>(
        `SELECT id, channel, from_n AS "from", to_n AS "to", priority, retry, deaths, claimed_by AS "claimedBy",
           enqueued_at IS NOT NULL AS enqueued, (extract(epoch FROM due_at - now()) * 1000)::float8 AS "dueInMs"
         FROM shards WHERE announcement_id = $1 ORDER BY id`,
        [id],
      ),
    events: async (id: number, n: number) =>
      (
        await rowsOf<{ type: string }>(
          'SELECT type FROM delivery_events WHERE announcement_id = $1 AND n = $2 ORDER BY at, dedupe',
          [id, n],
        )
      ).map((event) => event.type),
    /** Fails unless the counters say what the rows say, segments included. */
    async expectCountsToMatch(id: number) {
      const columns = 'channel::text, status::text, sum(n)::int AS n, sum(segments)::int AS segments';
      expect(
        await rowsOf(
          `SELECT ${columns} FROM delivery_counts WHERE announcement_id = $1 GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2`,
          [id],
        ),
      ).toEqual(
        await rowsOf(
          `SELECT ${columns} FROM (SELECT channel, status, 1 AS n, coalesce(segments, 0) AS segments FROM deliveries WHERE announcement_id = $1) d
           GROUP BY 1, 2 ORDER BY 1, 2`,
          [id],
        ),
      );
    },
    /** Lets time pass for what is written in one column: `age('shards', 'enqueued_at', 20, 'id = 1')`. */
    age: (table: string, column: string, seconds: number, where = 'true') =>
      pool.query(`UPDATE ${table} SET ${column} = ${column} - $1 * interval '1 second' WHERE ${where}`, [
        seconds,
      ]),
    async close() {
      await keyed.end();
      await drop();
    },
  };
}

/** An announcement to so many phones, and its one shard in a worker's hands. */
export async function held(office: Office, count = 3) {
  await office.citizens(count);
  const id = await office.sending({ channels: ['sms'] });
  const worker = await office.worker();
  return { id, worker, claim: await office.holdOne(id, worker) };
}

/** What an adapter's answer makes of a claimed row; accepted by the provider unless said otherwise. */
export const result = (
  claim: ShardClaim,
  row: Pick<ClaimedDelivery, 'n' | 'attempt'>,
  change: Partial<AttemptRecord> = {},
): AttemptRecord => {
  const status = change.status ?? 'sent';
  return {
    shardId: claim.shardId,
    announcementId: claim.announcementId,
    n: row.n,
    attempt: row.attempt,
    status,
    dueInMs: null,
    burnt: true,
    providerMessageId: status === 'sent' || status === 'delivered' ? `SM${row.n}-${row.attempt}` : null,
    code: null,
    detail: null,
    segments: null,
    event: status,
    dedupe: `a${row.attempt}:${status}`,
    suppress: false,
    ...change,
  };
};

/** A receipt of the sandbox for one delivery. */
export const fact = (
  announcementId: number,
  n: number,
  receipt: ReceiptFact['receipt'],
  change: Partial<ReceiptFact> = {},
): ReceiptFact => ({
  announcementId,
  n,
  gateway: 'sandbox',
  source: 'twilio',
  receipt,
  event: receipt ?? 'queued',
  dedupe: `SM${n}:${receipt ?? 'queued'}`,
  providerMessageId: `SM${n}`,
  code: receipt === 'failed' || receipt === 'undelivered' ? '30003' : null,
  category: null,
  detail: null,
  ...change,
});

export function first<T>(list: readonly T[]): T {
  const [one] = list;
  if (one === undefined) throw new Error('there is none');
  return one;
}

export function only<T>(list: readonly T[]): T {
  if (list.length !== 1) throw new Error(`one was expected, there are ${list.length}`);
  return first(list);
}
