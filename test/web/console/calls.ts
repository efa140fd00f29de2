import { randomUUID } from 'node:crypto';
import { DRAFT, type Herald } from '../herald.ts';
import { PASSWORD, type Person, pathOf, person, sessionBehind, Visitor } from './visitor.ts';

export interface Call {
  readonly by: Visitor;
  /** Whose name stands in the row. */
  readonly actor: number;
  readonly url: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Instead: a file. */
  readonly file?: string;
}

/** Routes that change nothing, or are looked at in test/browser/sign-in.test.ts, where there are passkeys. */
export const NOT_HERE: readonly string[] = [
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

const CITIZEN = {
  name: 'New name',
  locale: 'en',
  phone: '',
  email: 'a@example.org',
  consentAt: '2026-01-05T08:00',
  consentSource: 'Somebody',
};

/** One good request for each route that changes something, by the route. @param admin who does what only an admin may */
export function callsOf(herald: Herald, admin: Person): Readonly<Record<string, () => Promise<Call>>> {
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

  const calls = {
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
    '/console/subscribers/new': async () =>
      office('/console/subscribers/new', { ...CITIZEN, email: `${randomUUID()}@example.org` })(),
    '/console/subscribers/:id/edit': async () =>
      citizen('edit', { ...CITIZEN, email: `${randomUUID()}@example.org` })(),
    '/console/subscribers/:id/remove': citizen('remove'),
    '/console/outlets/new': async () =>
      office('/console/outlets/new', {
        outlet: 'Somebody',
        url: `https://1.1.1.1/${randomUUID()}`,
      })(),
    '/console/outlets/:id/edit': async () =>
      outlet('edit', {
        outlet: 'New name',
        url: `https://1.1.1.1/${randomUUID()}`,
      })(),
    '/console/outlets/:id/rotate': outlet('rotate'),
    '/console/outlets/:id/drop-old-secret': outlet('drop-old-secret', {}, (id) =>
      herald.app.endpoints.rotateSecret(id),
    ),
    '/console/outlets/:id/disable': outlet('disable', { reason: 'Somebody' }),
    '/console/outlets/:id/enable': outlet('enable', {}, (id) => herald.app.endpoints.disable(id, 'x')),
    '/console/outlets/:id/test': outlet('test'),
    '/console/outlets/:id/again': async () => {
      const { outlet, delivery } = await failedDelivery();
      const approver = await person(herald, 'approver');
      const url = `/console/outlets/${outlet}/again`;
      return { by: await approver.visit(), actor: approver.id, url, fields: { delivery } };
    },
    '/console/outlets/:id/remove': outlet('remove'),
    '/console/admin/suppressions': async () =>
      office('/console/admin/suppressions', {
        address: `${randomUUID()}@example.org`,
        note: 'Somebody',
      })(),
    '/console/admin/suppressions/lift': async () => {
      const address = `${randomUUID()}@example.org`;
      await herald.app.administration.suppressions.block({ channel: 'email', address }, 'x', undefined);
      return office('/console/admin/suppressions/lift', { address })();
    },
    '/console/admin/lists/:list': async () => office('/console/admin/lists/topics', { code: randomUUID() })(),
    '/console/admin/lists/:list/:code': entry('', { 'name-en': 'New name' }),
    '/console/admin/lists/:list/:code/archive': entry('/archive'),
    '/console/admin/lists/:list/:code/restore': entry('/restore'),
    '/console/admin/quiet-hours': office('/console/admin/quiet-hours', {
      channel: 'sms',
      'sms-from': '22:00',
      'sms-until': '08:00',
    }),
    '/console/admin/quiet-hours/clear': async () => {
      await herald.app.quietHours.set({ channel: 'sms', from: '22:00', until: '08:00' });
      return office('/console/admin/quiet-hours/clear', { channel: 'sms' })();
    },
    '/console/admin/users/:id/keys': user('keys'),
    '/console/admin/users/:id/keys/revoke': async () => {
      const { id } = await herald.app.users.add({ name: 'x', role: 'author' });
      const key = herald.app.ids.encode('key', (await herald.app.users.createKey(id)).id);
      return office(`/console/admin/users/${herald.app.ids.encode('user', id)}/keys/revoke`, { key })();
    },
    '/console/imports': async () => ({
      ...(await office('/console/imports')()),
      file: 'email,locale,consent_at,consent_source\na@example.org,en,2026-01-05,Somebody\n',
    }),
  };

  /** An act of an approver on a citizen. */
  function citizen(act: string, fields: Readonly<Record<string, string>> = {}) {
    return async (): Promise<Call> => {
      const approver = await person(herald, 'approver');
      const { id } = await herald.app.subscribers.add({
        locale: 'en',
        email: `${randomUUID()}@example.org`,
        topics: [],
        districts: [],
        consentAt: new Date(),
        consentSource: 'test',
      });
      const url = `/console/subscribers/${herald.app.ids.encode('subscriber', id)}/${act}`;
      return { by: await approver.visit(), actor: approver.id, url, fields };
    };
  }
  /** An act of an approver on an outlet, to which an announcement was delivered. */
  function outlet(
    act: string,
    fields: Readonly<Record<string, string>> = {},
    before?: (id: number) => Promise<unknown>,
  ) {
    return async (): Promise<Call> => {
      const { endpoints, ids } = herald.app;
      const approver = await person(herald, 'approver');
      const input = { outlet: 'Somebody', url: `https://1.1.1.1/${randomUUID()}`, topics: [], districts: [] };
      const { id } = await endpoints.create(input);
      await before?.(id);
      const url = `/console/outlets/${ids.encode('endpoint', id)}/${act}`;
      return { by: await approver.visit(), actor: approver.id, url, fields };
    };
  }
  /** A delivery to an outlet that failed. */
  async function failedDelivery() {
    const { announce, pool, endpoints, ids } = herald.app;
    const [author, approver] = [await person(herald, 'author'), await person(herald, 'approver')];
    const input = { outlet: 'Somebody', url: `https://1.1.1.1/${randomUUID()}`, topics: [], districts: [] };
    const endpoint = await endpoints.create(input);
    const { id } = await announce.create(DRAFT, author);
    await announce.submit(id, author);
    await announce.approve(id, approver);
    await pool.query(
      `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale, sequence, status, error_code)
     VALUES ($1, 1, 'webhook', $2::bigint, $2::bigint::text, '', 1, 'failed', 'HTTP 500')`,
      [id, endpoint.id],
    );
    return { outlet: ids.encode('endpoint', endpoint.id), delivery: ids.encode('delivery', id, 1) };
  }
  /** An act of an admin on a district. */
  function entry(act: string, fields: Readonly<Record<string, string>> = {}) {
    return async (): Promise<Call> => {
      const code = randomUUID();
      await herald.app.lists.add('districts', { code, names: {} });
      return office(`/console/admin/lists/districts/${code}${act}`, fields)();
    };
  }
  /** An act of an admin on nothing in particular. */
  function office(url: string, fields: Readonly<Record<string, string>> = {}) {
    return async (): Promise<Call> => ({ by: await admin.visit(), actor: admin.id, url, fields });
  }

  return calls;
}
