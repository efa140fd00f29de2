import { isValidPhoneNumber } from 'libphonenumber-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAGIC_NUMBERS, magicFor } from '../../src/sandbox/magic.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const FORM = { To: '+12025550100', From: '+15005550006', Body: 'Hello' };

function call(path: string, init: RequestInit = {}, authToken = sandbox.twilio.authToken): Promise<Response> {
  const basic = Buffer.from(`${sandbox.twilio.accountSid}:${authToken}`).toString('base64');
  return fetch(`${sandbox.url}/2010-04-01/Accounts/${sandbox.twilio.accountSid}${path}`, {
    ...init,
    headers: { authorization: `Basic ${basic}` },
  });
}

async function post(form: Readonly<Record<string, string>>): Promise<Response> {
  return await call('/Messages.json', { method: 'POST', body: new URLSearchParams(form) });
}

async function create(form: Readonly<Record<string, string>>): Promise<{ sid: string }> {
  const response = await post({ ...FORM, ...form });
  expect(response.status).toBe(201);
  return (await response.json()) as { sid: string };
}

interface Listed {
  readonly messages: { sid: string; body: string; date_sent: string | null }[];
  readonly next_page_uri: string | null;
}
async function list(query: string): Promise<Listed> {
  return (await (await call(`/Messages.json?${query}`)).json()) as Listed;
}

describe('creating a message', () => {
  it('answers with the real shape: queued from a number, dates of RFC 2822, nothing sent yet', async () => {
    const response = await post({ ...FORM, Body: '警'.repeat(71) });
    expect(response.status).toBe(201);
    const rfc2822 = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/;
    expect(await response.json()).toMatchObject({
      sid: expect.stringMatching(/^SM[0-9a-f]{32}$/),
      account_sid: sandbox.twilio.accountSid,
      status: 'queued',
      to: FORM.To,
      from: FORM.From,
      messaging_service_sid: null,
      num_segments: '2',
      date_created: expect.stringMatching(rfc2822),
      date_sent: null,
      error_code: null,
      direction: 'outbound-api',
    });
  });

  it('answers accepted from a Messaging Service, which has chosen no sender yet', async () => {
    const service = `MG${'a'.repeat(32)}`;
    const response = await post({ To: FORM.To, Body: 'Hello', MessagingServiceSid: service });
    expect(await response.json()).toMatchObject({
      status: 'accepted',
      from: null,
      messaging_service_sid: service,
      num_segments: '0',
    });
  });

  it.each([
    [21604, { To: '' }],
    [21211, { To: '110' }],
    [21603, { From: '' }],
    [21212, { From: '!' }],
    [21701, { MessagingServiceSid: 'MG1' }],
    [21602, { Body: '' }],
    [21617, { Body: 'a'.repeat(1601) }],
    [21609, { StatusCallback: 'nowhere' }],
  ])('is refused with %i for %j', async (code, change) => {
    const before = sandbox.ledger.size;
    const response = await post({ ...FORM, ...change });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code,
      status: 400,
      message: expect.stringMatching(/./),
      more_info: `https://www.twilio.com/docs/errors/${code}`,
    });
    expect(sandbox.ledger.size).toBe(before);
  });

  it('is refused with 20003 for other credentials, and 20404 for what is not there', async () => {
    const unauthorised = await call('/Messages.json', {}, 'wrong');
    expect(unauthorised.status).toBe(401);
    expect(await unauthorised.json()).toMatchObject({ code: 20003 });
    for (const path of ['/Messages/SM1.json', '/Calls.json', `/Messages/SM${'0'.repeat(32)}.json`]) {
      const missing = await call(path);
      expect(missing.status).toBe(404);
      expect(await missing.json()).toMatchObject({ code: 20404 });
    }
  });

  it('is refused with 429 and Retry-After above the rate', async () => {
    const limited = await startSandbox({ twilio: sandbox.twilio, twilioSettings: { requestsPerSecond: 2 } });
    const basic = Buffer.from(`${limited.twilio.accountSid}:${limited.twilio.authToken}`).toString('base64');
    const path = `${limited.url}/2010-04-01/Accounts/${limited.twilio.accountSid}/Messages.json`;
    const responses = await Promise.all(
      Array.from({ length: 6 }, () =>
        fetch(path, {
          method: 'POST',
          headers: { authorization: `Basic ${basic}` },
          body: new URLSearchParams(FORM),
        }),
      ),
    );
    const refused = responses.filter((response) => response.status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect(limited.ledger.size).toBe(6 - refused.length);
    await limited.close();
  });
});

describe('listing messages', () => {
  it('runs behind, while the message itself is there at once', async () => {
    const To = '+12025550101';
    const { sid } = await create({ To });
    expect((await list(`To=${encodeURIComponent(To)}`)).messages).toEqual([]);
    expect(await (await call(`/Messages/${sid}.json`)).json()).toMatchObject({ sid });
    sandbox.configure({ twilio: { listLagMs: 0 } });
    expect((await list(`To=${encodeURIComponent(To)}`)).messages).toMatchObject([{ sid }]);
  });

  it('by date knows only what was sent', async () => {
    const To = '+12025550102';
    const query = `To=${encodeURIComponent(To)}`;
    sandbox.configure({ twilio: { listLagMs: 0, receiptDelayMs: 3_600_000 } });
    const queued = await create({ To });
    sandbox.configure({ twilio: { receiptDelayMs: 0 } });
    const today = new Date().toISOString().slice(0, 10);
    expect((await list(query)).messages).toMatchObject([{ sid: queued.sid, date_sent: null }]);
    for (const filter of [`DateSent=${today}`, `DateSent%3E=${today}`, `DateSent%3C=${today}`]) {
      expect((await list(`${query}&${filter}`)).messages).toEqual([]);
    }
    const sent = await create({ To });
    const sids = async () =>
      (await list(`${query}&DateSent=${today}`)).messages.map((message) => message.sid);
    await expect.poll(sids).toEqual([sent.sid]);
    expect((await list(`${query}&DateSent=2020-01-01`)).messages).toEqual([]);
  });

  it('shows the newest first, page by page', async () => {
    const To = '+12025550103';
    sandbox.configure({ twilio: { listLagMs: 0 } });
    const sids: string[] = [];
    for (let i = 0; i < 5; i++) sids.unshift((await create({ To })).sid);
    const seen: string[] = [];
    let page = await list(`To=${encodeURIComponent(To)}&PageSize=2`);
    for (;;) {
      expect(page.messages.length).toBeLessThanOrEqual(2);
      seen.push(...page.messages.map((message) => message.sid));
      if (page.next_page_uri === null) break;
      page = await list(page.next_page_uri.split('?')[1] ?? '');
    }
    expect(seen).toEqual(sids);
  });
});

describe('the table of magic numbers', () => {
  it('has each suffix once, and each makes a valid number in China and abroad', () => {
    expect(new Set(MAGIC_NUMBERS.map((magic) => magic.suffix)).size).toBe(MAGIC_NUMBERS.length);
    for (const magic of MAGIC_NUMBERS) {
      for (const number of [`+13125${magic.suffix}`, `+8613800${magic.suffix}`]) {
        expect(isValidPhoneNumber(number), number).toBe(true);
        expect(magicFor(number)).toBe(magic);
      }
    }
    expect(magicFor('+8613800138000')).toBeUndefined();
  });

  it('refuses at the API what it says, and then takes it where it says so', async () => {
    for (const { suffix, effect } of MAGIC_NUMBERS) {
      if (effect.kind !== 'refuse') continue;
      for (let tries = 0; tries < Math.min(effect.times ?? 3, 3); tries++) {
        const response = await post({ ...FORM, To: `+13125${suffix}` });
        expect(response.status).toBe(effect.status);
        if (effect.code !== undefined) expect(await response.json()).toMatchObject({ code: effect.code });
      }
      const afterwards = await post({ ...FORM, To: `+13125${suffix}` });
      expect(afterwards.status).toBe(effect.times === undefined ? effect.status : 201);
    }
  });

  it('answers late where it says so', async () => {
    const started = performance.now();
    await create({ To: '+13125900004' });
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_990);
  });
});
