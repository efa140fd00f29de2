import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, open } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { expand } from '../../src/pipeline/expand.ts';
import type { Preview } from '../../src/pipeline/preview.ts';
import { provision } from '../../src/provision.ts';
import { type Office, openOffice } from './herald.ts';

const EXAMPLE = 'examples/announcement.json';

let office: Office;
let author: string;
let approver: string;
let example: Record<string, unknown>;

beforeAll(async () => {
  office = await openOffice();
  author = await office.user('approver', '李静');
  approver = await office.user('approver', '王强');
  for (const list of ['topics', 'districts'])
    await office.run(list, 'add', '--file', `examples/${list}.json`);
  await office.run('import', 'examples/subscribers.csv');
  example = JSON.parse(await readFile(EXAMPLE, 'utf8'));
});
afterAll(() => office.close());

async function submitted(): Promise<string> {
  const { id } = (await office.run('announce', EXAMPLE, '--user', author, '--json')).json<{ id: string }>();
  await office.run('submit', id, '--user', author);
  return id;
}

/** Does something that no command does, to one announcement. */
async function inside(id: string, act: (app: App, announcement: number) => Promise<unknown>): Promise<void> {
  const log = createLog('silent', 'test');
  const ground = await provision(loadConfig(office.environment), () => {});
  const app = await open(ground.config, { log, name: 'test' });
  try {
    await act(app, app.ids.decode('announcement', id).id);
  } finally {
    await app.close();
  }
}

describe('preview', () => {
  test('shows every channel, and for whom', async () => {
    const shown = await office.run('preview', EXAMPLE);
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out).toMatch(/── SMS zh-CN · UCS-2, \d+ segments, \d+ units ─/);
    expect(shown.out).toMatch(/── SMS en · GSM-7, \d+ segments, \d+ units ─/);
    expect(shown.out).toContain('Subject: ');
    expect(shown.out).toContain('"type": "announcement.published"');
    expect(shown.out).toMatch(/\d+ messages: sms \d+, email \d+, webhook 0|\d+ messages: sms \d+, email \d+/);
    const withoutLinks = shown.out
      .split('── ')
      .find((part) => part.startsWith('SMS en, where links are not allowed'));
    expect(withoutLinks).toBeDefined();
    expect(withoutLinks).not.toMatch(/https?:/);
  });

  test('as JSON it is one object; --locale leaves the others out', async () => {
    const preview = (await office.run('preview', EXAMPLE, '--json', '--locale', 'en')).json<Preview>();
    expect(preview.locales.map((l) => l.locale)).toEqual(['en']);
    expect(preview.locales[0]?.sms?.segments.encoding).toBe('GSM-7');
    expect(preview.audience.total).toBeGreaterThan(1_000);
    expect(await office.run('preview', EXAMPLE, '--locale', 'fr')).toMatchObject({
      code: 2,
      err: expect.stringContaining('choose one of zh-CN, en'),
    });
  });
});

test('what the privacy lint found is shown in preview and status, and holds submission up', async () => {
  const content = structuredClone(example.content) as Record<string, Record<string, string>>;
  content.en = { ...content.en, advice: 'The suspect, Zhang Wei, may call you.' };
  const file = JSON.stringify({ ...example, content });
  const preview = await office.runWith(file, 'preview', '-');
  expect(preview.out).toMatch(
    /── Privacy lint ─+\nname +en advice:13 +"Zhang Wei" looks like a person’s full name/,
  );
  const written = await office.runWith(file, 'announce', '-', '--user', author, '--json');
  const { id } = written.json<{ id: string }>();
  const refused = await office.run('submit', id, '--user', author);
  expect(refused).toMatchObject({ code: 2, out: '' });
  expect(refused.err).toMatch(
    /content\.en\.advice: "Zh\*+ei" .*lintReasons\["(name:en:advice:[0-9a-f]{16})"\]/,
  );
  expect((await office.run('status', id)).out).toMatch(/no reason yet: lintReasons\["name:en:advice:/);
});

/** What the expand worker does. */
const listRecipients = (id: string) =>
  inside(id, async (app, announcement) => {
    while (!(await app.reports.expanded(announcement))) {
      const { rows } = await app.pool.query(
        'SELECT announcement_id AS id, generation FROM expansions WHERE announcement_id = $1',
        [announcement],
      );
      await expand(app.engine, rows[0]);
    }
  });

/** Of its first SMS there is no receipt. */
const loseReceipt = (id: string) =>
  inside(id, async ({ pool }, announcement) => {
    const { rows } = await pool.query(
      `UPDATE deliveries SET status = 'sent', provider_message_id = 'SM', error_code = 'no-receipt'
       WHERE (announcement_id, n) = (SELECT announcement_id, min(n) FROM deliveries WHERE announcement_id = $1 AND channel = 'sms' GROUP BY 1)
       RETURNING n`,
      [announcement],
    );
    await pool.query(
      'UPDATE shards SET without_receipt = 1 WHERE announcement_id = $1 AND $2 BETWEEN from_n AND to_n',
      [announcement, rows[0].n],
    );
  });

describe('from draft to sending', () => {
  test('somebody writes, somebody else approves, and the status shows what came of it', async () => {
    const written = await office.runWith(
      JSON.stringify(example),
      'announce',
      '-',
      '--user',
      author,
      '--json',
    );
    expect(written.json()).toMatchObject({ id: expect.stringMatching(/^ann_/), state: 'draft', revision: 1 });
    const { id } = written.json<{ id: string }>();
    const { sha256 } = (await office.run('submit', id, '--user', author, '--json')).json<{
      sha256: string;
    }>();
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);

    const own = await office.run('approve', id, '--user', author);
    expect(own).toMatchObject({ code: 1, out: '' });
    expect(own.err).toMatch(/you wrote part of this announcement.*\n +ask another approver/);
    const glass = await office.run('break-glass', id, '--user', author, '--reason', 'nobody answers');
    expect(glass).toMatchObject({ code: 1, err: expect.stringContaining('admin') });
    expect((await office.run('look', id, '--user', approver)).out).toBe(`${id} is submitted\n`);
    const other = await office.run('approve', id, '--user', approver, '--sha256', 'f'.repeat(64), '--json');
    expect(other.json()).toMatchObject({ error: { code: 'revision-changed' } });
    const approved = await office.run('approve', id, '--user', approver, '--sha256', sha256);
    expect(approved).toMatchObject({ code: 0, out: `${id} is sending\n` });

    await listRecipients(id);
    const status = await office.run('status', id);
    expect(status.out).toMatch(/^state +sending$/m);
    expect(status.out).toMatch(/^channel +queued +total/m);
    const { counts, totals } = (await office.run('status', id, '--json')).json<{
      counts: Record<string, Record<string, number>>;
      totals: Record<string, number>;
    }>();
    expect(counts.sms?.queued).toBe(totals.sms);
    expect(totals.sms).toBeGreaterThan(500);

    const page = await office.run('deliveries', id, '--channel', 'email', '--limit', '2');
    expect(page.out).toMatch(/dlv_\w+ +email +queued +0 +\S\*\*\*@/);
    expect(page.out).toMatch(/more: --after dlv_\w+/);
    const { items, nextCursor } = (
      await office.run('deliveries', id, '--limit', '2', '--addresses', '--json')
    ).json<{
      items: { address: string }[];
      nextCursor: string;
    }>();
    expect(items[0]?.address).not.toContain('*');
    const next = await office.run('deliveries', id, '--after', nextCursor, '--limit', '1', '--json');
    expect(next.json<{ items: { id: string }[] }>().items[0]?.id).not.toBe(nextCursor);
    expect((await office.run('deliveries', id, '--status', 'delivered')).out).toBe('none\n');

    await loseReceipt(id);
    expect((await office.run('status', id)).out).toMatch(/^channel .*total +no receipt .*\n.*sms +.* 1 *$/m);
    expect((await office.run('deliveries', id, '--status', 'sent')).out).toMatch(
      / sms +sent .* no receipt +SM/,
    );

    const paused = await office.run('pause', id, '--user', approver, '--reason', 'wrong district');
    expect(paused.out).toBe(`${id} is paused\n`);
    expect((await office.run('status', id)).out).toContain('paused (wrong district)');
    expect((await office.run('resume', id, '--user', approver)).out).toBe(`${id} is sending\n`);
    expect((await office.run('cancel', id, '--user', approver)).out).toBe(`${id} is cancelled\n`);
    const again = await office.run('cancel', id, '--user', approver, '--json');
    expect(again.code).toBe(1);
    expect(again.json()).toMatchObject({ error: { code: 'illegal-transition' } });
  });

  test('returned, edited, submitted again', async () => {
    const id = await submitted();
    expect(await office.run('return', id, '--user', approver)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--reason'),
    });
    expect((await office.run('return', id, '--user', approver, '--reason', 'name the hotline')).code).toBe(0);
    expect((await office.run('status', id)).out).toContain('name the hotline');
    const edited = await office.run('announce', EXAMPLE, '--user', author, '--edit', id, '--json');
    expect(edited.json()).toMatchObject({ id, state: 'draft', revision: 2 });
    expect((await office.run('submit', id, '--user', author)).code).toBe(0);
    expect((await office.run('reject', id, '--user', approver, '--reason', 'not ours')).out).toBe(
      `${id} is rejected\n`,
    );
  });

  test('an author may not approve; a disabled user may do nothing', async () => {
    const id = await submitted();
    const other = await office.user('author', 'another author');
    expect(await office.run('approve', id, '--user', other)).toMatchObject({
      code: 1,
      err: 'herald: this needs the role approver; you have the role author\n  ask somebody who is approver or admin\n',
    });
    await office.run('users', 'disable', other);
    const refused = await office.run('announce', EXAMPLE, '--user', other, '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'user-disabled' } });
  });

  test('all announcements, workers and what waits', async () => {
    await submitted();
    const shown = await office.run('status', '--limit', '1');
    expect(shown.out).toMatch(/^ann_\w+ +submitted +notice/m);
    expect(shown.out).toContain('no workers');
    const { announcements, health } = (await office.run('status', '--json')).json<{
      announcements: unknown[];
      health: { workers: unknown[] };
    }>();
    expect(announcements.length).toBeGreaterThan(1);
    expect(health.workers).toEqual([]);
  });
});

describe('bad announcements', () => {
  const changed = (change: object) => JSON.stringify({ ...example, ...change });
  const cases: [what: string, input: () => string | Buffer, code: string, says: RegExp][] = [
    ['no JSON', () => '{"case": ', 'malformed-json', /the input is no JSON/],
    ['nothing', () => '', 'malformed-json', /the input is empty/],
    [
      'another encoding, as an office’s Windows writes it',
      () => Buffer.from([0x22, 0xb9, 0xab, 0xb0, 0xb2, 0x22]),
      'not-utf-8',
      /save it as UTF-8/,
    ],
    ['UTF-16', () => Buffer.from('\ufeff{}', 'utf16le'), 'not-utf-8', /not UTF-8/],
    ['another shape', () => '[]', 'invalid-announcement', /must be an object, not a list/],
    ['a missing field', () => '{}', 'invalid-announcement', /case: is required; mode: is required: live or/],
    ['an unknown field', () => changed({ audiance: {} }), 'invalid-announcement', /audiance/],
    ['an unknown template', () => changed({ template: 'nope' }), 'unknown-template', /hot-case/],
    ['an unknown channel', () => changed({ channels: ['fax'] }), 'invalid-announcement', /channels/],
    [
      'an unknown topic',
      () => changed({ audience: { topics: ['nope'] } }),
      'invalid-announcement',
      /there is no topic "nope"/,
    ],
    [
      'an expiry in the past',
      () => changed({ expiresAt: '2020-01-01T00:00:00Z' }),
      'invalid-announcement',
      /expiresAt.*past/,
    ],
    ['a correction of nothing', () => changed({ kind: 'correction' }), 'invalid-announcement', /supersedes/],
    ['a NUL in a text', () => changed({ basis: 'a\u0000b' }), 'invalid-announcement', /basis/],
    ['half a character', () => changed({ basis: 'a\ud83d' }), 'invalid-announcement', /basis/],
  ];
  test.each(cases)('%s', async (_what, input, code, says) => {
    const before = await office.database.pool.query('SELECT count(*) FROM announcements');
    const refused = await office.runWith(input(), 'announce', '-', '--user', author, '--json');
    expect(refused.json()).toMatchObject({ error: { code } });
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(says);
    expect(refused.err).not.toMatch(/^\s+at /m);
    expect((await office.database.pool.query('SELECT count(*) FROM announcements')).rows).toEqual(
      before.rows,
    );
  });

  test('a file that is not there, a folder, and one that is too large', async () => {
    expect(await office.run('preview', 'no-such-file.json')).toMatchObject({
      code: 2,
      err: 'herald: cannot read no-such-file.json: there is no such file\n  name a file that this user may read, or - for stdin\n',
    });
    expect(await office.run('preview', 'examples')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^herald: cannot read examples: it is a folder\n/),
    });
    const large = await office.runWith(Buffer.alloc(1_000_001, ' '), 'preview', '-');
    expect(large).toMatchObject({
      code: 2,
      err: 'herald: the input is larger than 1 MB\n  shorten it; is it the right file?\n',
    });
  });

  test('a byte order mark is no harm', async () => {
    expect((await office.runWith(`\ufeff${JSON.stringify(example)}`, 'preview', '-')).code).toBe(0);
  });
});
