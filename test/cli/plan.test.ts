import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/root.ts';
import { herald } from './herald.ts';

interface Told {
  readonly seconds: number;
  readonly endsFirst: { readonly channel: string; readonly resource: string };
  readonly channels: readonly { readonly channel: string; readonly seconds: number; readonly late: number }[];
  readonly cost?: { readonly segments: number; readonly amount: number };
  readonly sizes: { readonly database: number };
  readonly disk?: { readonly isEnough: boolean };
  readonly advice?: { readonly why: string; readonly steps: readonly { resource: string; to: number }[] };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-plan-'));
});
afterAll(() => rm(folder, { recursive: true }));

// Neither a database nor a data directory is touched.
const plan = (...argv: string[]) => herald({ HERALD_DATA_DIR: '/nonexistent' }, ['plan', ...argv]);
const told = async (...argv: string[]) => (await plan(...argv, '--json')).json<Told>();

describe('ten million at a hundred segments a second', () => {
  const argv = ['--recipients', '10000000', '--sms-rate', '100', '--segments', '2', '--price', '0.045CNY'];

  test('take more than two days; most are too late, and the plan says what would reach all', async () => {
    const plan = await told(...argv);
    expect(plan.seconds).toBeGreaterThanOrEqual(200_000);
    expect(plan.seconds).toBeLessThan(200_010);
    expect(plan.endsFirst).toEqual({ channel: 'sms', resource: 'gateway' });
    expect(plan.channels[0]?.late).toBeGreaterThan(5_600_000);
    expect(plan.cost).toMatchObject({ segments: 20_000_000, amount: 900_000 });
    expect(plan.advice).toMatchObject({ why: 'in-time', steps: [{ resource: 'gateway', to: 232 }] });
    const enough = await told(...argv, '--sms-rate', '232');
    expect(enough.channels[0]?.late).toBe(0);
  });

  test('fit on one screen, in words', async () => {
    const { code, out, err } = await plan(...argv);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').length).toBeLessThan(24);
    expect(out).toContain('All sent 2 d 7 h after approval');
    expect(out).toContain('would not be sent before it expires, after 1 d.');
    expect(out).toContain('SMS_SEGMENTS_PER_SECOND=232');
    expect(out).toContain('900,000.00 CNY, for 20,000,000 segments');
    expect(out).toContain('the SMS limit');
    expect(out).not.toMatch(/NaN|Infinity|undefined/);
  });
});

test('a short one needs no advice; a disk that is too small is told', async () => {
  expect((await told('--recipients', '100')).advice).toBeUndefined();
  const full = ['--recipients', '100000000', '--sms-rate', '100000', '--disk', '1'];
  expect((await told(...full)).disk).toMatchObject({ isEnough: false });
  expect((await plan(...full)).out).toContain('Too big: it needs ');
});

test('limits and connections are those of the office unless it is told others', async () => {
  const environment = {
    HERALD_DATA_DIR: '/nonexistent',
    SMS_SEGMENTS_PER_SECOND: '50',
    SMS_CONNECTIONS: '1',
  };
  const answer = await herald(environment, ['plan', '--sms', '1000', '--latency', '100', '--json']);
  expect(answer.json<Told>().endsFirst.resource).toBe('connections');
  expect(answer.json<Told>().seconds).toBeGreaterThanOrEqual(100);
});

test('channels go side by side, and more machines make all of them faster', async () => {
  const argv = ['--sms', '1000000', '--email', '1000000', '--webhooks', '50', '--dkim', '--latency', '1'];
  const rates = ['--sms-rate', '100000', '--email-rate', '100000'];
  const one = await told(...argv, ...rates);
  const many = await told(
    ...argv,
    ...rates,
    '--workers',
    '4',
    '--machines',
    '4',
    '--cores',
    '8',
    '--web',
    '4',
  );
  expect(one.channels.map(({ channel }) => channel)).toEqual(['sms', 'email', 'webhook']);
  for (const [i, { seconds }] of many.channels.entries())
    expect(seconds).toBeLessThanOrEqual(one.channels[i]?.seconds ?? 0);
  expect(many.seconds).toBeLessThan(one.seconds / 2);
});

describe('a model of one’s own', () => {
  const standard = () => readFile(join(packageRoot, 'src/domain/capacity-default.json'), 'utf8');

  test('is used instead', async () => {
    const model = JSON.parse(await standard()) as { databaseBytesEach: number };
    const file = join(folder, 'model.json');
    await writeFile(file, JSON.stringify({ ...model, databaseBytesEach: 1 }));
    expect((await told('--recipients', '5000', '--model', file)).sizes.database).toBe(5_000);
  });

  test('is refused when it is none', async () => {
    const file = join(folder, 'none.json');
    await writeFile(file, '{"costs":{}}');
    const refused = await plan('--recipients', '1', '--model', file, '--json');
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('the model cannot be taken');
    expect(refused.err).not.toContain('    at ');
  });

  test('that lacks a channel says how to measure it', async () => {
    const model = JSON.parse(await standard()) as { costs: object };
    const file = join(folder, 'sms-only.json');
    await writeFile(file, JSON.stringify({ ...model, costs: { ...model.costs, email: undefined } }));
    const refused = await plan('--email', '10', '--model', file);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--only email,scale') });
  });
});

test.each<[string[], string]>([
  [[], 'nobody to send to'],
  [['--recipients', '5', '--sms', '5'], 'give one of the two'],
  [['--recipients', '0'], 'whole number from 1'],
  [['--recipients', '1e6'], 'whole number from 1'],
  [['--recipients', '-5'], 'whole number from 1'],
  [['--recipients', '99999999999999999999'], 'whole number from 1'],
  [['--recipients', '5', '--sms-rate', '0'], 'above 0'],
  [['--recipients', '5', '--price', '0.04'], 'an amount and a currency'],
  [['--recipients', '5', '--expires', 'tomorrow'], 'such as 90m, 24h or 2d'],
  [['--recipients', '5', '--expires', '0h'], 'such as 90m, 24h or 2d'],
  [['--recipients', '5', '--workers', '0'], 'whole number from 1'],
  [['--recipients', '5', '--database-cores', '4'], 'give --machines too'],
  [['--recipients', '5', '--model', '/nonexistent/model.json'], 'there is no such file'],
])('%j is refused in a sentence', async (argv, sentence) => {
  const refused = await plan(...argv, '--json');
  expect(refused.code).toBe(2);
  expect(refused.err).toContain(sentence);
  expect(refused.json()).toHaveProperty('error.message');
});
