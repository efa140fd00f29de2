import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { verifyTwilioSignature } from '../../src/channels/sms/twilio-callbacks.ts';
import { readBody } from '../../src/sandbox/http.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { inShare } from '../../src/sandbox/twilio-callbacks.ts';

interface Received {
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly verified: boolean;
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** An application that takes callbacks, and a sandbox. `statuses`: what it answers, one after the other, then 204. */
async function start(statuses: number[] = [], settings: Parameters<Sandbox['configure']>[0]['twilio'] = {}) {
  const received: Received[] = [];
  const sandbox = await startSandbox();
  const take = async (request: IncomingMessage) => {
    const params = Object.fromEntries(new URLSearchParams(await readBody(request)));
    const path = request.url ?? '';
    const verified = verifyTwilioSignature({
      authToken: sandbox.twilio.authToken,
      signature: String(request.headers['x-twilio-signature']),
      url: `http://${request.headers.host}${path}`,
      params,
    });
    received.push({ path, params, verified });
  };
  const server = createServer((request, response) => {
    take(request).then(
      () => response.writeHead(statuses.shift() ?? 204).end(),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sandbox.configure({ twilio: { inboundUrl: `${app}/inbound`, ...settings } });
  open.push(sandbox, {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const send = async (to: string) => {
    const { accountSid, authToken } = sandbox.twilio;
    const basic = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
    await fetch(`${sandbox.url}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({
        To: to,
        Body: '测试',
        MessagingServiceSid: `MG${'0'.repeat(32)}`,
        StatusCallback: `${app}/status?delivery=dlv_${to.slice(1)}&x=%E8%AD%A6`,
      }),
    });
  };
  const statusesOf = (to: string) =>
    received.filter((one) => one.params.To === to).map((one) => one.params.MessageStatus);
  return { sandbox, received, send, statusesOf };
}

describe('status callbacks', () => {
  it('are signed, carry the URL as it was given, and tell the way to delivery', async () => {
    const { sandbox, received, send, statusesOf } = await start();
    await send('+12025550100');
    await sandbox.idle();
    expect(statusesOf('+12025550100')).toEqual(['queued', 'sent', 'delivered']);
    for (const { path, params, verified } of received) {
      expect(verified).toBe(true);
      expect(path).toBe('/status?delivery=dlv_12025550100&x=%E8%AD%A6');
      expect(params).toMatchObject({
        MessageSid: sandbox.ledger.list()[0]?.gatewayMessageId,
        AccountSid: sandbox.twilio.accountSid,
        MessagingServiceSid: `MG${'0'.repeat(32)}`,
      });
    }
    expect(received.at(-1)?.params.RawDlrDoneDate).toMatch(/^\d{10}$/);
    expect(sandbox.ledger.list()[0]).toMatchObject({
      deliveryId: 'dlv_12025550100',
      outcome: 'delivered',
      told: { status: 'delivered', answer: 204 },
    });
  });

  it.each([
    ['930003', ['queued', 'sent', 'undelivered'], '30003'],
    ['930007', ['queued', 'sent', 'undelivered'], '30007'],
    ['930008', ['queued', 'failed'], '30008'],
    ['900005', [], undefined],
    ['900007', [], undefined],
  ])('end as the magic number %s says', async (suffix, statuses, code) => {
    const { sandbox, received, send, statusesOf } = await start();
    await send(`+13125${suffix}`);
    await sandbox.idle();
    expect(statusesOf(`+13125${suffix}`)).toEqual(statuses);
    expect(received.at(-1)?.params.ErrorCode).toBe(code);
    const status = statuses.at(-1);
    expect(sandbox.ledger.list()[0]?.told).toEqual(status && { status, code, answer: 204 });
  });

  it('come for a message whose answer was cut off', async () => {
    const { sandbox, send, statusesOf } = await start();
    await expect(send('+13125900001')).rejects.toThrow();
    await sandbox.idle();
    expect(statusesOf('+13125900001')).toEqual(['queued', 'sent', 'delivered']);
  });

  it('come twice, or last first, for a share that the seed decides', async () => {
    const numbers = Array.from({ length: 30 }, (_, i) => `+120255502${String(i).padStart(2, '0')}`);
    const callbackFaults = { duplicateShare: 0.3, reorderShare: 0.3, seed: 7 };
    const { sandbox, send, statusesOf } = await start([], { callbackFaults });
    for (const number of numbers) await send(number);
    await sandbox.idle();
    const shapes = new Set<string>();
    for (const number of numbers) {
      const steps = ['queued', 'sent', 'delivered'];
      const order = inShare(0.3, 7, 'reorder', number) ? steps.toReversed() : steps;
      const twice = inShare(0.3, 7, 'duplicate', number);
      expect(statusesOf(number)).toEqual(twice ? order.flatMap((step) => [step, step]) : order);
      shapes.add(`${twice} ${order[0]}`);
    }
    expect(shapes.size).toBe(4);
    expect(new Set(sandbox.ledger.list().map(({ told }) => told?.status))).toEqual(new Set(['delivered']));
  });

  it('are repeated while the receiver is away, and not when it refuses them', async () => {
    const away = await start([503, 503]);
    await away.send('+12025550104');
    await away.sandbox.idle();
    expect(away.statusesOf('+12025550104')).toEqual(['queued', 'queued', 'queued', 'sent', 'delivered']);
    expect(away.sandbox.lost()).toBe(0);

    const refusing = await start([403]);
    await refusing.send('+12025550105');
    await refusing.sandbox.idle();
    expect(refusing.statusesOf('+12025550105')).toEqual(['queued', 'sent', 'delivered']);

    const deaf = await start([204, 204, 403]);
    await deaf.send('+12025550107');
    await deaf.sandbox.idle();
    expect(deaf.sandbox.ledger.list()[0]?.told).toEqual({ status: 'delivered', answer: 403 });
  });

  it('that are left are dropped when the sandbox closes', async () => {
    const { sandbox, received, send } = await start([], { receiptDelayMs: 3_600_000 });
    await send('+12025550106');
    await sandbox.close();
    await sandbox.idle();
    expect(received).toEqual([]);
  });
});

describe('messages of citizens', () => {
  it('are posted, signed, to the inbound URL', async () => {
    const { sandbox, received } = await start();
    await sandbox.inbound('+12025550107', '退订');
    expect(received).toMatchObject([
      {
        path: '/inbound',
        verified: true,
        params: { From: '+12025550107', Body: '退订', SmsStatus: 'received' },
      },
    ]);
  });

  it('answer STOP after delivery to a magic number', async () => {
    const { sandbox, received, send } = await start();
    await send('+13125900006');
    await sandbox.idle();
    expect(received.map((one) => one.params.MessageStatus ?? one.params.Body)).toEqual([
      'queued',
      'sent',
      'delivered',
      'STOP',
    ]);
    expect(received.at(-1)?.params.From).toBe('+13125900006');
  });
});
