import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { citizen, type Herald, startHerald } from './herald.ts';

let herald: Herald;
afterEach(() => herald.close());

const TAKEN_AND_CUT = '+12025900001';
const KINDS = ['expand', 'sweep', 'sms'] as const;

/** Time passes until whatever is in doubt may be settled. */
const later = async () => {
  await herald.app.pool.query(
    `UPDATE deliveries SET due_at = now() WHERE status = 'unknown' AND due_at > now()`,
  );
  await herald.app.pool.query(`UPDATE shards SET due_at = now() WHERE due_at > now() AND claimed_by IS NULL`);
};

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
  for (let asked = 1; asked <= 3; asked += 1) {
    await later();
    await eventually(async () => {
      const { rows } = await herald.app.pool.query(
        `SELECT FROM deliveries WHERE announcement_id = $1 AND status = 'unknown' AND due_at > now() + interval '10 seconds'`,
        [id],
      );
      expect(rows).toHaveLength(1);
    });
  }
  const n = (await row())?.n ?? 0;
  const events = (await herald.app.reports.delivery(id, n)).events.map(({ type }) => type);
  expect(events).toContain('unclear');
  expect(events).not.toContain('not-found');
  expect((await row())?.status).toBe('unknown');
  expect(herald.sandbox.ledger.list({ address: TAKEN_AND_CUT })).toHaveLength(1);
});
