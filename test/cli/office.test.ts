import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserStore } from '../../src/storage/users.ts';
import { type Office, openOffice } from './herald.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

describe('users and keys', () => {
  test('a user is added and listed, and a key acts for them until it is revoked', async () => {
    const added = await office.run('users', 'add', '--name', '李静', '--role', 'approver', '--json');
    expect(added).toMatchObject({ code: 0, err: '' });
    const { id } = added.json<{ id: string }>();
    expect(id).toMatch(/^usr_/);

    const listed = await office.run('users', 'list');
    expect(listed.out).toContain(id);
    expect(listed.out).toContain('李静');

    const made = (await office.run('keys', 'create', '--user', id, '--json')).json<{
      id: string;
      key: string;
    }>();
    const users = new UserStore(office.database.pool);
    expect(await users.authenticate(made.key)).toMatchObject({ name: '李静', role: 'approver' });
    expect((await office.run('keys', 'list', '--user', id)).out).toContain(made.id);

    expect((await office.run('keys', 'revoke', made.id)).code).toBe(0);
    expect(await users.authenticate(made.key)).toBeUndefined();
  });

  test('a user is invited to the console by a link that is printed, and a newer one takes its place', async () => {
    const id = await office.user('approver', 'invited');
    const invite = async () =>
      (await office.run('users', 'invite', '--user', id, '--json')).json<{
        url: string;
        expiresAt: string;
      }>();
    const [first, second] = [await invite(), await invite()];
    expect(first.url).toMatch(/^http:\/\/[^/]+\/console\/invitation\/[\w-]{43}$/);
    expect(second.url).not.toBe(first.url);
    const { rows } = await office.database.pool.query(
      'SELECT ended_at IS NULL AS open FROM invitations ORDER BY id',
    );
    expect(rows).toEqual([{ open: false }, { open: true }]);
    expect((await office.run('users', 'invite', '--user', id)).out).toContain('It works once, until');
    expect(await office.run('users', 'invite', '--user', 'usr_1')).toMatchObject({ code: 1 });
  });

  test('a disabled user gets no key', async () => {
    const id = await office.user('author', 'leaver');
    expect((await office.run('users', 'disable', id)).out).toContain('leaver is disabled');
    const refused = await office.run('keys', 'create', '--user', id);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^herald: there is no such user/);
  });

  test.each([
    [['users', 'add', '--name', 'x', '--role', 'boss'], /role <role>.*author, approver, admin/s],
    [['users', 'add', '--name', 'x'], /--role/],
    [['users', 'add', '--name', '', '--role', 'admin'], /--name cannot be taken\n {2}- must not be empty/],

    [['users', 'add', '--name', 'a\u0007b', '--role', 'admin'], /cannot be shown/],
  ])('%j is wrong usage', async (argv, says) => {
    const refused = await office.run(...argv);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toMatch(says);
  });

  test('an id that is none says what one looks like', async () => {
    expect(await office.run('users', 'disable', 'usr_1')).toMatchObject({
      code: 1,
      err: 'herald: there is no user "usr_1"\n  give the whole id of a user, usr_…, as lists show it\n',
    });
  });

  test('an id of another kind is not found, and nothing but that is said', async () => {
    const id = await office.user('author');
    const refused = await office.run('keys', 'revoke', id, '--json');
    expect(refused.code).toBe(1);
    expect(refused.json()).toMatchObject({ error: { code: 'no-such-key', issues: [] } });
  });
});

describe('topics and districts', () => {
  test('a file is added once; the second time only says that all is there', async () => {
    const first = await office.run('topics', 'add', '--file', 'examples/topics.json', '--json');
    expect(first.json()).toEqual({
      added: ['major-cases', 'fraud', 'missing-persons', 'traffic', 'public-safety', 'community'],
      existing: [],
    });
    const second = await office.run('topics', 'add', '--file', 'examples/topics.json', '--json');
    expect(second.json<{ added: string[] }>().added).toEqual([]);
    expect((await office.run('topics', 'list')).out).toMatch(/fraud +.*反诈预警/);
  });

  test('one is added by its code and names', async () => {
    const added = await office.run(
      'districts',
      'add',
      'harbour',
      '--name',
      'en=Harbour',
      '--name',
      'zh-CN=港区',
      '--json',
    );
    expect(added.json()).toEqual({ added: ['harbour'], existing: [] });
    const { items } = (await office.run('districts', 'list', '--json')).json<{ items: unknown[] }>();
    expect(items).toEqual([{ code: 'harbour', names: { en: 'Harbour', 'zh-CN': '港区' }, archivedAt: null }]);
    expect(await office.run('districts', 'add', 'harbour')).toMatchObject({
      code: 1,
      err: expect.stringContaining('already'),
    });
  });

  test.each([
    [['topics', 'add'], '', /either a code or --file/],
    [['topics', 'add', 'Not A Code'], '', /not a code/],
    [['topics', 'add', 'ok', '--name', 'English'], '', /no pair/],
    [['topics', 'add', '--file', '-'], '[{"code":"new"},{"code":"b","name":"typo"}]', /1: .*name/],
  ])('%j is refused, and nothing is added', async (argv, stdin, says) => {
    const before = (await office.run('topics', 'list')).out;
    const refused = await office.runWith(stdin, ...argv);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(says);
    expect((await office.run('topics', 'list')).out).toBe(before);
  });
});

describe('endpoints', () => {
  test('one is registered; its secret is shown once', async () => {
    const argv = [
      'endpoints',
      'add',
      '--outlet',
      'Binjiang Post',
      '--url',
      `${office.sandbox.url}/hooks/post`,
      '--topics',
      'fraud, traffic',
    ];
    const added = await office.run(...argv, '--json');
    expect(added.json()).toEqual({
      id: expect.stringMatching(/^end_/),
      secret: expect.stringMatching(/^whsec_/),
    });
    const listed = await office.run('endpoints', 'list');
    expect(listed.out).toMatch(/Binjiang Post.*fraud,traffic/);
    expect(listed.out).not.toContain('whsec_');
    expect((await office.run(...argv)).code).toBe(1);
  });

  test.each([
    ['https://10.0.0.8/hook', 'in a private network'],
    ['https://[::1]/hook', 'this machine'],
    ['ftp://example.org/hook', 'not the web'],
    ['nonsense', 'no URL'],
  ])('%s is refused: %s', async (url) => {
    const refused = await office.run('endpoints', 'add', '--outlet', 'x', '--url', url);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toMatch(/^herald: /);
    expect(refused.err).not.toMatch(/^\s+at /m);
  });
});

describe('quiet hours', () => {
  test('are set, shown and cleared', async () => {
    expect((await office.run('quiet-hours')).out).toContain('no quiet hours');
    const set = await office.run('quiet-hours', 'set', 'sms', '22:00', '08:00', '--json');
    expect(set.json()).toEqual({
      timezone: 'Asia/Shanghai',
      items: [{ channel: 'sms', from: '22:00', until: '08:00' }],
    });
    expect((await office.run('quiet-hours', 'list')).out).toMatch(/sms +22:00 +08:00\n\(Asia\/Shanghai\)/);
    expect((await office.run('quiet-hours', 'clear', 'sms')).out).toContain('no quiet hours');
  });

  test.each([
    [['quiet-hours', 'set', 'fax', '22:00', '08:00'], /sms.*email.*webhook/s],
    [['quiet-hours', 'set', 'sms', '22', '08:00'], /a time such as 22:00/],
    [['quiet-hours', 'set', 'sms', '08:00', '08:00'], /are the same/],
  ])('%j is wrong usage', async (argv, says) => {
    const refused = await office.run(...argv);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toMatch(says);
  });
});
