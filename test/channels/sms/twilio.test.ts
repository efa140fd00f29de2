import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TWILIO_CODES } from '../../../src/channels/sms/twilio-codes.ts';
import { routeFor } from '../../../src/domain/channel.ts';
import type { SettleQuestion } from '../../../src/pipeline/ports.ts';
import { MESSAGING_SERVICE, newNumber, smsTo, startTwilioRig, whenTaken } from './twilio-rig.ts';

const never = new AbortController().signal;

let rig: Awaited<ReturnType<typeof startTwilioRig>>;
beforeAll(async () => {
  rig = await startTwilioRig();
});
afterAll(() => rig.sandbox.close());

describe('what is sent', () => {
  it('is the text unchanged, with the validity, the status callback and smart encoding off', async () => {
    const adapter = rig.adapterTo();
    const address = newNumber();
    const body = '【滨江公安】“1·17”案件通报：请市民注意安全，谢谢配合！ +&=%\n🚓';
    await adapter.send({ ...smsTo(address, body), validForMs: 59_999 }, never);
    const [entry] = rig.sandbox.ledger.list({ address });
    expect(entry).toMatchObject({
      body,
      deliveryId: `dlv_${address.slice(1)}`,
      headers: {
        messagingservicesid: MESSAGING_SERVICE,
        smartencoded: 'false',
        validityperiod: '59',
      },
    });
    await adapter.close();
  });

  it('comes from a number when that is configured', async () => {
    const adapter = rig.adapterTo({ sender: { from: '+15005550006' } });
    const address = newNumber();
    expect(await adapter.send(smsTo(address), never)).toMatchObject({
      outcome: 'accepted',
      detail: 'queued',
    });
    expect(rig.sandbox.ledger.list({ address })[0]?.headers).toMatchObject({ from: '+15005550006' });
    await adapter.close();
  });

  it('is valid for at most ten hours, and not sent at all with less than a second left', async () => {
    const adapter = rig.adapterTo();
    const [long, late] = [newNumber(), newNumber()];
    await adapter.send({ ...smsTo(long), validForMs: 24 * 3_600_000 }, never);
    expect(rig.sandbox.ledger.list({ address: long })[0]?.headers).toMatchObject({ validityperiod: '36000' });
    const outcome = await adapter.send({ ...smsTo(late), validForMs: 999 }, never);
    expect(outcome).toMatchObject({ outcome: 'refused', category: 'expired' });
    expect(rig.sandbox.ledger.list({ address: late })).toEqual([]);
    await adapter.close();
  });

  it('knows that mainland China takes no links, no replies and eight segments', () => {
    const { abilities } = rig.adapterTo();
    expect(routeFor(abilities, '+8613800000000')).toMatchObject({
      links: false,
      twoWay: false,
      maxSegments: 8,
    });
    expect(routeFor(abilities, '+12025550100')).toMatchObject({ links: true, twoWay: true });
  });
});

describe('what is refused', () => {
  it('carries what Retry-After asked for', async () => {
    const adapter = rig.adapterTo();
    const outcome = await adapter.send(smsTo(newNumber('920429')), never);
    expect(outcome).toMatchObject({ category: 'throttled', code: '20429', retryAfterMs: 1000 });
    await adapter.close();
  });

  it('is refused for its content when it is too long', async () => {
    const adapter = rig.adapterTo();
    const outcome = await adapter.send(smsTo(newNumber(), '警'.repeat(1601)), never);
    expect(outcome).toMatchObject({ outcome: 'refused', category: 'rejected-content', code: '21617' });
    await adapter.close();
  });

  it('is in doubt after HTTP 500 or 502, of which Twilio says that the message may go out', async () => {
    const adapter = rig.adapterTo();
    for (const [suffix, code] of [
      ['920500', '20500'],
      ['900502', 'HTTP 502'],
    ] as const) {
      const message = smsTo(newNumber(suffix));
      expect(await adapter.send(message, never)).toMatchObject({ outcome: 'unknown', code });
      expect(await adapter.send(message, never)).toMatchObject({ outcome: 'accepted' });
    }
    await adapter.close();
  });
});

describe('a table of codes', () => {
  it('has each code once, with a meaning', () => {
    expect(new Set(TWILIO_CODES.map((row) => row.code)).size).toBe(TWILIO_CODES.length);
    for (const row of TWILIO_CODES) expect(row.meaning).not.toBe('');
  });
});

/** A server that answers every request in one way. */
async function answering(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    apiUrl: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('answers that the sandbox does not give', () => {
  it.each([
    [201, 'not JSON', { outcome: 'unknown', code: 'UNREADABLE' }],
    [201, '{"status":"queued"}', { outcome: 'unknown', code: 'UNREADABLE' }],
    [400, 'not JSON', { category: 'temporary', code: 'HTTP 400' }],
    [400, '{"code":99999,"message":"new"}', { category: 'temporary', code: '99999', message: 'new' }],
    [400, '{"code":30036,"message":"late"}', { category: 'expired', code: '30036' }],
    [400, '{"code":63038,"message":"quota"}', { category: 'configuration', code: '63038' }],
    [302, '', { category: 'configuration', code: 'HTTP 302' }],
    [403, '<h1>proxy</h1>', { category: 'configuration', code: 'HTTP 403' }],
    [504, '', { outcome: 'unknown', code: 'HTTP 504' }],
    [
      422,
      '{"type":"about:blank","title":"No","status":422,"code":21610}',
      { category: 'opted-out', code: '21610' },
    ],
  ])('%i %j is understood', async (status, body, expected) => {
    const server = await answering((_request, response) => response.writeHead(status).end(body));
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    expect(await adapter.send(smsTo(newNumber()), never)).toMatchObject(expected);
    await adapter.close();
    await server.close();
  });

  it('tells of a code that is in no table, and of no other', async () => {
    rig.unlisted.length = 0;
    const codes = [99999, 21610, undefined];
    for (const code of codes) {
      const server = await answering((_request, response) =>
        response.writeHead(400).end(JSON.stringify({ code, message: 'for +12025550100' })),
      );
      const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
      await adapter.send(smsTo('+12025550100'), never);
      await adapter.close();
      await server.close();
    }
    expect(rig.unlisted).toEqual([
      { code: 99999, status: 400, message: 'for the number' },
      { code: undefined, status: 400, message: 'for the number' },
    ]);
  });

  it('measures a date in Retry-After by the Date of the same answer', async () => {
    const server = await answering((_request, response) =>
      response
        .writeHead(429, {
          date: 'Wed, 21 Oct 2015 07:27:00 GMT',
          'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT',
        })
        .end(),
    );
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    const outcome = await adapter.send(smsTo(newNumber()), never);
    expect(outcome).toMatchObject({ category: 'throttled', retryAfterMs: 60_000 });
    await adapter.close();
    await server.close();
  });

  it('does not take another server for Twilio when it probes', async () => {
    const server = await answering((_request, response) => response.end('{"hello":"world"}'));
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    expect(await adapter.probe(never)).toMatchObject({ ok: false });
    await adapter.close();
    await server.close();
  });
});

it('knows that a request which only waited for a connection was not sent', async () => {
  const adapter = rig.adapterTo({ connections: 1, requestTimeoutMs: 300 });
  const [hanging, waiting] = [newNumber('900002'), newNumber()];
  const taken = whenTaken(rig.sandbox, hanging);
  const first = adapter.send(smsTo(hanging), never);
  await taken;
  const stop = new AbortController();
  const second = adapter.send(smsTo(waiting), stop.signal);
  stop.abort();
  expect(await second).toMatchObject({ outcome: 'refused', category: 'throttled', code: 'ABORTED' });
  expect((await first).outcome).toBe('unknown');
  expect(rig.sandbox.ledger.list({ address: waiting })).toEqual([]);
  await adapter.close();
});

it('does not send what waited too long for a connection: whoever it is for may have left meanwhile', async () => {
  const adapter = rig.adapterTo({ connections: 1 });
  const [slow, waiting] = [newNumber('900004'), newNumber()];
  const first = adapter.send(smsTo(slow), never);
  expect(await adapter.send({ ...smsTo(waiting), startWithinMs: 500 }, never)).toMatchObject({
    outcome: 'refused',
    category: 'throttled',
    code: 'TOO_LATE',
  });
  expect((await first).outcome).toBe('accepted');
  expect(rig.sandbox.ledger.list({ address: waiting })).toEqual([]);
  await adapter.close();
});

describe('settling', () => {
  const question = (address: string, changes: Partial<SettleQuestion> = {}): SettleQuestion => {
    const { deliveryId, content } = smsTo(address);
    return {
      deliveryId,
      address,
      body: content.body,
      claimedAgoMs: 60_000,
      others: async () => new Set(),
      ...changes,
    };
  };

  it('does not take another text to the same number for ours, nor for another one’s before that is known', async () => {
    const adapter = rig.adapterTo();
    const address = newNumber();
    await adapter.send(smsTo(address, 'An older announcement'), never);
    const others = async (ids: readonly string[]) => new Set(ids);
    expect(await adapter.settle?.(question(address, { others }), never)).toEqual({ settled: 'not-found' });
    // A name or a link in it may have changed: it may be ours.
    expect(await adapter.settle?.(question(address), never)).toMatchObject({ settled: 'unclear' });
    expect(await adapter.settle?.(question(address, { body: null }), never)).toMatchObject({
      settled: 'unclear',
    });
    // The same text, and known to be another one's.
    const same = question(address, { body: 'An older announcement', others });
    expect(await adapter.settle?.(same, never)).toEqual({ settled: 'not-found' });
    expect(await adapter.settle?.(question(address, { body: 'An older announcement' }), never)).toMatchObject(
      {
        settled: 'found',
      },
    );
    await adapter.close();
  });

  it('does not take the same text of long ago for ours', async () => {
    const created = new Date(Date.now() - 200_000).toUTCString().replace('GMT', '+0000');
    const body = smsTo('+1').content.body;
    const server = await answering((_request, response) =>
      response.end(
        JSON.stringify({ messages: [{ sid: 'SMold', body, date_created: created }], page_size: 50 }),
      ),
    );
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    // 200 s old: before a claim of 60 s ago less two minutes, but not before one of 90 s ago.
    const older = await adapter.settle?.(question(newNumber(), { claimedAgoMs: 60_000 }), never);
    expect(older).toEqual({ settled: 'not-found' });
    const within = await adapter.settle?.(question(newNumber(), { claimedAgoMs: 90_000 }), never);
    expect(within).toEqual({ settled: 'found', providerMessageId: 'SMold' });
    await adapter.close();
    await server.close();
  });

  it("measures by the provider's clock", async () => {
    const body = smsTo('+1').content.body;
    const server = await answering((_request, response) =>
      response.writeHead(200, { date: 'Wed, 21 Oct 2015 07:28:00 GMT' }).end(
        JSON.stringify({
          messages: [{ sid: 'SM1', body, date_created: 'Wed, 21 Oct 2015 07:27:00 +0000' }],
        }),
      ),
    );
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    expect(await adapter.settle?.(question(newNumber()), never)).toMatchObject({ settled: 'found' });
    await adapter.close();
    await server.close();
  });

  it('pages on when the number got more than fifty', async () => {
    const adapter = rig.adapterTo();
    const address = newNumber();
    await adapter.send(smsTo(address), never);
    for (let i = 0; i < 120; i++) await adapter.send(smsTo(address, `Another ${i}`), never);
    expect(await adapter.settle?.(question(address), never)).toEqual({
      settled: 'found',
      providerMessageId: rig.sandbox.ledger.list({ address })[0]?.gatewayMessageId,
    });
    await adapter.close();
  });

  it('does not guess when there is no end of pages', async () => {
    const server = await answering((request, response) =>
      response.end(JSON.stringify({ messages: [], next_page_uri: request.url })),
    );
    const adapter = rig.adapterTo({ apiUrl: server.apiUrl });
    expect(await adapter.settle?.(question(newNumber()), never)).toMatchObject({ settled: 'unavailable' });
    await adapter.close();
    await server.close();
  });

  it('finds nothing while the list lags behind, and the message once it has caught up', async () => {
    const { sandbox, adapterTo } = await startTwilioRig({ twilioSettings: { listLagMs: 60_000 } });
    const adapter = adapterTo();
    const address = newNumber('900001');
    await adapter.send(smsTo(address), never);
    expect(await adapter.settle?.(question(address), never)).toEqual({ settled: 'not-found' });
    sandbox.configure({ twilio: { listLagMs: 0 } });
    expect(await adapter.settle?.(question(address), never)).toMatchObject({ settled: 'found' });
    await adapter.close();
    await sandbox.close();
  });
});
