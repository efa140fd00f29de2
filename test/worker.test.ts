import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../src/app.ts';
import { WORKER_KINDS, type WorkerKind } from '../src/domain/health.ts';
import { LeaseLost } from '../src/pipeline/lease.ts';
import { runWorker } from '../src/worker.ts';
import { citizen, type Herald, startHerald } from './pipeline/herald.ts';
import { eventually } from './support/eventually.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
  for (let i = 100; i < 130; i += 1) await citizen(herald.app, { phone: `+14155551${i}`, locale: 'en' });
});
afterAll(() => herald.close());

/** A worker of the test's own, and its row in the database. */
async function start(app: App, kind: WorkerKind) {
  const stopping = new AbortController();
  let ended = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = runWorker(app, kind, stopping.signal, resolve);
    ended.catch(reject); // after it was ready, this is the test's to look at
  });
  const { rows } = await herald.app.pool.query('SELECT max(id) AS id FROM workers WHERE kind = $1', [kind]);
  const id: number = rows[0].id;
  const row = async () =>
    (
      await herald.app.pool.query('SELECT kind, ended_at, died, heartbeat_at FROM workers WHERE id = $1', [
        id,
      ])
    ).rows[0];
  return { id, ended, row, stop: () => stopping.abort() };
}

describe('a worker', () => {
  it.each(WORKER_KINDS)('%s: signs on, and off when it is told to stop', async (kind) => {
    const worker = await start(herald.app, kind);
    expect(await worker.row()).toMatchObject({ kind, ended_at: null, died: false });
    expect((await herald.app.reports.health()).workers.map((one) => one.kind)).toContain(kind);
    worker.stop();
    await worker.ended;
    expect(await worker.row()).toMatchObject({ ended_at: expect.any(Date), died: false });
  });

  it('told before it began, ends at once', async () => {
    await runWorker(herald.app, 'sms', AbortSignal.abort());
  });

  it('beats, also while it waits for work', async () => {
    const worker = await start(herald.app, 'email');
    const { heartbeat_at: first } = await worker.row();
    await eventually(async () => expect((await worker.row()).heartbeat_at > first).toBe(true));
    worker.stop();
    await worker.ended;
  });

  it('ends with an error when others have declared it dead, and leaves the row as they wrote it', async () => {
    const worker = await start(herald.app, 'sms');
    await herald.app.pool.query(`UPDATE workers SET ended_at = '2026-01-01', died = true WHERE id = $1`, [
      worker.id,
    ]);
    await expect(worker.ended).rejects.toThrow(LeaseLost);
    expect(await worker.row()).toMatchObject({ died: true, ended_at: new Date('2026-01-01T00:00:00Z') });
  });
});

describe('a provider that answers nothing', () => {
  it('does not cost the lease of the worker that probes it', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const office = await startHerald({
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://herald.example',
      TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'token',
      TWILIO_FROM: '+15005550006',
      TWILIO_API_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    });
    const { app } = office;
    await app.engine.breakers.open({
      provider: 'twilio',
      channel: 'sms',
      gateway: 'live',
      code: '20003',
      message: 'no',
    });
    await app.pool.query('UPDATE breakers SET probe_at = now()');
    const asked = new Promise((resolve) => silent.once('request', resolve));
    const workers = await office.work({ kinds: ['sms'] });
    await asked;
    const beats = async () => (await app.pool.query('SELECT heartbeat_at FROM workers')).rows[0].heartbeat_at;
    const first = await beats();
    await eventually(async () => expect((await beats()) > first).toBe(true), 6_000);
    // Nor its end.
    const began = performance.now();
    await workers.stop();
    expect(performance.now() - began).toBeLessThan(5_000);
    await office.close();
    silent.closeAllConnections();
    silent.close();
  });
});

describe('results that the database does not take while a worker stops', () => {
  it('leave their messages in doubt; they are asked for, and nobody gets one twice', async () => {
    const { app, sandbox } = herald;
    const broken: App = {
      ...app,
      // Pauses pass quickly; deadlines are on the same clock as ever.
      clock: { ...app.clock, sleep: (ms, signal) => app.clock.sleep(Math.min(ms, 5), signal) },
      engine: {
        ...app.engine,
        deliveries: {
          ...app.engine.deliveries,
          record: () => Promise.reject(new Error('the database is away')),
        },
      },
    };
    const others = await herald.work({ kinds: ['expand', 'sweep'] });
    const before = sandbox.ledger.size;
    const id = await herald.publish({ channels: ['sms'] });
    const worker = await start(broken, 'sms');
    await eventually(async () => expect(sandbox.ledger.size).toBe(before + 30));
    worker.stop();
    await worker.ended;
    expect((await app.reports.channels(id)).sms?.counts).toEqual({ unknown: 30 });
    await others.stop();

    sandbox.configure({ twilio: { listLagMs: 0 } });
    await app.pool.query(`UPDATE deliveries SET due_at = now() WHERE announcement_id = $1`, [id]);
    await app.pool.query(`UPDATE shards SET due_at = now() WHERE announcement_id = $1`, [id]);
    const workers = await herald.work();
    await eventually(async () => expect((await app.announce.get(id)).state).toBe('completed'), 30_000);
    await workers.stop();
    expect((await app.reports.channels(id)).sms?.counts).toEqual({ sent: 30 });
    expect(sandbox.ledger.size).toBe(before + 30);
  }, 60_000);
});
