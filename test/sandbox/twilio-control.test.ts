import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

function control(path: string, body: unknown, type = 'application/json'): Promise<Response> {
  return fetch(`${sandbox.url}/_control/${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('the front page', () => {
  it('says that it is a sandbox and where the gateways are', async () => {
    expect(await (await fetch(sandbox.url)).json()).toMatchObject({
      what: expect.stringContaining('sandbox'),
      gateways: { twilio: sandbox.url, smtp: sandbox.smtpUrl, webhook: `${sandbox.url}/hooks/` },
      counts: { sms: 0, email: 0, webhook: 0 },
    });
    expect((await fetch(`${sandbox.url}/nothing`)).status).toBe(404);
  });
});

describe('the outbox', () => {
  const take = (n: number, body: string) =>
    sandbox.ledger.add({
      channel: n % 2 === 0 ? 'sms' : 'email',
      gatewayMessageId: `id-${n}`,
      deliveryId: `dlv_${n}`,
      address: `address-${n % 10}`,
      subject: '<b>subject</b>',
      body,
      outcome: 'delivered',
    });
  beforeAll(() => {
    for (let n = 0; n < 250; n++) take(n, `<script>alert(${n})</script>`);
  });
  const get = async (query: string) => {
    const response = await fetch(`${sandbox.url}/outbox${query}`);
    return (await response.json()) as {
      entries: { gatewayMessageId: string; id: string }[];
      next: number | null;
    };
  };

  it('lists everything, newest last, in pages', async () => {
    const seen: string[] = [];
    for (let page = await get(''); ; page = await get(`?cursor=${page.next}`)) {
      seen.push(...page.entries.map((entry) => entry.gatewayMessageId));
      if (page.next === null) break;
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, n) => `id-${n}`));
  });

  it('lists by channel, address and delivery', async () => {
    expect((await get('?address=address-3')).entries).toHaveLength(25);
    expect((await get('?address=address-3&channel=sms')).entries).toEqual([]);
    expect((await get('?deliveryId=dlv_17')).entries).toMatchObject([{ gatewayMessageId: 'id-17' }]);
    expect((await fetch(`${sandbox.url}/outbox?channel=fax`)).status).toBe(400);
  });

  it('shows one message', async () => {
    const id = sandbox.ledger.list({ deliveryId: 'dlv_17' })[0]?.id;
    expect(await (await fetch(`${sandbox.url}/outbox/${id}`)).json()).toMatchObject({
      gatewayMessageId: 'id-17',
    });
    expect((await fetch(`${sandbox.url}/outbox/none`)).status).toBe(404);
  });

  it('is a page for people, with nothing of a message taken as HTML', async () => {
    const accept = { headers: { accept: 'text/html' } };
    const id = sandbox.ledger.list({ limit: 1 })[0]?.id;
    for (const path of ['/outbox?channel=sms', `/outbox/${id}`]) {
      const response = await fetch(sandbox.url + path, accept);
      expect(response.headers.get('content-type')).toContain('text/html');
      const html = await response.text();
      expect(html).toContain('&lt;script&gt;alert(0)&lt;/script&gt;');
      expect(html).not.toContain('<script>');
      expect(html).not.toContain('<b>subject');
    }
  });
});

describe('the control', () => {
  it('changes settings while it runs, and only what it names', async () => {
    const config = {
      twilio: { listLagMs: 0, callbackFaults: { duplicateShare: 0.1, reorderShare: 0.1, seed: 3 } },
      smtp: { latencyMs: 1 },
      hooks: { daily: { behaviour: 'gone-410' } },
    };
    expect((await control('config', config)).status).toBe(200);
    const hook = await fetch(`${sandbox.url}/hooks/daily`, { method: 'POST', body: '{}' });
    expect(hook.status).toBe(410);
  });

  it.each([
    ['config', { twilio: { latencyMs: -1 } }, 400],
    ['config', { twilio: { unknown: 1 } }, 400],
    ['config', { twilio: { inboundUrl: 'javascript:alert(1)' } }, 400],
    ['config', 'not JSON', 400],
    ['inbound', { from: 'me', body: 'STOP' }, 400],
    ['inbound', { from: '+12025550100', body: 'STOP' }, 200],
    ['idle', {}, 200],
    ['nothing', {}, 404],
  ])('%s %j is answered with %i %s', async (path, body, status) => {
    expect((await control(path, body)).status).toBe(status);
  });

  it('does not take what a page of another origin could post', async () => {
    expect((await control('config', '{}', 'text/plain')).status).toBe(415);
    expect((await fetch(`${sandbox.url}/_control/config`)).status).toBe(415);
  });
});
