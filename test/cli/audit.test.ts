import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice } from './herald.ts';

let office: Office;
let folder: string;
beforeAll(async () => {
  office = await openOffice();
  folder = await mkdtemp(join(tmpdir(), 'herald-audit-'));
});
afterAll(async () => {
  await office.close();
  await rm(folder, { recursive: true });
});

const head = async () => (await office.run('audit', 'head')).out.trim();

test('commands are written down with the name of who ran them', async () => {
  const id = await office.user('approver', '李静');
  const listed = await office.run('audit', 'list', '--subject', id, '--json');
  expect(listed.json()).toMatchObject({
    items: [
      {
        actor: null,
        act: 'add',
        subject: { type: 'user', id },
        details: { role: 'approver', operator: userInfo().username },
      },
    ],
  });
  const shown = await office.run('audit', 'list', '--act', 'add', '--since', '2026-01-01T00:00:00Z');
  expect(shown.out).toContain(id);
  expect(shown.out).toContain(`(${userInfo().username})`);
  // References only.
  expect(shown.out).not.toContain('李静');
  expect((await office.run('audit', 'list', '--until', '2000-01-01T00:00:00Z')).out).toBe('none\n');
});

test('what is done in a user’s name has both: the user, and who ran the command', async () => {
  const id = await office.user('admin');
  const to = ['--channel', 'email', '--to', 'a@example.org', '--template', 'test-message'];
  expect((await office.run('message', '--user', id, ...to)).code).toBe(0);
  const { items } = (await office.run('audit', 'list', '--actor', id, '--json')).json<{ items: object[] }>();
  expect(items).toMatchObject([
    { actor: id, act: 'send', subject: { type: 'message' }, details: { operator: userInfo().username } },
  ]);
});

test('the chain is verified, alone and against anchors typed, in a file, or piped', async () => {
  const first = await head();
  expect(first).toMatch(/^herald-audit\/1 [0-9a-f]{12} \d+ \S+Z [0-9a-f]{64}$/);
  await office.user('author');
  const file = join(folder, 'anchors.txt');
  await writeFile(file, `2026-01-17 ${first}\n2026-01-18 ${await head()}\n`);
  const alone = await office.run('audit', 'verify');
  expect(alone).toMatchObject({ code: 0, err: '' });
  expect(alone.out).toMatch(/^\d+ rows, one unbroken chain\n.*\n\(without an anchor/);
  expect((await office.run('audit', 'verify', '--anchor', first)).out).toContain('as the anchor saw it');
  expect((await office.run('audit', 'verify', '--anchor', file)).out).toContain('as 2 anchors saw it');
  expect((await office.runWith(first, 'audit', 'verify', '--anchor', '-')).code).toBe(0);

  await writeFile(file, 'nothing of the kind');
  expect(await office.run('audit', 'verify', '--anchor', file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('there is no anchor in it'),
  });
  expect((await office.run('audit', 'verify', '--anchor', join(folder, 'nowhere'))).code).toBe(2);
});

test('a broken chain is exit code 1, and names its first broken link', async () => {
  const anchor = await head();
  const tamper = (sql: string) =>
    office.database.pool.query(`BEGIN; SET LOCAL herald.audit_maintenance = 'on'; ${sql}; COMMIT`);
  await tamper('DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)');
  const cut = await office.run('audit', 'verify', '--anchor', anchor, '--json');
  expect(cut).toMatchObject({ code: 1, err: expect.stringContaining('the audit chain is broken (cut-off)') });
  expect(cut.json()).toMatchObject({ broken: { kind: 'cut-off' } });
  await tamper(`UPDATE audit SET act = 'x' WHERE id = 2`);
  const changed = await office.run('audit', 'verify');
  expect(changed.code).toBe(1);
  expect(changed.out).toContain('1 rows hold together; then: row 2 was changed');
});
