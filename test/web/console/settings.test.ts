import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WORKER_KINDS } from '../../../src/domain/health.ts';
import { type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

const HOSTILE = '<svg onload=alert(1)>';
let herald: Herald;
let admin: Person;
let theirs: Visitor;
let author: Visitor;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin', '王建国');
  theirs = await admin.visit();
  author = await (await person(herald, 'author')).visit();
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
});
afterAll(() => herald.close());

describe('topics and districts', () => {
  const HOME = '/console/admin/lists';

  test('are added, renamed, archived and restored', async () => {
    await theirs.post(`${HOME}/topics`, { code: 'fraud', 'name-en': HOSTILE, 'name-zh-CN': '防诈' });
    const { body } = await theirs.get(HOME);
    expect([body.includes('&lt;svg onload'), body.includes('<svg onload')]).toEqual([true, false]);
    await theirs.post(`${HOME}/topics/fraud`, { 'name-en': 'Fraud', 'name-zh-CN': '防诈骗' });
    expect(await herald.app.lists.list('topics')).toMatchObject([
      { code: 'fraud', names: { en: 'Fraud', 'zh-CN': '防诈骗' }, archivedAt: null },
    ]);
    await theirs.post(`${HOME}/topics/fraud/archive`);
    expect(await herald.app.lists.list('topics')).toEqual([]);
    expect((await theirs.get(HOME)).body).toContain('Archived');
    await theirs.post(`${HOME}/topics/fraud/restore`);
    expect(await herald.app.lists.list('topics')).toHaveLength(1);
    const seen = (await author.get(HOME)).body;
    expect([seen.includes('Fraud'), seen.includes(`${HOME}/topics`)]).toEqual([true, false]);
  });

  beforeAll(() => herald.app.lists.add('districts', { code: 'taken', names: {} }));
  test.each([
    [{ code: '' }, 'Only lower-case letters'],
    [{ code: 'Fraud!' }, 'Only lower-case letters'],
    [{ code: 'x'.repeat(65) }, 'Only lower-case letters'],
    [{ code: 'taken' }, 'There is this code already.'],
    [{ code: 'good', 'name-en': 'x'.repeat(201) }, 'at most 200 characters'],
  ])('are not added with %j', async (fields, words) => {
    const { status, body } = await theirs.post(`${HOME}/districts`, fields as Record<string, string>);
    expect([status, body.includes(words)]).toEqual([422, true]);
  });

  test('that are none are not found', async () => {
    for (const url of [`${HOME}/nothing`, `${HOME}/topics/nothing`, `${HOME}/topics/%00`])
      expect([url, (await theirs.get(url)).status]).toEqual([url, 404]);
  });
});

describe('quiet hours', () => {
  const HOME = '/console/admin/quiet-hours';
  const set = (from: string, until: string) =>
    theirs.post(HOME, { channel: 'sms', 'sms-from': from, 'sms-until': until });

  test('are set and cleared by admins, and read by all', async () => {
    expect((await set('22:00', '08:00')).location).toBe(`${HOME}?done=saved`);
    const { body } = await author.get(HOME);
    expect(body).toContain('Every day from 22:00 to 08:00 of the next day');
    expect(body).not.toContain('name="sms-from"');
    await set('12:00', '14:00');
    expect((await theirs.get(HOME)).body).toContain('Every day from 12:00 to 14:00');
    await theirs.post(`${HOME}/clear`, { channel: 'sms' });
    expect(await herald.app.quietHours.list()).toEqual([]);
  });

  test.each([
    ['22:00', '22:00', 'It must end at another time'],
    ['25:00', '08:00', 'not in the right form'],
    ['', '', 'not in the right form'],
  ])('from %s until %s are none', async (from, until, words) => {
    const { status, body } = await set(from, until);
    expect([status, body.includes(words)]).toEqual([422, true]);
    expect((await theirs.post(HOME, { channel: 'pigeon' })).status).toBe(400);
  });
});

describe('API keys', () => {
  test('are shown once, work, and stop working when they are revoked', async () => {
    const { app } = herald;
    const user = await app.users.add({ name: HOSTILE, role: 'author' });
    const page = `/console/admin/users/${app.ids.encode('user', user.id)}/keys`;
    const made = (await theirs.post(page)).body;
    const key = /hk_[\w-]{43}/.exec(made)?.[0] ?? '';
    expect(made).not.toContain('<svg onload');
    expect(await app.users.authenticate(key)).toMatchObject({ id: user.id });
    const { body } = await theirs.get(page);
    expect([body.includes(key), body.includes('<svg onload')]).toEqual([false, false]);
    const id = /name="key" value="(key_\w+)"/.exec(body)?.[1] ?? '';
    const other = `/console/admin/users/${admin.userId}/keys`;
    expect((await theirs.post(`${other}/revoke`, { key: id })).status).toBe(404);
    expect((await theirs.post(`${page}/revoke`, { key: id })).location).toBe(`${page}?done=revoked`);
    expect(await app.users.authenticate(key)).toBeUndefined();
    expect((await theirs.get(page)).body).toContain('Revoked');
    await app.users.disable(user.id);
    expect((await theirs.get(page)).body).toContain('can have no keys');
    expect((await theirs.post(page)).status).toBe(404);
  });
});

describe('templates', () => {
  const HOME = '/console/admin/templates';

  test('are listed, previewed with sample texts in each language, and shown as they are', async () => {
    const { body } = await author.get(HOME);
    const names = herald.app.templates.list().map(({ manifest }) => manifest.name);
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      expect(body).toContain(`${HOME}/${name}`);
      for (const locale of ['zh-CN', 'en', 'nonsense']) {
        const page = await author.get(`${HOME}/${name}?locale=${locale}`);
        expect([name, page.status]).toEqual([name, 200]);
        const mail = await author.get(`${HOME}/${name}/mail?locale=${locale}`);
        expect([mail.status, String(mail.headers['content-security-policy']).includes('sandbox')]).toEqual([
          200,
          true,
        ]);
      }
    }
    const zh = (await author.get(`${HOME}/hot-case?locale=zh-CN`)).body;
    expect(zh).toContain('警惕冒充客服的诈骗');
    expect(zh).toContain('{{headline}}');
    const en = (await author.get(`${HOME}/hot-case?locale=en`)).body;
    expect(en).toContain('Beware of callers');
    expect(en).toContain('sandbox=""');
    expect((await author.get(`${HOME}/nothing`)).status).toBe(404);
  });
});

describe('providers and limits', () => {
  const HOME = '/console/admin/system';

  test('say in words what is configured, what is wrong, since when and what to do', async () => {
    const { app } = herald;
    await app.quietHours.set({ channel: 'sms', from: '22:00', until: '08:00' });
    const empty = (await author.get(HOME)).body;
    for (const text of ['Sandbox (trial)', 'SMS segments a second', '22:00–08:00', 'No worker is running'])
      expect(empty).toContain(text);
    await app.engine.workers.register({ kind: 'sms', host: HOSTILE, pid: 1 });
    // Without a sweeper nothing starts at its hour, is retried or expires.
    const some = (await author.get(HOME)).body;
    expect([some.includes('All is well'), some.includes('No process for “Sweeper”')]).toEqual([false, true]);
    for (const kind of WORKER_KINDS) await app.engine.workers.register({ kind, host: 'h', pid: 2 });
    expect((await author.get(HOME)).body).toContain('All is well');
    await app.pool.query(
      `UPDATE workers SET heartbeat_at = now() - interval '20 seconds' WHERE kind = 'sweep'`,
    );
    expect((await author.get(HOME)).body).not.toContain('All is well');
    await app.pool.query('UPDATE workers SET heartbeat_at = now()');
    await app.engine.breakers.open({
      provider: 'twilio',
      channel: 'sms',
      gateway: 'live',
      code: '20003',
      message: HOSTILE,
    });
    const { body } = await author.get(HOME);
    for (const text of ['Sending is stopped', '20003', 'goes on by itself']) expect(body).toContain(text);
    expect([body.includes('<svg onload'), body.includes('All is well')]).toEqual([false, false]);
    expect(body).not.toContain(app.config.secret);
  });
});
