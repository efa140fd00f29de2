import { expect } from 'vitest';
import { first, held, type Office, only, result, stories } from '../support/office.ts';

const HOUR = 3_600_000;
const inAnHour = () => new Date(Date.now() + HOUR);

stories('a shard', (test) => {
  test('has one holder, who must have the job of its present generation', async ({ office }) => {
    await office.citizens(2);
    const id = await office.sending({ channels: ['sms'], urgency: 'urgent' });
    const job = only(await office.sweeps.enqueueDue());
    expect(job).toMatchObject({ queue: 'sms', priority: 2 });
    const { claimShard } = office.deliveries;
    expect(await claimShard(job.id, job.generation - 1, 1)).toBeNull();
    expect(await claimShard(job.id, job.generation + 1, 1)).toBeNull();
    const claims = await Promise.all([1, 2, 3, 4].map((w) => claimShard(job.id, job.generation, w)));
    expect(claims.filter((claim) => claim !== null)).toEqual([
      {
        shardId: job.id,
        announcementId: id,
        channel: 'sms',
        gateway: 'sandbox',
        priority: 2,
        fromN: 1,
        toN: 2,
        retry: false,
        deaths: 0,
        sends: true,
        asks: false,
      },
    ]);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
  });

  test('is put back with what is due next, and enqueued at once when that is now', async ({ office }) => {
    const { id, worker, claim } = await held(office, 4);
    const [a, b] = await office.deliveries.claimRows(claim, 2, worker);
    if (!a || !b) throw new Error('claimed nothing');
    await office.deliveries.record(
      [result(claim, a), result(claim, b, { status: 'queued', dueInMs: 60_000, code: '30001' })],
      worker,
    );
    const again = await office.deliveries.releaseShard(claim, worker);
    expect(again).toMatchObject({ queue: 'sms', id: claim.shardId, priority: 3 });
    if (!again) throw new Error('nothing was due');
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();

    const second = await office.deliveries.claimShard(again.id, again.generation, worker);
    expect(second).toEqual(claim);
    const rest = await office.deliveries.claimRows(claim, 10, worker);
    expect(rest.map((row) => row.n)).toEqual([3, 4]);
    await office.deliveries.record(
      rest.map((row) => result(claim, row)),
      worker,
    );
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    const shard = only(await office.shards(id));
    expect(shard).toMatchObject({ claimedBy: null, enqueued: false });
    expect(shard.dueInMs).toBeGreaterThan(50_000);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
  });

  test('rests for good when nothing of it is left', async ({ office }) => {
    const { id, worker, claim } = await held(office, 2);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    await office.deliveries.record(
      [result(claim, first(rows)), result(claim, { n: 2, attempt: 1 }, { status: 'failed', code: '30005' })],
      worker,
    );
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    expect(only(await office.shards(id))).toMatchObject({ dueInMs: null, claimedBy: null });
  });

  for (const [what, stop] of [
    ['paused', (office: Office, id: number) => office.move(id, 'pause', 'paused')],
    ['cancelled', (office: Office, id: number) => office.move(id, 'cancel', 'cancelled')],
    [
      'expired',
      (office: Office, id: number) => office.age('announcements', 'expires_at', 2 * 86_400, `id = ${id}`),
    ],
    [
      'refused by its provider',
      (office: Office) =>
        office.breakers.open({
          provider: 'twilio',
          channel: 'sms',
          gateway: 'sandbox',
          code: '20003',
          message: 'Authenticate',
        }),
    ],
  ] as const) {
    test(`is not enqueued again while it is ${what}`, async ({ office }) => {
      const { id, worker, claim } = await held(office);
      await stop(office, id);
      expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
      const shard = only(await office.shards(id));
      expect(shard).toMatchObject({ claimedBy: null, enqueued: false });
      expect(shard.dueInMs).toBeLessThanOrEqual(0);
      expect(await office.sweeps.enqueueDue()).toEqual([]);
    });
  }

  test('whose holder was declared dead cannot be put back by it', async ({ office }) => {
    const { id, worker, claim } = await held(office);
    await office.age('workers', 'heartbeat_at', 60);
    await office.sweeps.lead(0, async () => {
      await office.sweeps.buryDead(20_000, { sms: 0, email: 0, webhook: 0 });
    });
    const other = await office.worker();
    const taken = await office.holdOne(id, other);
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    expect(only(await office.shards(id))).toMatchObject({ claimedBy: other, deaths: 1 });
    expect(taken.deaths).toBe(1);
  });
});

stories('claimed rows', (test) => {
  test('are marked before they are sent, and carry what the message needs', async ({ office }) => {
    const { sms } = await office.citizen({ phone: '+8613900000001', name: '王芳', locale: 'zh-CN' });
    const endpoint = await office.endpoint('daily');
    const id = await office.sending();
    const worker = await office.worker();
    const [webhook, phone] = (await office.hold(id, worker)).sort((a, b) => a.fromN - b.fromN);
    if (!webhook || !phone) throw new Error('two shards were expected');
    expect(await office.deliveries.claimRows(phone, 10, worker)).toEqual([
      {
        n: 2,
        attempt: 1,
        tries: 0,
        doubts: 0,
        address: '+8613900000001',
        contactId: sms,
        locale: 'zh-CN',
        name: '王芳',
        sequence: null,
        endpoint: null,
      },
    ]);
    expect(only(await office.deliveries.claimRows(webhook, 10, worker))).toMatchObject({
      contactId: endpoint,
      sequence: 1,
      locale: 'en',
      endpoint: { url: 'https://daily.example/hook', secrets: ['whsec_daily'] },
    });
    expect(
      await office.rowsOf('SELECT status, worker_id, claimed_at <= now() AS claimed FROM deliveries'),
    ).toEqual(Array(2).fill({ status: 'sending', worker_id: worker, claimed: true }));
    expect(await office.deliveries.claimRows(phone, 10, worker)).toEqual([]);
    await office.expectCountsToMatch(id);
  });

  test('a mail in doubt says how often it was', async ({ office }) => {
    await office.citizen({ email: 'c1@example.org' });
    const id = await office.sending({ channels: ['email'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    for (const doubts of [0, 1, 2]) {
      const row = only(await office.deliveries.claimRows(claim, 10, worker));
      expect(row.doubts).toBe(doubts);
      const unanswered = { status: 'unknown', dueInMs: 0, code: 'timeout' } as const;
      await office.deliveries.record([result(claim, row, unanswered)], worker);
    }
  });

  test('never go out twice, however often they are asked for at once, and never to another worker', async ({
    office,
  }) => {
    const { id, claim, worker } = await held(office, 300);
    expect(await office.deliveries.claimRows(claim, 7, await office.worker())).toEqual([]);
    const taken: number[] = [];
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        for (;;) {
          const rows = await office.deliveries.claimRows(claim, 7, worker);
          if (rows.length === 0) return;
          expect(rows.every((row) => row.attempt === 1)).toBe(true);
          taken.push(...rows.map((row) => row.n));
        }
      }),
    );
    expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    await office.expectCountsToMatch(id);
  });

  for (const [what, stop] of [
    ['paused', (office: Office, id: number) => office.move(id, 'pause', 'paused')],
    ['cancelled', (office: Office, id: number) => office.move(id, 'cancel', 'cancelled')],
    [
      'expired',
      (office: Office, id: number) => office.age('announcements', 'expires_at', 2 * 86_400, `id = ${id}`),
    ],
  ] as const) {
    test(`are none once the announcement is ${what}; a newsroom's outlast its expiry`, async ({ office }) => {
      await office.endpoint('daily');
      await office.citizens(2, 'sms');
      await office.citizens(2, 'email');
      const id = await office.sending();
      const worker = await office.worker();
      const claims = await office.hold(id, worker);
      await stop(office, id);
      const got: string[] = [];
      for (const claim of claims) {
        for (const row of await office.deliveries.claimRows(claim, 10, worker))
          got.push(`${claim.channel} ${row.n}`);
      }
      expect(got).toEqual(what === 'expired' ? ['webhook 1'] : []);
    });
  }

  test('leave out whoever left after the fan-out; with the next run of the shard it is written down', async ({
    office,
  }) => {
    const { id, worker, claim } = await held(office, 3);
    // As an import or a fan-out that ran meanwhile would leave it: the address is suppressed, its row still queued.
    await office.pool.query(`INSERT INTO suppressions VALUES ('sms', '+8613900000002', 'left', 'test')`);
    const rows = await office.deliveries.claimRows(claim, 10, worker);
    expect(rows.map((row) => row.n)).toEqual([1, 3]);
    await office.deliveries.record(
      rows.map((row) => result(claim, row)),
      worker,
    );
    const again = await office.deliveries.releaseShard(claim, worker);
    if (!again) throw new Error('the row is still due');
    expect(await office.deliveries.claimShard(again.id, again.generation, worker)).not.toBeNull();
    expect((await office.rows(id))[1]).toMatchObject({
      status: 'suppressed',
      code: 'suppressed',
      attempt: 0,
    });
    expect(await office.events(id, 2)).toEqual(['suppressed']);
    expect(await office.deliveries.claimRows(claim, 10, worker)).toEqual([]);
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    await office.expectCountsToMatch(id);
  });

  test('leave out endpoints that were removed or disabled', async ({ office }) => {
    for (const outlet of ['daily', 'removed', 'disabled']) await office.endpoint(outlet);
    const id = await office.sending();
    await office.pool.query(`UPDATE endpoints SET removed_at = now() WHERE outlet = 'removed'`);
    await office.pool.query(
      `UPDATE endpoints SET disabled_at = now(), disabled_reason = 'x' WHERE outlet = 'disabled'`,
    );
    const worker = await office.worker('webhook');
    const claim = await office.holdOne(id, worker);
    expect(only(await office.deliveries.claimRows(claim, 10, worker)).endpoint?.url).toContain('daily');
    expect((await office.rows(id)).map((row) => row.status)).toEqual(['sending', 'suppressed', 'suppressed']);
    await office.expectCountsToMatch(id);
  });

  test('are rows in doubt as well, when they are due: e-mail is sent again, SMS is asked about', async ({
    office,
  }) => {
    await office.citizens(2, 'sms');
    await office.citizens(2, 'email');
    const id = await office.sending();
    const worker = await office.worker();
    for (const claim of await office.hold(id, worker)) {
      const rows = await office.deliveries.claimRows(claim, 10, worker);
      await office.deliveries.record(
        rows.map((row, i) =>
          result(claim, row, { status: 'unknown', dueInMs: i === 0 ? 0 : 60_000, code: 'timeout' }),
        ),
        worker,
      );
      await office.deliveries.releaseShard(claim, worker);
    }
    expect(await office.shards(id)).toMatchObject([{ enqueued: true }, { enqueued: true }]);
    await office.age('shards', 'enqueued_at', 20);
    const [sms, email] = (await office.hold(id, worker)).sort((a, b) => a.fromN - b.fromN);
    if (!sms || !email) throw new Error('two shards were expected');

    expect(await office.deliveries.claimRows(sms, 10, worker)).toEqual([]);
    const doubt = only(await office.deliveries.unsettled(sms, 10));
    expect(doubt).toMatchObject({
      n: 1,
      attempt: 1,
      address: '+8613900000001',
      askedBefore: 0,
      endpoint: null,
    });
    expect(doubt.claimedAgoMs).toBeGreaterThan(0);
    expect(doubt.claimedAgoMs).toBeLessThan(30_000);

    expect(await office.deliveries.unsettled(email, 10)).toEqual([]);
    expect(only(await office.deliveries.claimRows(email, 10, worker))).toMatchObject({
      n: 3,
      attempt: 2,
      tries: 1,
    });
    await office.expectCountsToMatch(id);
  });

  test('a row in doubt whose address was suppressed is not sent again, and wakes nobody', async ({
    office,
  }) => {
    await office.citizens(1, 'email');
    await office.endpoint('daily');
    const id = await office.sending();
    const worker = await office.worker();
    for (const claim of await office.hold(id, worker)) {
      const row = first(await office.deliveries.claimRows(claim, 10, worker));
      await office.deliveries.record(
        [result(claim, row, { status: 'unknown', dueInMs: 0, code: 'timeout' })],
        worker,
      );
      await office.deliveries.releaseShard(claim, worker);
    }
    await office.receipts.suppress({
      channel: 'email',
      address: 'p1@example.org',
      reason: 'left',
      source: 'test',
    });
    await office.pool.query('UPDATE endpoints SET removed_at = now()');
    await office.age('shards', 'enqueued_at', 20);
    const claims = await office.hold(id, worker);
    expect(claims.map((claim) => claim.retry).sort()).toEqual([false, true]);
    for (const claim of claims) {
      expect(await office.deliveries.claimRows(claim, 10, worker), claim.channel).toEqual([]);
      expect(await office.deliveries.releaseShard(claim, worker), claim.channel).toBeNull();
    }
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    expect((await office.rows(id)).map((row) => row.status)).toEqual(['unknown', 'unknown']);
  });
});

stories('what surrounds the sending', (test) => {
  test('a worker reads all that it renders with; outsiders learn of a correction when it is approved', async ({
    office,
  }) => {
    const id = await office.sending({}, { expiresAt: inAnHour() });
    const correction = await office.draft({ kind: 'correction', supersedes: id });
    const facts = await office.deliveries.sendingFacts(id);
    expect(facts).toMatchObject({ record: { id, state: 'sending', supersededBy: [] }, chain: [] });
    expect(facts.bundle.manifest.name).toBe('tiny');
    expect(facts.expiresInMs).toBeGreaterThan(HOUR - 60_000);
    expect(Math.abs(facts.nowMs - Date.now())).toBeLessThan(5_000);
    await office.submit(correction);
    await office.approve(correction);
    expect((await office.deliveries.sendingFacts(id)).record).toMatchObject({
      state: 'cancelled',
      supersededBy: [correction],
    });
    await expect(office.deliveries.sendingFacts(999)).rejects.toMatchObject({ code: 'no-such-announcement' });
  });

  test('a refused text pauses the announcement, once, and says why', async ({ office }) => {
    const { id } = await held(office);
    await office.deliveries.pauseFor(id, 'twilio refused the text');
    await office.deliveries.pauseFor(id, 'again');
    expect(await office.announcements.get(id)).toMatchObject({
      state: 'paused',
      reason: 'twilio refused the text',
    });
    const acts = (await office.announcements.acts(id)).filter((act) => act.act === 'pause');
    expect(acts).toMatchObject([{ userId: null, reason: 'twilio refused the text' }]);
  });

  test('an open breaker is probed by one worker at a time, every ten seconds', async ({ office }) => {
    const { open, close, isOpen, takeProbes } = office.breakers;
    const breaker = {
      provider: 'twilio',
      channel: 'sms',
      gateway: 'live',
      code: '20003',
      message: 'no',
    } as const;
    await open(breaker);
    await open({ ...breaker, code: 'other' });
    expect([
      await isOpen('sms', 'live'),
      await isOpen('sms', 'sandbox'),
      await isOpen('email', 'live'),
    ]).toEqual([true, false, false]);
    expect(await takeProbes('sms')).toEqual([]);
    await office.age('breakers', 'probe_at', 11);
    const probes = await Promise.all([1, 2, 3].map(() => takeProbes('sms')));
    expect(probes.flat()).toEqual(['live']);
    expect((await office.reports.health()).breakers).toMatchObject([{ channel: 'sms', code: '20003' }]);
    await close('sms', 'live');
    expect(await isOpen('sms', 'live')).toBe(false);
  });

  test('a refusal that comes back, though the provider takes our credentials, is asked about less and less', async ({
    office,
  }) => {
    const { open, close } = office.breakers;
    const waits: number[] = [];
    for (let times = 0; times < 7; times += 1) {
      const common = { provider: 'twilio', channel: 'sms', gateway: 'live', message: 'no' } as const;
      await open({ ...common, code: '21606' });
      const { seconds } = only(
        await office.rowsOf<{ seconds: number }>(
          'SELECT round(extract(epoch FROM probe_at - opened_at))::int AS seconds FROM breakers',
        ),
      );
      waits.push(seconds);
      await close('sms', 'live');
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300]);
  });

  test('a worker that left, or was declared dead, has no heartbeat any more', async ({ office }) => {
    const worker = await office.worker();
    expect(await office.workers.heartbeat(worker)).toBe(true);
    await office.workers.leave(worker);
    expect(await office.workers.heartbeat(worker)).toBe(false);
    expect(await office.rowsOf('SELECT died FROM workers')).toEqual([{ died: false }]);
  });
});
