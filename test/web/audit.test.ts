import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/domain/announcement.ts';
import { parseAnchors } from '../../src/domain/audit.ts';
import { anchorDaily } from '../../src/pipeline/anchor.ts';
import { type Caller, DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

interface Call {
  readonly by: Caller;
  readonly url: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

let made = 0;
const code = () => {
  made += 1;
  return `code-${made}`;
};
const CITIZEN = { locale: 'en', consentAt: '2026-01-05T08:00:00Z', consentSource: 'web form' };
const made201 = async (by: Caller, url: string, body?: unknown): Promise<string> => {
  const { status, body: answer } = await by.send('POST', url, body);
  expect([status, answer]).toEqual([201, answer]);
  return answer.id;
};
const user = () => made201(herald.as('admin'), '/v1/users', { name: 'somebody', role: 'author' });
const subscriber = () =>
  made201(herald.as('approver'), '/v1/subscribers', { ...CITIZEN, email: `${code()}@example.org` });
const endpoint = (): object => ({ outlet: 'Paper', url: `https://1.1.1.1/${code()}` });
const registered = () => made201(herald.as('approver'), '/v1/endpoints', endpoint());
/** An announcement that these acts were done to. */
const announcement = async (...acts: ('submit' | 'approve' | 'pause')[]) => {
  const id = await made201(herald.as('author'), '/v1/announcements', DRAFT);
  for (const act of acts) {
    const by = herald.as(act === 'submit' ? 'author' : 'approver');
    expect((await by.send('POST', `/v1/announcements/${id}/${act}`)).status).toBe(200);
  }
  return id;
};
const act = async (by: Role, name: string, id: string, body?: unknown): Promise<Call> => ({
  by: herald.as(by),
  url: `/v1/announcements/${id}/${name}`,
  ...(body !== undefined && { body }),
});

/** One good request for each route that changes something. */
const CALLS: Readonly<Record<string, () => Promise<Call>>> = {
  'POST /v1/announcements': async () => ({ by: herald.as('author'), url: '/v1/announcements', body: DRAFT }),
  'PATCH /v1/announcements/:id': async () => ({
    by: herald.as('author'),
    url: `/v1/announcements/${await announcement()}`,
    body: DRAFT,
  }),
  'POST /v1/announcements/:id/submit': async () => act('author', 'submit', await announcement()),
  'POST /v1/announcements/:id/look': async () => act('approver', 'look', await announcement('submit')),
  'POST /v1/announcements/:id/approve': async () => act('approver', 'approve', await announcement('submit')),
  'POST /v1/announcements/:id/break-glass': async () => {
    const id = await announcement('submit');
    await herald.app.pool.query('UPDATE announcements SET nobody_left_at = now() WHERE id = $1', [
      herald.app.ids.decode('announcement', id).id,
    ]);
    return act('admin', 'break-glass', id, { reason: 'nobody answers' });
  },
  'POST /v1/announcements/:id/return': async () =>
    act('approver', 'return', await announcement('submit'), { reason: 'a typo' }),
  'POST /v1/announcements/:id/reject': async () =>
    act('approver', 'reject', await announcement('submit'), { reason: 'not so' }),
  'POST /v1/announcements/:id/pause': async () =>
    act('approver', 'pause', await announcement('submit', 'approve')),
  'POST /v1/announcements/:id/resume': async () =>
    act('approver', 'resume', await announcement('submit', 'approve', 'pause')),
  'POST /v1/announcements/:id/cancel': async () => act('author', 'cancel', await announcement()),
  'POST /v1/messages': async () => ({
    by: herald.as('admin'),
    url: '/v1/messages',
    body: { channel: 'email', to: 'a@example.org', template: 'test-message', fields: {} },
  }),
  'POST /v1/subscribers': async () => ({
    by: herald.as('approver'),
    url: '/v1/subscribers',
    body: { ...CITIZEN, email: `${code()}@example.org` },
  }),
  'PATCH /v1/subscribers/:id': async () => ({
    by: herald.as('approver'),
    url: `/v1/subscribers/${await subscriber()}`,
    body: { name: '王芳' },
  }),
  'DELETE /v1/subscribers/:id': async () => ({
    by: herald.as('approver'),
    url: `/v1/subscribers/${await subscriber()}`,
  }),
  'POST /v1/imports': async () => ({
    by: herald.as('approver'),
    url: '/v1/imports',
    body: 'email,locale,consent_at,consent_source\nx@example.org,en,2026-01-05,web\n',
    headers: { 'content-type': 'text/csv' },
  }),
  'POST /v1/topics': async () => ({ by: herald.as('approver'), url: '/v1/topics', body: { code: code() } }),
  'POST /v1/districts': async () => ({
    by: herald.as('approver'),
    url: '/v1/districts',
    body: { code: code() },
  }),
  'PATCH /v1/topics/:code': async () => changedList('topics'),
  'PATCH /v1/districts/:code': async () => changedList('districts'),
  'PUT /v1/quiet-hours/:channel': async () => quietHours(),
  'DELETE /v1/quiet-hours/:channel': async () => {
    const { by, url, body } = quietHours();
    await by.send('PUT', url, body);
    return { by, url };
  },
  'POST /v1/endpoints': async () => ({ by: herald.as('approver'), url: '/v1/endpoints', body: endpoint() }),
  'PATCH /v1/endpoints/:id': async () => ({
    by: herald.as('approver'),
    url: `/v1/endpoints/${await registered()}`,
    body: { disabled: true },
  }),
  'DELETE /v1/endpoints/:id': async () => ({
    by: herald.as('approver'),
    url: `/v1/endpoints/${await registered()}`,
  }),
  'POST /v1/endpoints/:id/rotate': async () => ({
    by: herald.as('approver'),
    url: `/v1/endpoints/${await registered()}/rotate`,
  }),
  'POST /v1/endpoints/:id/drop-old-secret': async () => ({
    by: herald.as('approver'),
    url: `/v1/endpoints/${await registered()}/drop-old-secret`,
  }),
  'POST /v1/users': async () => ({
    by: herald.as('admin'),
    url: '/v1/users',
    body: { name: 'new', role: 'author' },
  }),
  'POST /v1/users/:id/disable': async () => ({
    by: herald.as('admin'),
    url: `/v1/users/${await user()}/disable`,
  }),
  'POST /v1/users/:id/keys': async () => ({ by: herald.as('admin'), url: `/v1/users/${await user()}/keys` }),
  'DELETE /v1/keys/:id': async () => ({
    by: herald.as('admin'),
    url: `/v1/keys/${await made201(herald.as('admin'), `/v1/users/${await user()}/keys`)}`,
  }),
};

async function changedList(list: 'topics' | 'districts'): Promise<Call> {
  const one = code();
  const by = herald.as('approver');
  await by.send('POST', `/v1/${list}`, { code: one });
  return { by, url: `/v1/${list}/${one}`, body: { archived: true } };
}

const quietHours = () => ({
  by: herald.as('admin'),
  url: '/v1/quiet-hours/sms',
  body: { from: '22:00', until: '08:00' },
});

const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0]?.id ?? 0;
const writtenAfter = async (id: number) =>
  (await herald.app.audit.list({ limit: 20 })).filter((row) => row.id > id);
const numberOf = (caller: Caller) => herald.app.ids.decode('user', caller.userId).id;

describe('whatever changes something is in the audit log', () => {
  const changing = () =>
    herald.server.accessRules
      .filter(({ method, url }) => url.startsWith('/v1/') && !['GET', 'HEAD', 'OPTIONS'].includes(method))
      .map(({ method, url }) => `${method} ${url}`);

  test('every route, in the name of the one who called it', async () => {
    expect(changing().sort()).toEqual(Object.keys(CALLS).sort());
    for (const [route, prepare] of Object.entries(CALLS)) {
      const { by, url, body, headers } = await prepare();
      const before = await newest();
      const method = route.split(' ')[0] as 'POST';
      const answer = await by.send(method, url, body, headers);
      expect([route, answer.status, answer.body?.code]).toEqual([
        route,
        expect.toSatisfy(isDone),
        answer.body?.code,
      ]);
      const rows = await writtenAfter(before);
      expect([route, rows.map((row) => row.actor)]).toEqual([route, expect.arrayContaining([numberOf(by)])]);
      // Its consequences are Herald's, and nobody else's.
      for (const row of rows)
        expect([route, [numberOf(by), null]]).toEqual([route, expect.arrayContaining([row.actor])]);
    }
    expect(await herald.app.audit.verify([])).toMatchObject({ broken: null });
  });

  test('and what was refused is not', async () => {
    const before = await newest();
    const author = herald.as('author');
    expect((await author.send('POST', '/v1/topics', { code: 'no' })).status).toBe(403);
    expect((await herald.as('admin').send('DELETE', '/v1/keys/key_00000000000000000000000000')).status).toBe(
      404,
    );
    expect(await writtenAfter(before)).toEqual([]);
  });
});

const isDone = (status: number) => status < 300;

describe('who looked up whom', () => {
  test('is told by every route that shows people', () => {
    const showing = herald.server.accessRules
      .filter(({ method, url }) => method === 'GET' && /subscriber|deliver|contact|suppression/.test(url))
      .map(({ url }) => url);
    expect(showing.sort()).toEqual([
      // The console's are called in test/web/console/{deliveries,subscribers,suppressions}.test.ts; the form for a new one shows nobody.
      '/console/admin/suppressions',
      '/console/announcements/:id/deliveries',
      '/console/announcements/:id/deliveries.csv',
      '/console/deliveries/:id',
      '/console/deliveries/:id/mail',
      '/console/subscribers',
      '/console/subscribers/:id',
      '/console/subscribers/:id/edit',
      '/console/subscribers/new',
      '/v1/announcements/:id/deliveries',
      '/v1/deliveries/:id',
      '/v1/subscribers',
      '/v1/subscribers/:id',
    ]);
  });

  test('a citizen, a page of citizens, a delivery, the addresses of an announcement', async () => {
    const { app } = herald;
    const approver = herald.as('approver');
    const citizen = await subscriber();
    const id = await announcement('submit', 'approve');
    const number = app.ids.decode('announcement', id).id;
    await app.pool.query(
      `INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale) VALUES ($1, 1, 'email', 1, 'wang@example.org', 'en')`,
      [number],
    );
    const delivery = app.ids.encode('delivery', number, 1);
    const before = await newest();
    for (const url of [
      `/v1/subscribers/${citizen}`,
      '/v1/subscribers?limit=1',
      `/v1/deliveries/${delivery}`,
      `/v1/announcements/${id}/deliveries`,
    ])
      expect((await approver.get(url)).status).toBe(200);
    // Masked for authors: they learn nothing of whom it went to.
    expect((await herald.as('author').get(`/v1/announcements/${id}/deliveries`)).status).toBe(200);

    const rows = (await writtenAfter(before)).reverse();
    expect(rows.map((row) => [row.actor, row.act, row.subjectType, row.subjectId])).toEqual([
      [numberOf(approver), 'look-up', 'subscriber', String(app.ids.decode('subscriber', citizen).id)],
      [numberOf(approver), 'look-up', 'subscriber', null],
      [numberOf(approver), 'look-up', 'delivery', `${number}/1`],
      [numberOf(approver), 'look-up', 'announcement', String(number)],
    ]);
    expect(JSON.stringify(rows)).not.toContain('wang');
    expect((await approver.get('/v1/subscribers/sub_00000000000000000000000000')).status).toBe(404);
  });
});

describe('GET /v1/audit', () => {
  test('is for admins, shows ids as they are outside, and turns pages', async () => {
    const [admin, approver] = [herald.as('admin'), herald.as('approver')];
    expect((await approver.get('/v1/audit')).status).toBe(403);
    const citizen = await subscriber();
    await approver.get(`/v1/subscribers/${citizen}`);
    const { body } = await admin.get(`/v1/audit?subject=${citizen}`);
    expect(body.items).toEqual([
      expect.objectContaining({
        actor: approver.userId,
        act: 'look-up',
        subject: { type: 'subscriber', id: citizen },
      }),
      expect.objectContaining({
        actor: approver.userId,
        act: 'add',
        subject: { type: 'subscriber', id: citizen },
      }),
    ]);
    const first = (await admin.get('/v1/audit?limit=1')).body;
    const second = (await admin.get(`/v1/audit?limit=1&cursor=${first.nextCursor}`)).body;
    expect(second.items[0].id).toBe(first.items[0].id - 1);
  });

  test('is filtered by time, actor, act and subject', async () => {
    const admin = herald.as('admin');
    const id = await user();
    const key = await made201(admin, `/v1/users/${id}/keys`);
    const ask = async (query: string) => (await admin.get(`/v1/audit?${query}`)).body.items;
    expect(await ask(`subject=${key}`)).toMatchObject([{ act: 'create', details: { user: id } }]);
    expect(await ask(`subject=key&act=create&actor=${admin.userId}&limit=1`)).toMatchObject([
      { subject: { type: 'key', id: key } },
    ]);
    expect(await ask('actor=herald&subject=audit')).toMatchObject([{ id: 1, act: 'begin', actor: null }]);
    expect(await ask('subject=topic:no-such')).toEqual([]);
    expect(await ask('since=2099-01-01T00:00:00Z')).toEqual([]);
    for (const wrong of ['since=yesterday', 'subject=!', 'cursor=1', 'actor=usr_1'])
      expect((await admin.get(`/v1/audit?${wrong}`)).status, wrong).toBeGreaterThanOrEqual(400);
  });

  test('its head is an anchor that the chain is verified against', async () => {
    const admin = herald.as('admin');
    const { body } = await admin.get('/v1/audit/head');
    await user();
    const anchors = parseAnchors(body.anchor);
    expect(anchors).toMatchObject([
      { id: body.id, sha256: body.sha256, installation: herald.app.installationId },
    ]);
    expect(await herald.app.audit.verify(anchors)).toMatchObject({ broken: null });
  });

  test('goes by mail to those who keep it, with nobody as its author', async () => {
    const { app } = herald;
    const before = await newest();
    const emails = ['keeper@example.org'];
    const { audit, messenger, log } = app;
    expect(await anchorDaily({ audit, messenger, emails, log })).toBe(true);
    const rows = await writtenAfter(before);
    expect(rows.map(({ actor, act, details }) => [actor, act, details.mailed])).toEqual([
      [null, 'anchor', '1'],
      [null, 'send', undefined],
    ]);
    const { rows: written } = await app.pool.query(
      `SELECT a.created_by, r.draft #>> '{content,en,anchor}' AS anchor, d.address_key AS to FROM announcements a
       JOIN revisions r ON r.announcement_id = a.id JOIN deliveries d ON d.announcement_id = a.id WHERE a.id = $1`,
      [rows[1]?.subjectId],
    );
    expect(written).toEqual([{ created_by: null, anchor: expect.any(String), to: 'keeper@example.org' }]);
    expect(await audit.verify(parseAnchors(written[0].anchor))).toMatchObject({ broken: null });
  });
});
