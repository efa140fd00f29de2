import { createServer } from 'node:http';
import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxAccount } from '../../src/adapters.ts';
import type { ReceiptAnswer } from '../../src/domain/outcome.ts';
import { type AskReceiptsDeps, askReceipts } from '../../src/pipeline/ask-receipts.ts';
import type { ChannelAdapter } from '../../src/pipeline/ports.ts';
import type { ReceiptFact, ShardClaim, SilentDelivery } from '../../src/pipeline/stores.ts';
import { readAnnouncement } from '../../src/web/api/announcement-view.ts';
import { eventually } from '../support/eventually.ts';
import { citizen, type Herald, startHerald, untilState } from './herald.ts';
import { testClock } from './time.ts';

const CLAIM: ShardClaim = {
  shardId: 5,
  announcementId: 9,
  channel: 'sms',
  gateway: 'live',
  priority: 2,
  fromN: 1,
  toN: 500,
  retry: false,
  deaths: 0,
  sends: false,
  asks: true,
};
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Asks about so many rows, and tells what came of it; each answer takes so long. */
async function ask(options: {
  readonly rows: number;
  readonly answer?: (n: number) => ReceiptAnswer;
  readonly overdueMs?: number;
  readonly tookMs?: number;
  readonly receipts?: boolean;
  readonly gateway?: 'live' | 'sandbox';
}) {
  const { rows, answer, overdueMs = 0, tookMs = 0, receipts = true, gateway = 'live' } = options;
  const clock = testClock();
  const seen = {
    asked: [] as number[],
    atOnce: 0,
    most: 0,
    facts: [] as ReceiptFact[],
    without: [] as number[],
    paused: [] as string[],
    suppressed: [] as string[],
  };
  const all = Array.from({ length: rows }, (_, i): SilentDelivery => {
    return { n: i + 1, providerMessageId: `SM${i + 1}`, overdueMs };
  });
  const deps: AskReceiptsDeps = {
    receiptQuestions: {
      silent: async (_claim, after, limit) => all.filter(({ n }) => n > after).slice(0, limit),
      noReceipt: async (_claim, ns) => void seen.without.push(...ns),
    },
    receipts: {
      apply: async (facts) => {
        seen.facts.push(...facts);
        return { applied: facts.length, unknown: 0 };
      },
      isKnown: async () => false,
      delivery: async () => ({ channel: 'sms', address: '+14155550100', gateway }),
      suppress: async ({ address }) => void seen.suppressed.push(address),
    },
    deliveries: { pauseFor: async (_id, reason) => void seen.paused.push(reason) },
    mode: 'live',
    lease: { valid: () => true },
    clock,
    stopping: new AbortController().signal,
  };
  const adapter = {
    provider: 'twilio',
    requestTimeoutMs: 1_000,
    abilities: { receipts },
    ...(answer && {
      async askReceipt({ providerMessageId }: { providerMessageId: string }) {
        seen.atOnce += 1;
        seen.most = Math.max(seen.most, seen.atOnce);
        seen.asked.push(Number(providerMessageId.slice(2)));
        await clock.sleep(tookMs);
        seen.atOnce -= 1;
        return answer(Number(providerMessageId.slice(2)));
      },
    }),
  } as unknown as ChannelAdapter;
  const run = askReceipts(deps, { ...CLAIM, gateway }, adapter);
  await clock.advance(10_000);
  return { ...seen, againInMs: await run };
}
const told = (providerStatus: string, more: Partial<Extract<ReceiptAnswer, { asked: 'told' }>> = {}) =>
  ({ asked: 'told', providerStatus, ...more }) as const;

describe('asking for receipts', () => {
  it('what the provider says is written as its callback would have been', async () => {
    const { facts, without } = await ask({
      rows: 3,
      answer: (n) =>
        n === 1
          ? told('delivered', { receipt: 'delivered' })
          : told('undelivered', { receipt: 'undelivered', code: '30003', category: 'temporary' }),
    });
    expect(facts).toMatchObject([
      {
        announcementId: 9,
        n: 1,
        receipt: 'delivered',
        event: 'delivered',
        dedupe: 'SM1:delivered',
        code: null,
      },
      { n: 2, receipt: 'undelivered', event: 'undelivered', dedupe: 'SM2:undelivered', code: '30003' },
      { n: 3 },
    ]);
    expect(facts[0]).toMatchObject({ source: 'twilio', gateway: 'live', providerMessageId: 'SM1' });
    expect(without).toEqual([]);
  });

  it('no end, or no such message: there is no receipt, and what is known is written', async () => {
    const { facts, without, againInMs } = await ask({
      rows: 3,
      answer: (n) =>
        [told('sent', { receipt: 'sent' }), told('queued'), { asked: 'not-known' } as const][n - 1] ??
        told(''),
    });
    expect(facts.map(({ receipt, event }) => [receipt, event])).toEqual([
      ['sent', 'sent'],
      [null, 'queued'],
    ]);
    expect(without).toEqual([1, 2, 3]);
    expect(againInMs).toBe(0);
  });

  it('what follows from a callback follows from an answer; of the sandbox of a live installation, nothing', async () => {
    const answer = (n: number) =>
      n === 1
        ? told('undelivered', { receipt: 'undelivered', code: '30007', category: 'rejected-content' })
        : told('failed', { receipt: 'failed', code: '21610', category: 'opted-out' });
    const live = await ask({ rows: 2, answer });
    expect(live.paused).toEqual(['twilio refused the text (30007)']);
    expect(live.suppressed).toEqual(['+14155550100']);
    const rehearsal = await ask({ rows: 2, answer, gateway: 'sandbox' });
    expect([rehearsal.paused, rehearsal.suppressed]).toEqual([[], []]);
    expect(rehearsal.facts).toHaveLength(2);
  });

  it('twenty at a time, for about a second; the rest at the next turn', async () => {
    const { asked, most, againInMs } = await ask({
      rows: 500,
      answer: () => told('delivered', { receipt: 'delivered' }),
      tookMs: 200,
    });
    expect(most).toBe(20);
    expect(asked).toHaveLength(100);
    expect(againInMs).toBe(0);
  });

  it.each([
    [0, MINUTE],
    [5 * MINUTE, 5 * MINUTE],
    [9 * HOUR, 2 * HOUR],
  ])(
    'a provider that cannot say is left alone, %i ms after the time for %i ms',
    async (overdueMs, againInMs) => {
      const outcome = await ask({
        rows: 50,
        answer: () => ({ asked: 'unavailable', message: 'HTTP 503' }),
        overdueMs,
      });
      expect(outcome).toMatchObject({ againInMs, without: [], facts: [] });
      expect(outcome.asked).toHaveLength(20);
    },
  );

  it('one message that the provider cannot say anything of does not keep the others', async () => {
    const outcome = await ask({
      rows: 45,
      answer: (n) => (n === 3 ? { asked: 'unavailable', message: 'HTTP 500' } : { asked: 'not-known' }),
    });
    expect(outcome.without).toHaveLength(44);
    expect(outcome.againInMs).toBe(MINUTE);
  });

  it('a day later it is not asked again: there is no receipt', async () => {
    const outcome = await ask({
      rows: 2,
      answer: () => ({ asked: 'unavailable', message: 'HTTP 503' }),
      overdueMs: 24 * HOUR,
    });
    expect(outcome).toMatchObject({ without: [1, 2] });
  });

  it('a provider that reports nothing is not asked; one that cannot be asked leaves no receipt', async () => {
    expect(await ask({ rows: 2, receipts: false })).toMatchObject({ againInMs: null, without: [] });
    expect(await ask({ rows: 2 })).toMatchObject({ without: [1, 2] });
  });
});

describe('receipts that were lost on the way', () => {
  const WAY = { delivered: '+14155900007', silent: '+14155900005', refused: '+14155930003' } as const;
  let herald: Herald;
  const refusing = createServer((_request, response) => response.writeHead(403).end());
  beforeAll(async () => {
    herald = await startHerald();
    // Something in front of Herald refuses every callback: all are lost.
    await new Promise<void>((resolve) =>
      refusing.listen(Number(herald.environment.PORT), '127.0.0.1', resolve),
    );
    for (const phone of Object.values(WAY)) await citizen(herald.app, { phone, locale: 'en' });
  });
  afterAll(async () => {
    await herald.close();
    refusing.closeAllConnections();
    await new Promise((resolve) => refusing.close(resolve));
  });

  const rowsOf = async (id: number) =>
    Object.fromEntries((await herald.deliveries(id)).map((row) => [row.address, row]));
  /** The announcement's time, and the longest wait for receipts, are over. */
  const isOver = async (id: number) => {
    await herald.app.pool.query(
      `UPDATE announcements SET expires_at = now() - interval '16 minutes' WHERE id = $1`,
      [id],
    );
    await herald.app.pool.query(`UPDATE shards SET ask_receipts_at = now() WHERE announcement_id = $1`, [id]);
  };
  const reported = async (id: number) => (await herald.app.reports.channels(id)).sms;

  it('are asked for: delivered is shown with proof only, and what nobody knows has no receipt', async () => {
    const { app, sandbox } = herald;
    sandbox.configure({ twilio: { listLagMs: 0 } });
    const workers = await herald.work({ kinds: ['expand', 'sms', 'sweep'] });
    const id = await herald.publish({ channels: ['sms'] });
    await untilState(app, id, 'completed');
    await sandbox.idle();
    expect(await reported(id)).toMatchObject({ counts: { sent: 3 }, withoutReceipt: 0 });

    await isOver(id);
    await eventually(async () => expect(await reported(id)).toMatchObject({ withoutReceipt: 1 }));
    expect(await reported(id)).toMatchObject({ counts: { sent: 1, delivered: 1, undelivered: 1 } });
    const rows = await rowsOf(id);
    expect(rows[WAY.delivered]).toMatchObject({ status: 'delivered', code: null });
    expect(rows[WAY.refused]).toMatchObject({ status: 'undelivered', code: '30003' });
    expect(rows[WAY.silent]).toMatchObject({ status: 'sent', code: 'no-receipt' });
    const eventsOf = async (to: string) =>
      (await app.reports.delivery(id, rows[to]?.n ?? 0)).events.map(({ type }) => type);
    expect(await eventsOf(WAY.silent)).toEqual(['sent', 'sent', 'no-receipt']);
    expect(await readAnnouncement(app, id)).toMatchObject({ state: 'completed', withoutReceipt: { sms: 1 } });

    // A callback that comes hours late finds that it was asked for.
    const told = await eventsOf(WAY.delivered);
    await herald.app.receive.smsStatus(await late(id, WAY.delivered, 'delivered'));
    expect(await eventsOf(WAY.delivered)).toEqual(told);
    await herald.app.receive.smsStatus(await late(id, WAY.silent, 'delivered'));
    expect(await reported(id)).toMatchObject({ counts: { delivered: 2 }, withoutReceipt: 0 });
    expect((await rowsOf(id))[WAY.silent]).toMatchObject({ status: 'delivered', code: null });
    await workers.stop();
  }, 60_000);

  it('of a single message too', async () => {
    const { app } = herald;
    const workers = await herald.work({ kinds: ['sms', 'sweep'] });
    const { announcementId } = await app.messenger.send(
      {
        channel: 'sms',
        to: WAY.delivered,
        template: 'test-message',
        fields: { note: 'Still here?' },
        locale: 'en',
      },
      herald.admin,
    );
    await eventually(async () =>
      expect(await reported(announcementId)).toMatchObject({ counts: { sent: 1 } }),
    );
    await herald.sandbox.idle();
    await isOver(announcementId);
    await eventually(async () =>
      expect(await reported(announcementId)).toMatchObject({ counts: { delivered: 1 } }),
    );
    await workers.stop();
  }, 60_000);

  it('wait while Twilio cannot be asked, and are asked for again', async () => {
    const { app } = herald;
    const workers = await herald.work({ kinds: ['expand', 'sms', 'sweep'] });
    const id = await herald.publish({ channels: ['sms'] });
    await untilState(app, id, 'completed');
    await workers.stop();
    await herald.sandbox.idle();

    // Whatever is asked is too much.
    herald.sandbox.configure({ twilio: { requestsPerSecond: 0.01 } });
    await isOver(id);
    const others = await herald.work({ kinds: ['sms', 'sweep'] });
    await eventually(async () => {
      const { rows } = await app.pool.query(
        `SELECT ask_receipts_at > now() + interval '30 seconds' AS later FROM shards WHERE announcement_id = $1`,
        [id],
      );
      expect(rows).toEqual([{ later: true }]);
    });
    expect(await reported(id)).toMatchObject({ counts: { sent: 3 }, withoutReceipt: 0 });
    herald.sandbox.configure({ twilio: { requestsPerSecond: 0 } });
    await isOver(id);
    await eventually(async () => expect(await reported(id)).toMatchObject({ withoutReceipt: 1 }));
    await others.stop();
  }, 60_000);

  async function late(id: number, to: string, status: string) {
    const { app } = herald;
    const { accountSid, authToken } = sandboxAccount(app.config.secret);
    const row = (await rowsOf(id))[to];
    const url = `${app.config.publicUrl}/callbacks/twilio/status?delivery=${app.ids.encode('delivery', id, row?.n ?? 0)}`;
    const params = {
      AccountSid: accountSid,
      MessageSid: row?.providerMessageId ?? '',
      MessageStatus: status,
    };
    return {
      url,
      params,
      query: Object.fromEntries(new URL(url).searchParams),
      signature: twilio.getExpectedTwilioSignature(authToken, url, params),
    };
  }
});
