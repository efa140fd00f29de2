import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { draftSchema } from '../../src/domain/announcement.ts';
import { normaliseEmail, normalisePhone } from '../../src/pipeline/address.ts';
import { fieldsOf, LineSplitter } from '../../src/pipeline/import-lines.ts';
import { readHeader, rowChecker } from '../../src/pipeline/import-row.ts';
import { packageRoot } from '../../src/root.ts';
import { magicFor } from '../../src/sandbox/magic.ts';
import { magicMailbox } from '../../src/sandbox/magic-mailboxes.ts';

const read = (file: string) => readFile(join(packageRoot, 'examples', file));
const json = async (file: string) => JSON.parse((await read(file)).toString());

describe('examples/subscribers.csv', () => {
  type Row = Readonly<Record<string, string>>;
  const refused = new Map<string, number>();
  const taken: Row[] = [];
  let csv: Buffer;

  beforeAll(async () => {
    csv = await read('subscribers.csv');
    const ids = async (file: string) =>
      new Map(((await json(file)) as { code: string }[]).map(({ code }, i) => [code, i]));
    const [header, ...lines] = [...new LineSplitter().push(csv)];
    const columns = readHeader(header?.text?.split(',') ?? []);
    if (typeof columns === 'string') throw new Error(columns);
    const lists = { topics: await ids('topics.json'), districts: await ids('districts.json') };
    const check = rowChecker(lists, columns);
    const seen = new Set<string>();
    for (const { number, text, problem } of lines) {
      const fields = text === undefined ? undefined : fieldsOf(text);
      const row = Object.fromEntries(columns.map((column, i) => [column, fields?.[i] ?? '']));
      const result = fields ? check(number, fields) : { code: problem ?? 'broken-quoting' };
      const addresses = 'code' in result ? [] : [result.phone, result.email].filter((a) => a !== null);
      const code =
        'code' in result ? result.code : addresses.some((a) => seen.has(a)) ? 'duplicate' : undefined;
      if (code === undefined) {
        taken.push(row);
        for (const address of addresses) seen.add(address);
      } else {
        refused.set(code, (refused.get(code) ?? 0) + 1);
      }
    }
  });

  it('is what its generator writes', async () => {
    const generator = join(packageRoot, 'examples/generate-subscribers.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [generator, '--stdout'], {
      encoding: 'buffer',
    });
    expect(stdout.equals(csv)).toBe(true);
  });

  it('has 2,000 rows, 60 of them bad in eight ways', () => {
    expect(taken).toHaveLength(1_940);
    expect(Object.fromEntries(refused)).toEqual({
      'bad-phone': 10,
      'bad-mailbox': 10,
      duplicate: 10,
      'unknown-topic': 8,
      'no-consent': 8,
      'missing-contact': 4,
      'broken-quoting': 5,
      'not-utf-8': 5,
    });
  });

  it('has two languages, both channels, and 80 magic recipients that the sandbox knows, all in the audience', async () => {
    const { audience } = draftSchema.parse(await json('announcement.json'));
    const isIn = (row: Row) =>
      audience.topics.some((topic) => row.topics?.split(';').includes(topic)) &&
      audience.districts.some((district) => row.districts?.split(';').includes(district));
    const isMagic = (row: Row) =>
      magicFor(normalisePhone(row.phone ?? '') ?? '') ?? magicMailbox(normaliseEmail(row.email ?? '') ?? '@');
    const magic = taken.filter(isMagic);
    expect(magic).toHaveLength(80);
    expect(magic.filter((row) => !isIn(row))).toEqual([]);
    const share = (is: (row: Row) => unknown) => taken.filter(is).length / taken.length;
    expect(share((row) => row.locale === 'zh-CN')).toBeCloseTo(0.75, 1);
    expect(share((row) => row.phone && row.email)).toBeGreaterThan(0.6);
    expect(share(isIn)).toBeGreaterThan(0.4);
    expect(share((row) => row.phone?.startsWith('+86') || row.phone?.startsWith('1'))).toBeGreaterThan(0.6);
  });
});

describe('the example announcements', () => {
  it.each(['announcement.json', 'correction.json'])(
    '%s is a draft for the lists and languages of the examples',
    async (file) => {
      const draft = draftSchema.parse(await json(file));
      for (const list of ['topics', 'districts'] as const) {
        const codes = ((await json(`${list}.json`)) as { code: string }[]).map(({ code }) => code);
        expect(codes).toEqual(expect.arrayContaining(draft.audience[list]));
      }
      expect(Object.keys(draft.content)).toEqual(['zh-CN', 'en']);
      const { fields } = JSON.parse(
        await readFile(join(packageRoot, 'templates/hot-case/template.json'), 'utf8'),
      ) as {
        fields: { name: string; maxLength: number }[];
      };
      for (const text of Object.values(draft.content)) {
        for (const { name, maxLength } of fields)
          expect([...(text[name] ?? '')].length).toBeLessThanOrEqual(maxLength);
      }
    },
  );

  it('reaches five outlets, each following one of its topics', async () => {
    const { audience } = draftSchema.parse(await json('announcement.json'));
    const outlets = (await json('outlets.json')) as { name: string; topics: string[] }[];
    expect(outlets).toHaveLength(5);
    const follows = outlets.filter(
      (o) => o.topics.length === 0 || o.topics.some((t) => audience.topics.includes(t)),
    );
    expect(follows).toHaveLength(5);
  });
});
