import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import { eventually } from '../support/eventually.ts';
import { citizen, type Herald, startHerald, untilState } from './herald.ts';

const CITIZENS = 120;
let herald: Herald;
beforeAll(async () => {
  // Slow enough that there is always something left to hold.
  herald = await startHerald({ SMS_SEGMENTS_PER_SECOND: '60', EMAIL_PER_SECOND: '30' });
  for (let i = 100; i < 100 + CITIZENS; i += 1)
    await citizen(herald.app, { phone: `+14155551${i}`, email: `reader${i}@example.org`, locale: 'en' });
  await herald.listen();
});
afterAll(() => herald.close());

/** Messages of an announcement that the gateways have. */
function taken(id: number) {
  const { app, sandbox } = herald;
  return sandbox.ledger.list().filter(({ deliveryId }) => {
    return app.ids.tryDecode('delivery', deliveryId ?? '')?.id === id;
  });
}
const untilTaken = (id: number, n: number) =>
  eventually(async () => expect(taken(id).length).toBeGreaterThanOrEqual(n));

/** Waits for so many turns of the sweeper: whatever is going to happen has had its time. */
async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i += 1) {
    const turn = async () => (await herald.app.pool.query('SELECT turn_at FROM sweeper')).rows[0].turn_at;
    const before = await turn();
    await eventually(async () => expect(await turn()).not.toEqual(before));
  }
}
async function statuses(id: number) {
  const counts: Record<string, number> = {};
  for (const { status } of await herald.deliveries(id)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
const once = (id: number) => {
  const ids = taken(id).map((entry) => entry.deliveryId);
  expect(new Set(ids).size).toBe(ids.length);
};

describe('while it is being sent', () => {
  it('pause holds within 2 s, and resume goes on where it was, sending nothing again', async () => {
    const { app, approver } = herald;
    const workers = await herald.work();
    const id = await herald.publish({ channels: ['sms', 'email'] });
    await untilTaken(id, 20);
    await app.announce.pause(id, approver, 'a name is wrong');
    const pausedAt = performance.now();
    await turns(3);
    const held = taken(id);
    expect(held.length).toBeLessThan(2 * CITIZENS);
    expect(Math.max(...held.map((entry) => entry.takenAtMs)) - pausedAt).toBeLessThan(2_000);
    const { sending = 0, unknown = 0, queued = 0 } = await statuses(id);
    expect([sending, unknown]).toEqual([0, 0]);
    expect(queued).toBe(2 * CITIZENS - held.length);

    await app.announce.resume(id, approver);
    await untilState(app, id, 'completed', 30_000);
    expect(taken(id)).toHaveLength(2 * CITIZENS);
    once(id);
    await workers.stop();
  });

  it('cancel stops the rest within 2 s; what was sent is recorded as sent', async () => {
    const { app, approver, sandbox } = herald;
    const workers = await herald.work();
    const id = await herald.publish({ channels: ['sms', 'email'] });
    await untilTaken(id, 20);
    await app.announce.cancel(id, approver, 'withdrawn');
    const cancelledAt = performance.now();
    await eventually(async () => {
      const { queued = 0, sending = 0, cancelled = 0 } = await statuses(id);
      expect([queued, sending]).toEqual([0, 0]);
      expect(cancelled).toBeGreaterThan(0);
    });
    expect(performance.now() - cancelledAt).toBeLessThan(5_000);
    await turns(2);
    expect(Math.max(...taken(id).map((entry) => entry.takenAtMs)) - cancelledAt).toBeLessThan(2_000);
    await sandbox.idle();
    const { cancelled = 0, sent = 0, delivered = 0, ...rest } = await statuses(id);
    expect(rest).toEqual({});
    expect(sent + delivered).toBe(taken(id).length);
    expect(cancelled).toBe(2 * CITIZENS - taken(id).length);
    expect(await app.announce.get(id)).toMatchObject({ state: 'cancelled', reason: 'withdrawn' });
    await workers.stop();
  });

  it('who leaves while they are queued is not written to', async () => {
    const { app } = herald;
    const workers = await herald.work();
    const id = await herald.publish({ channels: ['sms'] });
    await untilTaken(id, 5);
    const { rows } = await app.pool.query(
      `SELECT k.id, k.address FROM contacts k JOIN deliveries d ON d.contact_id = k.id
       WHERE d.announcement_id = $1 AND d.channel = k.channel AND d.status = 'queued' ORDER BY d.n DESC LIMIT 3`,
      [id],
    );
    expect(rows).toHaveLength(3);
    for (const contact of rows)
      await app.receive.leave(leaveToken(purposeKey(app.config.secret, 'leave'), contact.id), 'one-click');
    await untilState(app, id, 'completed', 30_000);
    for (const { address } of rows) expect(taken(id).map((entry) => entry.address)).not.toContain(address);
    expect((await statuses(id)).suppressed).toBe(3);
    expect(taken(id)).toHaveLength(CITIZENS - 3);
    await workers.stop();
  });

  it('past its time nothing more goes to citizens, and each message knows when its time is over', async () => {
    const { app } = herald;
    const workers = await herald.work();
    const id = await herald.publish({
      channels: ['sms'],
      expiresAt: new Date(Date.now() + 2_500).toISOString(),
    });
    await untilState(app, id, 'completed', 30_000);
    const { expired = 0 } = await statuses(id);
    expect(expired).toBeGreaterThan(0);
    expect(taken(id).length).toBeGreaterThan(0);
    const { expiresAt } = await app.announce.get(id);
    for (const { headers, takenAt } of taken(id)) {
      const validUntil = takenAt.getTime() + 1_000 * Number(headers?.validityperiod);
      expect(validUntil).toBeLessThanOrEqual(Number(expiresAt) + 100);
    }
    await workers.stop();
  });

  it('a correction stops the old text, waits for what is in flight, and reaches everybody once', async () => {
    const { app } = herald;
    const workers = await herald.work();
    const old = await herald.publish({ channels: ['sms'] });
    await untilTaken(old, 20);
    const id = await herald.publish({
      channels: ['sms'],
      kind: 'correction',
      supersedes: app.ids.encode('announcement', old),
    });
    await untilState(app, id, 'completed', 30_000);
    once(old);
    once(id);
    const reachable = (await herald.deliveries(id)).length;
    expect(taken(id)).toHaveLength(reachable);
    expect(reachable).toBe(CITIZENS - 3);
    const lastOld = Math.max(...taken(old).map((entry) => entry.seq));
    const firstNew = Math.min(...taken(id).map((entry) => entry.seq));
    expect(lastOld).toBeLessThan(firstNew);
    expect(taken(id).every((entry) => entry.body.includes('CORRECTION'))).toBe(true);
    await workers.stop();
  });
});

describe('an hour in the future', () => {
  it('nothing goes before it', async () => {
    const { app } = herald;
    const workers = await herald.work({ kinds: ['expand', 'sms', 'sweep'] });
    const id = await herald.publish({
      channels: ['sms'],
      scheduledAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    await turns(2);
    expect(await app.announce.get(id)).toMatchObject({ state: 'approved' });
    expect(await herald.deliveries(id)).toEqual([]);
    await app.pool.query(`UPDATE announcements SET scheduled_at = now() WHERE id = $1`, [id]);
    await untilState(app, id, 'completed', 30_000);
    const { sms } = await app.reports.channels(id);
    expect(sms?.max).toBeLessThan(30);
    await workers.stop();
  });

  it('webhooks of one that was approved long before its hour still have their three days', async () => {
    const { app, sandbox } = herald;
    await app.endpoints.create({
      outlet: 'weekly',
      url: `${sandbox.url}/hooks/weekly`,
      topics: [],
      districts: [],
    });
    sandbox.configure({ hooks: { weekly: { behaviour: 'fail-then-ok', times: 1 } } });
    const id = await herald.publish({
      channels: ['webhook'],
      scheduledAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    await app.pool.query(
      `UPDATE announcements SET approved_at = now() - interval '10 days', scheduled_at = now() WHERE id = $1`,
      [id],
    );
    const workers = await herald.work({ kinds: ['expand', 'webhook', 'sweep'] });
    await untilState(app, id, 'completed', 30_000);
    expect(await statuses(id)).toEqual({ delivered: 1 });
    const envelope = JSON.parse(taken(id)[0]?.body ?? '{}');
    const { scheduledAt } = await app.announce.get(id);
    expect(envelope.data.publishedAt).toBe(scheduledAt?.toISOString());
    await workers.stop();
  });
});
