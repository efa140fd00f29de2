import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newNumber, smsTo, startTwilioRig } from './twilio-rig.ts';

const never = new AbortController().signal;
const SID = `SM${'a'.repeat(32)}`;

let rig: Awaited<ReturnType<typeof startTwilioRig>>;
beforeAll(async () => {
  rig = await startTwilioRig();
});
afterAll(() => rig.sandbox.close());

/** Asks a server that answers every request in one way. */
async function askAt(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const adapter = rig.adapterTo({ apiUrl: `http://127.0.0.1:${port}` });
  try {
    return await adapter.askReceipt?.({ providerMessageId: SID }, never);
  } finally {
    await adapter.close();
    await new Promise((resolve) => server.close(resolve));
  }
}
const message = (fields: object) => (_request: unknown, response: Parameters<RequestListener>[1]) =>
  response.end(JSON.stringify({ sid: SID, error_code: null, ...fields }));

describe('Twilio, asked what became of a message, says what its callback would have said', () => {
  it.each([
    ['', { providerStatus: 'delivered', receipt: 'delivered' }],
    ['900007', { providerStatus: 'delivered', receipt: 'delivered' }],
    ['900005', { providerStatus: 'sent', receipt: 'sent' }],
    ['930003', { receipt: 'undelivered', code: '30003', category: 'temporary' }],
    ['930007', { receipt: 'undelivered', code: '30007', category: 'rejected-content' }],
    ['930008', { providerStatus: 'failed', receipt: 'failed', code: '30008' }],
  ])('of a number that ends with %s', async (suffix, expected) => {
    const adapter = rig.adapterTo();
    const outcome = await adapter.send(smsTo(newNumber(suffix || undefined)), never);
    if (outcome.outcome !== 'accepted') throw new Error('it was not taken');
    await expect
      .poll(() => adapter.askReceipt?.({ providerMessageId: outcome.providerMessageId }, never))
      .toMatchObject({ asked: 'told', ...expected });
    await adapter.close();
  });

  it.each(['accepted', 'scheduled', 'queued', 'sending'])('%s is no end, and no failure', async (status) => {
    expect(await askAt(message({ status }))).toEqual({ asked: 'told', providerStatus: status });
  });

  it('some parts that arrived are no proof', async () => {
    expect(await askAt(message({ status: 'partially_delivered' }))).toMatchObject({ receipt: 'sent' });
  });

  it('no such message: only in its own words', async () => {
    const gone = JSON.stringify({ code: 20404, message: 'was not found', status: 404 });
    expect(await askAt((_, response) => response.writeHead(404).end(gone))).toEqual({ asked: 'not-known' });
    expect(await askAt((_, response) => response.writeHead(404).end('<h1>nginx</h1>'))).toMatchObject({
      asked: 'unavailable',
    });
  });

  it.each([401, 429, 500, 503])('HTTP %i: it cannot say', async (status) => {
    const answer = await askAt((_, response) =>
      response.writeHead(status).end('{"code":20001,"message":"no"}'),
    );
    expect(answer).toMatchObject({ asked: 'unavailable', message: expect.stringMatching(/./) });
  });

  it('another message, or no message at all: it cannot say', async () => {
    expect(await askAt(message({ sid: 'SM1', status: 'delivered' }))).toMatchObject({ asked: 'unavailable' });
    expect(await askAt((_, response) => response.end('not JSON'))).toMatchObject({ asked: 'unavailable' });
    expect(await askAt((request) => request.socket.destroy())).toMatchObject({ asked: 'unavailable' });
  });
});

it('above the rate the sandbox refuses questions as well', async () => {
  const adapter = rig.adapterTo();
  const outcome = await adapter.send(smsTo(newNumber()), never);
  if (outcome.outcome !== 'accepted') throw new Error('it was not taken');
  const ask = () => adapter.askReceipt?.({ providerMessageId: outcome.providerMessageId }, never);
  rig.sandbox.configure({ twilio: { requestsPerSecond: 0.01 } });
  expect(await ask()).toMatchObject({ asked: 'unavailable' });
  rig.sandbox.configure({ twilio: { requestsPerSecond: 0 } });
  expect(await ask()).toMatchObject({ asked: 'told' });
  await adapter.close();
});
