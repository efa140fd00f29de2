import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { type Person, person, Visitor } from './visitor.ts';

let herald: Herald;
let people: Readonly<Record<'author' | 'approver' | 'admin', Person>>;
beforeAll(async () => {
  herald = await startHerald();
  people = {
    author: await person(herald, 'author'),
    approver: await person(herald, 'approver'),
    admin: await person(herald, 'admin'),
  };
});
afterAll(() => herald.close());

/** Who may use a route, by the least role; a new route that is not named here fails the test. */
const ALLOWED: Readonly<Record<string, 'anybody' | 'author' | 'approver' | 'admin'>> = {
  'GET /console': 'author',
  'GET /console/assets/:file': 'anybody',
  'GET /console/sign-in': 'anybody',
  'POST /console/sign-in': 'anybody',
  'POST /console/sign-in/passkey': 'anybody',
  'POST /console/sign-out': 'author',
  'POST /console/passkeys/ask': 'anybody',
  'POST /console/passkeys/ask-mine': 'author',
  'POST /console/passkeys/ask-new': 'author',
  'GET /console/second-factor': 'author',
  'POST /console/second-factor': 'author',
  'GET /console/confirm': 'author',
  'POST /console/confirm': 'author',
  'GET /console/enrol': 'author',
  'POST /console/enrol/totp': 'author',
  'POST /console/enrol/passkey': 'author',
  'GET /console/invitation/:token': 'anybody',
  'POST /console/invitation/:token': 'anybody',
  'POST /console/preferences': 'anybody',
  'GET /console/account': 'author',
  'POST /console/account/profile': 'author',
  'POST /console/account/password': 'author',
  'POST /console/account/totp/remove': 'author',
  'POST /console/account/passkeys/remove': 'author',
  'POST /console/account/recovery-codes': 'author',
  'POST /console/account/sessions/end': 'author',
  'GET /console/announcements': 'author',
  'GET /console/announcements/:id': 'author',
  'GET /console/announcements/new': 'author',
  'GET /console/announcements/:id/edit': 'author',
  'POST /console/announcements/save': 'author',
  'POST /console/announcements/autosave': 'author',
  'POST /console/announcements/preview': 'author',
  'POST /console/announcements/:id/submit': 'author',
  'POST /console/announcements/:id/cancel': 'author',
  'GET /console/announcements/:id/share': 'author',
  'POST /console/announcements/:id/look': 'approver',
  'POST /console/announcements/:id/break-glass': 'admin',
  'POST /console/announcements/:id/suggest': 'approver',
  'POST /console/announcements/:id/suggestions/accepted': 'author',
  'POST /console/announcements/:id/suggestions/declined': 'author',
  'GET /console/admin': 'author',
  'GET /console/admin/rota': 'author',
  'POST /console/admin/rota': 'approver',
  'POST /console/admin/rota/remove': 'approver',
  'GET /console/admin/users': 'admin',
  'GET /console/admin/users/new': 'admin',
  'POST /console/admin/users': 'admin',
  'GET /console/admin/users/:id': 'admin',
  'POST /console/admin/users/:id/role': 'admin',
  'POST /console/admin/users/:id/disable': 'admin',
  'POST /console/admin/users/:id/enable': 'admin',
  'POST /console/admin/users/:id/sessions': 'admin',
  'POST /console/admin/users/:id/invite': 'admin',
  'GET /console/announcements/:id/progress': 'author',
  'GET /console/announcements/:id/events': 'author',
  'POST /console/announcements/:id/pause': 'approver',
  'POST /console/announcements/:id/resume': 'approver',
  'GET /console/announcements/:id/deliveries': 'author',
  'GET /console/announcements/:id/deliveries.csv': 'author',
  'GET /console/deliveries/:id': 'author',
  'GET /console/announcements/:id/approve': 'author',
  'GET /console/announcements/:id/mail': 'author',
  'POST /console/announcements/:id/approve': 'approver',
  'POST /console/announcements/:id/return': 'approver',
  'POST /console/announcements/:id/reject': 'approver',
  'GET /console/deliveries/:id/mail': 'approver',
  'GET /console/imports': 'approver',
  'GET /console/imports/example.csv': 'approver',
  'GET /console/imports/mine': 'approver',
  'POST /console/imports': 'approver',
  'GET /console/imports/:id': 'approver',
  'GET /console/imports/:id/state': 'approver',
  'GET /console/imports/:id/refusals.csv': 'approver',
  'GET /console/outlets': 'author',
  'GET /console/outlets/new': 'approver',
  'POST /console/outlets/new': 'approver',
  'GET /console/outlets/:id': 'author',
  'GET /console/outlets/:id/edit': 'approver',
  'POST /console/outlets/:id/edit': 'approver',
  'POST /console/outlets/:id/rotate': 'approver',
  'POST /console/outlets/:id/drop-old-secret': 'approver',
  'POST /console/outlets/:id/disable': 'approver',
  'POST /console/outlets/:id/enable': 'approver',
  'POST /console/outlets/:id/test': 'approver',
  'POST /console/outlets/:id/again': 'approver',
  'POST /console/outlets/:id/remove': 'approver',
  'GET /console/admin/audit': 'admin',
  'GET /console/admin/templates': 'author',
  'GET /console/admin/templates/:name': 'author',
  'GET /console/admin/templates/:name/mail': 'author',
  'GET /console/admin/system': 'author',
  'GET /console/admin/suppressions': 'approver',
  'POST /console/admin/suppressions': 'approver',
  'POST /console/admin/suppressions/lift': 'approver',
  'GET /console/admin/lists': 'author',
  'GET /console/admin/lists/:list': 'approver',
  'POST /console/admin/lists/:list': 'approver',
  'GET /console/admin/lists/:list/:code': 'approver',
  'POST /console/admin/lists/:list/:code': 'approver',
  'POST /console/admin/lists/:list/:code/archive': 'approver',
  'POST /console/admin/lists/:list/:code/restore': 'approver',
  'GET /console/admin/quiet-hours': 'author',
  'POST /console/admin/quiet-hours': 'admin',
  'POST /console/admin/quiet-hours/clear': 'admin',
  'GET /console/admin/users/:id/keys': 'admin',
  'POST /console/admin/users/:id/keys': 'admin',
  'POST /console/admin/users/:id/keys/revoke': 'admin',
  'GET /console/subscribers': 'author',
  'GET /console/subscribers/new': 'approver',
  'POST /console/subscribers/new': 'approver',
  'GET /console/subscribers/:id': 'author',
  'GET /console/subscribers/:id/edit': 'approver',
  'POST /console/subscribers/:id/edit': 'approver',
  'POST /console/subscribers/:id/remove': 'approver',
};
const ORDER = ['anybody', 'author', 'approver', 'admin'] as const;
const routes = () =>
  herald.server.accessRules
    .filter(({ method, url }) => url.startsWith('/console') && method !== 'HEAD')
    .map(({ method, url }) => `${method} ${url}`);
const NO_ANNOUNCEMENT = 'ann_00000000000000000000000000';
/** An address of the route at which there is nothing that a request could break. */
const addressOf = (url: string) =>
  url
    .replace(':id', url.includes('/announcements/') ? NO_ANNOUNCEMENT : 'usr_00000000000000000000000000')
    .replace(/:\w+/, 'nothing');

const ask = (visitor: Visitor, route: string) => {
  const [method, url = ''] = route.split(' ');
  return method === 'GET' ? visitor.get(addressOf(url)) : visitor.post(addressOf(url));
};

describe('every route of the console', () => {
  test('is in the table above, and nothing else is', () => {
    expect(routes().sort()).toEqual(Object.keys(ALLOWED).sort());
  });

  test('sends away whoever has not signed in', async () => {
    for (const route of routes()) {
      const answer = await ask(new Visitor(herald), route);
      const isPublic = ALLOWED[route] === 'anybody';
      if (route.startsWith('GET') && !isPublic) {
        expect([route, answer.status, answer.location]).toEqual([
          route,
          303,
          `/console/sign-in?next=${encodeURIComponent(addressOf(route.slice(4)))}`,
        ]);
      } else if (!isPublic) expect([route, answer.status]).toEqual([route, 401]);
      else expect([route, [401, 403].includes(answer.status)]).toEqual([route, false]);
      expect([route, answer.status < 500]).toEqual([route, true]);
    }
  });

  test.each(['author', 'approver', 'admin'] as const)(
    'takes an %s only where the table says so',
    async (role) => {
      const settled = await (await person(herald, role)).visit();
      for (const route of routes()) {
        // What changes one's own session, or ends it, is done in one of its own.
        const isOffice = /\/console\/(admin|announcements|deliveries|imports|outlets|subscribers)\b/.test(
          route,
        );
        // An author may go on without a second factor, so this one is gone afterwards.
        const who =
          route.includes('/account/') && route.includes('/remove')
            ? await person(herald, role)
            : people[role];
        const visitor = isOffice ? settled : await who.visit();
        const answer = await ask(visitor, route);
        const allowed = ORDER.indexOf(ALLOWED[route] ?? 'admin') <= ORDER.indexOf(role);
        expect([route, answer.status === 403, answer.status < 500]).toEqual([route, !allowed, true]);
        expect([
          route,
          answer.location.startsWith('/console/sign-in') && !route.includes('sign-out'),
        ]).toEqual([route, false]);
      }
    },
  );

  test('is closed to API keys, and the API to sessions', async () => {
    const headers = { authorization: `Bearer ${herald.as('admin').key}` };
    expect((await new Visitor(herald).get('/console/admin/users', headers)).status).toBe(303);
    const admin = await people.admin.visit();
    expect((await admin.get('/v1/users')).status).toBe(401);
  });

  test('is closed to an approver who has given a password only', async () => {
    const half = await herald.app.identity.signIn.withPassword(
      people.approver.login,
      'seven quiet herons wade',
      {
        userAgent: 'test',
        address: '127.0.0.1',
      },
    );
    const open = [
      '/second-factor',
      '/enrol',
      '/sign-',
      '/passkeys/',
      '/preferences',
      '/assets/',
      '/invitation/',
    ];
    for (const route of routes().filter((it) => !open.some((part) => it.includes(part)))) {
      const visitor = new Visitor(herald);
      visitor.cookies.set('__Host-herald', half);
      await visitor.get('/console/second-factor');
      const { status, location } = await ask(visitor, route);
      const wanted = ORDER.indexOf(ALLOWED[route] ?? 'admin');
      expect([route, status, location.split('?')[0]]).toEqual([route, 303, '/console/second-factor']);
      expect(wanted).toBeGreaterThan(0);
    }
    // Nor may a second factor be added with a password alone where there is one.
    const visitor = new Visitor(herald);
    visitor.cookies.set('__Host-herald', half);
    await visitor.get('/console/second-factor');
    for (const url of ['/console/enrol/totp', '/console/enrol/passkey'])
      expect((await visitor.post(url)).location).toBe('/console/second-factor');
  });
});
