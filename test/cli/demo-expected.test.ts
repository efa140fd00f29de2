import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { citizensToReach, outletsToReach, type Refusal } from '../../src/cli/demo-expected.ts';
import { packageRoot } from '../../src/root.ts';

const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
const citizen = (phone: string, email = '', topics = 'fraud', districts = 'gulou') =>
  Buffer.from(`"王,芳",${phone},${email},zh-CN,${topics},${districts},2026-01-01,网站`);
const AUDIENCE = { topics: ['fraud', 'traffic'], districts: ['gulou'] };

function reached(lines: readonly Buffer[], refused: readonly Refusal[] = []): string[] {
  const csv = Buffer.concat([Buffer.from(HEADER), ...lines].flatMap((line) => [line, Buffer.from('\n')]));
  return citizensToReach(csv, refused, AUDIENCE).map(
    ({ channel, address, end }) =>
      `${channel} ${address} ${end.status}${end.code ? ` ${end.code}` : ''}${end.taken ? '' : ', not taken'}`,
  );
}

test('a good line gives a recipient for each address that it has, in full', () => {
  expect(reached([citizen('17401234567', 'wang.fang@example.org'), citizen('+85261234567')])).toEqual([
    'sms +8617401234567 delivered',
    'email wang.fang@example.org sent',
    'sms +85261234567 delivered',
  ]);
});

test('only who is in the audience; whoever chose nothing gets everything', () => {
  expect(
    reached([
      citizen('+12025550101', '', 'community'),
      citizen('+12025550102', '', 'fraud', 'wenquan'),
      citizen('+12025550103', '', 'community;traffic', 'wenquan;gulou'),
      citizen('+12025550104', '', '', ''),
    ]),
  ).toEqual(['sms +12025550103 delivered', 'sms +12025550104 delivered']);
});

test('bad lines are left out, whatever bytes they have', () => {
  const gbk = Buffer.concat([Buffer.from([0xcd, 0xf5, 0xce, 0xb0]), citizen('+12025550105')]);
  const quoted = Buffer.from('"张"伟,+12025550106,,zh-CN,fraud,gulou,2026-01-01,网站');
  expect(
    reached(
      [gbk, citizen('+12025550107'), quoted],
      [
        { line: 2, code: 'not-utf-8' },
        { line: 4, code: 'broken-quoting' },
      ],
    ),
  ).toEqual(['sms +12025550107 delivered']);
});

test.each([
  ['+8617400930003', 'undelivered 30003'],
  ['+8617400930008', 'failed 30008'],
  ['+8617400921610', 'suppressed 21610, not taken'],
  ['+8617400921211', 'failed 21211, not taken'],
  ['+8617400920429', 'delivered'],
  ['+8617400900001', 'delivered'],
  ['+8617400900005', 'sent'],
  ['+85261900006', 'delivered'],
])('SMS to %s: %s', (phone, end) => {
  expect(reached([citizen(phone)])).toEqual([`sms ${phone} ${end}`]);
});

test.each([
  ['bounce-hard', 'undelivered 5.1.1'],
  ['bounce-soft', 'undelivered 4.4.7'],
  ['delayed', 'sent'],
  ['unknown-user', 'failed 550 5.1.1, not taken'],
  ['greylist', 'sent'],
  ['slow', 'sent'],
])('mail to %s: %s', (magic, end) => {
  expect(reached([citizen('', `li+${magic}@example.org`)])).toEqual([`email li+${magic}@example.org ${end}`]);
});

test('outlets that follow a topic of the announcement, or all', () => {
  const outlets = [
    { url: 'http://a', topics: [] },
    { url: 'http://b', topics: ['community'] },
    { url: 'http://c', topics: ['community', 'traffic'] },
  ];
  expect(outletsToReach(outlets, AUDIENCE).map(({ address }) => address)).toEqual(['http://a', 'http://c']);
});

test('the example says itself which of its lines are bad', async () => {
  const generator = join(packageRoot, 'examples/generate-subscribers.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [generator, '--refused']);
  expect(await readFile(join(packageRoot, 'examples/refused.json'), 'utf8')).toBe(stdout);
  expect(JSON.parse(stdout)).toHaveLength(60);
});
