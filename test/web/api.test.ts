import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
  await herald.as('approver').send('POST', '/v1/topics', { code: 'fraud', names: { en: 'Fraud' } });
  await herald.as('approver').send('POST', '/v1/districts', { code: 'north' });
});
afterAll(() => herald.close());

describe('announcements', () => {
  test('from draft to sending, by two people', async () => {
    const [author, approver] = [herald.as('author'), herald.as('approver')];
    const created = await author.send('POST', '/v1/announcements', {
      ...DRAFT,
      audience: { topics: ['fraud'], districts: [] },
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^ann_/),
        state: 'draft',
        kind: 'notice',
        revision: 1,
        sha256: null,
        audience: { topics: ['fraud'] },
        counts: {},
      },
    });
    const url = `/v1/announcements/${created.body.id}`;
    expect(created.headers.location).toBe(url);

    const edited = await author.send('PATCH', url, { ...DRAFT, urgency: 'urgent', basis: '审批单117号' });
    expect(edited.body).toMatchObject({ revision: 2, urgency: 'urgent', basis: '审批单117号' });

    const preview = await author.get(`${url}/preview?locale=zh-CN`);
    expect(preview.body.locales).toMatchObject([
      { locale: 'zh-CN', sms: { body: expect.stringContaining('警惕诈骗') } },
    ]);
    expect(await author.get(`${url}/preview?locale=fr`)).toMatchObject({
      status: 400,
      body: { code: 'unknown-locale' },
    });

    expect(await author.send('POST', `${url}/approve`)).toMatchObject({
      status: 403,
      body: { code: 'role-required' },
    });
    expect(await approver.send('POST', `${url}/approve`)).toMatchObject({
      status: 409,
      body: { code: 'illegal-transition' },
    });
    const submitted = await author.send('POST', `${url}/submit`);
    expect(submitted.body).toMatchObject({
      state: 'submitted',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await approver.send('POST', `${url}/return`, {})).toMatchObject({
      status: 400,
      body: { code: 'reason-required' },
    });
    expect(await approver.send('POST', `${url}/approve`, { sha256: '0'.repeat(64) })).toMatchObject({
      status: 409,
      body: { code: 'revision-changed' },
    });

    const approved = await approver.send('POST', `${url}/approve`, { sha256: submitted.body.sha256 });
    expect(approved).toMatchObject({
      status: 200,
      body: { gateway: 'sandbox', timings: { firstSentAt: null } },
    });
    expect(approved.body.timings.approvedAt).toBe(approved.body.approvedAt);
    expect(approved.body.acts.map((a: { act: string; userId: string }) => [a.act, a.userId])).toEqual(
      expect.arrayContaining([
        ['submit', author.userId],
        ['approve', approver.userId],
      ]),
    );
    expect((await approver.send('POST', `${url}/cancel`, { reason: 'a test' })).body).toMatchObject({
      state: 'cancelled',
      reason: 'a test',
    });

    const correction = await author.send('POST', '/v1/announcements', {
      ...DRAFT,
      kind: 'correction',
      supersedes: created.body.id,
    });
    expect(correction.body).toMatchObject({ supersedes: created.body.id, urgency: 'urgent' });
    expect((await author.get(url)).body.supersededBy).toEqual([correction.body.id]);
  });

  test('shows what the privacy lint found, with the reasons', async () => {
    const author = herald.as('author');
    const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], body: '李警官电话13812345678。' } };
    const { body: written } = await author.send('POST', '/v1/announcements', { ...DRAFT, content });
    const url = `/v1/announcements/${written.id}`;
    const finding = {
      kind: 'phone',
      locale: 'zh-CN',
      field: 'body',
      start: 5,
      end: 16,
      excerpt: '13812345678',
    };
    expect(written.findings).toEqual([
      { ...finding, key: expect.any(String), message: expect.any(String), reason: null },
    ]);
    expect(await author.send('POST', `${url}/submit`)).toMatchObject({
      status: 400,
      body: { code: 'lint-reason-required', issues: [{ path: 'content.zh-CN.body' }] },
    });
    const lintReasons = { [written.findings[0].key]: '值班手机，已公开' };
    await author.send('PATCH', url, { ...DRAFT, content, lintReasons });
    const reasoned = [{ ...finding, reason: '值班手机，已公开' }];
    expect((await author.get(`${url}/preview`)).body.findings).toMatchObject(reasoned);
    const submitted = await author.send('POST', `${url}/submit`);
    expect(submitted).toMatchObject({ status: 200, body: { findings: reasoned } });
    expect((await herald.as('approver').get(url)).body.findings).toMatchObject(reasoned);
    const empty = await author.send('POST', '/v1/announcements', { ...DRAFT, lintReasons: { key: ' ' } });
    expect(empty).toMatchObject({ status: 400, body: { code: 'invalid-announcement' } });
  });

  test('an approver cannot approve what they wrote', async () => {
    const approver = herald.as('approver');
    const { body } = await approver.send('POST', '/v1/announcements', DRAFT);
    await approver.send('POST', `/v1/announcements/${body.id}/submit`);
    const refused = await approver.send('POST', `/v1/announcements/${body.id}/approve`);
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'own-announcement', fix: expect.stringMatching(/another approver/) },
    });
  });

  test.each([
    ['no audience', { audience: undefined }, 'invalid-announcement', 'audience'],
    ['no mode', { mode: undefined }, 'invalid-announcement', 'mode'],
    [
      'scheduled for the year 9999',
      { scheduledAt: '9999-12-31T23:59:59Z' },
      'invalid-announcement',
      'scheduledAt',
    ],
    [
      'nothing to see',
      { content: { 'zh-CN': { headline: '\u200b', summary: 's', body: 'b' } } },
      'invalid-announcement',
      'content.zh-CN.headline',
    ],
    [
      'text that runs backwards',
      { content: { 'zh-CN': { headline: 'a\u202eb', summary: 's', body: 'b' } } },
      'invalid-announcement',
      'content.zh-CN.headline',
    ],
    ['no channels', { channels: [] }, 'invalid-announcement', 'channels'],
    ['unknown field', { chanels: ['sms'] }, 'invalid-announcement', ''],
    ['correction of nothing', { kind: 'correction' }, 'invalid-announcement', 'supersedes'],
    ['expired before it begins', { expiresAt: '2020-01-01T00:00:00Z' }, 'invalid-announcement', 'expiresAt'],
    ['unknown template', { template: 'no-such' }, 'unknown-template', undefined],
    ['unknown topic', { audience: { topics: ['sports'] } }, undefined, undefined],
    [
      'NUL in a text',
      { content: { en: { headline: 'a\u0000b', summary: 's', body: 'b' } } },
      undefined,
      undefined,
    ],
  ])('refused: %s', async (_what, change, code, path) => {
    const answer = await herald.as('author').send('POST', '/v1/announcements', { ...DRAFT, ...change });
    expect(answer.status).toBe(400);
    if (code) expect(answer.body.code).toBe(code);
    if (path !== undefined)
      expect(answer.body.issues.map((issue: { path: string }) => issue.path)).toContain(path);
  });

  test('lists go page by page, and cursors belong to their list', async () => {
    const author = herald.as('author');
    const all = (await author.get('/v1/announcements')).body.items.map((item: { id: string }) => item.id);
    const first = await author.get('/v1/announcements?limit=1');
    const second = await author.get(`/v1/announcements?limit=500&cursor=${first.body.nextCursor}`);
    expect([...first.body.items, ...second.body.items].map((item) => item.id)).toEqual(all);
    expect(second.body.nextCursor).toBeNull();
    expect((await author.get('/v1/announcements?state=cancelled')).body.items).toHaveLength(1);
    expect(await author.get(`/v1/endpoints?cursor=${first.body.nextCursor}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor' },
    });
  });
});

describe('subscribers', () => {
  test('are added, changed and forgotten', async () => {
    const approver = herald.as('approver');
    const input = {
      name: '王芳',
      locale: 'zh-CN',
      phone: '13800000001',
      topics: ['fraud'],
      consentAt: '2026-01-05T08:00:00+08:00',
      consentSource: 'web',
    };
    const added = await approver.send('POST', '/v1/subscribers', input);
    expect(added).toMatchObject({
      status: 201,
      body: { phone: '+8613800000001', email: null, topics: ['fraud'], districts: [] },
    });
    const url = `/v1/subscribers/${added.body.id}`;
    expect(await approver.send('POST', '/v1/subscribers', input)).toMatchObject({
      status: 409,
      body: { code: 'address-taken' },
    });
    expect((await approver.send('PATCH', url, { email: 'w@Example.org', topics: [] })).body).toMatchObject({
      email: 'w@example.org',
      topics: [],
      name: '王芳',
    });
    expect((await approver.get('/v1/subscribers')).body.items.map((s: { id: string }) => s.id)).toEqual([
      added.body.id,
    ]);
    expect(await herald.as('author').get(url)).toMatchObject({ status: 403 });
    expect((await approver.send('DELETE', url)).status).toBe(204);
    expect(await approver.get(url)).toMatchObject({ status: 404, body: { code: 'no-such-subscriber' } });
  });
});

describe('topics and districts', () => {
  test('are renamed and archived', async () => {
    const approver = herald.as('approver');
    expect(await approver.send('POST', '/v1/topics', { code: 'fraud' })).toMatchObject({
      status: 409,
      body: { code: 'topic-exists' },
    });
    await approver.send('POST', '/v1/topics', { code: 'old' });
    expect(
      (await approver.send('PATCH', '/v1/topics/old', { archived: true })).body.archivedAt,
    ).not.toBeNull();
    expect((await approver.get('/v1/topics')).body.items).toEqual([
      { code: 'fraud', names: { en: 'Fraud' }, archivedAt: null },
    ]);
    expect((await approver.get('/v1/topics?archived=true')).body.items).toHaveLength(2);
    expect(await approver.send('PATCH', '/v1/districts/south', { archived: true })).toMatchObject({
      status: 404,
      body: { code: 'unknown-district' },
    });
  });
});

describe('endpoints', () => {
  test('the secret is shown once; private networks are refused', async () => {
    const approver = herald.as('approver');
    const created = await approver.send('POST', '/v1/endpoints', {
      outlet: '滨江日报',
      url: 'https://203.0.114.9/hook',
    });
    expect(created).toMatchObject({
      status: 201,
      body: { secret: expect.stringMatching(/^whsec_/), rotating: false },
    });
    const url = `/v1/endpoints/${created.body.id}`;
    expect((await approver.get(url)).body).not.toHaveProperty('secret');
    expect((await approver.send('POST', `${url}/rotate`)).body.secret).not.toBe(created.body.secret);
    expect((await approver.get(url)).body.rotating).toBe(true);
    expect((await approver.send('POST', `${url}/drop-old-secret`)).body.rotating).toBe(false);
    expect((await approver.send('PATCH', url, { disabled: true })).body.disabledReason).not.toBeNull();
    expect((await approver.send('PATCH', url, { disabled: false })).body.disabledAt).toBeNull();
    for (const inside of [
      'http://127.0.0.1/',
      'https://10.0.0.1/x',
      'https://2130706433/',
      'https://[::1]/',
      'ftp://203.0.114.9/',
    ]) {
      expect(
        (await approver.send('POST', '/v1/endpoints', { outlet: 'X', url: inside })).status,
        inside,
      ).toBe(400);
    }
    expect((await approver.send('DELETE', url)).status).toBe(204);
    expect((await approver.get(url)).status).toBe(404);
  });
});

describe('users and keys', () => {
  test('an admin makes and revokes them', async () => {
    const admin = herald.as('admin');
    const user = await admin.send('POST', '/v1/users', { name: 'Zhou', role: 'author' });
    const key = await admin.send('POST', `/v1/users/${user.body.id}/keys`);
    expect(key).toMatchObject({ status: 201, body: { key: expect.stringMatching(/^hk_/) } });
    const call = () =>
      herald.server.inject({ url: '/v1/topics', headers: { authorization: `Bearer ${key.body.key}` } });
    expect((await call()).statusCode).toBe(200);
    expect((await admin.get(`/v1/users/${user.body.id}/keys`)).body.items).toMatchObject([
      { id: key.body.id, revokedAt: null },
    ]);
    expect((await admin.send('DELETE', `/v1/keys/${key.body.id}`)).status).toBe(204);
    expect((await call()).statusCode).toBe(401);
    expect((await admin.send('POST', `/v1/users/${user.body.id}/disable`)).body.disabledAt).not.toBeNull();
    expect((await admin.get('/v1/users')).body.items.map((u: { id: string }) => u.id)).toContain(
      user.body.id,
    );
  });
});
