import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildServer } from '../../src/web/server.ts';
import { DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

describe('access', () => {
  /** The routes that need no key, each for a reason; everything else must name a role. */
  const OPEN = [
    '/',
    '/style.css',
    '/leave',
    '/leave/code',
    '/u/:token',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/schemas/announcement.v1.json',
  ];
  /** The console's are in test/web/console/access.test.ts. */
  const rulesOf = () => herald.server.accessRules.filter(({ url }) => !url.startsWith('/console'));
  const PROVIDERS = ['/callbacks/twilio/status', '/callbacks/twilio/inbound'];

  test('every route has a rule, and only these are open', () => {
    const rules = rulesOf();
    expect(rules.length).toBeGreaterThan(40);
    expect(rules.filter((rule) => rule.access === undefined)).toEqual([]);
    const withAccess = (access: string) => [
      ...new Set(rules.filter((rule) => rule.access === access).map((rule) => rule.url)),
    ];
    expect(
      withAccess('public')
        .filter((url) => !url.startsWith('/docs'))
        .sort(),
    ).toEqual([...OPEN].sort());
    expect(withAccess('provider').sort()).toEqual([...PROVIDERS].sort());
    for (const { url, access } of rules)
      if (url.startsWith('/v1/')) expect(['author', 'approver', 'admin'], url).toContain(access);
  });

  test('a route without a rule keeps the server from starting', async () => {
    const server = await buildServer(herald.app);
    server.get('/forgotten', () => 'secret');
    await expect(server.ready()).rejects.toThrow('no access rule: GET /forgotten');
    await server.close();
  });

  test('without a key, with a wrong one, or with too small a role nothing is reached', async () => {
    for (const { method, url, access } of rulesOf()) {
      if (access === 'public' || access === 'provider' || access === undefined || method === 'HEAD') continue;
      const request = { method: method as 'GET', url: url.replaceAll(/:\w+/g, 'x') };
      for (const authorization of [undefined, 'Bearer hk_wrong', 'Basic aGs6eA==']) {
        const answer = await herald.server.inject({
          ...request,
          headers: authorization ? { authorization } : {},
        });
        expect(answer.statusCode, `${method} ${url}`).toBe(401);
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      }
      if (access === 'author') continue;
      const { key } = herald.as('author');
      const answer = await herald.server.inject({ ...request, headers: { authorization: `Bearer ${key}` } });
      expect([answer.statusCode, answer.json().code], `${method} ${url}`).toEqual([403, 'role-required']);
    }
  });
});

interface Wrong {
  readonly method: string;
  readonly url: string;
  readonly payload?: string | Buffer;
  readonly type?: string;
}

describe('problems', () => {
  const ask = (options: object) =>
    herald.server.inject({ headers: { authorization: `Bearer ${herald.as('admin').key}` }, ...options });
  const json = { authorization: '', 'content-type': 'application/json' };

  test.each([
    [
      'malformed JSON',
      { method: 'POST', url: '/v1/topics', payload: '{"code":', type: 'application/json' },
      400,
      'malformed-json',
    ],
    [
      '__proto__',
      { method: 'POST', url: '/v1/topics', payload: '{"__proto__":{"x":1}}', type: 'application/json' },
      400,
      undefined,
    ],
    [
      'bytes that are no UTF-8',
      {
        method: 'POST',
        url: '/v1/topics',
        payload: Buffer.from('{"code":"a","names":{"en":"\xb9\xab"}}', 'latin1'),
        type: 'application/json',
      },
      400,
      'not-utf-8',
    ],
    [
      'wrong fields',
      { method: 'POST', url: '/v1/topics', payload: '{"code":"A B","x":1}', type: 'application/json' },
      400,
      'invalid-request',
    ],
    [
      'no body',
      { method: 'POST', url: '/v1/topics', payload: '', type: 'application/json' },
      400,
      'invalid-request',
    ],
    ['no such route', { method: 'GET', url: '/v1/nothing' }, 404, 'no-such-route'],
    ['no such thing', { method: 'GET', url: '/v1/announcements/ann_x' }, 404, 'no-such-announcement'],
    ['bad escape in the path', { method: 'GET', url: '/v1/announcements/%ff' }, 400, 'bad-url'],
    [
      'an id of another kind',
      { method: 'GET', url: '/v1/subscribers/ann_00000000000000000000000000' },
      404,
      'no-such-subscriber',
    ],
    [
      'too large',
      { method: 'POST', url: '/v1/topics', payload: `"${'x'.repeat(1_000_001)}"`, type: 'application/json' },
      413,
      'too-large',
    ],
    [
      'another type',
      { method: 'POST', url: '/v1/topics', payload: '<a/>', type: 'application/xml' },
      415,
      'unsupported-media-type',
    ],
    ['bad query', { method: 'GET', url: '/v1/announcements?limit=0' }, 400, 'invalid-request'],
    ['bad method', { method: 'PUT', url: '/v1/topics' }, 405, 'method-not-allowed'],
    [
      'another character set',
      { method: 'POST', url: '/v1/topics', payload: '{}', type: 'application/json; charset=gbk' },
      415,
      'unsupported-media-type',
    ],
    [
      'half a character',
      {
        method: 'POST',
        url: '/v1/topics',
        payload: '{"code":"x-1","names":{"en":"a\\ud800"}}',
        type: 'application/json',
      },
      400,
      'invalid-request',
    ],
  ])('%s', async (_what, { type, ...options }: Wrong, status, code) => {
    const { key } = herald.as('admin');
    const answer = await ask({
      ...options,
      headers: { authorization: `Bearer ${key}`, ...(type && { 'content-type': type }) },
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = answer.json();
    expect(problem).toMatchObject({
      status,
      title: expect.any(String),
      detail: expect.any(String),
      requestId: answer.headers['x-request-id'],
    });
    expect(problem.type).toBe(`urn:herald:problem:${problem.code}`);
    if (code) expect(problem.code).toBe(code);
    expect(answer.payload).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
  });

  test('a fault of ours says nothing about itself, but to the log', async () => {
    const reports = {
      ...herald.app.reports,
      channels: () => Promise.reject(new Error('relation "secret_table" does not exist')),
    };
    const server = await buildServer({ ...herald.app, reports });
    const author = herald.as('author');
    const { body } = await author.send('POST', '/v1/announcements', DRAFT);
    const answer = await server.inject({
      url: `/v1/announcements/${body.id}`,
      headers: { authorization: `Bearer ${author.key}` },
    });
    expect(answer.statusCode).toBe(500);
    expect(answer.json().code).toBe('internal');
    expect(answer.payload).not.toContain('secret_table');
    expect(herald.logged()).toContain('secret_table');
    await server.close();
  });

  test('a database that is away is 503', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const server = await buildServer({
      ...herald.app,
      lists: Object.assign(Object.create(herald.app.lists), { list: () => Promise.reject(away) }),
    });
    const answer = await server.inject({
      url: '/v1/topics',
      headers: { ...json, authorization: `Bearer ${herald.as('author').key}` },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'database-unavailable']);
    await server.close();
  });
});

describe('Idempotency-Key', () => {
  test('sent twice, done once; the secret is in both answers', async () => {
    const admin = herald.as('admin');
    const user = await admin.send('POST', '/v1/users', { name: 'Twice', role: 'author' });
    const make = () =>
      admin.send('POST', `/v1/users/${user.body.id}/keys`, undefined, { 'idempotency-key': 'key-1' });
    const [first, second] = [await make(), await make()];
    expect(second.body).toEqual(first.body);
    expect(second.status).toBe(201);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect((await admin.get(`/v1/users/${user.body.id}/keys`)).body.items).toHaveLength(1);
  });

  test('at the same time: one does it, the others are told', async () => {
    const approver = herald.as('approver');
    const all = await Promise.all(
      Array.from({ length: 8 }, () =>
        approver.send('POST', '/v1/topics', { code: 'at-once' }, { 'idempotency-key': 'at-once' }),
      ),
    );
    const made = all.filter((answer) => answer.status === 201);
    expect(made.length).toBeGreaterThanOrEqual(1);
    expect(made.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    for (const answer of all)
      if (answer.status !== 201)
        expect(answer).toMatchObject({ status: 409, body: { code: 'request-in-progress' } });
  });

  test('another request under it is refused; what was refused before it began is not kept; refusals of the act are', async () => {
    const approver = herald.as('approver');
    const headers = { 'idempotency-key': 'k-2' };
    expect((await approver.send('POST', '/v1/topics', { code: 'NOT A CODE' }, headers)).status).toBe(400);
    expect((await approver.send('POST', '/v1/topics', { code: 'second' }, headers)).status).toBe(201);
    expect(await approver.send('POST', '/v1/topics', { code: 'third' }, headers)).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    expect(await approver.send('POST', '/v1/districts', { code: 'second' }, headers)).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });

    const again = { 'idempotency-key': 'k-3' };
    const [refused, replayed] = [
      await approver.send('POST', '/v1/topics', { code: 'second' }, again),
      await approver.send('POST', '/v1/topics', { code: 'second' }, again),
    ];
    expect(refused).toMatchObject({ status: 409, body: { code: 'topic-exists' } });
    expect(replayed.body).toEqual(refused.body);
    expect(replayed.headers['content-type']).toMatch(/problem\+json/);
    expect(
      await approver.send('POST', '/v1/topics', { code: 'x' }, { 'idempotency-key': 'ä' }),
    ).toMatchObject({ status: 400, body: { code: 'bad-idempotency-key' } });
  });

  test('a failure of ours gives the key back', async () => {
    let broken = true;
    const lists = Object.assign(Object.create(herald.app.lists), {
      add: (...args: Parameters<typeof herald.app.lists.add>) =>
        broken ? Promise.reject(new Error('boom')) : herald.app.lists.add(...args),
    });
    const server = await buildServer({ ...herald.app, lists });
    const post = () =>
      server.inject({
        method: 'POST',
        url: '/v1/topics',
        payload: { code: 'after-all' },
        headers: { authorization: `Bearer ${herald.as('approver').key}`, 'idempotency-key': 'k-4' },
      });
    expect((await post()).statusCode).toBe(500);
    broken = false;
    expect((await post()).statusCode).toBe(201);
    await server.close();
  });
});

describe('limits and headers', () => {
  /** Asks until it is told something else than 200; as requests over a socket do, it lets the event loop go on. */
  async function ask<T>(times: number, request: () => Promise<T>, status: (answer: T) => number): Promise<T> {
    let last = await request();
    for (let i = 1; i < times && status(last) === 200; i += 1) {
      await setImmediate();
      last = await request();
    }
    return last;
  }

  test('one address cannot take everything', async () => {
    const server = await buildServer(herald.app);
    const answer = await ask(
      6_001,
      () => server.inject({ url: '/style.css' }),
      ({ statusCode }) => statusCode,
    );
    expect(answer.json()).toMatchObject({ status: 429, code: 'too-many-requests' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const health = await server.inject({ url: '/healthz' });
    expect(health.statusCode).toBe(200);
    await server.close();
  });

  test('nor can one user, whose colleagues go on', async () => {
    const eager = await herald.another('author');
    const last = await ask(
      3_001,
      () => eager.get('/v1/topics'),
      ({ status }) => status,
    );
    expect(last).toMatchObject({
      status: 429,
      body: { code: 'too-many-requests' },
      headers: { 'retry-after': expect.anything() },
    });
    expect((await herald.as('author').get('/v1/topics')).status).toBe(200);
  });

  test('strict headers on every answer', async () => {
    for (const url of ['/', '/v1/topics', '/nothing', '/u/x', '/docs/']) {
      const { headers } = await herald.server.inject({ url });
      expect(headers['content-security-policy'], url).toMatch(/default-src 'none'/);
      expect(headers['content-security-policy'], url).not.toMatch(/unsafe|https?:/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['strict-transport-security']).toMatch(/max-age/);
      if (url.startsWith('/v1/')) expect(headers['cache-control']).toBe('no-store');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('server');
    }
  });

  test('while everything stands still who comes is sent away, and a moment later is served', async () => {
    const { server } = herald;
    const afterStandingStill = async () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
      const { statusCode, headers } = await server.inject('/v1/topics');
      return { statusCode, headers };
    };
    // From the second time on: a delay is the average of what was measured since the last look at it.
    await expect.poll(afterStandingStill, { interval: 1, timeout: 15_000 }).toMatchObject({
      statusCode: 503,
      headers: { 'retry-after': '5', 'cache-control': 'no-store' },
    });
    expect((await server.inject('/v1/topics')).json()).toMatchObject({ code: 'overloaded' });
    expect((await server.inject('/healthz')).statusCode).toBe(200);
    await expect
      .poll(async () => (await server.inject('/v1/topics')).statusCode, { timeout: 10_000 })
      .toBe(401);
  });

  test('a connection that sends no HTTP gets no stack trace', async () => {
    const server = await buildServer(herald.app);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.end('NONSENSE\r\n\r\n'));
      socket
        .on('data', (data) => (text += data))
        .on('close', () => resolve(text))
        .on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(answer).not.toMatch(/at \w+|node_modules/);
    await server.close();
  });
});
