import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { PASSWORD, pathOf, person, sessionBehind, Visitor } from './visitor.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

const isIn = async (visitor: Visitor) => (await visitor.get('/console/account')).status === 200;
const fresh = () => herald.app.pool.query('DELETE FROM sign_in_attempts');
const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0];

describe('guessing', () => {
  test('is slowed down, for a login that is there and for one that is not alike, also with the right password', async () => {
    const { login } = await person(herald, 'author');
    for (const tried of [login, 'nobody-at-all']) {
      await fresh();
      const visitor = new Visitor(herald);
      const attempt = (password: string) => visitor.post('/console/sign-in', { login: tried, password });
      for (let i = 0; i < 5; i += 1) expect((await attempt('wrong')).status).toBe(422);
      const refused = await attempt(PASSWORD);
      expect([tried, refused.status, refused.headers['retry-after']]).toEqual([tried, 429, '1']);
    }
  });

  test('doubles the wait up to a quarter of an hour, and success ends it', async () => {
    const { app } = herald;
    const { login } = await person(herald, 'author');
    await fresh();
    const client = { userAgent: '', address: '192.0.2.1' };
    const waits: number[] = [];
    for (let i = 0; i < 18; i += 1) {
      await expect(app.identity.signIn.withPassword(login, 'wrong', client)).rejects.toMatchObject({
        code: 'wrong-sign-in',
      });
      const { rows } = await app.pool.query(
        'SELECT round(extract(epoch FROM max(blocked_until - last_at)))::int AS wait FROM sign_in_attempts',
      );
      waits.push(rows[0].wait);
      await app.pool.query('UPDATE sign_in_attempts SET blocked_until = clock_timestamp()');
    }
    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
    await app.identity.signIn.withPassword(login, PASSWORD, client);
    await expect(app.identity.signIn.withPassword(login, 'wrong', client)).rejects.toMatchObject({
      code: 'wrong-sign-in',
    });
  });

  test('many logins from one address, or from one /64, are one guesser', async () => {
    const { signIn } = herald.app.identity;
    for (const address of [() => '203.0.113.7', (i: number) => `2001:db8::${i}`]) {
      await fresh();
      const attempts = Array.from({ length: 21 }, (_, i) =>
        signIn
          .withPassword(`login-${i}`, 'wrong', { userAgent: '', address: address(i) })
          .catch((e) => e.code),
      );
      const codes = await Promise.all(attempts);
      expect(codes.filter((code) => code === 'too-many-attempts').length).toBeGreaterThanOrEqual(1);
    }
    await fresh();
  });

  test('codes are guessed no faster, and none is taken twice', async () => {
    const { signIn } = herald.app.identity;
    const somebody = await person(herald, 'approver');
    const session = await sessionBehind(herald, await somebody.token());
    await expect(signIn.secondFactor(session, 'totp', somebody.code())).rejects.toMatchObject({
      code: 'wrong-code',
    });
    for (let i = 0; i < 4; i += 1)
      await expect(signIn.secondFactor(session, 'totp', '000000')).rejects.toMatchObject({
        code: 'wrong-code',
      });
    await expect(signIn.secondFactor(session, 'totp', '000000')).rejects.toMatchObject({
      code: 'too-many-attempts',
    });
    await fresh();
  });

  test('what was tried is told to nobody: not in the page, not in the log, not in the database', async () => {
    const visitor = new Visitor(herald);
    const secret = 'my-password-typed-as-login';
    const { body } = await visitor.post('/console/sign-in', { login: secret, password: `${secret}!` });
    expect(body).not.toContain(`${secret}!`);
    expect(herald.logged()).not.toContain(secret);
  });
});

describe('an invitation', () => {
  test('sets login and password once; approvers then must get a second factor', async () => {
    const { app } = herald;
    const user = await app.users.add({ name: '<b>钱</b>', role: 'approver' });
    const path = pathOf(await app.identity.invite(user.id, undefined));
    const visitor = new Visitor(herald);
    for (let i = 0; i < 2; i += 1) expect((await visitor.get(path)).body).toContain('&lt;b>钱');
    const fields = { login: '钱警官', password: PASSWORD, passwordAgain: PASSWORD };
    expect((await visitor.post(path, { ...fields, passwordAgain: 'another' })).status).toBe(422);
    expect((await visitor.post(path, { ...fields, password: 'short', passwordAgain: 'short' })).status).toBe(
      422,
    );
    expect((await visitor.post(path, fields)).location).toBe('/console/enrol');
    expect((await visitor.get('/console')).location).toContain('/console/enrol');
    expect((await visitor.get('/console/enrol')).body).toContain('<svg class="qr"');
    expect((await new Visitor(herald).get(path)).status).toBe(404);
    expect((await new Visitor(herald).post(path, fields)).status).toBe(404);
  });

  test('a newer one ends the older; time ends both; what somebody had before ends with its use', async () => {
    const { app } = herald;
    const somebody = await person(herald, 'author');
    const visitor = await somebody.visit();
    const older = pathOf(await app.identity.invite(somebody.id, undefined));
    const newer = pathOf(await app.identity.invite(somebody.id, undefined));
    expect((await new Visitor(herald).get(older)).status).toBe(404);
    expect(await isIn(visitor)).toBe(true);
    const fields = {
      login: somebody.login,
      password: `${PASSWORD} again`,
      passwordAgain: `${PASSWORD} again`,
    };
    expect((await new Visitor(herald).post(newer, fields)).status).toBe(303);
    expect(await isIn(visitor)).toBe(false);
    await expect(
      app.identity.signIn.withPassword(somebody.login, PASSWORD, { userAgent: '', address: '::1' }),
    ).rejects.toMatchObject({ code: 'wrong-sign-in' });
    const last = pathOf(await app.identity.invite(somebody.id, undefined));
    await app.pool.query(`UPDATE invitations SET expires_at = now() - interval '1 second'`);
    expect((await new Visitor(herald).get(last)).status).toBe(404);
  });
});

describe('a session ends', () => {
  test.each<[string, (id: number) => Promise<unknown>]>([
    ['when its user is disabled', (id) => herald.app.users.disable(id)],
    ['when the role changes', (id) => herald.app.identity.accounts.setRole(id, 'approver', undefined)],
    ['when somebody ends it', (id) => herald.app.identity.sessions.end(id, {}, undefined)],
    [
      'after two hours without a sign of life',
      () => herald.app.pool.query(`UPDATE sessions SET last_seen_at = now() - interval '121 minutes'`),
    ],
    ['after twelve hours', () => herald.app.pool.query('UPDATE sessions SET expires_at = now()')],
  ])('%s', async (_, act) => {
    const somebody = await person(herald, 'author');
    const visitor = await somebody.visit();
    expect(await isIn(visitor)).toBe(true);
    await act(somebody.id);
    expect(await isIn(visitor)).toBe(false);
  });

  test('who is enabled again comes back with nothing', async () => {
    const { app } = herald;
    const somebody = await person(herald, 'author');
    const visitor = await somebody.visit();
    const { key } = await app.users.createKey(somebody.id);
    await app.users.disable(somebody.id);
    await app.identity.accounts.enable(somebody.id, undefined);
    expect(await isIn(visitor)).toBe(false);
    expect(await app.users.authenticate(key)).toBeUndefined();
  });

  test('one of several, by its owner, and not somebody else’s', async () => {
    const [one, other] = [await person(herald, 'author'), await person(herald, 'author')];
    const [first, second, foreign] = [await one.visit(), await one.visit(), await other.visit()];
    const { id } = await sessionBehind(herald, foreign.token);
    expect((await first.post('/console/account/sessions/end', { id: String(id) })).status).toBe(303);
    expect(await isIn(foreign)).toBe(true);
    await first.get('/console/account');
    await first.post('/console/account/sessions/end');
    expect([await isIn(first), await isIn(second)]).toEqual([true, false]);
  });
});

describe('dangerous acts', () => {
  test('want a second factor that is not older than five minutes, and lose nothing that was typed', async () => {
    const admin = await person(herald, 'admin');
    const user = await person(herald, 'author');
    const visitor = await admin.visit();
    const page = `/console/admin/users/${user.userId}`;
    await herald.app.pool.query(
      `UPDATE sessions SET second_factor_at = now() - interval '6 minutes' WHERE user_id = $1`,
      [admin.id],
    );
    const typed = { name: '李<b>"静', role: 'author' };
    const carried = async (sent: Record<string, string>, status: number) => {
      const { body, ...answer } = await visitor.post('/console/admin/users', sent);
      expect(answer.status).toBe(status);
      for (const part of [
        'action="/console/admin/users"',
        'name="name" value="李&lt;b>&#34;静"',
        'name="role" value="author"',
        'name="secondFactor" value="1"',
        '<button type="submit" class="button button-danger">生成邀请链接</button>',
      ])
        expect(body).toContain(part);
      expect(body).not.toContain('000000');
    };
    await carried(typed, 401);
    await carried({ ...typed, does: '生成邀请链接', code: '000000', secondFactor: '1' }, 422);
    const named = async () => (await herald.app.users.list()).some(({ name }) => name === typed.name);
    expect(await named()).toBe(false);
    await herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [admin.id]);
    const before = visitor.token;
    const done = await visitor.post('/console/admin/users', {
      ...typed,
      code: admin.code(),
      secondFactor: '1',
    });
    expect([done.status, visitor.token !== before, await named()]).toEqual([200, true, true]);
    // The session that was raised is the one that goes on.
    expect((await visitor.post(`${page}/disable`)).location).toBe(`${page}?done=disable`);
    expect(await newest()).toMatchObject({ actor: admin.id, act: 'disable', subjectId: String(user.id) });
  });

  test('take a second factor on the way from nobody who has not given theirs when signing in', async () => {
    const admin = await person(herald, 'admin');
    const half = new Visitor(herald);
    await half.get('/console/sign-in');
    await half.post('/console/sign-in', { login: admin.login, password: PASSWORD });
    await herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [admin.id]);
    const page = `/console/admin/users/${admin.userId}`;
    const { location } = await half.post(`${page}/enable`, { code: admin.code(), secondFactor: '1' });
    expect(location).toContain('/console/second-factor');
  });

  test('the last second factor of an admin stays', async () => {
    const visitor = await (await person(herald, 'admin')).visit();
    expect((await visitor.post('/console/account/totp/remove')).status).toBe(409);
  });
});

describe('headers', () => {
  test('nothing inline, nothing from elsewhere, nothing kept; the cookie is for this host and no script', async () => {
    const { headers, body } = await new Visitor(herald).get('/console/sign-in');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'strict-transport-security': expect.stringContaining('max-age=31536000'),
    });
    expect(String(headers['set-cookie'])).toMatch(
      /^__Host-herald=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(body).not.toMatch(/<script(?![^>]* src="\/console\/assets\/)|<style|\son\w+=|style=/);
  });

  test('assets are kept for ever, under an address of their content', async () => {
    const visitor = new Visitor(herald);
    const { body } = await visitor.get('/console/sign-in');
    const assets = body.match(/\/console\/assets\/[\w.-]+/g) ?? [];
    expect(assets.length).toBeGreaterThan(4);
    for (const url of assets) {
      const { status, headers } = await new Visitor(herald).get(url);
      expect([url, status, headers['cache-control']]).toEqual([
        url,
        200,
        'public, max-age=31536000, immutable',
      ]);
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  test.each([
    ['zh-CN,zh;q=0.9,en;q=0.5', 'zh-CN'],
    ['en-GB', 'en'],
    ['fr,en;q=0.3', 'en'],
    ['fr', 'zh-CN'],
    ['en;q=0,zh', 'zh-CN'],
  ])('the browser’s language %s is answered in %s', async (header, lang) => {
    const { body } = await new Visitor(herald).get('/console/sign-in', { 'accept-language': header });
    expect(body).toContain(`<html lang="${lang}"`);
  });
});
