import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ImportOptions, importCsv } from '../../src/pipeline/import.ts';
import { ImportStore } from '../../src/storage/imports.ts';
import { ListStore } from '../../src/storage/lists.ts';
import { createTestDatabase, servers, type TestDatabase } from '../support/database.ts';

const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
const GOOD = '2026-01-05,counter';

describe.each(servers())('an import into $name', (server) => {
  let database: TestDatabase;
  let imports: ImportStore;
  let lists: ListStore;
  beforeAll(async () => {
    database = await createTestDatabase(server);
    imports = new ImportStore(database.pool);
    lists = new ListStore(database.pool);
    for (const code of ['crime', 'traffic', 'old']) await lists.add('topics', { code, names: {} });
    await lists.archive('topics', 'old');
    await lists.add('districts', { code: 'north', names: {} });
  });
  beforeEach(() =>
    database.pool.query(
      'TRUNCATE subscribers, contacts, imports, import_refusals, suppressions RESTART IDENTITY',
    ),
  );
  afterAll(() => database.drop());

  const run = (chunks: readonly (string | Buffer)[], options?: ImportOptions) =>
    importCsv(
      Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
      { imports, lists, userId: null },
      options,
    );
  const file = (...lines: readonly string[]) => [`${[HEADER, ...lines].join('\r\n')}\r\n`];
  const refusalsOf = async (id: number) =>
    (await imports.refusals(id, { after: 0, limit: 10_000 })).map(({ line, code }) => `${line} ${code}`);
  const contacts = async () =>
    (await database.pool.query<{ address: string }>('SELECT address FROM contacts ORDER BY id')).rows.map(
      (row) => row.address,
    );

  test('takes what is good and says why not, line by line', async () => {
    const record = await run(
      file(
        `王芳,13800000001,wang@例子.中国,zh-CN,crime; traffic,north,${GOOD}`,
        `"Li, ""Na""",+86 138-0000-0002,,en,,,2026-01-05T09:00:00+08:00,web`,
        `Zhao,12345,,zh-CN,,,${GOOD}`,
        `Qian,,not a mailbox,zh-CN,,,${GOOD}`,
        `Sun,,,zh-CN,,,${GOOD}`,
        `Zhou,13800000003,,zh_CN,,,${GOOD}`,
        `Wu,13800000003,,zh-CN,crime;sports,,${GOOD}`,
        `Wu,13800000003,,zh-CN,old,,${GOOD}`,
        `Wu,13800000003,,zh-CN,,south,${GOOD}`,
        'Zheng,13800000003,,zh-CN,,,,',
        'Zheng,13800000003,,zh-CN,,,2026-02-30,web',
        'Zheng,13800000003,,zh-CN,,,2126-01-05,web',
        'Zheng,13800000003,,zh-CN,,,2026-01-05,',
        `"Feng,13800000003,,zh-CN,,,${GOOD}`,
        `Chen,13800000001,,zh-CN,,,${GOOD}`,
        `Chen,13800000004,WANG@例子.中国,zh-CN,,,${GOOD}`,
        `Chu,13800000005,wang@xn--fsqu00a.xn--fiqs8s,zh-CN,,,${GOOD}`,
        'Wei,13800000006',
        '',
        `Jiang\u0000,13800000006,,zh-CN,,,${GOOD}`,
        `Shen,13800000003,,zh-CN,,,${GOOD}`,
      ),
    );
    expect(await refusalsOf(record.id)).toEqual([
      '4 bad-phone',
      '5 bad-mailbox',
      '6 missing-contact',
      '7 bad-locale',
      '8 unknown-topic',
      '9 unknown-topic',
      '10 unknown-district',
      '11 no-consent',
      '12 no-consent',
      '13 no-consent',
      '14 no-consent',
      '15 broken-quoting',
      '16 duplicate',
      '18 duplicate',
      '19 wrong-columns',
      '21 bad-name',
    ]);
    expect(record).toMatchObject({ state: 'done', rowsRead: 20, taken: 4, refused: 16, error: null });
    expect(await imports.get(record.id)).toEqual(record);
    const { rows } = await database.pool.query(
      'SELECT name, locale, topics, districts, consent_at FROM subscribers ORDER BY id',
    );
    expect(rows).toEqual([
      {
        name: '王芳',
        locale: 'zh-CN',
        topics: [1, 2],
        districts: [1],
        consent_at: new Date('2026-01-05T00:00:00Z'),
      },
      {
        name: 'Li, "Na"',
        locale: 'en',
        topics: [],
        districts: [],
        consent_at: new Date('2026-01-05T01:00:00Z'),
      },
      {
        name: 'Chen',
        locale: 'zh-CN',
        topics: [],
        districts: [],
        consent_at: new Date('2026-01-05T00:00:00Z'),
      },
      {
        name: 'Shen',
        locale: 'zh-CN',
        topics: [],
        districts: [],
        consent_at: new Date('2026-01-05T00:00:00Z'),
      },
    ]);
    expect((await contacts()).sort()).toEqual([
      '+8613800000001',
      '+8613800000002',
      '+8613800000003',
      '+8613800000004',
      'WANG@xn--fsqu00a.xn--fiqs8s',
      'wang@xn--fsqu00a.xn--fiqs8s',
    ]);
  });

  test('the messages hold no addresses, and name the line of the other one', async () => {
    const { id } = await run(
      file(`A,13800000001,,en,,,${GOOD}`, `B,13800000001,,en,,,${GOOD}`, `C,,x@y,en,,,${GOOD}`),
    );
    const [first, second] = await imports.refusals(id, { after: 0, limit: 10 });
    expect(first).toEqual({ line: 3, code: 'duplicate', message: 'has the same phone number as line 2' });
    expect(second?.message).toBe('its email is not a mailbox');
    expect(await imports.refusals(id, { after: 3, limit: 10 })).toEqual([second]);
  });

  test('a second import of the same file takes nothing', async () => {
    const same = file(`A,13800000001,,en,,,${GOOD}`, `B,,b@example.org,en,,,${GOOD}`);
    expect((await run(same)).taken).toBe(2);
    const again = await run(same);
    expect(again).toMatchObject({ state: 'done', taken: 0, refused: 2 });
    expect(await refusalsOf(again.id)).toEqual(['2 duplicate', '3 duplicate']);
  });

  test('bytes that are not UTF-8 cost their line, however the stream is cut', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`\ufeff${HEADER}\n王芳,13800000001,,zh-CN,,,${GOOD}\n`),
      Buffer.from([0xcd, 0xf5, 0xb7, 0xbc]), // 王芳 in GBK
      Buffer.from(`,13800000002,,zh-CN,,,${GOOD}\n李娜,13800000003,,zh-CN,,,${GOOD}`),
    ]);
    const { id, taken } = await run([...bytes].map((byte) => Buffer.from([byte])));
    expect(taken).toBe(2);
    expect(await refusalsOf(id)).toEqual(['3 not-utf-8']);
    const { rows } = await database.pool.query('SELECT name FROM subscribers ORDER BY id');
    expect(rows).toEqual([{ name: '王芳' }, { name: '李娜' }]);
  });

  test('who left is not brought back by an old consent', async () => {
    const at = (time: string, reason: string, address: string) =>
      database.pool.query(`INSERT INTO suppressions VALUES ('sms', $1, $2, 'test', $3)`, [
        address,
        reason,
        time,
      ]);
    await at('2026-01-06', 'left', '+8613800000001');
    await at('2026-01-04', 'left', '+8613800000002');
    await at('2026-01-04', 'opted-out', '+8613800000003');
    const { id } = await run(file(...[1, 2, 3].map((n) => `P,1380000000${n},,en,,,${GOOD}`)));
    expect(await refusalsOf(id)).toEqual(['2 has-left', '4 has-left']);
    expect(await contacts()).toEqual(['+8613800000002']);
    const { rows } = await database.pool.query('SELECT address FROM suppressions ORDER BY address');
    expect(rows.map((row) => row.address)).toEqual(['+8613800000001', '+8613800000003']);
  });

  test.each([
    ['an empty file', [''], 'bad-header'],
    ['no header', [`A,13800000001,,en,,,${GOOD}\n`], 'bad-header'],
    ['a column too few', ['name,phone,locale,topics,consent_at\n'], 'bad-header'],
    ['a column twice', [`${HEADER},phone\n`], 'bad-header'],
    ['no contact column', ['name,locale,consent_at,consent_source\n'], 'bad-header'],
    ['UTF-16', [Buffer.from(`\ufeff${HEADER}\n`, 'utf16le')], 'not-utf-8'],
    ['one endless line', Array.from({ length: 50 }, () => 'x'.repeat(65_536)), 'bad-header'],
  ])('%s: refused before anything is written', async (_what, chunks, code) => {
    await expect(run(chunks)).rejects.toMatchObject({ kind: 'invalid', code });
    expect(await imports.list({ limit: 10 })).toEqual([]);
  });

  test('an endless line in the middle costs one line, and no memory', async () => {
    const endless = Array.from({ length: 200 }, () => Buffer.alloc(65_536, 'x'));
    const { id, taken } = await run([`${HEADER}\n`, ...endless, `\nA,13800000001,,en,,,${GOOD}\n`]);
    expect(taken).toBe(1);
    expect(await refusalsOf(id)).toEqual(['2 line-too-long']);
  });

  test('many batches, with duplicates across them, while it tells how far it is', async () => {
    const lines = Array.from(
      { length: 12_000 },
      (_, i) => `P,${13_000_000_000 + (i % 11_000)},,en,,,${GOOD}\n`,
    );
    const seen: number[] = [];
    const record = await run([`${HEADER}\n`, ...lines], {
      onProgress: ({ rowsRead }) => seen.push(rowsRead),
    });
    expect(record).toMatchObject({ taken: 11_000, refused: 1_000, rowsRead: 12_000 });
    expect(seen).toEqual([5_000, 10_000, 12_000]);
    expect((await refusalsOf(record.id)).slice(0, 2)).toEqual(['11002 duplicate', '11003 duplicate']);
  });

  test('two imports of the same people at once take each of them once', async () => {
    const lines = Array.from(
      { length: 6_000 },
      (_, i) => `P,${13_100_000_000 + i},p${i}@example.org,en,,,${GOOD}\n`,
    );
    const [one, two] = await Promise.all([
      run([`${HEADER}\n`, ...lines]),
      run([`${HEADER}\n`, ...lines.toReversed()]),
    ]);
    expect(one.taken + two.taken).toBe(6_000);
    expect(one.refused + two.refused).toBe(6_000);
    expect(await contacts()).toHaveLength(12_000);
  });

  test('too large: what was committed stays, and the record says how far it came', async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => `P,${13_200_000_000 + i},,en,,,${GOOD}\n`);
    await expect(run([`${HEADER}\n`, ...lines], { maxBytes: 300_000 })).rejects.toMatchObject({
      kind: 'too-large',
      code: 'too-large',
      message: expect.stringMatching(
        /not smaller than 0\.3 MB; lines up to 5001 were handled \(5000 taken, 0 refused\)/,
      ),
    });
    const [record] = await imports.list({ limit: 1 });
    expect(record).toMatchObject({
      state: 'failed',
      rowsRead: 5_000,
      taken: 5_000,
      error: expect.stringMatching(/nothing after them was taken/),
    });
    expect(record?.finishedAt).not.toBeNull();
    expect(await contacts()).toHaveLength(5_000);
  });

  test('an upload that breaks off fails, and says so', async () => {
    async function* broken() {
      yield Buffer.from(`${HEADER}\nP,13800000001,,en,,,${GOOD}\n`);
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    }
    await expect(importCsv(broken(), { imports, lists, userId: null })).rejects.toMatchObject({
      code: 'upload-broken',
    });
    expect(await imports.list({ limit: 1 })).toMatchObject([{ state: 'failed', taken: 0 }]);
    expect(await contacts()).toEqual([]);
  });

  test('the wrong file stops early', async () => {
    const chunk = 'junk,12345,,en,,,,\n'.repeat(1_000);
    await expect(run([`${HEADER}\n`, ...Array.from({ length: 80 }, () => chunk)])).rejects.toMatchObject({
      code: 'too-many-refusals',
    });
    expect(await imports.list({ limit: 1 })).toMatchObject([{ state: 'failed', taken: 0 }]);
  });
});
