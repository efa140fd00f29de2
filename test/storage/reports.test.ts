import { expect } from 'vitest';
import { first, result, stories } from '../support/office.ts';

stories('reports', (test) => {
  test('count by channel and status, and add up the segments that went out', async ({ office }) => {
    await office.citizens(4, 'sms');
    await office.citizens(1, 'email');
    const id = await office.sending({ channels: ['sms', 'email'] });
    expect(await office.reports.channels(id)).toEqual({
      sms: {
        counts: { queued: 4 },
        segments: 0,
        total: 4,
        withoutReceipt: 0,
        p50: null,
        p95: null,
        max: null,
        sentBy: [],
      },
      email: {
        counts: { queued: 1 },
        segments: 0,
        total: 1,
        withoutReceipt: 0,
        p50: null,
        p95: null,
        max: null,
        sentBy: [],
      },
    });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker, 'sms');
    const rows = await office.deliveries.claimRows(claim, 3, worker);
    await office.deliveries.record(
      rows.map((row) =>
        result(claim, row, row.n === 3 ? { status: 'failed', code: '1', segments: 4 } : { segments: 2 }),
      ),
      worker,
    );
    expect((await office.reports.channels(id)).sms).toMatchObject({
      counts: { queued: 1, sent: 2, failed: 1 },
      segments: 4,
      total: 4,
    });
    expect(await office.reports.channels(999)).toEqual({});
  });

  test('say how long it took, to within a tenth and never more than the longest', async ({ office }) => {
    await office.citizens(100);
    const id = await office.sending({ channels: ['sms'] }, { scheduledAt: new Date(Date.now() - 1_000) });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    // The schedule, which is later than the approval, moves further into the past before each batch.
    await office.age('announcements', 'approved_at', 10_000);
    const age = async () =>
      first(
        await office.rowsOf<{ age: number }>(
          'SELECT extract(epoch FROM clock_timestamp() - scheduled_at)::float8 AS age FROM announcements',
        ),
      ).age;
    const between: [number, number][] = [];
    for (const [seconds, count] of [
      [9, 50],
      [90, 45],
      [900, 5],
    ] as const) {
      await office.age('announcements', 'scheduled_at', seconds);
      const rows = await office.deliveries.claimRows(claim, count, worker);
      const before = await age();
      await office.deliveries.record(
        rows.map((row) => result(claim, row)),
        worker,
      );
      between.push([before, await age()]);
    }
    const { sms } = await office.reports.channels(id);
    if (!sms?.p50 || !sms.p95 || !sms.max) throw new Error('no times');
    [sms.p50, sms.p95, sms.max].forEach((got, i) => {
      const [least, most] = between[i] ?? [0, 0];
      expect(got).toBeGreaterThan(least - 0.001);
      expect(got).toBeLessThan(most * 1.1);
    });
    const { longest } = first(
      await office.rowsOf<{ longest: number }>(
        'SELECT max(max_ms)::float8 / 1000 AS longest FROM send_latencies',
      ),
    );
    expect(sms.max).toBe(longest);
    expect(sms.sentBy.map(({ n }) => n)).toEqual([50, 95, 100]);
    expect(sms.sentBy.map(({ seconds }) => seconds)).toEqual([sms.p50, sms.p95, sms.max]);
  });

  test('show rows page by page, and one with all that happened to it', async ({ office }) => {
    await office.endpoint('daily');
    await office.citizens(5);
    const id = await office.sending();
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker, 'sms');
    const row = first(await office.deliveries.claimRows(claim, 1, worker));
    await office.deliveries.record(
      [result(claim, row, { status: 'queued', dueInMs: 60_000, code: '30001', detail: 'busy', segments: 2 })],
      worker,
    );
    const page = async (more: object) =>
      (await office.reports.deliveries(id, { after: 0, limit: 10, ...more })).map((r) => r.n);
    expect(await page({})).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await page({ after: 2, limit: 2 })).toEqual([3, 4]);
    expect(await page({ channel: 'webhook' })).toEqual([1]);
    expect(await page({ channel: 'sms', status: 'queued', after: 4 })).toEqual([5, 6]);
    expect(await page({ status: 'sent' })).toEqual([]);
    expect(await office.reports.delivery(id, 2)).toEqual({
      announcementId: id,
      n: 2,
      channel: 'sms',
      status: 'queued',
      attempt: 1,
      address: '+8613900000001',
      locale: 'en',
      segments: 2,
      providerMessageId: null,
      code: '30001',
      dueAt: expect.any(Date),
      events: [
        {
          type: 'queued',
          attempt: 1,
          source: `worker ${worker}`,
          code: '30001',
          detail: 'busy',
          at: expect.any(Date),
        },
      ],
    });
    await expect(office.reports.delivery(id, 9)).rejects.toMatchObject({
      kind: 'not-found',
      code: 'no-such-delivery',
    });
  });

  test('health: what is due and since when, what is refused, who is there', async ({ office }) => {
    expect(await office.reports.health()).toEqual({
      setApart: [],
      shardsDue: {},
      oldestDueSeconds: 0,
      breakers: [],
      workers: [],
    });
    await office.citizens(1, 'sms');
    await office.citizens(501, 'email');
    const id = await office.sending({ channels: ['sms', 'email'] });
    const left = await office.worker('sms');
    await office.workers.leave(left);
    await office.worker('email');
    await office.age('workers', 'heartbeat_at', 7);
    await office.age('shards', 'due_at', 40, `channel = 'sms'`);
    const breaker = { channel: 'sms', gateway: 'live', code: '20003', message: 'Authenticate' } as const;
    await office.breakers.open({ provider: 'twilio', ...breaker });

    const health = await office.reports.health();
    expect(health.shardsDue).toEqual({ sms: 1, email: 2 });
    expect(Math.floor(health.oldestDueSeconds / 10)).toBe(4);
    expect(health.breakers).toEqual([{ ...breaker, openedAt: expect.any(Date) }]);
    expect(health.workers).toMatchObject([{ kind: 'email', host: 'here', pid: process.pid }]);
    expect(first(health.workers).silentMs).toBeGreaterThanOrEqual(7_000);

    await office.move(id, 'pause', 'paused');
    expect((await office.reports.health()).shardsDue).toEqual({});
    await office.move(id, 'resume', 'sending');
    await office.age('announcements', 'expires_at', 2 * 86_400);
    expect((await office.reports.health()).oldestDueSeconds).toBe(0);
  });
});
