import { expect } from 'vitest';
import { createExpansionStore } from '../../src/storage/expansions.ts';
import { type Office, only, stories } from '../support/office.ts';

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

  test('who comes after many that it does not concern does not wait for a job for each slice of those', async ({
    office,
  }) => {
    await office.citizens(60_000);
    const [crime, traffic] = [await office.topic('crime'), await office.topic('traffic')];
    await office.pool.query('UPDATE subscribers SET topics = ARRAY[$1::int]', [traffic]);
    await office.citizen({ phone: '+8613900090000', topics: [crime] });
    const id = await office.approved({
      channels: ['sms'],
      audience: { topics: ['crime'], districts: [] },
    });
    const { generation } = only(await office.sweeps.startDue());
    const patient = createExpansionStore(office.pool, 0, Number.POSITIVE_INFINITY);
    expect(await patient.slice(id, generation), 'the outlets').toBe('more');
    expect(await patient.slice(id, generation), 'four slices of citizens').toBe('done');
    expect(await addresses(office, id)).toEqual(['+8613900090000']);
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
