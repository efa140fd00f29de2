import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safeNext } from '../../../src/web/session.ts';
import { type Herald, PUBLIC_URL, startHerald } from '../herald.ts';
import { PASSWORD, type Person, person, Visitor } from './visitor.ts';

let herald: Herald;
let author: Person;
beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author');
});
afterAll(() => herald.close());

const posts = () =>
  herald.server.accessRules
    .filter(({ method, url }) => url.startsWith('/console') && !['GET', 'HEAD'].includes(method))
    .map(({ url }) => url.replace(':id', 'usr_00000000000000000000000000').replace(/:\w+/, 'nothing'));

describe('forged forms', () => {
  test('every changing route wants the token of the very session', async () => {
    const admin = await person(herald, 'admin');
    const other = await admin.visit();
    for (const url of posts()) {
      const visitor = await admin.visit();
      for (const _csrf of ['', 'x'.repeat(43), other.csrf]) {
        const { status, body } = await visitor.post(url, { _csrf });
        expect([url, _csrf, status]).toEqual([url, _csrf, 403]);
        expect(body).toContain('<!doctype html>');
      }
    }
    expect((await other.get('/console/account')).status).toBe(200);
  });

  test.each([
    ['another site', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour under the same domain', { 'sec-fetch-site': 'same-site' }],
  ])('with the right token, but from %s', async (_, headers) => {
    const visitor = await author.visit();
    expect(
      (await visitor.post('/console/preferences', { locale: 'en' }, headers as Record<string, string>))
        .status,
    ).toBe(403);
  });

  test('ours are taken, with the token in the form or in the header', async () => {
    const visitor = await author.visit();
    const { origin } = new URL(PUBLIC_URL);
    const headers = { origin, 'sec-fetch-site': 'same-origin' };
    expect((await visitor.post('/console/preferences', { locale: 'en' }, headers)).status).toBe(303);
    await visitor.get('/console/account');
    const inHeader = { ...headers, 'x-csrf-token': visitor.csrf, 'hx-request': 'true' };
    const answer = await visitor.post('/console/preferences', { locale: 'en', _csrf: '' }, inHeader);
    expect([answer.status, answer.headers['hx-redirect']]).toEqual([204, '/console']);
  });
});

describe('session fixation', () => {
  test('signing in gives a new token, the second step another one, and the old ones open nothing', async () => {
    const visitor = new Visitor(herald);
    await visitor.get('/console/sign-in');
    const tokens = [visitor.token];
    await herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [author.id]);
    expect((await visitor.post('/console/sign-in', { login: author.login, password: PASSWORD })).status).toBe(
      303,
    );
    tokens.push(visitor.token);
    expect((await visitor.get('/console')).location).toContain('/console/second-factor');
    await visitor.get('/console/second-factor');
    expect((await visitor.post('/console/second-factor', { code: author.code() })).location).toBe('/console');
    expect((await visitor.get('/console')).status).toBe(200);
    expect(new Set([...tokens, visitor.token]).size).toBe(3);
    for (const token of tokens) {
      const thief = new Visitor(herald);
      thief.cookies.set('__Host-herald', token);
      expect((await thief.get('/console')).location).toContain('/console/sign-in');
    }
    const before = visitor.token;
    await visitor.post('/console/sign-out');
    expect(visitor.token).not.toBe(before);
    const thief = new Visitor(herald);
    thief.cookies.set('__Host-herald', before);
    expect((await thief.get('/console')).location).toContain('/console/sign-in');
  });

  test('a token that somebody else chose is never a session', async () => {
    const visitor = new Visitor(herald);
    const chosen = 'A'.repeat(43);
    visitor.cookies.set('__Host-herald', chosen);
    await visitor.get('/console/sign-in');
    await visitor.post('/console/sign-in', { login: author.login, password: PASSWORD });
    expect(visitor.token).not.toBe(chosen);
    const thief = new Visitor(herald);
    thief.cookies.set('__Host-herald', chosen);
    expect((await thief.get('/console')).location).toContain('/console/sign-in');
  });
});

describe('where one goes after signing in', () => {
  test.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/console/../../evil',
    '/console//evil.example/..//../..',
    'javascript:alert(1)',
    '/consoleevil',
    '/console\nlocation: https://evil.example',
    '/console/\u0000',
    '',
    undefined,
    ['/console/account'],
    '/v1/users',
    'console/account',
    '/console@evil.example',
  ])('is never outside: %j', (next) => {
    const url = new URL(safeNext(next), 'https://herald.example');
    expect(url.origin).toBe('https://herald.example');
    expect(url.pathname).toMatch(/^\/console(\/|$)/);
  });

  test('is where one wanted to go', async () => {
    expect(safeNext('/console/announcements/ann_1?tab=b%20c')).toBe('/console/announcements/ann_1?tab=b%20c');
    const visitor = new Visitor(herald);
    expect((await visitor.get('/console/account?x=1')).location).toBe(
      '/console/sign-in?next=%2Fconsole%2Faccount%3Fx%3D1',
    );
    await visitor.get('/console/sign-in');
    const { location } = await visitor.post('/console/sign-in', {
      login: author.login,
      password: PASSWORD,
      next: 'https://evil.example/',
    });
    expect(location).toBe('/console');
  });
});
