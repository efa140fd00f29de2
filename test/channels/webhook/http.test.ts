import type { LookupAddress } from 'node:dns';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import tlsOptions from 'smtp-server/lib/tls-options';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { createWebhookAdapter, type WebhookOptions } from '../../../src/channels/webhook/http.ts';
import { generateSecret } from '../../../src/channels/webhook/signature.ts';
import type { OutgoingWebhook } from '../../../src/pipeline/ports.ts';

const never = new AbortController().signal;
const secret = generateSecret();
const body = '{"type":"announcement","text":"请知情者与我们联系 🚓"}';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Outlet {
  readonly url: string;
  readonly port: number;
  readonly requests: { readonly request: IncomingMessage; readonly body: Buffer }[];
  readonly sockets: Set<Socket>;
}

/** An outlet's web server that answers as told when it has read the request. */
async function outlet(answer: RequestListener, secure = false): Promise<Outlet> {
  const requests: Outlet['requests'] = [];
  const sockets = new Set<Socket>();
  const onRequest: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push({ request, body: Buffer.concat(chunks) });
    answer(request, response);
  };
  const server: Server = secure ? createSecureServer(tlsOptions(), onRequest) : createServer(onRequest);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests, sockets };
}

function adapterFor(allowed: Outlet | undefined, options: Partial<WebhookOptions> = {}) {
  const adapter = createWebhookAdapter({
    gateway: 'live',
    concurrency: 4,
    requestTimeoutMs: 5_000,
    allowedHosts: allowed ? [`127.0.0.1:${allowed.port}`] : [],
    ...options,
  });
  cleanups.push(() => adapter.close());
  return adapter;
}

let serial = 0;
function webhook(address: string, changes: Partial<OutgoingWebhook> = {}): OutgoingWebhook {
  const deliveryId = `dlv_${++serial}`;
  return {
    deliveryId,
    attempt: 1,
    address,
    content: { channel: 'webhook', body },
    secrets: [secret],
    ...changes,
  };
}

const status =
  (code: number, headers: Record<string, string> = {}, text = ''): RequestListener =>
  (_, response) =>
    response.writeHead(code, headers).end(text);

describe('a webhook', () => {
  it('is posted byte for byte with a signature that the reference implementation takes', async () => {
    const receiver = await outlet(status(204));
    const message = webhook(`${receiver.url}/hook?desk=crime`);
    const outcome = await adapterFor(receiver, { userAgent: 'Herald/1.0' }).send(message, never);
    expect(outcome).toEqual({
      outcome: 'accepted',
      providerMessageId: message.deliveryId,
      delivered: true,
      detail: 'HTTP 204',
    });
    const [taken] = receiver.requests;
    expect(taken?.body.toString()).toBe(body);
    expect(taken?.request).toMatchObject({
      method: 'POST',
      url: '/hook?desk=crime',
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'Herald/1.0',
        'webhook-id': message.deliveryId,
      },
    });
    const headers = taken?.request.headers as Record<string, string>;
    expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
  });

  it('keeps its id and gets a new timestamp at every attempt', async () => {
    const receiver = await outlet(status(500));
    const adapter = adapterFor(receiver);
    const message = webhook(receiver.url);
    await adapter.send(message, never);
    await adapter.send({ ...message, attempt: 2 }, never);
    const ids = receiver.requests.map(({ request }) => request.headers['webhook-id']);
    expect(ids).toEqual([message.deliveryId, message.deliveryId]);
  });

  it.each<[number, Record<string, string>, object]>([
    [200, {}, { outcome: 'accepted', delivered: true }],
    [202, {}, { outcome: 'accepted', delivered: true }],
    [301, { location: 'https://elsewhere.example/' }, { category: 'permanent', code: 'HTTP 301' }],
    [307, { location: '/other' }, { category: 'permanent', code: 'HTTP 307' }],
    [400, {}, { category: 'temporary', code: 'HTTP 400' }],
    [401, {}, { category: 'temporary', code: 'HTTP 401' }],
    [404, {}, { category: 'temporary', code: 'HTTP 404' }],
    [410, {}, { category: 'opted-out', code: 'HTTP 410' }],
    [429, { 'retry-after': '7' }, { category: 'throttled', code: 'HTTP 429', retryAfterMs: 7_000 }],
    [500, {}, { category: 'temporary', code: 'HTTP 500' }],
    [503, { 'retry-after': '120' }, { category: 'temporary', code: 'HTTP 503', retryAfterMs: 120_000 }],
    [503, { 'retry-after': '999999999' }, { retryAfterMs: 86_400_000 }],
    [
      503,
      { date: 'Mon, 23 Nov 2026 10:00:00 GMT', 'retry-after': 'Mon, 23 Nov 2026 10:00:30 GMT' },
      { retryAfterMs: 30_000 },
    ],
    [503, { 'retry-after': 'Mon, 23 Nov 1998 10:00:00 GMT' }, { retryAfterMs: 0 }],
  ])('answered with %i %j', async (code, headers, expected) => {
    const receiver = await outlet(status(code, headers));
    expect(await adapterFor(receiver).send(webhook(receiver.url), never)).toMatchObject(expected);
    expect(receiver.requests).toHaveLength(1);
  });

  it('has no wait when Retry-After makes no sense', async () => {
    const receiver = await outlet(status(503, { 'retry-after': 'soon' }));
    expect(await adapterFor(receiver).send(webhook(receiver.url), never)).not.toHaveProperty('retryAfterMs');
  });

  it('keeps a short printable piece of the answer', async () => {
    const receiver = await outlet(status(500, {}, `no\u0000 such\r\n  desk\u202e ${'。'.repeat(500)}`));
    const outcome = await adapterFor(receiver).send(webhook(receiver.url), never);
    expect(outcome).toMatchObject({
      message: expect.stringMatching(/^the endpoint failed: no such desk 。+$/),
    });
    if (outcome.outcome === 'refused') expect(outcome.message.length).toBeLessThanOrEqual(230);
  });

  it('reads no more than the beginning of an endless answer, whose status counts', async () => {
    let sent = 0;
    const receiver = await outlet((_, response) => {
      response.writeHead(200);
      const pour = () => {
        while (response.write(Buffer.alloc(10_000, 'x'))) sent += 10_000;
      };
      response.on('drain', pour);
      pour();
    });
    const outcome = await adapterFor(receiver).send(webhook(receiver.url), never);
    expect(outcome).toMatchObject({ outcome: 'accepted', delivered: true });
    await expect.poll(() => receiver.sockets.size).toBe(0);
    expect(sent).toBeLessThan(20_000_000);
  });

  it('is delivered when the status came and the rest of the answer never does', async () => {
    const receiver = await outlet((_, response) => response.writeHead(200).write('thank'));
    const outcome = await adapterFor(receiver, { requestTimeoutMs: 300 }).send(webhook(receiver.url), never);
    expect(outcome).toMatchObject({ outcome: 'accepted', delivered: true, detail: 'HTTP 200: thank' });
  });
});

describe('no answer', () => {
  it('in time is unknown, for the whole exchange', async () => {
    const receiver = await outlet(() => {});
    const started = performance.now();
    const outcome = await adapterFor(receiver, { requestTimeoutMs: 300 }).send(webhook(receiver.url), never);
    expect(outcome).toMatchObject({ outcome: 'unknown', code: 'ETIMEDOUT' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('because the connection was cut is unknown', async () => {
    const receiver = await outlet((request) => request.socket.destroy());
    expect(await adapterFor(receiver).send(webhook(receiver.url), never)).toMatchObject({
      outcome: 'unknown',
    });
    expect(receiver.requests).toHaveLength(1);
  });

  it('that is not HTTP is unknown', async () => {
    const receiver = await outlet((request) => request.socket.end('220 mail.example ESMTP\r\n'));
    expect(await adapterFor(receiver).send(webhook(receiver.url), never)).toMatchObject({
      outcome: 'unknown',
    });
  });

  it('where plain text stands for TLS was never sent: temporary', async () => {
    const receiver = await outlet(status(200));
    const outcome = await adapterFor(receiver).send(webhook(`https://127.0.0.1:${receiver.port}`), never);
    expect(outcome).toMatchObject({ outcome: 'refused', category: 'temporary' });
    expect(receiver.requests).toHaveLength(0);
  });

  it('of a server whose certificate nobody vouches for was never sent: temporary', async () => {
    const receiver = await outlet(status(200), true);
    const outcome = await adapterFor(receiver).send(webhook(`https://127.0.0.1:${receiver.port}`), never);
    expect(outcome).toMatchObject({ category: 'temporary', code: expect.stringContaining('CERT') });
    expect(receiver.requests).toHaveLength(0);
  });

  it('from a name that does not exist: temporary', async () => {
    const outcome = await adapterFor(undefined).send(webhook('https://no-such-outlet.invalid/'), never);
    expect(outcome).toMatchObject({ outcome: 'refused', category: 'temporary', code: 'ENOTFOUND' });
  });
});

describe('a slow endpoint', () => {
  it('delays nobody, not even its neighbour on the same host', async () => {
    const held: (() => void)[] = [];
    const receiver = await outlet((request, response) => {
      if (request.url === '/slow') held.push(() => response.end());
      else response.end();
    });
    const adapter = adapterFor(receiver, { concurrency: 4 });
    const slow = [1, 2, 3].map(() => adapter.send(webhook(`${receiver.url}/slow`), never));
    await expect.poll(() => held.length).toBe(3);
    for (let i = 0; i < 5; i++) {
      expect(await adapter.send(webhook(`${receiver.url}/quick`), never)).toMatchObject({
        outcome: 'accepted',
      });
    }
    for (const release of held) release();
    expect((await Promise.all(slow)).map((o) => o.outcome)).toEqual(['accepted', 'accepted', 'accepted']);
  });
});

describe('the guard at connect time', () => {
  it('refuses an address that no registration would have let in, without a connection', async () => {
    const receiver = await outlet(status(200));
    const adapter = adapterFor(undefined);
    for (const address of [
      receiver.url,
      `https://127.0.0.1:${receiver.port}`,
      `https://2130706433:${receiver.port}`,
      `https://[::ffff:127.0.0.1]:${receiver.port}`,
      `https://localhost:${receiver.port}`,
      `https://user:pass@outlet.example/`,
      'gopher://outlet.example/',
      'nonsense',
    ]) {
      expect(await adapter.send(webhook(address), never), address).toMatchObject({
        outcome: 'refused',
        category: 'permanent',
        code: 'endpoint-url-refused',
      });
    }
    expect(receiver.requests).toHaveLength(0);
    expect(receiver.sockets.size).toBe(0);
  });

  it('cannot be passed by a name that changes its address: it connects to what it checked', async () => {
    const receiver = await outlet(status(200));
    let asked = 0;
    const rebinding = async (): Promise<LookupAddress[]> => [
      { address: asked++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 },
    ];
    const adapter = adapterFor(undefined, {
      resolve: rebinding,
      requestTimeoutMs: 300,
      allowedCidrs: ['192.0.2.0/24'],
    });
    const url = `http://outlet.example:${receiver.port}/`;
    // The first address is let in and leads nowhere; the second one is refused. Neither reaches the loopback server.
    expect(await adapter.send(webhook(url), never)).toMatchObject({
      outcome: 'refused',
      category: 'temporary',
    });
    expect(asked).toBe(1);
    expect(await adapter.send(webhook(url), never)).toMatchObject({ code: 'endpoint-url-refused' });
    expect(receiver.requests).toHaveLength(0);
  });

  it('lets a name in that means an allowed network', async () => {
    const receiver = await outlet(status(200));
    const resolve = async (): Promise<LookupAddress[]> => [{ address: '127.0.0.1', family: 4 }];
    const adapter = adapterFor(undefined, { resolve, allowedCidrs: ['127.0.0.0/8'] });
    const outcome = await adapter.send(webhook(`http://newsroom.lan:${receiver.port}/`), never);
    expect(outcome).toMatchObject({ outcome: 'accepted' });
    expect(receiver.requests[0]?.request.headers.host).toBe(`newsroom.lan:${receiver.port}`);
  });

  it('does not follow a redirect into a private network', async () => {
    const inside = await outlet(status(200));
    const receiver = await outlet(status(302, { location: inside.url }));
    expect(await adapterFor(receiver).send(webhook(receiver.url), never)).toMatchObject({ code: 'HTTP 302' });
    expect(inside.requests).toHaveLength(0);
  });
});

it('an endpoint whose secret is broken is refused and says why', async () => {
  const receiver = await outlet(status(200));
  const outcome = await adapterFor(receiver).send(webhook(receiver.url, { secrets: ['whsec_'] }), never);
  expect(outcome).toMatchObject({ outcome: 'refused', code: 'webhook-secret-invalid' });
  expect(receiver.requests).toHaveLength(0);
});
