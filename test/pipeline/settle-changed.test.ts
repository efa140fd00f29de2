import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { citizen, type Herald, startHerald } from './herald.ts';

let herald: Herald;
afterEach(() => herald.close());

const TAKEN_AND_CUT = '+12025900001';
const KINDS = ['expand', 'sweep', 'sms'] as const;

/** Time passes until whatever is in doubt may be settled. */
const later = (id: number) =>
  herald.app.pool.query(
    `WITH row AS (UPDATE deliveries SET due_at = now() WHERE announcement_id = $1 AND status = 'unknown')
     UPDATE shards SET due_at = now() WHERE announcement_id = $1 AND due_at > now()`,
    [id],
  );

/** Asked, and put back until it may be asked again. */
const asked = (id: number) =>
  eventually(async () => {
    const { rows } = await herald.app.pool.query(
      `SELECT FROM deliveries d JOIN shards s USING (announcement_id)
       WHERE announcement_id = $1 AND d.status = 'unknown' AND s.claimed_by IS NULL
         AND least(d.due_at, s.due_at) > now() + interval '10 seconds'`,
      [id],
    );
    expect(rows).toHaveLength(1);
  });

it('an SMS whose text has changed since it was (perhaps) sent is not sent again', async () => {
  herald = await startHerald();
  herald.sandbox.configure({ twilio: { listLagMs: 0 } });
  await citizen(herald.app, { phone: TAKEN_AND_CUT, locale: 'en' });
  const first = await herald.work({ kinds: [...KINDS] });
  const id = await herald.publish({ channels: ['sms'], urgency: 'urgent' });
  await eventually(async () => expect((await herald.deliveries(id))[0]?.status).toBe('unknown'));
  await first.stop();
  expect(herald.sandbox.ledger.list({ address: TAKEN_AND_CUT })).toHaveLength(1);

  // The leave link in it has another name now, so what is asked for is not what was sent.
  const app = await herald.open({ PUBLIC_URL: 'http://127.0.0.2:8080' });
  await herald.work({ app, kinds: [...KINDS] });
  const row = async () => (await herald.deliveries(id))[0];
  for (let times = 1; times <= 3; times += 1) {
    await later(id);
    await asked(id);
  }
  const n = (await row())?.n ?? 0;
  const events = (await herald.app.reports.delivery(id, n)).events.map(({ type }) => type);
  expect(events).toContain('unclear');
  expect(events).not.toContain('not-found');
  expect((await row())?.status).toBe('unknown');
  expect(herald.sandbox.ledger.list({ address: TAKEN_AND_CUT })).toHaveLength(1);
});
