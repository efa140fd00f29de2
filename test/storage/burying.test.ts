import { expect } from 'vitest';
import type { Channel } from '../../src/domain/channel.ts';
import { eventually } from '../support/eventually.ts';
import { type Office, only, result, stories } from '../support/office.ts';

/** A claim of row 1 that is not committed yet: whoever wants to know what it took waits for it. */
async function claimUnderWay(office: Office, shardId: number, announcement: number, worker: number) {
  const client = await office.pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM shards WHERE id = $1 FOR SHARE', [shardId]);
  await client.query(
    `UPDATE deliveries SET status = 'sending', attempt = 1, worker_id = $2, claimed_at = now() WHERE announcement_id = $1 AND n = 1`,
    [announcement, worker],
  );
  await client.query(
    `UPDATE delivery_counts SET n = n - 1 WHERE announcement_id = $1 AND status = 'queued'`,
    [announcement],
  );
  await client.query(`INSERT INTO delivery_counts VALUES ($1, 'sms', 'sending', 0, 1)`, [announcement]);
  return {
    /** Commits it when somebody waits for it. */
    async end() {
      await eventually(async () => {
        const { rows } = await office.pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(rows).toHaveLength(1);
      });
      await client.query('COMMIT');
      client.release();
    },
  };
}

const SETTLE: Readonly<Record<Channel, number>> = { sms: 30_000, email: 0, webhook: 0 };
const SILENT_MS = 30_000;

/** One turn in which only the dead are looked for. */
const bury = async (office: Office, graceMs = 0) => {
  let buried: Awaited<ReturnType<Office['sweeps']['buryDead']>> = [];
  await office.sweeps.lead(graceMs, async () => {
    buried = await office.sweeps.buryDead(SILENT_MS, SETTLE);
  });
  return buried;
};

stories('a worker that died', (test) => {
  test('leaves rows in doubt and shards that are free again', async ({ office }) => {
    await office.endpoint('daily');
    await office.citizens(3, 'sms');
    await office.citizens(1, 'email');
    const id = await office.sending();
    const [dead, alive] = [await office.worker('sms'), await office.worker('email')];
    await bury(office);
    const claims = await office.hold(id, dead);
    for (const claim of claims) await office.deliveries.claimRows(claim, 2, dead);
    await office.age('workers', 'heartbeat_at', 29, `id = ${dead}`);
    expect(await bury(office)).toEqual([]);
    await office.age('workers', 'heartbeat_at', 2, `id = ${dead}`);
    expect(await bury(office)).toEqual([{ id: dead, kind: 'sms', rows: 4, setApart: [] }]);
    expect(await bury(office)).toEqual([]);

    const rows = await office.rows(id);
    expect(rows.map(({ channel, status, attempt, tries }) => [channel, status, attempt, tries])).toEqual([
      ['webhook', 'unknown', 1, 0],
      ['sms', 'unknown', 1, 0],
      ['sms', 'unknown', 1, 0],
      ['sms', 'queued', 0, 0],
      ['email', 'unknown', 1, 0],
    ]);
    expect(rows[0]?.dueInMs).toBeLessThanOrEqual(0);
    expect(rows[1]?.dueInMs).toBeGreaterThan(25_000);
    expect(await office.events(id, 2)).toEqual(['unknown']);
    const shards = await office.shards(id);
    expect(
      shards.slice(0, 3).map(({ deaths, claimedBy, enqueued }) => [deaths, claimedBy, enqueued]),
    ).toEqual(Array(3).fill([1, null, false]));
    expect(only(shards.slice(3))).toMatchObject({
      channel: 'webhook',
      from: 1,
      to: 1,
      retry: true,
      deaths: 0,
    });
    await office.expectCountsToMatch(id);

    expect(await office.workers.heartbeat(dead)).toBe(false);
    expect(await office.workers.heartbeat(alive)).toBe(true);
    expect((await office.reports.health()).workers).toMatchObject([{ kind: 'email' }]);
    // What it finds out when it wakes is taken for what it is: the truth about attempt 1.
    const sms = only(claims.filter((claim) => claim.channel === 'sms'));
    await office.deliveries.record([result(sms, { n: 2, attempt: 1 })], dead);
    expect((await office.rows(id))[1]).toMatchObject({ status: 'sent', tries: 1 });
    expect((await office.hold(id, alive)).map((claim) => claim.deaths).sort()).toEqual([0, 1, 1, 1]);
  });

  test('holding a newsroom’s retry and its first attempts leaves one shard for each row', async ({
    office,
  }) => {
    await office.endpoint('daily');
    await office.endpoint('radio');
    const id = await office.sending();
    const worker = await office.worker('webhook');
    await bury(office);
    const shared = await office.holdOne(id, worker);
    const row = only(await office.deliveries.claimRows(shared, 1, worker));
    await office.deliveries.record(
      [result(shared, row, { status: 'queued', dueInMs: 0, code: '503' })],
      worker,
    );
    const retry = await office.holdOne(id, worker);
    await office.deliveries.claimRows(retry, 1, worker);
    await office.deliveries.claimRows(shared, 1, worker);
    await office.age('workers', 'heartbeat_at', 60);
    expect(await bury(office)).toMatchObject([{ rows: 2 }]);
    expect((await office.shards(id)).map(({ from, to, retry }) => [from, to, retry])).toEqual([
      [1, 2, false],
      [1, 1, true],
      [2, 2, true],
    ]);
  });

  test('is not declared dead before everybody could be heard again', async ({ office }) => {
    await office.worker();
    await office.age('workers', 'heartbeat_at', 60);
    expect(await bury(office, 10_000)).toEqual([]);
    await office.age('sweeper', 'bury_from', 11);
    expect(await bury(office, 10_000)).toHaveLength(1);

    // The sweeper, or the database, was away for a while.
    await office.worker();
    await office.age('workers', 'heartbeat_at', 60, 'ended_at IS NULL');
    await office.age('sweeper', 'turn_at', 6);
    expect(await bury(office, 10_000)).toEqual([]);
    await office.age('sweeper', 'bury_from', 11);
    expect(await bury(office, 10_000)).toHaveLength(1);
  });

  test('or left without putting its shards back is cleared up after just the same', async ({ office }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    await office.deliveries.claimRows(claim, 1, worker);
    await office.workers.leave(worker);
    await bury(office);
    expect((await office.rows(id)).map((row) => row.status)).toEqual(['unknown', 'queued']);
    expect(only(await office.shards(id))).toMatchObject({ claimedBy: null });
    await office.expectCountsToMatch(id);
  });

  test('is noted for its shard, which is set apart and shown, and for the row that kills; that one rests at last', async ({
    office,
  }) => {
    await office.citizens(2, 'email');
    const id = await office.sending({ channels: ['email'] });
    await bury(office);
    const die = async (rows: number) => {
      const worker = await office.worker('email');
      const claim = await office.holdOne(id, worker);
      const claimed = await office.deliveries.claimRows(claim, rows, worker);
      await office.age('workers', 'heartbeat_at', 60, `id = ${worker}`);
      return { claim, claimed: claimed.map(({ n }) => n), buried: only(await bury(office)) };
    };
    for (const deaths of [0, 1, 2]) {
      const { claim, claimed, buried } = await die(10);
      expect([claim.deaths, claimed]).toEqual([deaths, [1, 2]]);
      expect(buried.setApart).toEqual(deaths === 2 ? [claim.shardId] : []);
    }
    const { setApart } = await office.reports.health();
    expect(setApart).toMatchObject([{ announcementId: id, channel: 'email', rows: 2, deaths: 3 }]);

    // One by one now, what was tried least first: the other goes, and the one that kills does it twice more.
    expect((await die(1)).claimed).toEqual([1]);
    const last = await office.worker('email');
    const next = await office.holdOne(id, last);
    const row = only(await office.deliveries.claimRows(next, 1, last));
    expect(row.n).toBe(2);
    await office.deliveries.record([result(next, row)], last);
    expect(only(await office.deliveries.claimRows(next, 1, last)).n).toBe(1);
    await office.age('workers', 'heartbeat_at', 60, `id = ${last}`);
    expect(await bury(office)).toHaveLength(1);
    const worker = await office.worker('email');
    const claim = await office.holdOne(id, worker);
    expect(await office.deliveries.claimRows(claim, 1, worker)).toEqual([]);
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    const [killer, other] = await office.rows(id);
    expect([killer?.status, other?.status]).toEqual(['unknown', 'sent']);
    // It may have been sent: it stays in doubt until the announcement gives it up, a day and an hour later.
    expect(killer?.dueInMs).toBeGreaterThan(24 * 3_600_000);
    await office.expectCountsToMatch(id);
  });

  test('while it claims rows leaves none behind: they are in doubt with its others, or were never claimed', async ({
    office,
  }) => {
    await office.citizens(4);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    await bury(office);
    await office.age('workers', 'heartbeat_at', 60);
    const claiming = await claimUnderWay(office, claim.shardId, id, worker);
    const burial = bury(office);
    await claiming.end();
    expect(await burial).toMatchObject([{ id: worker, rows: 1 }]);
    expect((await office.rows(id)).map((row) => row.status)).toEqual([
      'unknown',
      'queued',
      'queued',
      'queued',
    ]);

    // One that comes later, from a worker that was stopped meanwhile, gets nothing.
    expect(await office.deliveries.claimRows(claim, 10, worker)).toEqual([]);
    await office.expectCountsToMatch(id);
  });

  test('or lives, and puts a shard back while a claim is under way whose answer was lost, leaves none behind', async ({
    office,
  }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const claiming = await claimUnderWay(office, claim.shardId, id, worker);
    const release = office.deliveries.releaseShard(claim, worker);
    await claiming.end();
    expect(await release).toMatchObject({ id: claim.shardId });
    expect((await office.rows(id)).map((row) => row.status)).toEqual(['unknown', 'queued']);
    expect(only(await office.shards(id))).toMatchObject({ claimedBy: null });
    await office.expectCountsToMatch(id);
  });

  test('nor knows that a shard was given to it, holds none: it is as it was', async ({ office }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    await office.deliveries.dropShard(claim.shardId, worker + 1);
    expect(only(await office.shards(id))).toMatchObject({ claimedBy: worker });
    await office.deliveries.dropShard(claim.shardId, worker);
    expect(only(await office.shards(id))).toMatchObject({ claimedBy: null, deaths: 0, enqueued: false });
    expect((await office.holdOne(id, worker)).shardId).toBe(claim.shardId);
  });
});
