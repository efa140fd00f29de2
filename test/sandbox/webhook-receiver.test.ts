import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ledger } from '../../src/sandbox/ledger.ts';
import {
  createWebhookReceiver,
  HOOK_BEHAVIOURS,
  type HookBehaviour,
} from '../../src/sandbox/webhook-receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const body = '{"type":"announcement","text":"协查"}';
const ledger = new Ledger();
const receiver = createWebhookReceiver(ledger);
const server = createServer((request, response) => void receiver.handle(request, response));
let base = '';
let serial = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function post(
  name: string,
  options: { id?: string; ageSeconds?: number; key?: string; signal?: AbortSignal } = {},
) {
  const { id = `dlv_${++serial}`, ageSeconds = 0, key = secret, signal = null } = options;
  const time = new Date(Math.floor(Date.now() / 1_000 - ageSeconds) * 1_000);
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(time.getTime() / 1_000),
    'webhook-signature': `v1,bm90IHRoaXMgb25l ${new Webhook(key).sign(id, time, body)}`,
  };
  return fetch(base + name, { method: 'POST', headers, body, redirect: 'manual', signal });
}

const taken = (name: string) => ledger.list({ address: base + name });

describe('the sandbox’s webhook receiver', () => {
  it('takes what the reference implementation signed, and writes it down', async () => {
    receiver.configure('daily', { secrets: [`whsec_${Buffer.alloc(32, 8).toString('base64')}`, secret] });
    expect((await post('daily', { id: 'dlv_mine' })).status).toBe(200);
    expect(taken('daily')).toMatchObject([
      { channel: 'webhook', gatewayMessageId: 'dlv_mine', deliveryId: 'dlv_mine', body, outcome: 'accepted' },
    ]);
  });

  it('counts repeats of a webhook-id', async () => {
    for (let i = 0; i < 3; i++) await post('repeated', { id: 'dlv_again' });
    expect(taken('repeated').map((entry) => entry.outcome)).toEqual(['accepted', 'repeat 1', 'repeat 2']);
  });

  it.each([
    ['by another secret', { key: `whsec_${Buffer.alloc(32, 9).toString('base64')}` }],
    ['more than five minutes ago', { ageSeconds: 310 }],
    ['in the future', { ageSeconds: -310 }],
  ])('refuses what was signed %s', async (_, options) => {
    receiver.configure('strict', { secrets: [secret] });
    expect((await post('strict', options)).status).toBe(401);
    expect(taken('strict')).toEqual([]);
  });

  it('refuses what was not signed, where a secret is known', async () => {
    receiver.configure('strict', { secrets: [secret] });
    expect((await fetch(`${base}strict`, { method: 'POST', body })).status).toBe(401);
    expect((await fetch(`${base}strict`)).status).toBe(405);
  });

  const ANSWERS: Record<HookBehaviour, { status: number | undefined; outcomes: string[] }> = {
    ok: { status: 200, outcomes: ['accepted'] },
    slow: { status: 200, outcomes: ['accepted'] },
    'fail-500': { status: 500, outcomes: [] },
    'fail-then-ok': { status: 500, outcomes: [] },
    'gone-410': { status: 410, outcomes: [] },
    redirect: { status: 302, outcomes: [] },
    throttle: { status: 429, outcomes: [] },
    reset: { status: undefined, outcomes: ['reset'] },
    hang: { status: undefined, outcomes: ['hung'] },
  };

  it.each(HOOK_BEHAVIOURS)('behaves as told: %s', async (behaviour) => {
    const name = `like-${behaviour}`;
    receiver.configure(name, { behaviour, ...(behaviour === 'slow' ? { delayMs: 50 } : {}) });
    const signal = behaviour === 'hang' ? AbortSignal.timeout(200) : undefined;
    const answer = await post(name, signal ? { signal } : {}).then(
      (response) => response.status,
      () => undefined,
    );
    expect(answer).toBe(ANSWERS[behaviour].status);
    expect(taken(name).map((entry) => entry.outcome)).toEqual(ANSWERS[behaviour].outcomes);
  });

  it('becomes well after so many times', async () => {
    receiver.configure('recovering', { behaviour: 'fail-500', times: 2 });
    receiver.configure('stumbling', { behaviour: 'fail-then-ok' });
    const statuses = async (name: string) => [
      (await post(name)).status,
      (await post(name)).status,
      (await post(name)).status,
    ];
    expect(await statuses('recovering')).toEqual([500, 500, 200]);
    expect(await statuses('stumbling')).toEqual([500, 200, 200]);
  });
});
