import { expect } from 'vitest';
import { askReceiptAt } from '../../src/domain/receipts.ts';
import type { ShardClaim } from '../../src/pipeline/stores.ts';
import { createReceiptQuestionStore } from '../../src/storage/receipt-questions.ts';
import { fact, held, type Office, only, result, stories } from '../support/office.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** When the one shard of an announcement asks, in milliseconds from now. */
const askInMs = async (office: Office, id: number) =>
  only(
    await office.rowsOf<{ ms: number | null }>(
      `SELECT (extract(epoch FROM ask_receipts_at - now()) * 1000)::float8 AS ms FROM shards WHERE announcement_id = $1`,
      [id],
    ),
  ).ms;
/** Rows of an announcement were sent so long ago, and so was its shard's reckoning. */
async function passes(office: Office, id: number, ms: number): Promise<void> {
  for (const [table, column] of [
    ['deliveries', 'claimed_at'],
    ['announcements', 'expires_at'],
    ['shards', 'ask_receipts_at'],
  ] as const)
    await office.age(
      table,
      column,
      ms / 1000,
      `${table === 'announcements' ? 'id' : 'announcement_id'} = ${id}`,
    );
}
/** So many phones more, and an announcement to all there are: all sent and in nobody's hands. */
async function sent(office: Office, count = 3) {
  const { id, worker, claim } = await held(office, count);
  const rows = await office.deliveries.claimRows(claim, 100, worker);
  await office.deliveries.record(
    rows.map((row) => result(claim, row)),
    worker,
  );
  await office.deliveries.releaseShard(claim, worker);
  return { id, worker };
}
const withoutReceipt = async (office: Office, id: number) =>
  (await office.reports.channels(id)).sms?.withoutReceipt;
const near = (ms: number) => ({ asymmetricMatch: (got: unknown) => Math.abs(Number(got) - ms) < MINUTE });

stories('receipts that never came', (test) => {
  test('are asked for when nothing can become of the message any more', async ({ office }) => {
    const { id } = await sent(office);
    // It expires in a day: the longest validity ends before.
    expect(await askInMs(office, id)).toEqual(near(askReceiptAt(0, 24 * HOUR)));
    expect(await askInMs(office, id)).toEqual(near(10 * HOUR + 15 * MINUTE));

    const soon = await held(office, 1);
    await office.pool.query(
      `UPDATE announcements SET expires_at = now() + interval '10 minutes' WHERE id = $1`,
      [soon.id],
    );
    const rows = await office.deliveries.claimRows(soon.claim, 100, soon.worker);
    await office.deliveries.record(
      rows.map((row) => result(soon.claim, row)),
      soon.worker,
    );
    await office.deliveries.releaseShard(soon.claim, soon.worker);
    expect(await askInMs(office, soon.id)).toEqual(near(25 * MINUTE));
  });

  test('are asked for whatever becomes of the worker, and by nothing that was not sent', async ({
    office,
  }) => {
    const { id, worker, claim } = await held(office, 1);
    expect(await askInMs(office, id), 'while it is held').toEqual(near(10 * HOUR + 15 * MINUTE));
    const job = await office.deliveries.releaseShard(claim, worker);
    expect(await askInMs(office, id), 'nothing was sent').toBeNull();

    const again = await office.deliveries.claimShard(job?.id ?? 0, job?.generation ?? 0, worker);
    if (!again) throw new Error('nobody else has it');
    const row = only(await office.deliveries.claimRows(again, 1, worker));
    await office.deliveries.releaseShard(again, worker);
    expect(only(await office.rows(id)).status).toBe('unknown');
    expect(await askInMs(office, id), 'it may have been sent').toEqual(near(10 * HOUR + 15 * MINUTE));
    await office.receipts.apply([fact(id, row.n, 'delivered')]);
    await passes(office, id, 11 * HOUR);
    const claims = await office.hold(id, worker);
    expect(await createReceiptQuestionStore(office.pool).silent(only(claims), 0, 20)).toEqual([]);
    await office.deliveries.releaseShard(only(claims), worker);
    expect(await askInMs(office, id), 'nothing is left to ask').toBeNull();
  });

  test('make a job when they are overdue, whatever has become of the announcement; two shards at a time', async ({
    office,
  }) => {
    const all = [await sent(office, 1), await sent(office, 2), await sent(office, 3)];
    await office.sweeps.finish();
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    for (const { id } of all) {
      expect((await office.announcements.get(id)).state).toBe('completed');
      await passes(office, id, 11 * HOUR);
    }
    expect((await office.reports.health()).shardsDue).toEqual({});
    const jobs = await office.sweeps.enqueueDue();
    expect(jobs).toMatchObject([
      { queue: 'sms', priority: 4 },
      { queue: 'sms', priority: 4 },
    ]);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    const claims: ShardClaim[] = [];
    for (const job of jobs) {
      const claim = await office.deliveries.claimShard(job.id, job.generation, 1);
      if (claim) claims.push(claim);
    }
    expect(claims).toMatchObject([
      { asks: true, sends: false },
      { asks: true, sends: false },
    ]);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    for (const claim of claims) expect(await office.deliveries.releaseShard(claim, 1, HOUR)).toBeNull();
    expect(await office.sweeps.enqueueDue(), 'the third').toHaveLength(1);
    await office.age('shards', 'enqueued_at', 16);
    expect(await office.sweeps.enqueueDue(), 'its job was lost').toHaveLength(1);
  });

  test('wait while the provider is known to refuse us', async ({ office }) => {
    const { id } = await sent(office, 1);
    await passes(office, id, 11 * HOUR);
    const breaker = { channel: 'sms', gateway: 'sandbox' } as const;
    await office.breakers.open({ ...breaker, provider: 'twilio', code: '20003', message: 'no' });
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    await office.breakers.close(breaker.channel, breaker.gateway);
    expect(await office.sweeps.enqueueDue()).toHaveLength(1);
  });

  test('that nobody knows are shown and counted, until they come after all', async ({ office }) => {
    const { id, worker } = await sent(office, 4);
    const { silent, noReceipt } = createReceiptQuestionStore(office.pool);
    await office.receipts.apply([fact(id, 4, 'delivered')]);
    await passes(office, id, 11 * HOUR);
    const claim = only(await office.hold(id, worker));
    expect(await silent(claim, 0, 2)).toEqual([
      { n: 1, providerMessageId: 'SM1-1', overdueMs: near(45 * MINUTE) },
      { n: 2, providerMessageId: 'SM2-1', overdueMs: near(45 * MINUTE) },
    ]);
    expect(await silent(claim, 2, 2)).toMatchObject([{ n: 3 }]);
    // One comes while the answers of the others are under way, another is asked about twice.
    await office.receipts.apply([fact(id, 3, 'undelivered')]);
    await noReceipt(claim, [1, 2, 3, 4]);
    await noReceipt(claim, [1]);
    expect((await office.rows(id)).map(({ status, code }) => [status, code])).toEqual([
      ['sent', 'no-receipt'],
      ['sent', 'no-receipt'],
      ['undelivered', '30003'],
      ['delivered', null],
    ]);
    expect(await office.events(id, 1)).toEqual(['sent', 'no-receipt']);
    expect(await withoutReceipt(office, id)).toBe(2);
    expect(await silent(claim, 0, 20)).toEqual([]);
    await office.deliveries.releaseShard(claim, worker);
    expect(await askInMs(office, id)).toBeNull();

    await office.receipts.apply([fact(id, 1, 'sent'), fact(id, 2, null)]);
    expect(await withoutReceipt(office, id), 'no news').toBe(2);
    await Promise.all([
      office.receipts.apply([fact(id, 1, 'delivered'), fact(id, 3, 'delivered')]),
      office.receipts.apply([fact(id, 1, 'delivered')]),
      office.receipts.apply([fact(id, 2, 'failed')]),
    ]);
    expect((await office.rows(id)).map(({ status, code }) => [status, code])).toEqual([
      ['delivered', null],
      ['failed', '30003'],
      ['delivered', null],
      ['delivered', null],
    ]);
    expect(await withoutReceipt(office, id)).toBe(0);
    await office.expectCountsToMatch(id);
  });

  test('that the provider could not say are asked for after a pause, or not again', async ({ office }) => {
    const { id, worker } = await sent(office, 1);
    await passes(office, id, 11 * HOUR);
    const putBack = async (again?: number | null) => {
      await office.deliveries.releaseShard(only(await office.hold(id, worker)), worker, again);
      return askInMs(office, id);
    };
    expect(await putBack(), 'at once').toEqual(near(0));
    expect(await putBack(2 * HOUR)).toEqual(near(2 * HOUR));
    await office.age('shards', 'ask_receipts_at', (3 * HOUR) / 1000);
    expect(await putBack(null)).toBeNull();
  });
});
