import { afterAll, beforeAll, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { PASSWORD, type Person, pathOf, person, sessionBehind, Visitor } from './visitor.ts';

let herald: Herald;
let admin: Person;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin');
});
afterAll(() => herald.close());

interface Call {
  readonly by: Visitor;
  /** Whose name stands in the row. */
  readonly actor: number;
  readonly url: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** What changes nothing, or is looked at in test/browser/sign-in.test.ts, where there are passkeys. */
const NOT_HERE = [
  '/console/passkeys/ask',
  '/console/passkeys/ask-mine',
  '/console/passkeys/ask-new',
  '/console/sign-in/passkey',
  '/console/enrol/passkey',
  '/console/account/passkeys/remove',
  '/console/announcements/preview',
];

/** A draft as its form sends it. */
const WRITTEN = {
  caseReference: 'DL-2026-0118',
  caseTitle: 'Somebody',
  kind: 'notice',
  mode: 'live',
  template: 'hot-case',
  channels: 'sms',
  'content.zh-CN.headline': 'Somebody',
};

const mine =
  (url: string, fields = {}) =>
  async (): Promise<Call> => {
    const somebody = await person(herald, 'author');
    return { by: await somebody.visit(), actor: somebody.id, url, fields };
  };
const user =
  (act: string, fields = {}, prepare: (id: number) => Promise<unknown> = async () => undefined) =>
  async (): Promise<Call> => {
    const somebody = await person(herald, 'author');
    await somebody.visit();
    await prepare(somebody.id);
    const url = `/console/admin/users/${somebody.userId}/${act}`;
    return { by: await admin.visit(), actor: admin.id, url, fields };
  };
/** An act of an author on a draft of theirs. */
const draft =
  (act: string, fields = {}) =>
  async (): Promise<Call> => {
    const somebody = await person(herald, 'author');
    const by = await somebody.visit();
    const { id } = await herald.app.announce.create(DRAFT, somebody);
    const url = `/console/announcements/${herald.app.ids.encode('announcement', id)}/${act}`;
    return { by, actor: somebody.id, url, fields };
  };
const halfWay = async (somebody: Person): Promise<Visitor> => {
  const by = new Visitor(herald);
  await by.get('/console/sign-in');
  await herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [somebody.id]);
  await by.post('/console/sign-in', { login: somebody.login, password: PASSWORD });
  await by.get('/console/second-factor');
  return by;
};

/** An act of an approver on an announcement that somebody else wrote. */
const announcement =
  (
    act: string,
    before: readonly ('approve' | 'pause')[] = ['approve'],
    fields: (id: number) => Promise<Readonly<Record<string, string>>> = async () => ({}),
  ) =>
  async (): Promise<Call> => {
    const [author, approver] = [await person(herald, 'author'), await person(herald, 'approver')];
    const { announce, ids } = herald.app;
    const { id } = await announce.create(DRAFT, { id: author.id, role: 'author' });
    await announce.submit(id, { id: author.id, role: 'author' });
    for (const one of before) await announce[one](id, { id: approver.id, role: 'approver' });
    const url = `/console/announcements/${ids.encode('announcement', id)}/${act}`;
    return { by: await approver.visit(), actor: approver.id, url, fields: await fields(id) };
  };
const reason = async () => ({ reason: 'Somebody' });
/** What another approver suggests. */
const suggestion = async (id: number) => {
  const { announce, pool } = herald.app;
  const other = await person(herald, 'approver');
  const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], headline: 'Somebody' } };
  await announce.suggest(id, { id: other.id, role: 'approver' }, { content });
  return (await pool.query('SELECT max(id)::text AS id FROM suggestions')).rows[0];
};

/** One good request for each route that changes something. */
const CALLS: Readonly<Record<string, () => Promise<Call>>> = {
  '/console/sign-in': async () => {
    const { id, login } = await person(herald, 'author');
    return {
      by: new Visitor(herald),
      actor: id,
      url: '/console/sign-in',
      fields: { login, password: PASSWORD },
    };
  },
  '/console/second-factor': async () => {
    const somebody = await person(herald, 'author');
    const by = await halfWay(somebody);
    return { by, actor: somebody.id, url: '/console/second-factor', fields: { code: somebody.code() } };
  },
  '/console/confirm': async () => {
    const somebody = await person(herald, 'author');
    const by = await somebody.visit();
    await herald.app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [somebody.id]);
    return { by, actor: somebody.id, url: '/console/confirm', fields: { code: somebody.code() } };
  },
  '/console/enrol/totp': async () => {
    const somebody = await person(herald, 'author');
    const by = await somebody.visit();
    const { sealed, code } = somebody.enrolment(await sessionBehind(herald, by.token));
    return { by, actor: somebody.id, url: '/console/enrol/totp', fields: { sealed, code } };
  },
  '/console/invitation/:token': async () => {
    const { id } = await herald.app.users.add({ name: 'new', role: 'author' });
    const path = pathOf(await herald.app.identity.invite(id, undefined));
    const fields = { login: `new-${id}`, password: PASSWORD, passwordAgain: PASSWORD };
    return { by: new Visitor(herald), actor: id, url: path, fields };
  },
  '/console/sign-out': mine('/console/sign-out'),
  '/console/preferences': mine('/console/preferences', { locale: 'en' }),
  '/console/account/profile': mine('/console/account/profile', {
    name: 'New name',
    phone: '13800138000',
    email: 'a@example.org',
    locale: 'en',
  }),
  '/console/account/password': mine('/console/account/password', {
    oldPassword: PASSWORD,
    password: `${PASSWORD} slowly`,
    passwordAgain: `${PASSWORD} slowly`,
  }),
  '/console/account/totp/remove': mine('/console/account/totp/remove'),
  '/console/account/recovery-codes': mine('/console/account/recovery-codes'),
  '/console/account/sessions/end': async () => {
    const somebody = await person(herald, 'author');
    await somebody.visit();
    return { by: await somebody.visit(), actor: somebody.id, url: '/console/account/sessions/end' };
  },
  '/console/announcements/:id/submit': draft('submit'),
  '/console/announcements/save': mine('/console/announcements/save', WRITTEN),
  '/console/announcements/autosave': mine('/console/announcements/autosave', WRITTEN),
  '/console/admin/users': async () => ({
    by: await admin.visit(),
    actor: admin.id,
    url: '/console/admin/users',
    fields: { name: 'Somebody', role: 'approver' },
  }),
  '/console/admin/rota': async () => ({
    by: await admin.visit(),
    actor: admin.id,
    url: '/console/admin/rota',
    fields: { user: admin.userId, from: '2026-01-05T08:00', until: '2026-01-05T20:00', position: '1' },
  }),
  '/console/admin/rota/remove': async () => {
    await herald.app.administration.rota.add(
      { userId: admin.id, from: '2026-01-06T08:00', until: '2026-01-06T20:00', position: 1 },
      undefined,
    );
    const { rows } = await herald.app.pool.query('SELECT max(id)::text AS id FROM rota');
    return { by: await admin.visit(), actor: admin.id, url: '/console/admin/rota/remove', fields: rows[0] };
  },
  '/console/admin/users/:id/role': user('role', { role: 'approver' }),
  '/console/admin/users/:id/disable': user('disable'),
  '/console/admin/users/:id/enable': user('enable', {}, (id) => herald.app.users.disable(id)),
  '/console/admin/users/:id/sessions': user('sessions'),
  '/console/admin/users/:id/invite': user('invite'),
  '/console/announcements/:id/pause': announcement('pause'),
  '/console/announcements/:id/resume': announcement('resume', ['approve', 'pause']),
  '/console/announcements/:id/cancel': announcement('cancel'),
  '/console/announcements/:id/approve': announcement('approve', [], async (id) => ({
    sha256: (await herald.app.announce.get(id)).sha256 ?? '',
  })),
  '/console/announcements/:id/return': announcement('return', [], reason),
  '/console/announcements/:id/look': announcement('look', []),
  '/console/announcements/:id/suggest': announcement('suggest', [], async (id) => ({
    sha256: (await herald.app.announce.get(id)).sha256 ?? '',
    'content.zh-CN.headline': 'Somebody',
  })),
  '/console/announcements/:id/suggestions/accepted': announcement('suggestions/accepted', [], suggestion),
  '/console/announcements/:id/suggestions/declined': announcement('suggestions/declined', [], suggestion),
  '/console/announcements/:id/break-glass': async () => {
    const { announce, ids } = herald.app;
    const { id } = await announce.create(DRAFT, { id: admin.id, role: 'admin' });
    const { sha256 } = await announce.submit(id, { id: admin.id, role: 'admin' });
    await herald.app.pool.query('UPDATE announcements SET nobody_left_at = now() WHERE id = $1', [id]);
    const url = `/console/announcements/${ids.encode('announcement', id)}/break-glass`;
    return {
      by: await admin.visit(),
      actor: admin.id,
      url,
      fields: { reason: 'Somebody', sha256: sha256 ?? '' },
    };
  },
  '/console/announcements/:id/reject': announcement('reject', [], reason),
};

const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0]?.id ?? 0;

// As many requests as there are routes, most by somebody who signs in for it.
test('every route that changes something leaves a row in the name of who called it, without their words', {
  timeout: 90_000,
}, async () => {
  const posts = herald.server.accessRules
    .filter(({ method, url }) => url.startsWith('/console') && !['GET', 'HEAD'].includes(method))
    .map(({ url }) => url);
  expect(posts.sort()).toEqual([...Object.keys(CALLS), ...NOT_HERE].sort());
  for (const [route, prepare] of Object.entries(CALLS)) {
    const { by, url, fields, actor } = await prepare();
    if (by.csrf === '') await by.get('/console/sign-in');
    const before = await newest();
    const { status, location } = await by.post(url, fields);
    expect([route, status < 400, location.includes('/confirm')]).toEqual([route, true, false]);
    const rows = (await herald.app.audit.list({ limit: 20 })).filter((row) => row.id > before);
    expect([route, rows.map((row) => row.actor)]).toEqual([route, expect.arrayContaining([actor])]);
    expect(JSON.stringify(rows)).not.toMatch(/New name|13800138000|example\.org|herons|Somebody/);
  }
  expect(await herald.app.audit.verify([])).toMatchObject({ broken: null });
});

test('a refused attempt is told of whom, and nothing of what was typed', async () => {
  const { id, login } = await person(herald, 'author');
  const before = await newest();
  await new Visitor(herald).post('/console/sign-in', { login, password: 'not the one' });
  await new Visitor(herald).post('/console/sign-in', { login: 'nobody', password: 'not the one' });
  const rows = (await herald.app.audit.list({ limit: 20 })).filter((row) => row.id > before);
  expect(rows.map(({ actor, act, subjectId, details }) => [actor, act, subjectId, details])).toEqual([
    [null, 'refuse', null, { what: 'password' }],
    [null, 'refuse', String(id), { what: 'password' }],
  ]);
});
