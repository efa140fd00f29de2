import { describe, expect, it } from 'vitest';
import type { SettleOutcome } from '../../src/domain/outcome.ts';
import type { DeliverDeps } from '../../src/pipeline/deliver.ts';
import type { ChannelAdapter, SettleQuestion } from '../../src/pipeline/ports.ts';
import { settle } from '../../src/pipeline/settle.ts';
import type { AttemptRecord, ShardClaim, UnsettledDelivery } from '../../src/pipeline/stores.ts';

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
  sends: true,
  asks: false,
};
const row = (n: number, askedBefore: number, deaths = 0): UnsettledDelivery => ({
  n,
  attempt: 2,
  tries: 1,
  doubts: 0,
  address: `+1415555010${n}`,
  contactId: n,
  locale: 'en',
  name: null,
  sequence: null,
  endpoint: null,
  claimedAgoMs: 45_000,
  askedBefore,
  deaths,
});

/** Asks about rows, and tells what was asked and written. */
async function ask(rows: readonly UnsettledDelivery[], answer?: (n: number) => SettleOutcome) {
  const asked: SettleQuestion[] = [];
  const records: AttemptRecord[] = [];
  const deps = {
    deliveries: { unsettled: async () => rows, otherMessages: async () => new Set() },
    composer: {
      open: async () => ({
        question: ({ n, address }: UnsettledDelivery) => ({
          deliveryId: `dlv_${n}`,
          address,
          body: 'the very text',
        }),
      }),
    },
    recorder: { add: async (record: AttemptRecord) => void records.push(record), idle: async () => {} },
  } as unknown as DeliverDeps;
  const adapter = {
    requestTimeoutMs: 1_000,
    ...(answer && {
      async settle(question: SettleQuestion) {
        asked.push(question);
        return answer(Number(question.deliveryId.slice(4)));
      },
    }),
  } as unknown as ChannelAdapter;
  await settle(deps, CLAIM, adapter);
  return { asked, records };
}

describe('a send whose answer never came', () => {
  it('is asked about with its number, its very text, and how long ago it was claimed', async () => {
    const { asked } = await ask([row(3, 0)], () => ({ settled: 'not-found' }));
    expect(asked).toEqual([
      {
        deliveryId: 'dlv_3',
        address: '+14155550103',
        body: 'the very text',
        claimedAgoMs: 45_000,
        others: expect.any(Function),
      },
    ]);
  });

  it('found: it was sent, under the provider’s id', async () => {
    const { records } = await ask([row(1, 1)], () => ({ settled: 'found', providerMessageId: 'SM1' }));
    expect(records).toMatchObject([
      { n: 1, attempt: 2, status: 'sent', providerMessageId: 'SM1', event: 'settled', dueInMs: null },
    ]);
  });

  it('not found once: asked again half a minute later; not found twice: it may be sent again, burning nothing more', async () => {
    const { records } = await ask([row(1, 0), row(2, 1)], () => ({ settled: 'not-found' }));
    expect(records).toMatchObject([
      { n: 1, status: 'unknown', dueInMs: 30_000, event: 'not-found' },
      { n: 2, status: 'queued', dueInMs: 0, event: 'not-found', burnt: false },
    ]);
    expect(records[0]?.dedupe).not.toBe(records[1]?.dedupe);
  });

  it('not found, and its workers died over it five times: it has failed, and is not tried again', async () => {
    const { records } = await ask([row(1, 0, 5), row(2, 1, 4), row(3, 1, 5)], () => ({
      settled: 'not-found',
    }));
    expect(records.map(({ status, code }) => [status, code])).toEqual([
      ['unknown', null],
      ['queued', null],
      ['failed', 'worker-died'],
    ]);
  });

  it('a provider that cannot say says nothing: never a guess, however often', async () => {
    for (const before of [0, 1, 7]) {
      const { records } = await ask([row(1, before)], () => ({
        settled: 'unavailable',
        message: 'HTTP 500',
      }));
      expect(records).toMatchObject([
        { status: 'unknown', dueInMs: 30_000, event: 'not-answered', detail: 'HTTP 500' },
      ]);
    }
  });

  it('something that may be it: never sent again, however often', async () => {
    for (const before of [0, 1, 7]) {
      const { records } = await ask([row(1, before)], () => ({
        settled: 'unclear',
        message: 'another text',
      }));
      expect(records).toMatchObject([
        { status: 'unknown', dueInMs: 30_000, event: 'unclear', detail: 'another text', burnt: false },
      ]);
    }
  });

  it('a channel that cannot be asked is left alone', async () => {
    expect((await ask([row(1, 0)])).records).toEqual([]);
  });
});
