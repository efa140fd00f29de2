import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxAccount } from '../../src/adapters.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { eventually } from '../support/eventually.ts';
import { citizen, type Herald, startHerald, untilState } from './herald.ts';

const CITIZENS = 30;
let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
  for (let i = 100; i < 100 + CITIZENS; i += 1)
    await citizen(herald.app, { phone: `+14155551${i}`, email: `reader${i}@example.org`, locale: 'en' });
});
afterAll(() => herald.close());

const openBreakers = async () => (await herald.app.reports.health()).breakers;

describe('credentials that the provider does not take', () => {
  let gateway: Sandbox;
  afterAll(() => gateway.close());

  it('stop the channel and burn nothing; when they work again, a probe finds out and all goes out', async () => {
    const { app } = herald;
    const right = sandboxAccount(app.config.secret);
    gateway = await startSandbox({ twilio: { ...right, authToken: 'another-token' } });
    const port = Number(new URL(gateway.url).port);
    const own = await herald.open({ HERALD_SANDBOX_URL: gateway.url });
    const workers = await herald.work({ app: own });
    const id = await herald.publish({ channels: ['sms', 'email'] }, own);

    await eventually(async () => {
      expect(await openBreakers()).toMatchObject([{ channel: 'sms', gateway: 'sandbox', code: '20003' }]);
    });
    // The other channel does not notice.
    await eventually(async () => {
      const { sms, email } = await app.reports.channels(id);
      expect(email?.counts).toEqual({ sent: CITIZENS });
      expect(sms?.counts).toEqual({ queued: CITIZENS });
    });
    const { rows } = await app.pool.query(
      `SELECT max(tries)::int AS tries, max(attempt)::int AS attempts FROM deliveries WHERE announcement_id = $1 AND channel = 'sms'`,
      [id],
    );
    expect(rows[0]).toMatchObject({ tries: 0 });
    expect(rows[0].attempts).toBeLessThanOrEqual(3);
    expect(
      herald.logged.filter(({ level, channel }) => level === 50 && channel === 'sms').length,
    ).toBeGreaterThan(0);

    // A probe that fails leaves it open.
    const { breakers } = app.engine;
    await app.pool.query('UPDATE breakers SET probe_at = now()');
    await eventually(async () => {
      const probed = await app.pool.query('SELECT FROM breakers WHERE probe_at > now()');
      expect(probed.rowCount).toBe(1);
    });
    expect(await breakers.isOpen('sms', 'sandbox')).toBe(true);
    expect(gateway.ledger.list({ channel: 'sms' })).toEqual([]);

    await gateway.close();
    gateway = await startSandbox({ port, twilio: right });
    await app.pool.query('UPDATE breakers SET probe_at = now()');
    await untilState(app, id, 'completed', 30_000);
    expect(await openBreakers()).toEqual([]);
    expect(new Set(gateway.ledger.list({ channel: 'sms' }).map((entry) => entry.address)).size).toBe(
      CITIZENS,
    );
    expect(gateway.ledger.list({ channel: 'sms' })).toHaveLength(CITIZENS);
    await workers.stop();
  }, 60_000);
});

describe('one number that the account may not send to', () => {
  it('does not hold up the others for good', async () => {
    const { app, sandbox } = herald;
    const abroad = '+79165921408';
    await citizen(app, { phone: abroad, locale: 'en' });
    const workers = await herald.work();
    const id = await herald.publish({ channels: ['sms'] });
    await untilState(app, id, 'completed', 30_000);
    expect(sandbox.ledger.list({ channel: 'sms' })).toHaveLength(CITIZENS);
    const row = (await herald.deliveries(id)).find(({ address }) => address === abroad);
    expect(row).toMatchObject({ status: 'failed', code: '21408' });
    await eventually(async () => expect((await app.reports.health()).breakers).toEqual([]), 30_000);
    await workers.stop();
    await app.pool.query(`DELETE FROM contacts WHERE address = $1`, [abroad]);
  });
});

describe('a text that a provider refuses', () => {
  it('pauses the announcement, says who refused it and why, and nothing more goes', async () => {
    const { app } = herald;
    await citizen(app, { email: 'spam@example.org', locale: 'en' });
    const workers = await herald.work();
    const id = await herald.publish({ channels: ['email'] });
    await untilState(app, id, 'paused');
    const { reason } = await app.announce.get(id);
    expect(reason).toMatch(/^smtp refused the text \(554 5\.7\.1\): .*rejected as spam/);
    expect((await app.announce.acts(id)).at(-1)).toMatchObject({ act: 'pause', userId: null, reason });
    const refused = (await herald.deliveries(id)).find(({ address }) => address === 'spam@example.org');
    expect(refused).toMatchObject({ status: 'failed', code: '554 5.7.1' });
    // Somebody looks at it, and decides.
    await app.announce.resume(id, herald.approver);
    await untilState(app, id, 'completed');
    expect((await app.reports.channels(id)).email?.counts).toEqual({ sent: CITIZENS, failed: 1 });
    await workers.stop();
  });
});

describe('a worker that is told to stop', () => {
  it('leaves nothing in doubt, and the next one sends the rest once', async () => {
    const { app, sandbox } = herald;
    sandbox.configure({ twilio: { latencyMs: 300 }, smtp: { latencyMs: 300 } });
    for (let i = 200; i < 500; i += 1) await citizen(app, { phone: `+14155551${i}`, locale: 'en' });
    const first = await herald.work();
    const before = sandbox.ledger.size;
    const id = await herald.publish({ channels: ['sms'] });
    await eventually(async () => expect(sandbox.ledger.size).toBeGreaterThan(before + 20));
    await first.stop();

    const { sms } = await app.reports.channels(id);
    const { sent = 0, queued = 0, delivered = 0, ...rest } = sms?.counts ?? {};
    expect(rest).toEqual({});
    expect(queued).toBeGreaterThan(0);
    expect(sent + delivered).toBe(sandbox.ledger.size - before);
    const { rows } = await app.pool.query(
      `SELECT (SELECT count(*)::int FROM shards WHERE claimed_by IS NOT NULL) AS held,
         (SELECT count(*)::int FROM workers WHERE ended_at IS NULL OR died) AS here`,
    );
    expect(rows).toEqual([{ held: 0, here: 0 }]);

    const second = await herald.work();
    await untilState(app, id, 'completed', 30_000);
    const all = sandbox.ledger.list({ channel: 'sms', after: before });
    expect(all).toHaveLength(CITIZENS + 300);
    expect(new Set(all.map((entry) => entry.deliveryId)).size).toBe(all.length);
    await second.stop();
  }, 60_000);
});
