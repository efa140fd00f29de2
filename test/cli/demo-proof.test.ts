import { expect, test } from 'vitest';
import type { Recipient } from '../../src/cli/demo-expected.ts';
import { type Entry, type Evidence, prove, type Row } from '../../src/cli/demo-proof.ts';

const ends = (status: Recipient['end']['status'], code: string | null = null, taken = true) => ({
  status,
  code,
  taken,
});
const HOOK = 'http://127.0.0.1:1/hooks/outlet-1';
const RECIPIENTS: readonly Recipient[] = [
  { channel: 'sms', address: '+1', end: ends('delivered') },
  { channel: 'sms', address: '+2', end: ends('undelivered', '30003') },
  { channel: 'sms', address: '+3', end: ends('suppressed', '21610', false) },
  { channel: 'sms', address: '+4', end: ends('sent') },
  { channel: 'sms', address: '+5', end: ends('delivered') },
  { channel: 'email', address: 'a@example.org', end: ends('sent') },
  { channel: 'email', address: 'b@example.org', end: ends('undelivered', '5.1.1') },
  { channel: 'webhook', address: HOOK, end: ends('delivered') },
];

const told = (status: string, code?: string) => ({ status, ...(code && { code }), answer: 204 });
const sms = (n: number, told?: Entry['told']): Entry => ({
  channel: 'sms',
  deliveryId: `dlv_${n}`,
  address: `+${n}`,
  gatewayMessageId: `SM${n}`,
  ...(told && { told }),
});
const LEDGER: readonly Entry[] = [
  sms(1, told('delivered')),
  sms(2, told('undelivered', '30003')),
  sms(4),
  { channel: 'email', deliveryId: 'dlv_a', address: 'a@example.org', gatewayMessageId: '<dlv_a@x>' },
  {
    channel: 'email',
    deliveryId: 'dlv_b',
    address: 'b@example.org',
    gatewayMessageId: '<dlv_b@x>',
    told: { status: 'failed', code: '5.1.1', answer: 250 },
  },
  { channel: 'webhook', deliveryId: 'dlv_w', address: HOOK, gatewayMessageId: 'dlv_w' },
];

const row = (name: string, status: string, code: string | null = null): Row => {
  const channel = name === 'w' ? 'webhook' : /\d/.test(name) ? 'sms' : 'email';
  return {
    id: `dlv_${name}`,
    channel,
    status,
    code,
    address: { sms: `+${name}`, email: `${name}@example.org`, webhook: HOOK }[channel],
    providerMessageId: { sms: `SM${name}`, email: `<dlv_${name}@x>`, webhook: 'dlv_w' }[channel],
  };
};
const ROWS: readonly Row[] = [
  row('1', 'delivered'),
  row('2', 'undelivered', '30003'),
  { ...row('3', 'suppressed', '21610'), providerMessageId: null },
  row('4', 'sent'),
  row('a', 'sent'),
  row('b', 'undelivered', '5.1.1'),
  row('w', 'delivered'),
];
const GOOD: Evidence = {
  recipients: RECIPIENTS,
  left: new Set(['sms +5']),
  refusals: { known: [{ line: 7, code: 'bad-phone' }], told: [{ line: 7, code: 'bad-phone' }] },
  ledger: LEDGER,
  rows: ROWS,
};

const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);
const changed = <T>(list: readonly T[], index: number, change: Partial<T>): T[] =>
  list.map((one, i) => (i === index ? { ...one, ...change } : one));

test('lists that agree prove it', () => {
  expect(prove(GOOD)).toEqual({
    recipients: 7,
    compared: 7,
    duplicates: 0,
    missing: 0,
    afterLeaving: 0,
    problems: [],
  });
});

test.each<[what: string, change: Partial<Evidence>, problem: RegExp, counts?: object]>([
  [
    'a message that the gateway never got',
    { ledger: without(LEDGER, 0) },
    /^missing: sms \+1 is not in the gateway's ledger/,
    { missing: 1 },
  ],
  [
    'a message that the gateway got twice',
    { ledger: [...LEDGER, { ...sms(1, told('delivered')), gatewayMessageId: 'SM9' }] },
    /^duplicate: sms \+1 has 1 deliveries, and the gateway took 2 messages/,
    { duplicates: 1 },
  ],
  [
    'a mail that the gateway got twice under one id',
    { ledger: [...LEDGER, ...LEDGER.slice(3, 4)] },
    /^duplicate: email a@example.org has 1 deliveries, and the gateway took 2/,
    { duplicates: 1 },
  ],
  [
    'two deliveries to one number, each sent once',
    {
      ledger: [...LEDGER, { ...sms(8, told('delivered')), address: '+1' }],
      rows: [...ROWS, { ...row('8', 'delivered'), address: '+1' }],
    },
    /^duplicate: sms \+1 has 2 deliveries, and the gateway took 2 messages/,
    { duplicates: 1 },
  ],
  [
    'two deliveries to one number, one of them sent',
    { rows: [...ROWS, { ...row('8', 'cancelled'), address: '+1' }] },
    /^duplicate: sms \+1 has 2 deliveries/,
    { duplicates: 1 },
  ],
  [
    'a citizen lost in the import',
    { rows: without(ROWS, 0), ledger: without(LEDGER, 0) },
    /^missing: no delivery for sms \+1$/,
    { missing: 1 },
  ],
  [
    'an outlet that is left out',
    { rows: without(ROWS, 6), ledger: without(LEDGER, 5) },
    /^missing: no delivery for webhook http/,
    { missing: 1 },
  ],
  [
    'a delivery that Herald has no record of',
    { rows: without(ROWS, 4) },
    /^missing: no delivery for email a@example.org$/,
    { missing: 1 },
  ],
  [
    'somebody who is not in the audience',
    { recipients: without(RECIPIENTS, 5) },
    /^stray: email a@example.org was not to be written to/,
  ],
  [
    'somebody who had left',
    { ledger: [...LEDGER, sms(5, told('delivered'))], rows: [...ROWS, row('5', 'delivered')] },
    /^after leaving: sms \+5 was written to 1 times; Herald says delivered/,
    { afterLeaving: 1 },
  ],
  [
    'somebody who had left, behind a delivery that was suppressed',
    { ledger: [...LEDGER, sms(5)], rows: [...ROWS, row('5', 'suppressed')] },
    /^after leaving: sms \+5 was written to 1 times$/,
    { afterLeaving: 1 },
  ],
  [
    'a message that was refused without a reason',
    {
      ledger: without(LEDGER, 0),
      rows: changed(ROWS, 0, { status: 'failed', code: '21211', providerMessageId: null }),
    },
    /^sms \+1 had to end delivered, Herald says failed 21211/,
    { missing: 1 },
  ],
  [
    'a delivery where there had to be a failure',
    {
      ledger: changed(LEDGER, 1, { told: told('delivered') }),
      rows: changed(ROWS, 1, { status: 'delivered', code: null }),
    },
    /^sms \+2 had to end undelivered 30003, Herald says delivered/,
  ],
  [
    'another reason than the one that was told',
    { rows: changed(ROWS, 1, { code: '30005' }) },
    /^sms \+2 is undelivered 30005, the gateway told undelivered 30003/,
  ],
  [
    'a message that had to be refused and was taken',
    { ledger: [...LEDGER, sms(3)] },
    /^sms \+3 had to be refused, and the gateway took it/,
  ],
  [
    'receipts that never came to Herald',
    { rows: changed(ROWS, 0, { status: 'sent' }) },
    /^sms \+1 is sent, the gateway told delivered/,
  ],
  [
    'receipts that were never told, although Herald has them',
    { ledger: changed(LEDGER, 0, { told: told('sent') }) },
    /^sms \+1 is delivered, the gateway told sent/,
  ],
  [
    'receipts of two messages that changed places',
    {
      rows: changed(changed(ROWS, 0, { status: 'undelivered', code: '30003' }), 1, {
        status: 'delivered',
        code: null,
      }),
    },
    /^sms \+1 is undelivered 30003, the gateway told delivered/,
  ],
  [
    'a bounce that Herald took no notice of',
    { rows: changed(ROWS, 5, { status: 'sent', code: null }) },
    /^email b@example.org is sent, the gateway told undelivered 5.1.1/,
  ],
  [
    'a bounce that nobody sent',
    { rows: changed(ROWS, 4, { status: 'undelivered', code: '5.1.1' }) },
    /^email a@example.org is undelivered 5.1.1, the gateway told sent/,
  ],
  [
    'a receipt that Herald refused',
    { ledger: changed(LEDGER, 0, { told: { status: 'delivered', answer: 403 } }) },
    /^sms \+1 was told to be delivered, and the answer was 403/,
  ],
  [
    'a receipt that got lost on its way',
    { ledger: changed(LEDGER, 4, { told: { status: 'failed', code: '5.1.1', answer: null } }) },
    /^email b@example.org was told to be failed, and the answer was none/,
  ],
  [
    "another message's receipt",
    { rows: changed(ROWS, 0, { providerMessageId: 'SM2' }) },
    /^sms \+1 has the receipt SM2, the gateway's is SM1/,
  ],
  [
    'no receipt for what was taken',
    { rows: changed(ROWS, 0, { providerMessageId: null }) },
    /^sms \+1 has the receipt null, the gateway's is SM1/,
  ],
  [
    "another delivery's message",
    { ledger: changed(LEDGER, 0, { deliveryId: 'dlv_2' }) },
    /^sms \+1 is the delivery dlv_1, the gateway's message is of dlv_2/,
  ],
  [
    'a message to another address',
    { ledger: changed(LEDGER, 0, { address: '+9' }) },
    /^stray: sms \+9 was not to be written to/,
    { missing: 1 },
  ],
  [
    'a good line that was refused',
    {
      refusals: {
        known: GOOD.refusals.known,
        told: [...GOOD.refusals.told, { line: 8, code: 'bad-mailbox' }],
      },
    },
    /^import: line 8 \(bad-mailbox\) was refused/,
  ],
  [
    'a bad line that was taken',
    { refusals: { known: GOOD.refusals.known, told: [] } },
    /^import: line 7 \(bad-phone\) was not refused/,
  ],
])('%s is named', (_what, change, problem, counts = {}) => {
  const proof = prove({ ...GOOD, ...change });
  expect(proof.problems).toContainEqual(expect.stringMatching(problem));
  expect(proof).toMatchObject({ duplicates: 0, missing: 0, afterLeaving: 0, ...counts });
});

test('when every SMS is refused, nothing is proved', () => {
  const proof = prove({
    ...GOOD,
    ledger: LEDGER.filter(({ channel }) => channel !== 'sms'),
    rows: ROWS.map((one) =>
      one.channel === 'sms' ? { ...one, status: 'failed', code: '20003', providerMessageId: null } : one,
    ),
  });
  expect(proof.problems.filter((text) => text.includes('had to end'))).toHaveLength(4);
  expect(proof.missing).toBe(3);
});

test('a webhook may be repeated under its id, and under no other', () => {
  const again = LEDGER.slice(5);
  expect(prove({ ...GOOD, ledger: [...LEDGER, ...again] }).problems).toEqual([]);
  const other = again.map((entry) => ({ ...entry, gatewayMessageId: 'dlv_z' }));
  expect(prove({ ...GOOD, ledger: [...LEDGER, ...other] })).toMatchObject({ duplicates: 1 });
});

test('nobody to write to is no success', () => {
  expect(prove({ ...GOOD, recipients: [], left: new Set(), ledger: [], rows: [] })).toMatchObject({
    missing: 1,
    problems: ['missing: there was nobody to write to'],
  });
});
