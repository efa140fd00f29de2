import { expect } from 'vitest';
import type { AttemptRecord, ShardClaim } from '../../src/pipeline/stores.ts';
import { held, type Office, only, result, stories } from '../support/office.ts';

stories('what is recorded of an attempt', (test) => {
  const record = (
    office: Office,
    worker: number,
    claim: ShardClaim,
    n: number,
    change: Partial<AttemptRecord>,
  ) => office.deliveries.record([result(claim, { n, attempt: 1 }, change)], worker);

  test('moves its row, with event, counts, segments and the time that it took', async ({ office }) => {
    const { id, worker, claim } = await held(office, 4);
    await office.age('announcements', 'approved_at', 100);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    const change = (n: number): Partial<AttemptRecord> =>
      [
        { segments: 2 },
        { status: 'failed' as const, code: '30005', segments: 1 },
        { status: 'expired' as const, code: 'late' },
        { status: 'unknown' as const, dueInMs: 40_000, code: 'timeout', segments: 3 },
      ][n - 1] ?? {};
    await office.deliveries.record(rows.map((row) => result(claim, row, change(row.n))).reverse(), worker);
    const after = await office.rows(id);
    expect(after).toMatchObject([
      { status: 'sent', tries: 1, sid: 'SM1-1', code: null, dueInMs: null },
      { status: 'failed', tries: 1, code: '30005', dueInMs: null },
      { status: 'expired', tries: 1, code: 'late', dueInMs: null },
      { status: 'unknown', tries: 1, code: 'timeout' },
    ]);
    expect(after[3]?.dueInMs).toBeGreaterThan(30_000);
    expect(await office.events(id, 4)).toEqual(['unknown']);
    await office.expectCountsToMatch(id);
    const { firstSentAt } = await office.announcements.get(id);
    expect(firstSentAt).toBeInstanceOf(Date);
    const { sms } = await office.reports.channels(id);
    expect(sms).toMatchObject({
      total: 4,
      segments: 5,
      counts: { sent: 1, failed: 1, expired: 1, unknown: 1 },
    });
    expect(sms?.max).toBeGreaterThan(99);
    expect(sms?.max).toBeLessThan(130);

    await record(office, worker, claim, 4, { status: 'delivered', burnt: false });
    expect((await office.announcements.get(id)).firstSentAt).toEqual(firstSentAt);
    expect(await office.rowsOf('SELECT sum(n)::int AS n FROM send_latencies')).toEqual([{ n: 2 }]);
  });

  test('written twice changes nothing more', async ({ office }) => {
    await office.endpoint('daily');
    await office.endpoint('radio');
    await office.citizens(5);
    const id = await office.sending();
    const worker = await office.worker();
    const batch: AttemptRecord[] = [];
    for (const claim of await office.hold(id, worker)) {
      const rows = await office.deliveries.claimRows(claim, 10, worker);
      const changes: Partial<AttemptRecord>[] = [
        { status: 'queued', dueInMs: 5_000, code: '30001', segments: 1 },
        { status: 'unknown', dueInMs: 5_000, code: 'timeout', segments: 1 },
        { segments: 2 },
        { status: 'suppressed', code: '21610', suppress: true },
        { status: 'failed', code: '30005' },
      ];
      batch.push(...rows.map((row, i) => result(claim, row, changes[i])));
    }
    expect(batch).toHaveLength(7);
    const state = async () => ({
      deliveries: await office.rowsOf('SELECT * FROM deliveries ORDER BY n'),
      shards: await office.rowsOf('SELECT * FROM shards ORDER BY id'),
      events: await office.rowsOf('SELECT * FROM delivery_events ORDER BY n, dedupe'),
      counts: await office.rowsOf('SELECT * FROM delivery_counts ORDER BY channel, status, slot'),
      suppressions: await office.rowsOf('SELECT * FROM suppressions'),
      latencies: await office.rowsOf('SELECT * FROM send_latencies'),
      announcements: await office.rowsOf('SELECT * FROM announcements'),
    });
    await office.deliveries.record(batch, worker);
    const once = await state();
    expect(once.shards).toHaveLength(4);
    expect(once.deliveries.map((row) => (row as { tries: number }).tries)).toEqual(Array(7).fill(1));
    await office.deliveries.record(batch, worker);
    await office.deliveries.record([...batch].reverse(), worker);
    expect(await state()).toEqual(once);
    await office.expectCountsToMatch(id);
  });

  test('of an attempt that is over is only history', async ({ office }) => {
    const { id, worker, claim } = await held(office, 1);
    await office.deliveries.claimRows(claim, 1, worker);
    await record(office, worker, claim, 1, {
      status: 'queued',
      dueInMs: 0,
      burnt: false,
      event: 'given-back',
    });
    expect(only(await office.rows(id))).toMatchObject({ status: 'queued', attempt: 1, tries: 0 });
    expect(await office.deliveries.claimRows(claim, 1, worker)).toMatchObject([{ attempt: 2, tries: 0 }]);

    await record(office, worker, claim, 1, { status: 'failed', code: 'late' });
    expect(only(await office.rows(id))).toMatchObject({
      status: 'sending',
      attempt: 2,
      tries: 0,
      code: null,
    });
    await record(office, worker, claim, 1, { attempt: 3, status: 'sent' });
    expect(only(await office.rows(id))).toMatchObject({ status: 'sending', attempt: 2 });
    await office.expectCountsToMatch(id);
  });

  for (const status of ['sent', 'unknown', 'queued', 'expired', 'suppressed'] as const) {
    test(`does not lower what a receipt has told already (${status})`, async ({ office }) => {
      const { id, worker, claim } = await held(office, 1);
      await office.deliveries.claimRows(claim, 1, worker);
      await office.receipts.apply([
        {
          announcementId: id,
          n: 1,
          gateway: 'sandbox',
          source: 'twilio',
          receipt: 'delivered',
          event: 'delivered',
          dedupe: 'SM1:delivered',
          providerMessageId: 'SM1',
          code: null,
          category: null,
          detail: null,
        },
      ]);
      await record(office, worker, claim, 1, { status, dueInMs: 1_000, code: 'x', segments: 2 });
      expect(only(await office.rows(id))).toMatchObject({
        status: 'delivered',
        sid: 'SM1',
        code: null,
        dueInMs: null,
      });
      await office.expectCountsToMatch(id);
      expect((await office.reports.channels(id)).sms).toMatchObject({ segments: 2 });
      expect(await office.rowsOf('SELECT sum(n)::int AS n FROM send_latencies')).toEqual([{ n: 1 }]);
    });
  }

  test('a provider that knows of an opt-out suppresses the address; a rehearsal in a live office does not', async ({
    office,
  }) => {
    const { worker, claim } = await held(office, 2);
    const refuse = (n: number) =>
      record(office, worker, claim, n, { status: 'suppressed', code: '21610', suppress: true });
    await office.deliveries.claimRows(claim, 2, worker);
    await refuse(1);
    await office.pool.query('UPDATE installation SET live_since = now()');
    await refuse(2);
    expect(await office.rowsOf('SELECT address, reason, source FROM suppressions')).toEqual([
      { address: '+8613900000001', reason: 'opted-out', source: 'provider' },
    ]);
    expect((await office.rows(claim.announcementId)).map((row) => row.status)).toEqual([
      'suppressed',
      'suppressed',
    ]);
  });

  test('a newsroom’s first failure moves to a shard of its own, so that it holds nobody up', async ({
    office,
  }) => {
    for (const outlet of ['a', 'b', 'c', 'd']) await office.endpoint(outlet);
    const id = await office.sending({}, { expiresAt: new Date(Date.now() + 3_600_000) });
    const worker = await office.worker('webhook');
    const claim = await office.holdOne(id, worker);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    const [a, b, c] = rows;
    if (!a || !b || !c) throw new Error('four rows were expected');
    await office.deliveries.record(
      [
        result(claim, a, { status: 'delivered' }),
        result(claim, b, { status: 'queued', dueInMs: 60_000, code: 'HTTP 503' }),
        result(claim, c, { status: 'unknown', dueInMs: 0, code: 'timeout' }),
        result(
          claim,
          { n: 4, attempt: 1 },
          { status: 'queued', dueInMs: 0, burnt: false, event: 'given-back' },
        ),
      ],
      worker,
    );
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    const [shared, ...own] = await office.shards(id);
    expect(shared).toMatchObject({ retry: false, dueInMs: null });
    expect(own.sort((x, y) => x.from - y.from)).toMatchObject(
      [2, 3, 4].map((n) => ({ from: n, to: n, retry: true, priority: 3 })),
    );
    expect(own[0]?.dueInMs).toBeGreaterThan(50_000);

    // The second failure stays in it.
    const due = await office.hold(id, worker);
    expect(due.map((shard) => shard.fromN).sort()).toEqual([3, 4]);
    for (const retry of due) {
      const row = only(await office.deliveries.claimRows(retry, 10, worker));
      expect(row.attempt).toBe(2);
      await office.deliveries.record(
        [result(retry, row, { status: 'queued', dueInMs: 120_000, code: 'HTTP 503' })],
        worker,
      );
      expect(await office.deliveries.releaseShard(retry, worker)).toBeNull();
    }
    expect(await office.shards(id)).toHaveLength(4);
    await office.expectCountsToMatch(id);
  });

  test('a claim whose answer was lost with its connection is in doubt when the shard is put back', async ({
    office,
  }) => {
    await office.citizens(2);
    await office.endpoint('daily');
    const id = await office.sending();
    const worker = await office.worker();
    for (const claim of await office.hold(id, worker)) {
      await office.deliveries.claimRows(claim, 1, worker);
      await office.deliveries.releaseShard(claim, worker);
    }
    const rows = await office.rows(id);
    expect(rows.map(({ channel, status }) => [channel, status])).toEqual([
      ['webhook', 'unknown'],
      ['sms', 'unknown'],
      ['sms', 'queued'],
    ]);
    expect(rows[0]?.dueInMs).toBeLessThanOrEqual(0);
    expect(rows[1]?.dueInMs).toBeGreaterThan(20_000);
    expect((await office.shards(id)).filter((shard) => shard.retry)).toMatchObject([{ from: 1, to: 1 }]);
    expect(await office.events(id, 2)).toEqual(['unknown']);
    await office.expectCountsToMatch(id);
  });
});
