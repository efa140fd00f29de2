import { type Launched, launch } from '../../src/cli/launch.ts';
import type { ReadyConfig } from '../../src/config.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { createLog } from '../../src/log.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import { undo } from '../../src/undo.ts';
import { waitFor } from '../chaos/wait.ts';
import { startSandbox } from '../sandbox.ts';
import { hireDoorman } from './doorman.ts';
import { createOutbox, type TakenMessage } from './outbox.ts';

/** Segments and messages per second. */
export interface Rates {
  readonly sms: number;
  readonly email: number;
}

/** A whole Herald with its worker processes, its office and its gateways' ledger. */
export interface Stage {
  readonly herald: Launched;
  readonly rates: Rates;
  readonly author: Actor;
  readonly approver: Actor;
  readonly admin: Actor;
  readonly outbox: ReturnType<typeof createOutbox>;
  /** When each SMS of an announcement came to the gateway, by its row's number: milliseconds of a monotonic clock. */
  arrivals(id: number): Promise<ReadonlyMap<number, readonly number[]>>;
  /** The longest that who looks at the arrivals stood still, between the last two times that they were asked for. */
  stoodStillMs(): number;
  /** Asks the HTTP API, as an admin. */
  api<T>(method: string, path: string, body?: object): Promise<T>;
  /** Writes citizens of one topic; returns the topic's code. */
  crowd(who: { readonly sms?: number; readonly email?: number }): Promise<string>;
  /** Writes, submits and approves an announcement. */
  publish(announcement: Announcement): Promise<Published>;
  /** Cancels what is still being sent, so that the next promise begins at rest. */
  quiet(): Promise<void>;
  /** Looks again and again at what was taken of an announcement. @throws Error when it never becomes true */
  until(
    id: number,
    what: string,
    check: (taken: readonly TakenMessage[]) => boolean,
    withinMs?: number,
  ): Promise<readonly TakenMessage[]>;
  stop(): Promise<void>;
}

export interface Announcement {
  readonly topic: string;
  readonly urgency?: 'urgent' | 'normal' | 'routine';
  readonly channels?: readonly Channel[];
  /** Characters of the Chinese text: 67 are a segment; by default one or two segments in all. */
  readonly length?: number;
  readonly change?: object;
}
export interface Published {
  readonly id: number;
  /** Just before the approval; milliseconds since the epoch. */
  readonly approvedMs: number;
}

/** Four SMS and two e-mail processes share a limit. */
const WORKERS = { sms: 4, email: 2 } as const;

const CROWD = `
  WITH person AS (
    INSERT INTO subscribers (locale, topics, consent_at, consent_source)
    -- Every eighth gets the short English text.
    SELECT CASE WHEN i % 8 = 0 THEN 'en' ELSE 'zh-CN' END, ARRAY[$1::int], now(), 'promises'
    FROM generate_series(1, $2::int + $3::int) AS i RETURNING id
  ),
  numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS i FROM person)
  INSERT INTO contacts (subscriber_id, channel, address)
  SELECT id, CASE WHEN i <= $2 THEN 'sms' ELSE 'email' END::channel,
    -- A 1 before the last five digits: no number is a magic one.
    CASE WHEN i <= $2 THEN '+1' || (201 + id / 100000)::text || '51' || lpad((id % 100000)::text, 5, '0')
         ELSE 'c' || id || '@example.org' END
  FROM numbered`;

/** Starts it on servers that run already; what was written there before is still there. */
export async function raise(base: ReadyConfig, rates: Rates): Promise<Stage> {
  const stops: (() => unknown)[] = [];
  const stop = () => undo(stops);
  try {
    return { ...(await furnish(base, rates, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function furnish(
  base: ReadyConfig,
  rates: Rates,
  stops: (() => unknown)[],
): Promise<Omit<Stage, 'stop'>> {
  const log = createLog(base.logLevel === 'info' ? 'silent' : base.logLevel, 'promises');
  const sandbox = await startSandbox(base, log);
  stops.push(() => sandbox.child.stop());
  const doorman = await hireDoorman(sandbox.port);
  stops.push(doorman.stop);
  const config = {
    ...sandbox.config,
    sandboxUrl: `http://127.0.0.1:${doorman.port}`,
    rates: { live: rates, sandbox: rates },
  };
  const herald = await launch(config, log, {
    workers: WORKERS,
    env: { SMS_SEGMENTS_PER_SECOND: String(rates.sms), EMAIL_PER_SECOND: String(rates.email) },
  });
  stops.push(herald.stop);
  const { app } = herald;
  const came = new Map<number, Map<number, number[]>>();
  let stoodStillMs = 0;
  const [author, approver, admin] = [
    await app.users.add({ name: 'author', role: 'author' }),
    await app.users.add({ name: 'approver', role: 'approver' }),
    await app.users.add({ name: 'admin', role: 'admin' }),
  ];
  const { key } = await app.users.createKey(admin.id);
  const outbox = createOutbox(herald);
  const published: number[] = [];

  return {
    herald,
    rates,
    author,
    approver,
    admin,
    outbox,
    async arrivals(announcement) {
      const seen = await doorman.look();
      stoodStillMs = seen.stoodStillMs;
      for (const [deliveryId, at] of seen.arrivals) {
        const { id, n } = app.ids.decode('delivery', deliveryId);
        const its = came.get(id) ?? new Map<number, number[]>();
        came.set(id, its.set(n, [...(its.get(n) ?? []), at]));
      }
      return came.get(announcement) ?? new Map();
    },
    stoodStillMs: () => stoodStillMs,
    async api<T>(method: string, path: string, body?: object) {
      const answer = await fetch(`${herald.config.publicUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    async crowd({ sms = 0, email = 0 }) {
      const { rows } = await app.pool.query<{ id: number; code: string }>(
        `INSERT INTO topics (code) SELECT 'promise-' || count(*) + 1 FROM topics RETURNING id, code`,
      );
      const { id, code } = rows[0] ?? { id: 0, code: '' };
      await app.pool.query(CROWD, [id, sms, email]);
      // As autovacuum would by and by: the fan-out's plan must not depend on when the crowd was written.
      await app.pool.query('ANALYZE subscribers, contacts');
      return code;
    },
    async publish({ topic, urgency = 'normal', channels = ['sms'], length = 30, change = {} }) {
      const draft = {
        case: { reference: 'PR-2026-0001', title: 'Promises' },
        urgency,
        mode: 'live',
        template: 'plain',
        content: {
          'zh-CN': { headline: '警情通报', body: '请市民注意防范。'.repeat(50).slice(0, length) },
          en: { headline: 'Notice', body: 'Be careful.' },
        },
        audience: { topics: [topic], districts: [] },
        channels,
        ...change,
      };
      const { id } = await app.announce.create(draft, author);
      await app.announce.submit(id, author);
      const approvedMs = Date.now();
      await app.announce.approve(id, approver);
      published.push(id);
      return { id, approvedMs };
    },
    async quiet() {
      for (const id of published.splice(0)) {
        const { state } = await app.announce.get(id);
        if (['approved', 'sending', 'paused'].includes(state))
          await app.announce.cancel(id, approver, 'measured');
      }
      await waitFor(
        async () => {
          const { rows } = await app.pool.query('SELECT FROM shards WHERE claimed_by IS NOT NULL LIMIT 1');
          return rows.length === 0;
        },
        15_000,
        100,
      );
    },
    async until(id, what, check, withinMs = 30_000) {
      let taken: readonly TakenMessage[] = [];
      const seen = await waitFor(
        async () => {
          taken = await outbox.of(id);
          return check(taken);
        },
        withinMs,
        100,
      );
      if (!seen) throw new Error(`${what}: not after ${withinMs} ms, with ${taken.length} messages taken`);
      return taken;
    },
  };
}
