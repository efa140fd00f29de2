import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice } from './herald.ts';

interface Result {
  readonly id: string;
  readonly taken: number;
  readonly refused: number;
  readonly refusals: readonly { readonly line: number; readonly code: string; readonly message: string }[];
}

let office: Office;
let folder: string;
beforeAll(async () => {
  office = await openOffice();
  folder = await mkdtemp(join(tmpdir(), 'herald-cli-import-'));
  for (const list of ['topics', 'districts'])
    await office.run(list, 'add', '--file', `examples/${list}.json`);
});
afterAll(async () => {
  await office.close();
  await rm(folder, { recursive: true });
});

const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';

test('the examples: good rows are taken, each bad one is reported by line and reason', async () => {
  const user = await office.user('approver');
  const read = await office.run('import', 'examples/subscribers.csv', '--user', user, '--json');
  expect(read).toMatchObject({ code: 0, err: '' });
  const result = read.json<Result>();
  expect(result).toMatchObject({ id: expect.stringMatching(/^imp_/), taken: 1_940, refused: 60 });
  expect(result.refusals).toHaveLength(60);
  expect(new Set(result.refusals.map((r) => r.code))).toEqual(
    new Set([
      'bad-phone',
      'bad-mailbox',
      'duplicate',
      'unknown-topic',
      'no-consent',
      'broken-quoting',
      'not-utf-8',
      'missing-contact',
    ]),
  );
});

test('from stdin, as a table', async () => {
  const rows = [
    HEADER,
    '王芳,13800138000,,zh-CN,fraud,,2026-01-01,网站',
    'x,not a phone,,en,,,2026-01-01,website',
  ];
  const read = await office.runWith(rows.join('\n'), 'import', '-');
  expect(read.code).toBe(0);
  expect(read.out).toMatch(
    /^1 taken, 1 refused\n\nline +code +reason\n +3 +bad-phone +its phone is not a number/,
  );
});

test('a hundred refusals are shown, the others are counted', async () => {
  const bad = Array.from({ length: 130 }, (_, n) => `x,,not-a-mailbox-${n},en,,,2026-01-01,website`);
  const read = await office.runWith([HEADER, ...bad].join('\n'), 'import', '-', '--json');
  expect(read.json<Result>()).toMatchObject({ taken: 0, refused: 130 });
  expect(read.json<Result>().refusals).toHaveLength(100);
  const shown = await office.runWith([HEADER, ...bad].join('\n'), 'import', '-');
  expect(shown.out).toContain('… and 30 more');
  expect(shown).toMatchObject({ code: 1, err: 'herald: nobody was taken: every row is refused\n' });
});

test('a header and nothing below it is a failure, which a script can tell', async () => {
  expect(await office.runWith(`${HEADER}\n`, 'import', '-')).toMatchObject({
    code: 1,
    out: '0 taken, 0 refused\n',
    err: 'herald: nobody was taken: there is no row below the header\n',
  });
});

test.each([
  ['an empty file', '', /the file is empty/],
  ['no header', '王芳,13800138000,,zh-CN,,,2026-01-01,web', /line 1 is no header/],
  ['one endless line', Buffer.alloc(300_000, 'x'), /line 1 is longer/],
  ['not UTF-8', Buffer.from([0xb4, 0xf3, 0x0a]), /not UTF-8/],
])('%s is refused whole', async (_what, content, says) => {
  const refused = await office.runWith(content, 'import', '-');
  expect(refused).toMatchObject({ code: 2, out: '' });
  expect(refused.err).toMatch(says);
});

test('100 MB are refused before anything is read', async () => {
  const file = join(folder, 'huge.csv');
  await writeFile(file, `${HEADER}\n`);
  await truncate(file, 100_000_000);
  const refused = await office.run('import', file, '--json');
  expect(refused.code).toBe(2);
  expect(refused.json()).toMatchObject({
    error: { code: 'too-large', message: expect.stringContaining('nothing was taken') },
  });
});
