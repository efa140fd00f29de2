import { expect } from 'vitest';
import type { Channel } from '../../src/domain/channel.ts';
import { first, type Office, only, result, stories } from '../support/office.ts';

/** Shards without rows: enough for what only looks at shards. */
const emptyShards = (office: Office, id: number, count: number, priority: number, channel: Channel = 'sms') =>
  office.pool.query(
    `INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, due_at)
     SELECT $1, $4, 'sandbox', $3, n, n, now() - n * interval '1 second' FROM generate_series(1, $2) n`,
    [id, count, priority, channel],
  );

stories('what is due', (test) => {
  test('one process leads; a turn that fails gives the lead back', async ({ office }) => {
    const { lead } = office.sweeps;
    let inside: boolean | undefined;
    expect(
      await lead(0, async () => {
        inside = await lead(0, async () => undefined);
      }),
    ).toBe(true);
    expect(inside).toBe(false);
    await expect(lead(0, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await lead(0, async () => undefined)).toBe(true);
  });

  test('starts when it is approved and its time has come, once', async ({ office }) => {
    const now = await office.approved({ urgency: 'urgent' });
    const later = await office.approved({}, { scheduledAt: new Date(Date.now() + 3_600_000) });
    const missed = await office.approved({}, { expiresAt: new Date(Date.now() - 1_000) });
    const draft = await office.draft();
    const state = async (id: number) => (await office.announcements.get(id)).state;

    expect(await office.sweeps.startDue()).toEqual([
      { queue: 'expand', id: now, generation: 1, priority: 2 },
    ]);
    expect(await Promise.all([now, later, missed, draft].map(state))).toEqual([
      'sending',
      'approved',
      'approved',
      'draft',
    ]);
    expect((await office.announcements.acts(now)).at(-1)).toMatchObject({ act: 'start', userId: null });

    await office.age('announcements', 'scheduled_at', 3_601, `id = ${later}`);
    const jobs = await Promise.all([1, 2, 3].map(() => office.sweeps.startDue()));
    expect(jobs.flat()).toEqual([{ queue: 'expand', id: later, generation: 1, priority: 3 }]);
    const starts = (await office.announcements.acts(later)).filter((act) => act.act === 'start');
    expect(starts).toHaveLength(1);
  });

  test('an expansion whose job was lost is enqueued anew after 15 seconds', async ({ office }) => {
    const id = await office.approved();
    await office.sweeps.startDue();
    await office.age('expansions', 'enqueued_at', 14);
    expect(await office.sweeps.startDue()).toEqual([]);
    await office.age('expansions', 'enqueued_at', 2);
    expect(await office.sweeps.startDue()).toMatchObject([{ id, generation: 2 }]);
  });

  test('fills a window of 64 jobs per queue and priority, the earliest first', async ({ office }) => {
    const id = await office.sending();
    await emptyShards(office, id, 70, 3);
    await emptyShards(office, id, 5, 2);
    await emptyShards(office, id, 66, 3, 'email');
    const jobs = await office.sweeps.enqueueDue();
    const of = (queue: string, priority: number) =>
      jobs.filter((job) => job.queue === queue && job.priority === priority);
    expect([of('sms', 3), of('sms', 2), of('email', 3)].map((list) => list.length)).toEqual([64, 5, 64]);
    expect(new Set(jobs.map((job) => job.generation))).toEqual(new Set([1]));
    // The longest due ones have the highest numbers here.
    const left = (await office.shards(id)).filter((shard) => !shard.enqueued);
    expect(left.map((shard) => shard.from).sort((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 4, 5, 6]);

    expect(await office.sweeps.enqueueDue()).toEqual([]);
    const taken = of('sms', 3).slice(0, 2);
    for (const job of taken) await office.deliveries.claimShard(job.id, job.generation, 1);
    expect(await office.sweeps.enqueueDue()).toMatchObject([{ queue: 'sms' }, { queue: 'sms' }]);
  });

  test('a job that nobody took for 15 seconds counts as lost; the old one is void', async ({ office }) => {
    await office.citizens(1);
    const id = await office.sending({ channels: ['sms'] });
    const lost = only(await office.sweeps.enqueueDue());
    await office.age('shards', 'enqueued_at', 14);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    await office.age('shards', 'enqueued_at', 2);
    const job = only(await office.sweeps.enqueueDue());
    expect(job).toEqual({ ...lost, generation: lost.generation + 1, replaces: true });
    expect(await office.deliveries.claimShard(lost.id, lost.generation, 1)).toBeNull();
    expect(await office.deliveries.claimShard(job.id, job.generation, 1)).toMatchObject({
      announcementId: id,
    });
  });

  test('is nobody’s twice, when several look at once', async ({ office }) => {
    const id = await office.sending();
    await emptyShards(office, id, 60, 3);
    const jobs = (await Promise.all([1, 2, 3, 4].map(() => office.sweeps.enqueueDue()))).flat();
    expect(new Set(jobs.map((job) => job.id)).size).toBe(60);
    expect(jobs).toHaveLength(60);
  });

  test('leaves out what lies ahead, is paused, has expired, or has its provider against it', async ({
    office,
  }) => {
    const sandbox = await office.sending();
    const live = await office.sending({}, { gateway: 'live' });
    const [paused, late] = [await office.sending(), await office.sending()];
    for (const id of [sandbox, paused, late]) {
      await emptyShards(office, id, 1, 3, 'sms');
      await emptyShards(office, id, 1, 3, 'webhook');
    }
    await office.pool.query(
      `INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, due_at) VALUES
         ($1, 'sms', 'live', 3, 1, 1, now()), ($1, 'email', 'live', 3, 2, 2, now() + interval '1 minute')`,
      [live],
    );
    await office.move(paused, 'pause', 'paused');
    await office.age('announcements', 'expires_at', 2 * 86_400, `id = ${late}`);
    await office.breakers.open({
      provider: 'twilio',
      channel: 'sms',
      gateway: 'sandbox',
      code: '1',
      message: 'x',
    });
    const jobs = await office.sweeps.enqueueDue();
    const shards = [
      ...(await office.shards(sandbox)),
      ...(await office.shards(live)),
      ...(await office.shards(late)),
    ];
    expect(
      shards.filter((shard) => jobs.some((job) => job.id === shard.id)).map((shard) => shard.channel),
    ).toEqual(['webhook', 'sms', 'webhook']);
    expect(jobs).toHaveLength(3);
  });
});

stories('what is over', (test) => {
  test('a cancelled announcement’s queued rows are taken back, those in hand are not', async ({ office }) => {
    await office.endpoint('daily');
    await office.citizens(3);
    const id = await office.sending();
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker, 'sms');
    const row = first(await office.deliveries.claimRows(claim, 1, worker));
    await office.move(id, 'cancel', 'cancelled');
    expect(await office.sweeps.stopRows()).toBe(1);
    await office.deliveries.record([result(claim, row)], worker);
    await office.deliveries.releaseShard(claim, worker);
    expect(await office.sweeps.stopRows()).toBe(2);
    expect(await office.sweeps.stopRows()).toBe(0);
    expect((await office.rows(id)).map((r) => r.status)).toEqual([
      'cancelled',
      'sent',
      'cancelled',
      'cancelled',
    ]);
    expect(await office.events(id, 3)).toEqual(['cancelled']);
    expect((await office.shards(id)).map((shard) => shard.dueInMs)).toEqual([null, null]);
    await office.expectCountsToMatch(id);
  });

  test('what has expired is not sent to citizens any more; newsrooms still get it', async ({ office }) => {
    await office.endpoint('daily');
    await office.citizens(2, 'sms');
    await office.citizens(2, 'email');
    const id = await office.sending();
    await office.age('announcements', 'expires_at', 2 * 86_400);
    expect(await office.sweeps.stopRows()).toBe(4);
    expect((await office.rows(id)).map((row) => row.status)).toEqual([
      'queued',
      'expired',
      'expired',
      'expired',
      'expired',
    ]);
    expect((await office.sweeps.enqueueDue()).map((job) => job.queue)).toEqual(['webhook']);
    await office.expectCountsToMatch(id);
  });

  test('a paused announcement that expires is stopped and ends', async ({ office }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'] });
    await office.move(id, 'pause', 'paused');
    expect(await office.sweeps.stopRows()).toBe(0);
    await office.age('announcements', 'expires_at', 2 * 86_400);
    expect(await office.sweeps.finish()).toEqual([]);
    expect(await office.sweeps.stopRows()).toBe(2);
    expect(await office.sweeps.finish()).toEqual([{ id, miscounted: [] }]);
    expect((await office.announcements.get(id)).state).toBe('expired');
    expect((await office.announcements.acts(id)).at(-1)).toMatchObject({ act: 'expire', userId: null });
  });

  test('a batch is bounded, and the rest is the next one’s', async ({ office }) => {
    for (let n = 0; n < 11; n++) await office.endpoint(`outlet${n}`);
    const id = await office.sending();
    // Retries, each in a shard of its own.
    const worker = await office.worker('webhook');
    for (const claim of await office.hold(id, worker)) {
      const rows = await office.deliveries.claimRows(claim, 100, worker);
      await office.deliveries.record(
        rows.map((row) => result(claim, row, { status: 'queued', dueInMs: 60_000, code: '503' })),
        worker,
      );
      await office.deliveries.releaseShard(claim, worker);
    }
    await office.move(id, 'cancel', 'cancelled');
    expect([
      await office.sweeps.stopRows(),
      await office.sweeps.stopRows(),
      await office.sweeps.stopRows(),
    ]).toEqual([10, 1, 0]);
    await office.expectCountsToMatch(id);
  });

  test('an announcement is completed when all of it is expanded and settled', async ({ office }) => {
    await office.citizens(2);
    const id = await office.approved({ channels: ['sms'] });
    const { generation } = only(await office.sweeps.startDue());
    expect(await office.sweeps.finish()).toEqual([]);
    while ((await office.expansions.slice(id, generation)) === 'more');
    expect(await office.sweeps.finish()).toEqual([]);
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    expect(await office.sweeps.finish()).toEqual([]);
    const unknown = { status: 'unknown', dueInMs: 0, code: 'timeout' } as const;
    await office.deliveries.record(
      rows.map((row) => result(claim, row, row.n === 1 ? unknown : {})),
      worker,
    );
    expect(await office.sweeps.finish()).toEqual([]);
    await office.deliveries.record([result(claim, first(rows), { burnt: false })], worker);
    expect(await office.sweeps.finish()).toEqual([{ id, miscounted: [] }]);
    expect(await office.announcements.get(id)).toMatchObject({
      state: 'completed',
      endedAt: expect.any(Date),
    });
    expect((await office.announcements.acts(id)).at(-1)).toMatchObject({ act: 'complete' });
    expect(await office.sweeps.finish()).toEqual([]);
  });

  test('an empty audience is no reason to wait', async ({ office }) => {
    const id = await office.sending();
    expect(await office.sweeps.finish()).toEqual([{ id, miscounted: [] }]);
  });

  test('what stays unknown is given up an hour after the last try: expiry, or a newsroom’s three days', async ({
    office,
  }) => {
    const doubtful = async (channel: 'sms' | 'webhook') => {
      const id = await office.sending({ channels: [channel] });
      const worker = await office.worker();
      const claim = await office.holdOne(id, worker);
      const row = first(await office.deliveries.claimRows(claim, 1, worker));
      await office.deliveries.record(
        [result(claim, row, { status: 'unknown', dueInMs: 0, code: 'timeout' })],
        worker,
      );
      return id;
    };
    await office.citizens(1);
    await office.endpoint('daily');
    const [sms, webhook] = [await doubtful('sms'), await doubtful('webhook')];
    const pass = async (hours: number) => {
      await office.age('announcements', 'approved_at', hours * 3_600);
      await office.age('announcements', 'expires_at', hours * 3_600);
      return (await office.sweeps.finish()).map(({ id }) => id);
    };
    expect(await pass(24.9)).toEqual([]);
    expect(await pass(0.2)).toEqual([sms]);
    expect(await pass(47.8)).toEqual([]);
    expect(await pass(0.2)).toEqual([webhook]);
  });

  for (const [what, stop] of [
    ['cancelled', (office: Office, id: number) => office.move(id, 'cancel', 'cancelled')],
    ['expired', (office: Office) => office.age('announcements', 'expires_at', 86_500)],
  ] as const) {
    test(`an SMS in doubt is asked for although its announcement is ${what}; nothing is sent`, async ({
      office,
    }) => {
      await office.citizens(3, 'sms');
      await office.citizens(1, 'email');
      const id = await office.sending();
      const worker = await office.worker();
      for (const claim of await office.hold(id, worker)) {
        const row = first(await office.deliveries.claimRows(claim, 1, worker));
        const unknown = { status: 'unknown', dueInMs: 0, code: 'timeout' } as const;
        await office.deliveries.record([result(claim, row, unknown)], worker);
        await office.deliveries.releaseShard(claim, worker);
      }
      await stop(office, id);
      expect(await office.sweeps.stopRows()).toBe(2);
      await office.age('shards', 'enqueued_at', 20);
      const claim = await office.holdOne(id, worker);
      const row = only(await office.deliveries.unsettled(claim, 10));
      expect(row).toMatchObject({ n: 1, attempt: 1 });
      expect(await office.deliveries.claimRows(claim, 10, worker)).toEqual([]);

      const notFound = { status: 'queued', dueInMs: 0, burnt: false, event: 'not-found' } as const;
      await office.deliveries.record([result(claim, row, notFound)], worker);
      expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
      expect(await office.sweeps.stopRows()).toBe(1);
      expect(await office.sweeps.enqueueDue()).toEqual([]);
      const end = what === 'cancelled' ? 'cancelled' : 'expired';
      expect((await office.rows(id)).map((r) => r.status)).toEqual([end, end, end, 'unknown']);
      await office.expectCountsToMatch(id);
    });
  }

  test('a wrong count is found at the end and put right', async ({ office }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    await office.deliveries.record(
      rows.map((row) => result(claim, row)),
      worker,
    );
    await office.pool.query(`UPDATE delivery_counts SET n = n + 3 WHERE status = 'sent'`);
    await office.pool.query(`INSERT INTO delivery_counts VALUES ($1, 'sms', 'failed', 7, 1)`, [id]);
    const { miscounted } = only(await office.sweeps.finish());
    expect([...miscounted].sort((a, b) => a.n - b.n)).toEqual([
      { channel: 'sms', status: 'sent', n: -3 },
      { channel: 'sms', status: 'failed', n: -1 },
    ]);
    await office.expectCountsToMatch(id);
  });
});
