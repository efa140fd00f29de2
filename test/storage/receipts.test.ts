import fc from 'fast-check';
import { expect } from 'vitest';
import {
  afterReceipt,
  DELIVERY_STATUSES,
  type DeliveryStatus,
  type ReceiptStatus,
} from '../../src/domain/delivery.ts';
import type { AttemptRecord } from '../../src/pipeline/stores.ts';
import { fact, first, type Office, only, result, stories } from '../support/office.ts';

/** Puts the rows of an announcement into these states, as if they had come there by themselves. */
async function arrange(office: Office, id: number, statuses: readonly DeliveryStatus[]): Promise<void> {
  await office.pool.query(
    `UPDATE deliveries SET status = ($2::delivery_status[])[n], attempt = 1, claimed_at = now(), due_at = now(),
       provider_message_id = 'old', error_code = 'old' WHERE announcement_id = $1`,
    [id, statuses],
  );
  await office.pool.query('DELETE FROM delivery_counts WHERE announcement_id = $1', [id]);
  await office.pool.query(
    `INSERT INTO delivery_counts SELECT announcement_id, channel, status, 0, count(*), 0 FROM deliveries
     WHERE announcement_id = $1 GROUP BY 1, 2, 3`,
    [id],
  );
}

stories('receipts', (test) => {
  test('do to a row what the domain says, in any order and however often they come', async ({ office }) => {
    const rows = 6;
    await office.citizens(rows);
    const id = await office.sending({ channels: ['sms'] });
    const told = fc.record({
      n: fc.integer({ min: 1, max: rows }),
      receipt: fc.constantFrom<ReceiptStatus | null>('sent', 'failed', 'undelivered', 'delivered', null),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...DELIVERY_STATUSES), { minLength: rows, maxLength: rows }),
        fc.array(fc.array(told, { maxLength: 6 }), { maxLength: 4 }),
        async (statuses, batches) => {
          await arrange(office, id, statuses);
          for (const batch of batches) {
            const facts = batch.map(({ n, receipt }) => fact(id, n, receipt));
            expect(await office.receipts.apply([...facts, ...facts])).toEqual({
              applied: 2 * facts.length,
              unknown: 0,
            });
          }
          const expected = statuses.map((status, i) =>
            batches
              .flat()
              .flatMap(({ n, receipt }) => (n === i + 1 && receipt ? [receipt] : []))
              .reduce(afterReceipt, status),
          );
          expect((await office.rows(id)).map((row) => row.status)).toEqual(expected);
          await office.expectCountsToMatch(id);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('and the answer end in one state: in any order and batches, told twice, or all but the strongest lost', async ({
    office,
  }) => {
    const WAYS = 4;
    await office.citizens(WAYS);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    type News = ReceiptStatus | 'queued' | 'answer' | 'answer lost';
    const RECEIPTS = ['sent', 'failed', 'undelivered', 'delivered'] as const;
    const code = (receipt: News) => (/failed|undelivered/.test(receipt) ? `code of ${receipt}` : null);
    const tell = async (n: number, batch: readonly News[]) => {
      for (const news of batch.filter((one) => one.startsWith('answer'))) {
        const change: Partial<AttemptRecord> =
          news === 'answer'
            ? { providerMessageId: 'SM' }
            : { status: 'unknown', dueInMs: 30_000, code: 'timeout' };
        await office.deliveries.record([result(claim, { n, attempt: 1 }, change)], worker);
      }
      await office.receipts.apply(
        batch
          .filter((one) => !one.startsWith('answer'))
          .map((one) => {
            const receipt = RECEIPTS.find((known) => known === one) ?? null;
            return fact(id, n, receipt, { providerMessageId: 'SM', dedupe: one, code: code(one) });
          }),
      );
    };
    const news = fc
      .uniqueArray(fc.constantFrom<News>(...RECEIPTS, 'queued'), { minLength: 1 })
      .filter((all) => all.some((one) => one !== 'queued'))
      .chain((all) => fc.constantFrom<News>('answer', 'answer lost').map((answer) => [answer, ...all]));
    const shuffledTwice = news.chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }),
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.integer({ min: 1, max: 4 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(shuffledTwice, async ([all, twice, shuffled, size]) => {
        await arrange(office, id, Array<DeliveryStatus>(WAYS).fill('sending'));
        await office.pool.query(
          'UPDATE deliveries SET provider_message_id = NULL, error_code = NULL, due_at = NULL WHERE announcement_id = $1',
          [id],
        );
        await office.pool.query('DELETE FROM delivery_events WHERE announcement_id = $1', [id]);
        const strongest = RECEIPTS.filter((receipt) => all.includes(receipt)).at(-1) ?? 'sent';
        for (const one of twice) await tell(1, [one]);
        for (let i = 0; i < shuffled.length; i += size) await tell(2, shuffled.slice(i, i + size));
        await tell(3, [...twice].reverse());
        await tell(4, [strongest]);

        const rows = await office.rows(id);
        for (const row of rows) {
          expect(row).toMatchObject({ status: strongest, code: code(strongest), sid: 'SM', dueInMs: null });
        }
        const told = (n: number) => office.events(id, n).then((types) => types.sort());
        expect(await told(2)).toEqual(await told(1));
        expect(await told(3)).toEqual(await told(1));
        await office.expectCountsToMatch(id);
      }),
      { numRuns: 40 },
    );
  });

  test('leave an event each, once, and take what they know: id, code, time', async ({ office }) => {
    await office.citizens(3);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const claimed = await office.deliveries.claimRows(claim, 2, worker);
    await office.deliveries.record(
      claimed.map((row) => result(claim, row, { providerMessageId: `SM${row.n}`, segments: 2 })),
      worker,
    );
    await office.receipts.apply([
      fact(id, 1, 'delivered'),
      fact(id, 2, 'undelivered', { detail: 'unreachable' }),
      fact(id, 2, null),
      fact(id, 1, 'sent'),
    ]);
    await office.receipts.apply([
      fact(id, 1, 'delivered'),
      fact(id, 3, 'sent', { providerMessageId: 'SM3' }),
    ]);
    expect(await office.rows(id)).toMatchObject([
      { status: 'delivered', sid: 'SM1', code: null },
      { status: 'undelivered', sid: 'SM2', code: '30003' },
      { status: 'sent', sid: 'SM3', dueInMs: null },
    ]);
    expect(await office.events(id, 1)).toEqual(['sent', 'delivered', 'sent']);
    const { events } = await office.reports.delivery(id, 2);
    expect(events).toMatchObject([
      { type: 'sent', source: `worker ${worker}`, attempt: 1 },
      { type: 'queued', source: 'twilio' },
      { type: 'undelivered', source: 'twilio', code: '30003', detail: 'unreachable' },
    ]);
    await office.receipts.apply([fact(id, 2, 'delivered')]);
    expect((await office.rows(id))[1]).toMatchObject({ status: 'delivered', code: null });
    await office.expectCountsToMatch(id);
    // Sent three times, whoever told of it first.
    expect(await office.rowsOf('SELECT sum(n)::int AS n FROM send_latencies')).toEqual([{ n: 3 }]);
    expect((await office.announcements.get(id)).firstSentAt).not.toBeNull();
  });

  test('of another gateway, or of deliveries that there are not, are counted and change nothing', async ({
    office,
  }) => {
    await office.citizens(1);
    const id = await office.sending({ channels: ['sms'] }, { gateway: 'live' });
    const apply = office.receipts.apply;
    expect(await apply([])).toEqual({ applied: 0, unknown: 0 });
    expect(
      await apply([
        fact(id, 1, 'delivered'),
        fact(id, 2, 'delivered', { gateway: 'live' }),
        fact(id + 1, 1, 'delivered', { gateway: 'live' }),
      ]),
    ).toEqual({ applied: 0, unknown: 3 });
    expect(only(await office.rows(id)).status).toBe('queued');
    expect(await office.events(id, 1)).toEqual([]);
    expect(await apply([fact(id, 1, 'delivered', { gateway: 'live' }), fact(id, 9, 'sent')])).toEqual({
      applied: 1,
      unknown: 1,
    });
    expect(only(await office.rows(id)).status).toBe('delivered');
  });

  test('by mail may come before the answer that they speak of, and without its id', async ({ office }) => {
    await office.citizens(2, 'email');
    const id = await office.sending({ channels: ['email'] });
    const worker = await office.worker('email');
    const claim = await office.holdOne(id, worker);
    const rows = await office.deliveries.claimRows(claim, 2, worker);
    const bounce = { source: 'bounce', providerMessageId: null } as const;
    await office.receipts.apply([
      fact(id, 1, 'delivered', { ...bounce, code: '2.0.0' }),
      fact(id, 2, 'undelivered', { ...bounce, code: null }),
    ]);
    await office.deliveries.record(
      rows.map((row) => result(claim, row)),
      worker,
    );
    expect(await office.rows(id)).toMatchObject([
      { status: 'delivered', code: null },
      { status: 'undelivered', code: 'unknown' },
    ]);
    await office.expectCountsToMatch(id);
  });

  test('and results of the same rows, all at once, do not block one another', async ({ office }) => {
    await office.citizens(200);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const rows = await office.deliveries.claimRows(claim, 200, worker);
    const shuffled = () => fc.sample(fc.shuffledSubarray([...rows], { minLength: rows.length }), 1)[0] ?? [];
    await Promise.all([
      office.deliveries.record(
        shuffled().map((row) => result(claim, row)),
        worker,
      ),
      office.receipts.apply(shuffled().map((row) => fact(id, row.n, 'sent'))),
      office.receipts.apply(shuffled().map((row) => fact(id, row.n, 'delivered'))),
      office.deliveries.record(
        shuffled().map((row) => result(claim, row)),
        worker,
      ),
    ]);
    const after = await office.rows(id);
    expect(new Set(after.map((row) => row.status))).toEqual(new Set(['delivered']));
    expect(Math.max(...after.map((row) => row.tries))).toBeLessThanOrEqual(1);
    await office.expectCountsToMatch(id);
  });
});

stories('a suppressed address', (test) => {
  const address = '+8613900000001';
  const left = { channel: 'sms', address, reason: 'left', source: 'one-click' } as const;

  test('gets nothing more of what is running; what is over stays as it is', async ({ office }) => {
    await office.citizens(2);
    const [running, paused, over] = [
      await office.sending({ channels: ['sms'] }),
      await office.sending({ channels: ['sms'] }),
      await office.sending({ channels: ['sms'] }),
    ];
    await office.move(paused, 'pause', 'paused');
    await office.move(over, 'cancel', 'cancelled');
    await office.receipts.suppress(left);
    await office.receipts.suppress({ ...left, reason: 'opted-out' });
    const statuses = async (id: number) => (await office.rows(id)).map((row) => row.status);
    expect(await statuses(running)).toEqual(['suppressed', 'queued']);
    expect(await statuses(paused)).toEqual(['suppressed', 'queued']);
    expect(await statuses(over)).toEqual(['queued', 'queued']);
    expect(first(await office.rows(running))).toMatchObject({ code: 'left', dueInMs: null });
    expect(await office.events(running, 1)).toEqual(['suppressed']);
    expect(await office.rowsOf('SELECT address, reason, source FROM suppressions')).toEqual([
      { address, reason: 'left', source: 'one-click' },
    ]);
    for (const id of [running, paused, over]) await office.expectCountsToMatch(id);
  });

  test('is not written to by a claim that is made at the same time', async ({ office }) => {
    await office.citizens(100);
    const id = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const claimed: string[] = [];
    const claims = async () => {
      for (;;) {
        const rows = await office.deliveries.claimRows(claim, 3, worker);
        if (rows.length === 0) return;
        claimed.push(...rows.map((row) => row.address));
      }
    };
    const leaving = async () => {
      for (let n = 100; n > 60; n--) {
        await office.receipts.suppress({ ...left, address: `+86139${String(n).padStart(8, '0')}` });
      }
    };
    await Promise.all([claims(), leaving()]);
    const rows = await office.rows(id);
    expect(rows.filter((row) => row.status === 'sending').map((row) => row.address)).toEqual(claimed.sort());
    expect(rows.filter((row) => !['sending', 'suppressed'].includes(row.status))).toEqual([]);
    await office.expectCountsToMatch(id);
  });

  test('returns by START when it left, not when it bounced or was blocked', async ({ office }) => {
    const { suppress, allow } = office.receipts;
    for (const reason of ['left', 'opted-out', 'bounced', 'blocked'] as const) {
      await suppress({ ...left, address: `+${reason}`, reason });
      await allow('sms', `+${reason}`);
    }
    await allow('email', '+bounced');
    expect(await office.rowsOf('SELECT reason FROM suppressions ORDER BY 1')).toEqual([
      { reason: 'blocked' },
      { reason: 'bounced' },
    ]);
  });

  test('is found by its delivery and its contact', async ({ office }) => {
    const { sms } = await office.citizen({ phone: address, locale: 'zh-CN' });
    const id = await office.sending({ channels: ['sms'] });
    expect(await office.receipts.delivery(id, 1)).toEqual({ channel: 'sms', address, gateway: 'sandbox' });
    expect(await office.receipts.delivery(id, 2)).toBeNull();
    const contact = { channel: 'sms', address, locale: 'zh-CN' };
    expect(await office.receipts.contact(sms ?? 0)).toEqual({ ...contact, left: false });
    await office.receipts.suppress(left);
    expect(await office.receipts.contact(sms ?? 0)).toEqual({ ...contact, left: true });
    expect(await office.receipts.contact(999)).toBeNull();
  });
});
