import { expect } from 'vitest';
import { type Office, only, result, stories } from '../support/office.ts';

const addresses = async (office: Office, id: number) => (await office.rows(id)).map((row) => row.address);

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
    expect((await office.expand(update)).at(-1)).toBe('done');
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
