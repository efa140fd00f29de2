import type pg from 'pg';
import type { Channel } from '../../src/domain/channel.ts';
import type { DeliveryStatus, ReceiptStatus } from '../../src/domain/delivery.ts';
import type { SendOutcome } from '../../src/domain/outcome.ts';
import { givenBack, judge } from '../../src/pipeline/attempt.ts';
import type { Composer } from '../../src/pipeline/compose.ts';
import type { ChannelAdapter } from '../../src/pipeline/ports.ts';
import { settle } from '../../src/pipeline/settle.ts';
import type { AttemptRecord, ClaimedDelivery, ShardClaim } from '../../src/pipeline/stores.ts';
import { createAnnouncementStore } from '../../src/storage/announcements.ts';
import { createDeliveryStore } from '../../src/storage/deliveries.ts';
import { createReceiptStore } from '../../src/storage/receipts.ts';
import type { Sealer } from '../../src/storage/seal.ts';
import { createSweepStore } from '../../src/storage/sweeps.ts';
import { createWorkerStore } from '../../src/storage/workers.ts';
import { fact, type Office } from '../support/office.ts';

/** Longer than anything waits for: what is due later is due after it. Seconds. */
const A_WHILE = 120;
/** Nobody is silent by chance for so long, and whoever died is silent for twice as long. Milliseconds. */
const SILENT_MS = 3_600_000;

/** A promise was broken; the message lists the acts that led to it. */
class Broken extends Error {
  override readonly name = 'Broken';
}

/** What one worker process knows. */
export interface Worker {
  readonly id: number;
  /** Stopped, or cut off: its lease is over. It starts nothing any more, but what it has begun may still arrive. */
  readonly frozen: boolean;
  readonly claim: ShardClaim | null;
  readonly unsent: readonly ClaimedDelivery[];
  readonly unwritten: readonly AttemptRecord[];
  /** Written last; its acknowledgement may have been lost. */
  readonly written: AttemptRecord | null;
}

/** All that is not in the database: the processes' memory and the gateway's truth. Never changed, only replaced. */
export interface World {
  readonly workers: readonly [Worker, Worker];
  /** The messages that the gateway took, in its order. */
  readonly taken: readonly { readonly n: number; readonly attempt: number }[];
  /** Attempts that were seen in doubt, as `n:attempt`. */
  readonly doubted: readonly string[];
  /** Receipts that came, as `n:receipt`. */
  readonly told: readonly string[];
  readonly left: boolean;
}

export interface RowNow {
  readonly n: number;
  readonly status: DeliveryStatus;
  readonly attempt: number;
  readonly worker: number;
  readonly later: boolean;
  readonly asked: number;
}

export interface ShardNow {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly retry: boolean;
  readonly generation: number;
  readonly due: 'never' | 'now' | 'later';
  readonly told: 'not' | 'now' | 'lost';
  readonly claimedBy: number | null;
  /** Receipts are overdue. */
  readonly asks: boolean;
}

/** The tables as they are now, times as what they mean. */
export interface Tables {
  readonly state: string;
  readonly expired: boolean;
  /** What is in doubt now stays in doubt. */
  readonly givenUp: boolean;
  readonly rows: readonly RowNow[];
  readonly shards: readonly ShardNow[];
  readonly ended: readonly number[];
  readonly miscounted: readonly string[];
}

const LOOK = `
  SELECT a.state, a.expires_at <= now() AS expired, a.expires_at <= now() - interval '1 hour' AS "givenUp",
    (SELECT json_agg(json_build_object('n', d.n, 'status', d.status, 'attempt', d.attempt, 'worker', d.worker_id,
       'later', d.status IN ('queued', 'unknown') AND coalesce(d.due_at > now(), false),
       'asked', (SELECT count(*) FROM delivery_events e WHERE e.announcement_id = $1 AND e.n = d.n AND e.type = 'not-found'
                 AND e.attempt = d.attempt)) ORDER BY d.n)
     FROM deliveries d WHERE d.announcement_id = $1) AS rows,
    (SELECT json_agg(json_build_object('id', s.id, 'from', s.from_n, 'to', s.to_n, 'retry', s.retry, 'generation', s.generation,
       'due', CASE WHEN s.due_at IS NULL THEN 'never' WHEN s.due_at <= now() THEN 'now' ELSE 'later' END,
       'told', CASE WHEN s.enqueued_at IS NULL THEN 'not' WHEN s.enqueued_at < now() - interval '15 seconds' THEN 'lost' ELSE 'now' END,
       'claimedBy', s.claimed_by, 'asks', coalesce(s.ask_receipts_at <= now(), false)) ORDER BY s.id)
     FROM shards s WHERE s.announcement_id = $1) AS shards,
    (SELECT coalesce(json_agg(w.id), '[]') FROM workers w WHERE w.ended_at IS NOT NULL) AS ended,
    (SELECT coalesce(json_agg(x.status), '[]') FROM (
       SELECT status FROM (
         SELECT status, 1 AS n FROM deliveries WHERE announcement_id = $1
         UNION ALL SELECT status, -n FROM delivery_counts WHERE announcement_id = $1) y
       GROUP BY status HAVING sum(n) <> 0) x) AS miscounted
  FROM announcements a WHERE a.id = $1`;

/**
 * The stores inside one transaction, in which savepoints lead back to any earlier state. Its time stands still, so
 * whatever depends on time happens when it is told to pass.
 */
function poolOf(client: pg.PoolClient): pg.Pool {
  const savepoints: Readonly<Record<string, string>> = {
    BEGIN: 'SAVEPOINT act',
    COMMIT: 'RELEASE act',
    ROLLBACK: 'ROLLBACK TO act',
  };
  // Everything is asked thousands of times: planned once.
  const names = new Map<string, string>();
  const nameOf = (text: string) => {
    const name = names.get(text) ?? `model-${names.size}`;
    names.set(text, name);
    return name;
  };
  const query = async (what: string | pg.QueryConfig, values?: unknown[]) => {
    const instead = typeof what === 'string' ? savepoints[what] : undefined;
    if (instead) await client.query(instead);
    if (instead) return { command: what };
    const config = typeof what === 'string' ? { text: what, values } : what;
    return client.query({ ...config, name: nameOf(config.text) } as pg.QueryConfig);
  };
  return { query, connect: async () => ({ query, release: () => undefined }) } as unknown as pg.Pool;
}

/** Newsrooms' secrets are not looked at here. */
const UNSEALED: Sealer = { seal: () => Buffer.alloc(0), open: () => '' };

const ACCEPTED: SendOutcome = { outcome: 'accepted', providerMessageId: 'SM', delivered: false };
/** What can become of a request: whether the gateway has the message, and what the worker hears. */
export const FATES = {
  answered: { taken: true, outcome: ACCEPTED },
  'answer lost': { taken: true, outcome: { outcome: 'unknown', code: 'timeout', message: 'no answer' } },
  'never arrives': { taken: false, outcome: { outcome: 'unknown', code: 'reset', message: 'no answer' } },
  busy: {
    taken: false,
    outcome: { outcome: 'refused', category: 'temporary', code: 'busy', message: 'busy' },
  },
  refused: {
    taken: false,
    outcome: { outcome: 'refused', category: 'permanent', code: 'no', message: 'no such recipient' },
  },
  'opted out': {
    taken: false,
    outcome: { outcome: 'refused', category: 'opted-out', code: 'stop', message: 'opted out' },
  },
} satisfies Record<string, { readonly taken: boolean; readonly outcome: SendOutcome }>;
export type Fate = keyof typeof FATES;

/** One announcement to two recipients of a channel, with everything that can be done to it. */
export async function createStage(office: Office, channel: Channel) {
  if (channel === 'webhook') for (const outlet of ['daily', 'radio']) await office.endpoint(outlet);
  else await office.citizens(2, channel);
  const announcementId = await office.sending({ channels: [channel] });
  const [{ address, contactId }] = (await office.rowsOf(
    'SELECT address_key AS address, contact_id AS "contactId" FROM deliveries WHERE announcement_id = $1 AND n = 1',
    [announcementId],
  )) as [{ address: string; contactId: number }];

  const client = await office.pool.connect();
  const pool = poolOf(client);
  const deliveries = createDeliveryStore(pool, UNSEALED);
  const sweeps = createSweepStore(pool, pool);
  const receipts = createReceiptStore(pool, 5);
  const workers = createWorkerStore(pool);
  await client.query('BEGIN');

  const newWorker = async (): Promise<Worker> => ({
    id: await workers.register({ kind: channel, host: 'here', pid: 1 }),
    frozen: false,
    claim: null,
    unsent: [],
    unwritten: [],
    written: null,
  });

  return {
    channel,
    deliveries,
    sweeps,
    newWorker,
    look: async (): Promise<Tables> =>
      (await client.query({ name: 'look', text: LOOK, values: [announcementId] })).rows[0],
    world: async (): Promise<World> => ({
      workers: [await newWorker(), await newWorker()],
      taken: [],
      doubted: [],
      told: [],
      left: false,
    }),
    /**
     * Does what is asked, then everything is as it was before; also after an error, which then tells the way to it.
     * @param trail names of the acts that led here and, when it throws, to the error
     */
    async undone(depth: number, act: () => Promise<unknown>, trail: readonly string[]): Promise<void> {
      await client.query(`SAVEPOINT s${depth}`);
      try {
        await act();
      } catch (error) {
        if (error instanceof Broken) throw error;
        throw new Broken(`${(error as Error).message}\n  ${trail.join('\n  ')}`, { cause: error });
      } finally {
        await client.query(`ROLLBACK TO s${depth}; RELEASE s${depth}`);
      }
    },
    judged: (claim: ShardClaim, row: ClaimedDelivery, fate: Fate): AttemptRecord =>
      judge(
        claim,
        row,
        // A newsroom's answer is its proof.
        { ...FATES[fate].outcome, ...(channel === 'webhook' && fate === 'answered' && { delivered: true }) },
        { ageMs: 0, random: 0.5, requestTimeoutMs: 1_000, segments: 1 },
      ).record,
    givenBack,
    /** What settlement would write; the gateway lists what it took. */
    async asked(claim: ShardClaim, taken: World['taken']): Promise<AttemptRecord[]> {
      const heard: AttemptRecord[] = [];
      await settle(
        {
          deliveries,
          composer: {
            open: async () => ({ question: (row: ClaimedDelivery) => ({ deliveryId: String(row.n) }) }),
          } as unknown as Composer,
          recorder: { add: async (record: AttemptRecord) => void heard.push(record), idle: async () => {} },
        },
        claim,
        {
          requestTimeoutMs: 1_000,
          settle: async ({ deliveryId }: { deliveryId: string }) =>
            taken.some(({ n }) => n === Number(deliveryId))
              ? { settled: 'found', providerMessageId: 'SM' }
              : { settled: 'not-found' },
        } as unknown as ChannelAdapter,
      );
      return heard;
    },
    tell: (n: number, receipt: ReceiptStatus) =>
      receipts.apply([
        // A report by mail knows no id.
        fact(announcementId, n, receipt, channel === 'email' ? { providerMessageId: null } : {}),
      ]),
    leave: () =>
      channel === 'webhook'
        ? client.query('UPDATE endpoints SET removed_at = now() WHERE id = $1', [contactId])
        : receipts.suppress({ channel, address, reason: 'left', source: 'one-click' }),
    move: (act: string, state: 'paused' | 'sending' | 'cancelled') =>
      createAnnouncementStore(pool).locked(announcementId, (tx) =>
        tx.move(act, state, office.approver, null),
      ),
    expire: () =>
      client.query("UPDATE announcements SET expires_at = now() - interval '1 second' WHERE id = $1", [
        announcementId,
      ]),
    /** An hour past expiry: what is in doubt is given up. */
    giveUp: () =>
      client.query(
        `UPDATE announcements SET expires_at = least(expires_at, now() - interval '2 hours') WHERE id = $1 AND expires_at <= now()`,
        [announcementId],
      ),
    async pass(): Promise<void> {
      await client.query(
        `UPDATE deliveries SET due_at = due_at - interval '${A_WHILE} seconds' WHERE due_at IS NOT NULL`,
      );
      await client.query(
        `UPDATE shards SET due_at = due_at - interval '${A_WHILE} seconds', enqueued_at = enqueued_at - interval '${A_WHILE} seconds'`,
      );
    },
    /** The silent are declared dead; `forgotten` are shards whose worker lives and has no idea of them. */
    async bury(silent: readonly number[], forgotten: readonly number[]): Promise<void> {
      await client.query(
        "UPDATE workers SET heartbeat_at = heartbeat_at - $2 * interval '1 millisecond' WHERE id = ANY ($1)",
        [silent, 2 * SILENT_MS],
      );
      await client.query(`UPDATE shards SET claimed_at = now() - interval '1 hour' WHERE id = ANY ($1)`, [
        forgotten,
      ]);
      await sweeps.buryDead(SILENT_MS, { sms: 30_000, email: 0, webhook: 0 });
    },
    async close(): Promise<void> {
      await client.query('ROLLBACK');
      client.release();
    },
  };
}

export type Stage = Awaited<ReturnType<typeof createStage>>;
