import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SET_APART_DEATHS } from '../../src/domain/retry.ts';
import type { ShardClaim } from '../../src/pipeline/stores.ts';
import { createHistoryStore } from '../../src/storage/history.ts';
import { createOutletStore } from '../../src/storage/outlets.ts';
import { createReceiptQuestionStore } from '../../src/storage/receipt-questions.ts';
import { createSealer } from '../../src/storage/seal.ts';
import { servers } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { fact, first, type Office, only, openOffice, result } from '../support/office.ts';

const ROWS = 50_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
}
/** One row, a range of them, or one address: not all of an announcement. */
const ROWS_OF =
  /\(announcement_id = .*\((n|address_key) (=|>=) |ROW\(channel, announcement_id, address_key\) >= /;
interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Sent over connections on which plans go by keys. */
  readonly byKeys: boolean;
}

/** Writes down every statement that the office's stores send. */
function eavesdrop(office: Office): Statement[] {
  const heard: Statement[] = [];
  const known = new WeakSet<pg.PoolClient>();
  const listen = (byKeys: boolean) => (client: pg.PoolClient) => {
    if (known.has(client)) return;
    known.add(client);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query(...args: unknown[]) {
        const [what, values] = args as [string | { text: string; values?: unknown[] }, unknown];
        if (typeof what === 'string')
          heard.push({ text: what, values: Array.isArray(values) ? values : [], byKeys });
        else heard.push({ text: what.text, values: what.values ?? [], byKeys });
        return query(...args);
      },
    });
  };
  office.pool.on('acquire', listen(false));
  office.keyed.on('acquire', listen(true));
  return heard;
}

/** Reads it whole: by itself, or through an index that it was given nothing to look for in. */
const isWhole = (plan: Plan): boolean =>
  plan['Node Type'] === 'Seq Scan' ||
  (/^Index (Only )?Scan$/.test(plan['Node Type']) && plan['Index Cond'] === undefined);
const scans = (plan: Plan): string[] => [
  ...(isWhole(plan) && plan['Relation Name'] ? [plan['Relation Name']] : []),
  ...(plan.Plans ?? []).flatMap(scans),
];

const scansOf = (plan: Plan, relation: string): Plan[] => [
  ...(plan['Relation Name'] === relation && /Scan$/.test(plan['Node Type']) ? [plan] : []),
  ...(plan.Plans ?? []).flatMap((one) => scansOf(one, relation)),
];

for (const server of servers()) {
  describe(`with ${ROWS} deliveries, on ${server.name}`, () => {
    let office: Office;
    let id: number;
    let other: number;
    let worker: number;
    let heard: Statement[];
    beforeAll(async () => {
      office = await openOffice(server);
      // Its snapshots would keep old versions from being pruned, and the share of heap-only updates would be chance.
      for (const table of [
        'deliveries',
        'delivery_events',
        'delivery_counts',
        'shards',
        'contacts',
        'subscribers',
      ])
        await office.pool.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
      heard = eavesdrop(office);
      await office.endpoint('daily');
      await office.citizens(ROWS);
      id = await office.sending();
      other = await office.sending();
      worker = await office.worker();
      await office.pool.query('ANALYZE');
    });
    afterAll(() => office.close());

    /** What the statements sent during `act` would scan whole, planned with these values and without knowing them. */
    async function scanned(act: () => Promise<unknown>): Promise<string[]> {
      const from = heard.length;
      await act();
      const statements = heard.slice(from).filter(({ text }) => /\bdeliveries\b/.test(text));
      expect(statements.length).toBeGreaterThan(0);
      const [client, byKeys] = [await office.pool.connect(), await office.keyed.connect()];
      try {
        const { rows } = await client.query('SHOW server_version_num');
        const modern = Number(rows[0]?.server_version_num) >= 160_000;
        const found = new Set<string>();
        const explain = async (options: string, { text, values, ...one }: Statement) => {
          const plan = await (one.byKeys ? byKeys : client).query(`EXPLAIN (${options}FORMAT JSON) ${text}`, [
            ...values,
          ]);
          for (const name of scans(plan.rows[0]?.['QUERY PLAN'][0].Plan)) found.add(name);
        };
        for (const statement of new Map(statements.map((one) => [one.text, one])).values()) {
          await explain('', statement);
          if (modern) await explain('GENERIC_PLAN, ', { ...statement, values: [] });
        }
        return [...found];
      } finally {
        client.release();
        byKeys.release();
      }
    }

    /** Updates of deliveries until now, when the server has counted so many. */
    const updates = (atLeast: number) =>
      eventually(async () => {
        await office.pool.query('SELECT pg_stat_force_next_flush()');
        const counted = only(
          await office.rowsOf<{ all: number; hot: number }>(
            `SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'deliveries'`,
          ),
        );
        expect(counted.all).toBeGreaterThanOrEqual(atLeast);
        return counted;
      });

    const claims: ShardClaim[] = [];
    const run: Readonly<Record<string, () => Promise<unknown>>> = {
      'taking a shard': async () => {
        for (const job of await office.sweeps.enqueueDue()) {
          const claim = await office.deliveries.claimShard(job.id, job.generation, worker);
          if (claim?.channel === 'sms') claims.push(claim);
        }
      },
      'claiming rows, recording results and receipts': async () => {
        const before = await updates(0);
        for (const claim of claims.slice(0, 40)) {
          for (;;) {
            const rows = await office.deliveries.claimRows(claim, 100, worker);
            if (rows.length === 0) break;
            await office.deliveries.record(
              rows.map((row) => result(claim, row)),
              worker,
            );
            await office.receipts.apply(rows.map((row) => fact(id, row.n, 'delivered')));
          }
        }
        const after = await updates(before.all + 3 * 20_000);
        // An update that touches no index is a heap-only one; the first one of a full page is not. (0.6 and more; down to 0.4 on a
        // busy machine, where another session's snapshot keeps old versions from being pruned. One index too many makes it 0.)
        expect((after.hot - before.hot) / (after.all - before.all)).toBeGreaterThanOrEqual(0.25);
      },
      'recording a large batch': async () => {
        const claim = first(claims.slice(40));
        const rows = await office.deliveries.claimRows(claim, 500, worker);
        expect(rows).toHaveLength(500);
        await office.deliveries.record(
          rows.map((row) => result(claim, row, { status: 'unknown', dueInMs: 0, code: 'timeout' })),
          worker,
        );
        await office.receipts.apply(rows.slice(0, 400).map((row) => fact(id, row.n, 'sent')));
      },
      'claiming row by row what killed its workers': async () => {
        const claim = { ...first(claims.slice(41)), deaths: SET_APART_DEATHS };
        expect(await office.deliveries.claimRows(claim, 1, worker)).toHaveLength(1);
      },
      'asking what is in doubt': () => office.deliveries.unsettled(first(claims.slice(40)), 20),
      'asking what else a number got': () =>
        office.deliveries.otherMessages(id, { n: 1, address: '+1' }, ['SM1']),
      'putting a shard back': async () => {
        for (const claim of claims) await office.deliveries.releaseShard(claim, worker);
      },
      'asking for receipts that never came': async () => {
        const { silent, noReceipt } = createReceiptQuestionStore(office.pool);
        await office.age('announcements', 'expires_at', 2 * 86_400);
        expect(await silent(first(claims), 0, 20)).toHaveLength(0);
        await noReceipt(first(claims), [1, 2, 3]);
        await office.age('announcements', 'expires_at', -2 * 86_400);
      },
      'one receipt, one result': async () => {
        await office.receipts.apply([fact(id, 9, 'delivered')]);
        await office.deliveries.record([result(first(claims), { n: 9, attempt: 1 })], worker);
      },
      'a citizen who leaves': () =>
        office.receipts.suppress({ channel: 'sms', address: '+8613900040000', reason: 'left', source: 'x' }),
      'burying a worker': async () => {
        const dead = await office.worker();
        const claim = first(await office.hold(id, dead));
        await office.deliveries.claimRows(claim, 100, dead);
        await office.pool.query(`UPDATE workers SET heartbeat_at = 'epoch' WHERE id = $1`, [dead]);
        await office.pool.query(`UPDATE sweeper SET bury_from = 'epoch'`);
        expect(await office.sweeps.buryDead(60_000, { sms: 0, email: 0, webhook: 0 })).toHaveLength(1);
      },
      'stopping what was cancelled': async () => {
        await office.move(other, 'cancel', 'cancelled');
        expect(await office.sweeps.stopRows()).toBeGreaterThan(4_000);
      },
      'turning a correction into rows': async () => {
        const correction = await office.approved({ kind: 'correction', supersedes: id });
        await office.pool.query('UPDATE shards SET claimed_by = NULL, claimed_at = NULL');
        expect((await office.expand(correction)).at(-1)).toBe('done');
        expect((await office.rows(correction)).length).toBeGreaterThan(ROWS / 2);
      },
      'looking at rows': async () => {
        await office.reports.deliveries(id, { after: 20_000, limit: 100 });
        await office.reports.delivery(id, 30_000);
        await office.receipts.delivery(id, 30_000);
        await office.reports.deliveriesTo(id, [{ channel: 'sms', address: '+8613900040000' }]);
        await office.reports.letter(id, 30_000);
      },
      'troubles while it is being sent': () => office.reports.troubles(id, true),
      'what Prometheus asks every few seconds': () => office.reports.health(),
      'one person’s history': () => createHistoryStore(office.pool).of(1, { limit: 26 }),
      'an outlet’s health and deliveries': async () => {
        const sealer = createSealer(Buffer.alloc(32), 'test');
        const outlets = createOutletStore(office.pool, sealer);
        await outlets.last([1, 2]);
        await outlets.deliveries(1, { limit: 16 });
        // A citizen's: asked, and refused.
        await expect(outlets.sent(id, 30_000)).rejects.toThrow('no such delivery');
      },
    };
    for (const [what, act] of Object.entries(run)) {
      test(`${what} reads no table of deliveries whole`, async () => {
        expect(await scanned(act)).not.toContain('deliveries');
      });
    }

    // A plan that goes by keys is made once a connection: the first ones of an installation with nothing there yet, or with an
    // announcement that has only begun.
    test.each([
      [0, 'no statistics'],
      [300, 'no statistics'],
      [3_000, 'no statistics'],
      [15, 'ANALYZE'],
      [15, 'VACUUM ANALYZE'],
      [300, 'VACUUM ANALYZE'],
    ])('planned with %i rows and %s, they look up rows, not announcements', async (few, gather) => {
      const small = await openOffice(server);
      if (few > 0) {
        await small.citizens(few);
        await small.sending();
        if (gather !== 'no statistics') await small.pool.query(gather);
      }
      const client = await small.keyed.connect();
      try {
        const often = heard.filter(
          ({ text, byKeys }) => byKeys && !text.startsWith('EXPLAIN') && /\bdeliveries\b/.test(text),
        );
        const statements = new Map(often.map((one) => [one.text, one]));
        // Claiming, recording, putting back, settling and the rest: a change that loses sight of them is told here.
        expect(statements.size).toBeGreaterThanOrEqual(10);
        const wide: string[] = [];
        for (const { text, values } of statements.values()) {
          await client.query(`PREPARE planned AS ${text}`);
          const nothing = values.length > 0 ? `(${values.map(() => 'NULL')})` : '';
          const plan = await client.query(`EXPLAIN (FORMAT JSON) EXECUTE planned${nothing}`);
          await client.query('DEALLOCATE planned');
          for (const { 'Index Cond': by = 'nothing' } of scansOf(
            plan.rows[0]?.['QUERY PLAN'][0].Plan,
            'deliveries',
          ))
            if (!ROWS_OF.test(by)) wide.push(`${text.trim().slice(0, 60)}: by ${by}`);
        }
        expect(wide).toEqual([]);
      } finally {
        client.release();
        await small.close();
      }
    });
  });
}
