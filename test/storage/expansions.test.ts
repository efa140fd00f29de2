import { expect } from 'vitest';
import { type Office, only, result, stories } from '../support/office.ts';

const addresses = async (office: Office, id: number) => (await office.rows(id)).map((row) => row.address);

stories('fan-out', (test) => {
  test('everybody in the audience gets one delivery a contact, those who have left get none', async ({
    office,
  }) => {
    const [crime, traffic] = [await office.topic('crime'), await office.topic('traffic')];
    const [north, south] = [
      await office.topic('north', 'districts'),
      await office.topic('south', 'districts'),
    ];
    const news = await office.endpoint('daily', { topics: [crime] });
    await office.endpoint('radio', { topics: [traffic] });
    await office.citizen({ phone: '+8613900000001', email: 'a@example.org', locale: 'zh-CN' });
    await office.citizen({ phone: '+8613900000002', topics: [crime, traffic], districts: [south, north] });
    await office.citizen({ phone: '+8613900000003', topics: [traffic] });
    await office.citizen({ phone: '+8613900000004', topics: [crime], districts: [south] });
    await office.citizen({ phone: '+8613900000005', topics: [crime], districts: [north] });
    await office.receipts.suppress({
      channel: 'sms',
      address: '+8613900000005',
      reason: 'left',
      source: 'test',
    });

    const id = await office.sending({ audience: { topics: ['crime'], districts: ['north'] } });
    expect(await office.rows(id)).toMatchObject([
      { n: 1, channel: 'webhook', status: 'queued', attempt: 0, address: String(news), sequence: 1 },
      { n: 2, channel: 'sms', address: '+8613900000001', sequence: null },
      { n: 3, channel: 'sms', address: '+8613900000002' },
      { n: 4, channel: 'email', address: 'a@example.org' },
    ]);
    await office.expectCountsToMatch(id);
    expect(await office.rowsOf('SELECT DISTINCT locale FROM deliveries ORDER BY 1')).toEqual([
      { locale: 'en' },
      { locale: 'zh-CN' },
    ]);

    const everybody = await office.sending({ channels: ['sms'] });
    expect(await addresses(office, everybody)).toEqual([1, 2, 3, 4].map((n) => `+861390000000${n}`));
  });

  test('an audience is counted as it will be addressed', async ({ office }) => {
    const crime = await office.topic('crime');
    await office.endpoint('daily', { topics: [crime] });
    await office.citizen({ phone: '+8613900000001', email: 'a@example.org', locale: 'zh-CN' });
    await office.citizen({ phone: '+8613900000002', email: 'b@example.org', topics: [crime] });
    await office.citizen({ phone: '+8613900000003', topics: [await office.topic('traffic')] });
    await office.receipts.suppress({
      channel: 'email',
      address: 'a@example.org',
      reason: 'left',
      source: 'x',
    });
    const id = await office.sending({ audience: { topics: ['crime'], districts: [] } });
    const { draft } = await office.announcements.get(id);
    expect(await office.announcements.audience(draft, null)).toEqual({
      counts: [
        { channel: 'sms', locale: 'en', count: 1 },
        { channel: 'sms', locale: 'zh-CN', count: 1 },
        { channel: 'email', locale: 'en', count: 1 },
        { channel: 'webhook', locale: '', count: 1 },
      ],
      citizens: 2,
    });
    expect(await office.rows(id)).toHaveLength(4);
  });

  test('who subscribes after the approval is not in it', async ({ office }) => {
    await office.citizens(2);
    const id = await office.approved({ channels: ['sms'] });
    await office.citizens(3);
    await office.expand(id);
    expect(await office.rows(id)).toHaveLength(2);
  });

  test('shards hold at most 500 rows of one channel, webhooks 100, and leave no row out', async ({
    office,
  }) => {
    await office.citizens(1_001, 'sms');
    await office.citizens(3, 'email');
    await office.citizens(2, 'sms');
    for (let n = 0; n < 101; n++) await office.endpoint(`outlet${n}`);
    const id = await office.sending({ urgency: 'urgent' });
    const shards = await office.shards(id);
    expect(shards.map(({ channel, from, to }) => [channel, from, to])).toEqual([
      ['webhook', 1, 100],
      ['webhook', 101, 101],
      ['sms', 102, 601],
      ['sms', 602, 1_101],
      ['sms', 1_102, 1_104],
      ['email', 1_105, 1_107],
    ]);
    expect(new Set(shards.map((shard) => shard.priority))).toEqual(new Set([2]));
    const rows = await office.rows(id);
    expect(rows.map((row) => row.n)).toEqual(Array.from({ length: 1_107 }, (_, i) => i + 1));
    for (const row of rows) {
      expect(
        only(shards.filter(({ from, to }) => row.n >= from && row.n <= to)).channel,
        `row ${row.n}`,
      ).toBe(row.channel);
    }
    await office.expectCountsToMatch(id);
  });

  test('sending starts with the first slice; the next one goes on at the cursor', async ({ office }) => {
    await office.citizens(20_010);
    const id = await office.approved({ channels: ['sms'] });
    const { generation } = only(await office.sweeps.startDue());
    expect(await office.expansions.slice(id, generation)).toBe('more');
    const next = await office.expansions.next(id, generation);
    expect(next).toMatchObject({ queue: 'expand', id, generation: generation + 1, priority: 3 });
    // One who comes late, and whose job was taken over, changes nothing.
    expect(await office.expansions.next(id, generation)).toBeNull();
    expect(await office.expansions.slice(id, generation)).toBe('stopped');
    expect(await office.expansions.slice(id, generation + 1)).toBe('more');
    expect(await office.reports.expanded(id)).toBe(false);
    expect(await office.sweeps.enqueueDue()).toHaveLength(40);
    expect(await office.expansions.slice(id, generation + 1)).toBe('done');
    expect(await office.expansions.next(id, generation + 1)).toBeNull();
    expect(await office.reports.expanded(id)).toBe(true);
    expect(
      await office.rowsOf(
        'SELECT count(*)::int, count(DISTINCT address_key)::int AS people, max(n) FROM deliveries',
      ),
    ).toEqual([{ count: 20_010, people: 20_010, max: 20_010 }]);
    expect(only((await office.shards(id)).slice(40))).toMatchObject({ from: 20_001, to: 20_010 });
    await office.expectCountsToMatch(id);
  });

  test('an address that moves to a later contact meanwhile is written to once', async ({ office }) => {
    await office.citizens(20_003);
    const id = await office.approved({ channels: ['sms'] });
    const { generation } = only(await office.sweeps.startDue());
    expect(await office.expansions.slice(id, generation)).toBe('more');
    expect(await office.expansions.slice(id, generation)).toBe('more');
    const [early, late] = ['+8613900000007', '+8613900020002'];
    const move = (from: string, to: string) =>
      office.pool.query('UPDATE contacts SET address = $2 WHERE address = $1', [from, to]);
    await move(early, '+8613800000007');
    await move(late, early);
    expect(await office.expansions.slice(id, generation)).toBe('done');
    const rows = await office.rows(id);
    expect(rows.map((row) => row.n)).toEqual(Array.from({ length: 20_002 }, (_, i) => i + 1));
    expect(rows.filter((row) => row.address === early)).toHaveLength(1);
    await office.expectCountsToMatch(id);
  });

  test('a second run of it changes nothing, and an older one stops', async ({ office }) => {
    await office.citizens(3);
    const endpoint = await office.endpoint('daily');
    const id = await office.approved();
    const old = only(await office.sweeps.startDue());
    await office.age('expansions', 'enqueued_at', 20);
    const job = only(await office.sweeps.startDue());
    expect(job).toMatchObject({ queue: 'expand', id, generation: old.generation + 1, priority: 3 });

    expect(await office.expansions.slice(id, old.generation)).toBe('stopped');
    expect(await office.rows(id)).toEqual([]);
    const said = await Promise.all([1, 2, 3, 4].map(() => office.expansions.slice(id, job.generation)));
    expect(said.sort()).toEqual(['done', 'done', 'done', 'more']);
    expect(await office.rows(id)).toHaveLength(4);
    expect(await office.shards(id)).toHaveLength(2);
    expect(await office.rowsOf('SELECT last_sequence FROM endpoints WHERE id = $1', [endpoint])).toEqual([
      { last_sequence: 1 },
    ]);
    await office.expectCountsToMatch(id);
    expect(await office.sweeps.startDue()).toEqual([]);
  });

  test('a newsroom’s sequence counts what was addressed to it', async ({ office }) => {
    const [daily, crime] = [await office.endpoint('daily'), await office.topic('crime')];
    await office.endpoint('radio', { topics: [crime] });
    const removed = await office.endpoint('gone');
    await office.pool.query('UPDATE endpoints SET removed_at = now() WHERE id = $1', [removed]);
    await office.topic('traffic');
    const sequences = [];
    for (const topic of ['crime', 'traffic', 'crime']) {
      const id = await office.sending({ audience: { topics: [topic], districts: [] } });
      sequences.push((await office.rows(id)).map((row) => [Number(row.address) - daily, row.sequence]));
    }
    expect(sequences).toEqual([
      [
        [0, 1],
        [1, 1],
      ],
      [[0, 2]],
      [
        [0, 3],
        [1, 2],
      ],
    ]);
  });

  test('nothing is written for what is paused or cancelled, and a resumed one goes on at once', async ({
    office,
  }) => {
    await office.citizens(2);
    const id = await office.approved({ channels: ['sms'] });
    const { generation } = only(await office.sweeps.startDue());
    await office.move(id, 'pause', 'paused');
    expect(await office.expansions.slice(id, generation)).toBe('stopped');
    expect(await office.sweeps.startDue()).toEqual([]);
    await office.move(id, 'resume', 'sending');
    expect(await office.expand(id)).toEqual(['more', 'done']);
    expect(await office.rows(id)).toHaveLength(2);
  });
});

stories('what supersedes another announcement', (test) => {
  /** A notice to six: sent, delivered, unknown, failed, and two still queued. */
  const halfSent = async (office: Office) => {
    await office.endpoint('daily');
    await office.citizens(6);
    const old = await office.sending({ channels: ['sms', 'webhook'] });
    await office.pool.query(
      `WITH told AS (
         UPDATE deliveries SET status = (ARRAY['sent', 'delivered', 'unknown', 'failed'])[n - 1]::delivery_status, attempt = 1,
           claimed_at = now(), due_at = CASE n WHEN 4 THEN now() END, error_code = CASE n WHEN 5 THEN '30005' END,
           provider_message_id = 'SM' || n
         WHERE announcement_id = $1 AND n BETWEEN 2 AND 5 RETURNING channel, status)
       INSERT INTO delivery_counts AS c (announcement_id, channel, status, slot, n)
       SELECT $1, channel, status, 1, 1 FROM told UNION ALL SELECT $1, 'sms', 'queued', 1, -4`,
      [old],
    );
    await office.expectCountsToMatch(old);
    return old;
  };
  /** What a preview counts is what will be addressed. */
  const counted = async (office: Office, id: number) => {
    const { draft, supersedes } = await office.announcements.get(id);
    const counts: Record<string, number> = {};
    for (const { channel, count } of (await office.announcements.audience(draft, supersedes)).counts)
      counts[channel] = (counts[channel] ?? 0) + count;
    return counts;
  };
  const written = async (office: Office, id: number) => {
    const counts: Record<string, number> = {};
    for (const { channel } of await office.rows(id)) counts[channel] = (counts[channel] ?? 0) + 1;
    return counts;
  };
  const stopAll = async (office: Office) => {
    while ((await office.sweeps.stopRows()) > 0);
  };

  test('a correction stops the old text and reaches everybody who got it, and the rest, once', async ({
    office,
  }) => {
    const old = await halfSent(office);
    const correction = await office.approved({
      kind: 'correction',
      supersedes: old,
      channels: ['sms', 'webhook'],
    });
    expect(await office.announcements.get(old)).toMatchObject({
      state: 'cancelled',
      reason: 'superseded',
      supersededBy: [correction],
    });
    expect((await office.announcements.acts(old)).at(-1)).toMatchObject({
      act: 'cancel',
      reason: 'superseded',
      userId: office.approver.id,
    });
    await stopAll(office);
    expect((await office.rows(old)).map((row) => row.status)).toEqual([
      'cancelled',
      'sent',
      'delivered',
      'unknown',
      'failed',
      'cancelled',
      'cancelled',
    ]);
    await office.expectCountsToMatch(old);

    // One who got the old text has a new number, one has left, and one came only after the correction.
    const [second, third] = await office.rowsOf<{ id: number }>(
      'SELECT contact_id AS id FROM deliveries WHERE announcement_id = $1 AND n IN (2, 3) ORDER BY n',
      [old],
    );
    await office.pool.query(`UPDATE contacts SET address = '+447700900001' WHERE id = $1`, [second?.id]);
    await office.pool.query(
      `INSERT INTO suppressions SELECT channel, address, 'left', 'test' FROM contacts WHERE id = $1`,
      [third?.id],
    );
    await office.citizen({ phone: '+447700900002' });

    expect((await office.expand(correction)).at(-1)).toBe('done');
    const rows = await office.rows(correction);
    expect(rows[0]).toMatchObject({ channel: 'webhook', sequence: 2 });
    // Reached ones first (the new number, the unknown one), then the failed and the stopped.
    expect(rows.slice(1).map((row) => row.address)).toEqual([
      '+447700900001',
      '+8613900000003',
      '+8613900000004',
      '+8613900000005',
      '+8613900000006',
    ]);
    expect(only((await office.shards(correction)).filter((s) => s.from === 2))).toMatchObject({
      to: 3,
      priority: 2,
    });
    await office.expectCountsToMatch(correction);
  });

  test('a retraction finds who was removed and came back, at the address that got the old text', async ({
    office,
  }) => {
    const old = await halfSent(office);
    const removed = only(
      await office.rowsOf<{ id: number; address: string }>(
        'SELECT contact_id AS id, address_key AS address FROM deliveries WHERE announcement_id = $1 AND n = 2',
        [old],
      ),
    );
    await office.pool.query(
      'DELETE FROM subscribers s USING contacts k WHERE k.subscriber_id = s.id AND k.id = $1',
      [removed.id],
    );
    await office.citizen({ phone: removed.address });
    const retraction = await office.approved({ kind: 'retraction', supersedes: old, channels: ['sms'] });
    await stopAll(office);
    const expected = await counted(office, retraction);
    expect((await office.expand(retraction)).at(-1)).toBe('done');
    expect(await written(office, retraction)).toEqual(expected);
    expect((await office.rows(retraction)).map(({ address }) => address)).toContain(removed.address);
  });

  test('those who were reached are all found, whatever the number of the old announcement', async ({
    office,
  }) => {
    await office.citizens(20_003);
    // Above 2^21 a cursor is a number that JavaScript would round.
    await office.pool.query('ALTER TABLE announcements ALTER COLUMN id RESTART WITH 2097153');
    const old = await office.sending({ channels: ['sms'] });
    expect(old).toBe(2_097_153);
    await office.pool.query(
      `UPDATE deliveries SET status = 'sent', provider_message_id = 'SM' || n, attempt = 1, claimed_at = now() WHERE announcement_id = $1`,
      [old],
    );
    await office.pool.query(`UPDATE delivery_counts SET status = 'sent' WHERE announcement_id = $1`, [old]);
    const retraction = await office.approved({ kind: 'retraction', supersedes: old, channels: ['sms'] });
    expect((await office.expand(retraction)).at(-1)).toBe('done');
    expect(
      await office.rowsOf(
        'SELECT count(DISTINCT address_key)::int AS people FROM deliveries WHERE announcement_id = $1',
        [retraction],
      ),
    ).toEqual([{ people: 20_003 }]);
  });

  test('a correction does not wait for what is queued and can go no more', async ({ office }) => {
    await office.citizens(3);
    const old = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(old, worker);
    const correction = await office.approved({ kind: 'correction', supersedes: old, channels: ['sms'] });
    // A claim that began before the approval may still take some.
    expect(await office.expand(correction)).toEqual(['waiting']);
    await office.deliveries.releaseShard(claim, worker);
    expect((await office.rows(old)).map((row) => row.status)).toEqual(['queued', 'queued', 'queued']);
    expect((await office.expand(correction)).at(-1)).toBe('done');
    expect(await office.rows(correction)).toHaveLength(3);
  });

  test('rows that are being sent are waited for as well', async ({ office }) => {
    await office.citizens(1);
    const old = await office.sending({ channels: ['sms'] });
    const claim = await office.holdOne(old, await office.worker());
    expect(await office.deliveries.claimRows(claim, 10, 1)).toHaveLength(1);
    const correction = await office.approved({ kind: 'correction', supersedes: old, channels: ['sms'] });
    await stopAll(office);
    expect(await office.expand(correction)).toEqual(['waiting']);
    await office.deliveries.record(
      [{ ...sentRow, shardId: claim.shardId, announcementId: old, n: 1, attempt: 1 }],
      1,
    );
    expect((await office.expand(correction)).at(-1)).toBe('done');
    expect(await office.rows(correction)).toHaveLength(1);
  });

  test('a retraction goes to those reached and to every outlet addressed, and to nobody else', async ({
    office,
  }) => {
    const old = await halfSent(office);
    await office.endpoint('never-addressed');
    const retraction = await office.approved({
      kind: 'retraction',
      supersedes: old,
      channels: ['sms', 'webhook'],
    });
    await stopAll(office);
    const expected = await counted(office, retraction);
    expect((await office.expand(retraction)).at(-1)).toBe('done');
    expect(await written(office, retraction)).toEqual(expected);
    expect((await office.rows(retraction)).map(({ channel, address }) => [channel, address])).toEqual([
      ['webhook', String((await office.rows(old))[0]?.address)],
      ['sms', '+8613900000001'],
      ['sms', '+8613900000002'],
      ['sms', '+8613900000003'],
    ]);
  });

  test('whoever got the old text gets the new one on that channel, and outlets too, whatever channels it names', async ({
    office,
  }) => {
    const old = await halfSent(office);
    await office.citizen({ email: 'a@example.org' });
    await office.endpoint('never-addressed');
    const correction = await office.approved({ kind: 'correction', supersedes: old, channels: ['email'] });
    await stopAll(office);
    const expected = await counted(office, correction);
    await office.expand(correction);
    expect(await written(office, correction)).toEqual(expected);
    expect((await office.rows(correction)).map((row) => row.channel)).toEqual([
      'webhook',
      'sms',
      'sms',
      'sms',
      'email',
    ]);
  });

  test('who may have read a mail is told that it was wrong, whatever became of its later attempts', async ({
    office,
  }) => {
    await office.citizens(3, 'email');
    const old = await office.sending({ channels: ['email'] });
    const worker = await office.worker('email');
    const attempt = async (answers: readonly Parameters<typeof result>[2][]) => {
      const claim = await office.holdOne(old, worker);
      const rows = await office.deliveries.claimRows(claim, 10, worker);
      await office.deliveries.record(
        rows.map((row) => result(claim, row, answers[row.n - 1])),
        worker,
      );
      await office.deliveries.releaseShard(claim, worker);
      await office.age('deliveries', 'due_at', 3_600);
      await office.age('shards', 'due_at', 3_600);
      await office.age('shards', 'enqueued_at', 3_600);
    };
    // The first two: no answer came; then the first is refused for good, the second for now. The third is refused at once.
    const later = { dueInMs: 1_000, code: 'x' };
    await attempt([
      { status: 'unknown', ...later },
      { status: 'unknown', ...later },
      { status: 'failed', code: 'x' },
    ]);
    await attempt([
      { status: 'failed', code: '550' },
      { status: 'unknown', ...later },
    ]);
    const retraction = await office.approved({ kind: 'retraction', supersedes: old, channels: ['email'] });
    await stopAll(office);
    expect((await office.rows(old)).map((row) => row.status)).toEqual(['failed', 'unknown', 'failed']);
    const expected = await counted(office, retraction);
    await office.expand(retraction);
    expect((await office.rows(retraction)).map((row) => row.address)).toEqual([
      'p1@example.org',
      'p2@example.org',
    ]);
    expect(await written(office, retraction)).toEqual(expected);
  });

  test('a correction of a correction reaches those of the first text, too', async ({ office }) => {
    const first = await halfSent(office);
    const second = await office.approved({ kind: 'update', supersedes: first, channels: ['sms'] });
    const third = await office.approved({ kind: 'retraction', supersedes: second, channels: ['sms'] });
    await stopAll(office);
    expect((await office.announcements.get(second)).state).toBe('cancelled');
    expect((await office.expand(third)).at(-1)).toBe('done');
    expect((await addresses(office, third)).slice(1)).toEqual([1, 2, 3].map((n) => `+861390000000${n}`));
    expect((await office.deliveries.sendingFacts(third)).chain).toEqual([first, second]);
  });

  test('more reached people than a slice holds are still written to once', async ({ office }) => {
    await office.citizens(20_005);
    const old = await office.sending({ channels: ['sms'] });
    await office.pool.query(
      `UPDATE deliveries SET status = 'sent', attempt = 1, provider_message_id = 'SM' WHERE announcement_id = $1`,
      [old],
    );
    await office.pool.query(`UPDATE delivery_counts SET status = 'sent' WHERE announcement_id = $1`, [old]);
    const update = await office.approved({ kind: 'update', supersedes: old, channels: ['sms'] });
    expect(await office.expand(update)).toEqual(['more', 'more', 'more', 'more', 'done']);
    expect(
      await office.rowsOf(
        'SELECT count(*)::int, count(DISTINCT contact_id)::int AS people FROM deliveries WHERE announcement_id = $1',
        [update],
      ),
    ).toEqual([{ count: 20_005, people: 20_005 }]);
    await office.expectCountsToMatch(update);
  });
});

const sentRow = {
  status: 'sent',
  dueInMs: null,
  burnt: true,
  providerMessageId: 'SM1',
  code: null,
  detail: null,
  segments: null,
  event: 'sent',
  dedupe: 'a1:sent',
  suppress: false,
} as const;
