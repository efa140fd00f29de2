import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANNELS, type Channel } from '../../src/domain/channel.ts';
import { FAILURE_CATEGORIES, type SendOutcome } from '../../src/domain/outcome.ts';
import { RETRY_POLICIES, VERDICTS } from '../../src/domain/retry.ts';
import { givenBack, judge, settleAfterMs } from '../../src/pipeline/attempt.ts';
import type { ClaimedDelivery, ShardClaim } from '../../src/pipeline/stores.ts';

const HOUR = 3_600_000;

const claimOf = (channel: Channel): ShardClaim => ({
  shardId: 5,
  announcementId: 9,
  channel,
  gateway: 'sandbox',
  priority: 2,
  fromN: 1,
  toN: 500,
  retry: false,
  deaths: 0,
  sends: true,
  asks: false,
});
const rowOf = (tries: number, attempt = tries + 1, doubts = 0): ClaimedDelivery => ({
  n: 7,
  attempt,
  tries,
  doubts,
  address: '+14155550100',
  contactId: 3,
  locale: 'en',
  name: null,
  sequence: null,
  endpoint: null,
});
const now = { ageMs: 1_000, random: 0.5, requestTimeoutMs: 10_000, segments: 2 };
const refused = (category: (typeof FAILURE_CATEGORIES)[number], retryAfterMs?: number): SendOutcome => ({
  outcome: 'refused',
  category,
  code: '21610',
  message: 'why',
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
const UNKNOWN: SendOutcome = { outcome: 'unknown', code: 'TIMEOUT', message: 'no answer' };
const channel = fc.constantFrom(...CHANNELS);

describe('what is written of an attempt', () => {
  it('is matched on the attempt, and its event has a key that is told apart from the other attempts’', () => {
    const anyOutcome = fc.oneof(
      fc.constantFrom(...FAILURE_CATEGORIES).map((category) => refused(category)),
      fc.constant(UNKNOWN),
      fc
        .boolean()
        .map((delivered) => ({ outcome: 'accepted', providerMessageId: 'SM1', delivered }) as const),
    );
    fc.assert(
      fc.property(channel, anyOutcome, fc.nat(70), fc.nat(3), (c, outcome, tries, lost) => {
        const row = rowOf(tries, tries + 1 + lost);
        const { record } = judge(claimOf(c), row, outcome, now);
        expect(record).toMatchObject({ announcementId: 9, n: 7, shardId: 5, attempt: row.attempt });
        expect(record.dedupe).toBe(`a${row.attempt}:${record.event}`);
        // What the table's CHECKs ask for.
        if (['sent', 'delivered'].includes(record.status)) expect(record.providerMessageId).toBe('SM1');
        if (record.status === 'failed') expect(record.code).toBeTruthy();
        const waits = ['queued', 'unknown'].includes(record.status);
        expect(record.dueInMs === null).toBe(!waits);
      }),
    );
  });

  it('taken is sent; where taking is proof, delivered', () => {
    for (const delivered of [false, true]) {
      const outcome = { outcome: 'accepted', providerMessageId: 'x', delivered, detail: '250' } as const;
      const { record, consequence } = judge(claimOf('email'), rowOf(0), outcome, now);
      const status = delivered ? 'delivered' : 'sent';
      expect(record).toMatchObject({ status, event: status, burnt: true, detail: '250', segments: 2 });
      expect(consequence).toBeUndefined();
    }
  });

  it.each(FAILURE_CATEGORIES)('%s ends as its verdict says', (category) => {
    const { record, consequence } = judge(claimOf('sms'), rowOf(0), refused(category), now);
    const verdict = VERDICTS[category];
    expect(record.status).toBe(verdict.status);
    expect(record.burnt).toBe(verdict.burnt);
    expect(record.suppress).toBe(category === 'opted-out');
    expect(record.event).toBe(verdict.status === 'queued' ? 'retry' : verdict.status);
    expect(consequence).toBe(verdict.consequence);
  });

  it('temporary failures are tried again until the tries are used up, and then failed', () => {
    fc.assert(
      fc.property(channel, fc.nat(70), (c, tries) => {
        const { record } = judge(claimOf(c), rowOf(tries), refused('temporary'), now);
        expect(record.status).toBe(tries + 1 >= RETRY_POLICIES[c].maxTries ? 'failed' : 'queued');
      }),
    );
  });

  /** Refused for now each time, with delays as a die throws them. @returns after how long it has failed, in milliseconds */
  const goesOn = (c: Channel, random: () => number): number => {
    let ageMs = 0;
    for (let tries = 0; tries < 10_000; tries += 1) {
      const { record } = judge(claimOf(c), rowOf(tries), refused('temporary'), {
        ...now,
        ageMs,
        random: random(),
      });
      if (record.status === 'failed') return ageMs;
      ageMs += record.dueInMs ?? 0;
    }
    return Number.POSITIVE_INFINITY;
  };

  it('webhooks are tried for three days, whatever the delays', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0.05, max: 0.999, noNaN: true })), (delays) => {
        const ms = goesOn('webhook', () => delays.next().value ?? 0.5);
        expect(ms).toBeGreaterThan(70 * HOUR);
        expect(ms).toBeLessThanOrEqual(72 * HOUR);
      }),
    );
  });

  it.each([
    ['sms', 4 / 60, 0.4],
    ['email', 0.5, 4],
  ] as const)('%s for a while: longer than a greylist, or a gateway’s bad minute', (c, from, to) => {
    let state = 7;
    const die = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const lasted = Array.from({ length: 1_000 }, () => goesOn(c, die) / HOUR);
    expect(Math.min(...lasted)).toBeGreaterThan(from);
    expect(Math.max(...lasted)).toBeLessThan(to);
  });

  it('what burns no try is never used up, but waits longer each time', () => {
    const delays = [1, 2, 5, 12, 1_000].map((attempt) => {
      const { record } = judge(claimOf('sms'), rowOf(0, attempt), refused('throttled'), {
        ...now,
        random: 0.999,
      });
      expect(record).toMatchObject({ status: 'queued', burnt: false });
      return record.dueInMs ?? 0;
    });
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBeGreaterThan(0.99 * RETRY_POLICIES.sms.unburntCapMs);
  });

  it('the provider’s Retry-After is honoured', () => {
    const { record } = judge(claimOf('sms'), rowOf(0), refused('throttled', 90_000), now);
    expect(record.dueInMs).toBe(90_000);
  });

  it('webhooks end after three days whatever the endpoint says, throttling too; citizens’ messages by expiry', () => {
    for (const category of ['temporary', 'throttled'] as const) {
      const at = (c: Channel, hours: number) =>
        judge(claimOf(c), rowOf(3), refused(category), { ...now, ageMs: hours * HOUR }).record.status;
      expect([at('webhook', 71), at('webhook', 73)]).toEqual(['queued', 'failed']);
      expect([at('sms', 73), at('email', 73)]).toEqual(['queued', 'queued']);
    }
    // A delay that would end beyond them is not waited for.
    const late = judge(claimOf('webhook'), rowOf(3), refused('temporary', 23 * HOUR), {
      ...now,
      ageMs: 50 * HOUR,
    });
    expect(late.record.status).toBe('failed');
  });
});

describe('an answer that never came', () => {
  it('an SMS rests until the provider can be asked, however often it was tried', () => {
    fc.assert(
      fc.property(fc.nat(100), (tries) => {
        const { record } = judge(claimOf('sms'), rowOf(tries), UNKNOWN, now);
        expect(record).toMatchObject({ status: 'unknown', burnt: true, dueInMs: settleAfterMs(10_000) });
        expect(record.dueInMs).toBe(40_000);
      }),
    );
  });

  it('the others are sent again under the same id, but not to somebody who takes them all and never answers', () => {
    const inTheEnd = {
      email: { row: rowOf(9, 10, RETRY_POLICIES.email.maxUnanswered - 1), ageMs: HOUR },
      webhook: { row: rowOf(50, 51, 50), ageMs: 72 * HOUR },
    };
    for (const c of ['email', 'webhook'] as const) {
      const first = judge(claimOf(c), rowOf(0), UNKNOWN, now).record;
      expect(first).toMatchObject({
        status: 'unknown',
        event: 'unknown',
        dueInMs: RETRY_POLICIES[c].baseMs / 2,
      });
      // What was refused before was not taken: it does not count.
      const refusedBefore = judge(claimOf(c), rowOf(9), UNKNOWN, now).record;
      expect(refusedBefore.dueInMs).toBeLessThan(2 * HOUR);
      const { row, ageMs } = inTheEnd[c];
      const last = judge(claimOf(c), row, UNKNOWN, { ...now, ageMs }).record;
      // It may have been sent: it stays in doubt, and rests longer than anything is sent.
      expect(last).toMatchObject({ status: 'unknown', code: 'TIMEOUT' });
      expect(last.dueInMs).toBeGreaterThan(73 * HOUR);
    }
  });

  it('a later refusal for now leaves the doubt, also when it is the last one; a refusal for good is an answer', () => {
    for (const c of ['email', 'webhook'] as const) {
      const doubted = (tries: number, category: Parameters<typeof refused>[0], ageMs = HOUR) =>
        judge(claimOf(c), rowOf(tries, tries + 1, 1), refused(category), { ...now, ageMs }).record;
      expect(doubted(1, 'temporary')).toMatchObject({ status: 'unknown', event: 'retry', burnt: true });
      expect(doubted(1, 'throttled')).toMatchObject({ status: 'unknown', event: 'retry', burnt: false });
      const last = doubted(RETRY_POLICIES.email.maxTries - 1, 'temporary', c === 'email' ? HOUR : 72 * HOUR);
      expect(last).toMatchObject({ status: 'unknown', event: 'unknown' });
      expect(last.dueInMs).toBeGreaterThan(73 * HOUR);
      expect(doubted(1, 'expired')).toMatchObject({ status: 'unknown' });
      expect(doubted(1, 'permanent')).toMatchObject({ status: 'failed' });
      expect(givenBack(claimOf(c), rowOf(1, 2, 1), 'x')).toMatchObject({ status: 'unknown', dueInMs: 0 });
    }
  });
});

it('a row that was claimed and never sent goes back as it was', () => {
  expect(givenBack(claimOf('sms'), rowOf(2), 'worker is stopping')).toMatchObject({
    status: 'queued',
    dueInMs: 0,
    burnt: false,
    attempt: 3,
    event: 'given-back',
    detail: 'worker is stopping',
  });
});
