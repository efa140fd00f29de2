import { afterEach, describe, expect, it } from 'vitest';
import type { SingleChannel } from '../../src/pipeline/ports.ts';
import { eventually } from '../support/eventually.ts';
import { redisUrl } from '../support/redis.ts';
import { type Herald, startHerald } from './herald.ts';

/** What the design promises of the lane. */
const PROMISED_MS = 10_000;
const CITIZENS = 2_400;

let herald: Herald;
afterEach(() => herald.close());

/** So many citizens, each with a phone and a mailbox made from their number. */
async function crowd(phone: string, mailbox: string): Promise<void> {
  await herald.app.pool.query(
    `WITH s AS (
       INSERT INTO subscribers (locale, consent_at, consent_source) SELECT 'en', now(), 'test' FROM generate_series(1, $1) RETURNING id),
     numbered AS (SELECT id, row_number() OVER (ORDER BY id) + 999 AS n FROM s)
     INSERT INTO contacts (subscriber_id, channel, address)
     SELECT id, 'sms'::channel, format($2, n) FROM numbered UNION ALL SELECT id, 'email', format($3, n) FROM numbered`,
    [CITIZENS, phone, mailbox],
  );
}

async function send(channel: SingleChannel, to: string) {
  const { announcementId, n } = await herald.app.messenger.send(
    { channel, to, template: 'test-message', fields: { note: 'Still here?' }, locale: 'en' },
    herald.admin,
  );
  return () => herald.app.reports.delivery(announcementId, n);
}

const heldShards = async (channel: SingleChannel) => {
  const { rows } = await herald.app.pool.query(
    'SELECT count(*)::int AS n FROM shards WHERE channel = $1 AND claimed_by IS NOT NULL AND priority > 1',
    [channel],
  );
  return rows[0].n as number;
};

const redis = redisUrl();
describe.each([['PostgreSQL', {}], ...(redis ? [['Redis', { REDIS_URL: redis }] as const] : [])] as const)(
  'a single message, the queue in %s',
  (_, queue) => {
    it('does not wait for a broadcast whose gateways do not answer', async () => {
      herald = await startHerald({ ...queue });
      const { app, sandbox } = herald;
      // The last six digits, and what follows the plus, say: taken, and never answered.
      await crowd('+1%s900002', 'p%s+hang-after-data@example.org');
      const workers = await herald.work();
      const id = await herald.publish({ channels: ['sms', 'email'], urgency: 'urgent' });
      // Every slot of both workers is held, and every connection of theirs.
      await eventually(async () => {
        expect([await heldShards('sms'), await heldShards('email')]).toEqual([4, 4]);
        expect(sandbox.ledger.list({ channel: 'sms' }).length).toBeGreaterThanOrEqual(64);
        expect(sandbox.ledger.list({ channel: 'email' }).length).toBeGreaterThanOrEqual(10);
      });

      const began = performance.now();
      const [sms, email] = [await send('sms', '+14155550100'), await send('email', 'operator@example.org')];
      await eventually(async () => {
        expect(sandbox.ledger.list({ address: '+14155550100' })).toHaveLength(1);
        expect(sandbox.ledger.list({ address: 'operator@example.org' })).toHaveLength(1);
        expect([(await sms()).status, (await email()).status]).toEqual(['sent', 'sent']);
      }, PROMISED_MS);
      expect(performance.now() - began).toBeLessThan(PROMISED_MS);
      // It overtook: nothing of the broadcast has been answered. (A shard that only waits makes room for another one in time.)
      for (const channel of ['sms', 'email'] as const)
        expect(await heldShards(channel)).toBeGreaterThanOrEqual(4);
      const reports = await app.reports.channels(id);
      for (const channel of ['sms', 'email'] as const) expect(reports[channel]?.counts.sent).toBeUndefined();

      await app.announce.cancel(id, herald.approver);
      await workers.stop();
    }, 90_000);

    it('goes before a broadcast that uses up the limit', async () => {
      herald = await startHerald({ ...queue, SMS_SEGMENTS_PER_SECOND: '2' });
      const { app, sandbox } = herald;
      await crowd('+1415%s123', 'p%s@example.org');
      const workers = await herald.work();
      const id = await herald.publish({ channels: ['sms'], urgency: 'urgent' });
      await eventually(async () => expect(sandbox.ledger.size).toBeGreaterThan(0));

      for (const last of [1, 2, 3]) {
        const began = performance.now();
        const to = `+1415555010${last}`;
        await send('sms', to);
        await eventually(
          async () => expect(sandbox.ledger.list({ address: to })).toHaveLength(1),
          PROMISED_MS,
        );
        expect(performance.now() - began).toBeLessThan(PROMISED_MS);
      }
      await app.announce.cancel(id, herald.approver);
      await workers.stop();
    }, 90_000);
  },
);
