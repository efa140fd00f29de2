import { expect, test } from 'vitest';
import { type Entry, judgeRow, type Row } from '../../bench/chaos/rows.ts';

const T = Date.parse('2026-01-01T00:00:00Z');
const PAUSE = { from: T + 100_000, until: T + 106_000 };
const row = (facts: Partial<Row> = {}): Row => ({
  part: 'main',
  channel: 'sms',
  status: 'delivered',
  address: '+12005550100001',
  sid: 'SM1',
  code: null,
  doubts: 0,
  explained: 0,
  struck: 0,
  leftAt: null,
  stoppedAt: null,
  ...facts,
});
const taken = (afterMs = 0, gatewayMessageId = 'id'): Entry => ({
  channel: 'sms',
  gatewayMessageId,
  takenAt: new Date(T + afterMs).toISOString(),
  told: { status: 'delivered', answer: 204 },
});
const blamed = (one: Row, entries: readonly Entry[]) =>
  judgeRow(one, entries, PAUSE)
    .filter(({ why }) => why !== undefined)
    .map(({ count, n }) => `${count} ${n}`);

test('what was taken once is in order', () => {
  expect(blamed(row(), [taken()])).toEqual([]);
});

test.each(['failed', 'expired', 'cancelled', 'suppressed', 'undelivered'] as const)(
  'a recipient who never got it is missing, though the row ended as %s',
  (status) => {
    for (const part of ['main', 'outage', 'correction', 'retraction'] as const)
      expect(blamed(row({ part, status, sid: null }), [])).toEqual(['missing 1']);
    expect(blamed(row({ part: 'cancelled', status, sid: null }), [])).toEqual([]);
  },
);

test('a webhook and a mail that nobody took are missing as well', () => {
  expect(
    blamed(row({ channel: 'webhook', address: 'http://x/hooks/a', status: 'failed', sid: null }), []),
  ).toEqual(['missing 1']);
  const mail = { channel: 'email', address: 'c1@example.org', status: 'failed', sid: null } as const;
  expect(blamed(row(mail), [])).toEqual(['missing 1']);
});

test('what explains that nobody took it', () => {
  const nobody = { status: 'suppressed', sid: null } as const;
  const because: Partial<Row>[] = [
    { ...nobody, address: '+1200555921610' },
    { ...nobody, leftAt: new Date(T) },
    { ...nobody, status: 'unknown' },
    { ...nobody, channel: 'email', address: 'c1+unknown-user@example.org' },
    { ...nobody, channel: 'email', address: 'c1+bounce-hard@example.org' },
  ];
  for (const facts of because) expect(blamed(row(facts), [])).toEqual([]);
  // These are taken after a while.
  for (const address of ['+1200555920503', '+1200555920429'])
    expect(blamed(row({ ...nobody, address }), [])).toEqual(['missing 1']);
  expect(blamed(row({ ...nobody, channel: 'email', address: 'c1+busy@example.org' }), [])).toEqual([
    'missing 1',
  ]);
});

test('over which as many workers died as may was given up, is counted, and must say so', () => {
  const died = {
    status: 'failed',
    sid: null,
    code: 'worker-died',
    doubts: 5,
    explained: 5,
    struck: 5,
  } as const;
  expect(blamed(row(died), [])).toEqual([]);
  expect(judgeRow(row(died), [], PAUSE).map(({ count }) => count)).toContain('gaveUp');
  expect(blamed(row({ ...died, struck: 4 }), [])).toEqual(['missing 1']);
  expect(blamed(row({ ...died, code: '30008' }), [])).toEqual(['missing 1']);
});

test('Herald says that it was taken, and it was not', () => {
  expect(blamed(row({ part: 'cancelled' }), [])).toEqual(['missing 1']);
});

test('an SMS is never taken twice, whatever was in doubt', () => {
  expect(blamed(row({ doubts: 2 }), [taken(), taken(1), taken(2)])).toEqual(['duplicateSms 2']);
});

test.each(['email', 'webhook'] as const)('each repeat of a %s follows a doubt of its own', (channel) => {
  const count = channel === 'email' ? 'repeatedEmail' : 'repeatedWebhook';
  const twice = row({ channel, address: 'c1@example.org', doubts: 1, explained: 1 });
  expect(judgeRow(twice, [taken(), taken(1)], PAUSE)).toContainEqual({ count, n: 1 });
  expect(blamed(twice, [taken(), taken(1)])).toEqual([]);
  expect(blamed(twice, [taken(), taken(1), taken(2)])).toEqual(['unexplained 1']);
  expect(blamed(twice, [taken(0, 'a'), taken(1, 'b')])).toEqual(['unexplained 1']);
  // Herald's word that it was in doubt is no reason.
  expect(blamed({ ...twice, explained: 0 }, [taken(), taken(1)])).toEqual(['unexplained 1']);
});

test('an address that takes the answers away excuses Herald’s doubts; one that does something else does not', () => {
  const twice = (address: string, channel: 'email' | 'sms' = 'email') =>
    blamed(row({ channel, address, doubts: 1 }), [taken(), taken(1)]);
  expect(twice('c1+reset-after-data@example.org')).toEqual([]);
  for (const effect of ['greylist', 'busy', 'bounce-hard', 'slow'])
    expect(twice(`c1+${effect}@example.org`)).toEqual(['unexplained 1']);
});

test('a receipt that was taken shows, and delivered is not shown without one', () => {
  const told = (status: string, answer: number | null) => [{ ...taken(), told: { status, answer } }];
  expect(blamed(row({ status: 'sent' }), told('delivered', 204))).toEqual(['wrongReceipts 1']);
  expect(blamed(row({ status: 'delivered' }), told('undelivered', 204))).toEqual(['wrongReceipts 1']);
  for (const status of ['undelivered', 'failed'] as const)
    expect(blamed(row({ part: 'cancelled', status }), told(status, 204))).toEqual([]);
  // Nobody took it: it may show all the same, because Herald asked.
  for (const status of ['sent', 'delivered'] as const)
    expect(blamed(row({ status }), told('delivered', null))).toEqual([]);
  expect(blamed(row({ status: 'sent' }), told('sent', 204))).toEqual([]);
  expect(blamed(row({ status: 'delivered' }), told('sent', 204))).toEqual(['wrongReceipts 1']);
  const { told: _, ...silent } = taken();
  expect(blamed(row({ status: 'delivered' }), [silent])).toEqual(['wrongReceipts 1']);
  expect(blamed(row({ address: '+1200555900007' }), [silent])).toEqual([]);
  expect(blamed(row({ address: '+1200555900005' }), [silent])).toEqual(['wrongReceipts 1']);
});

test('two seconds after somebody left, a stop and a pause', () => {
  const then = new Date(T);
  expect(blamed(row({ leftAt: then }), [taken(2_000)])).toEqual([]);
  expect(blamed(row({ leftAt: then }), [taken(2_001)])).toEqual(['afterOptOut 1']);
  expect(blamed(row({ stoppedAt: then }), [taken(2_001)])).toEqual(['afterStop 1']);
  expect(blamed(row(), [taken(102_000)])).toEqual([]);
  expect(blamed(row(), [taken(102_001)])).toEqual(['afterPause 1']);
  expect(blamed(row(), [taken(106_000)])).toEqual([]);
  expect(blamed(row({ part: 'corrected' }), [taken(102_001)])).toEqual([]);
});
