import { randomUUID } from 'node:crypto';
import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxAccount } from '../../src/adapters.ts';
import type { App } from '../../src/app.ts';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import type { SignedRequest } from '../../src/pipeline/receive.ts';
import { citizen, type Herald, refusal, startHerald } from './herald.ts';

let herald: Herald;
let app: App;
let id: number;
beforeAll(async () => {
  herald = await startHerald();
  ({ app } = herald);
  for (let i = 1; i <= 9; i += 1)
    await citizen(app, { phone: `+1415555010${i}`, email: `reader${i}@example.org`, locale: 'en' });
  id = await announced(herald);
});
afterAll(() => herald.close());

/** One that is being sent, whose rows nobody sends. */
async function announced({ app: own, publish }: Herald, change: object = {}): Promise<number> {
  const made = await publish({ channels: ['sms', 'email'], ...change });
  const { rows } = await own.pool.query('SELECT generation FROM expansions WHERE announcement_id = $1', [
    made,
  ]);
  while ((await own.engine.expansions.slice(made, rows[0].generation)) === 'more');
  return made;
}

async function rowAt(address: string, own = app, of = id) {
  const rows = await own.reports.deliveries(of, { after: 0, limit: 1_000 });
  const row = rows.find((one) => one.address === address);
  if (!row) throw new Error(`nothing goes to ${address}`);
  return own.reports.delivery(of, row.n);
}
const statusAt = async (address: string) => (await rowAt(address)).status;
const sms = (i: number) => `+1415555010${i}`;
const mailbox = (i: number) => `reader${i}@example.org`;

type Account = { accountSid: string; authToken: string };
const account = (): Account => sandboxAccount(app.config.secret);
/** A request as Twilio signs it. */
function signed(url: string, params: Record<string, string>, by = account()): SignedRequest {
  const all = { AccountSid: by.accountSid, ...params };
  return {
    url,
    params: all,
    query: Object.fromEntries(new URL(url).searchParams),
    signature: twilio.getExpectedTwilioSignature(by.authToken, url, all),
  };
}
async function told(
  address: string,
  status: string,
  more: Record<string, string> = {},
  sid = `SM${address}`,
  of = id,
) {
  const { n } = await rowAt(address, app, of);
  const url = `${app.config.publicUrl}/callbacks/twilio/status?delivery=${app.ids.encode('delivery', of, n)}`;
  return signed(url, { MessageSid: sid, MessageStatus: status, ...more });
}
const messageSid = () => `SM${randomUUID()}`;
const inbound = (from: string, Body: string, by?: Account, sid = messageSid()) =>
  signed(`${app.config.publicUrl}/callbacks/twilio/inbound`, { From: from, Body, MessageSid: sid }, by);
const suppressions = async (address: string) =>
  (await app.pool.query('SELECT reason, source FROM suppressions WHERE address = $1', [address])).rows;

describe('a provider that takes everything and delivers nothing', () => {
  it('pauses the announcement, before all of it is burnt', async () => {
    for (let i = 0; i < 20; i += 1) await citizen(app, { phone: `+14155550${200 + i}`, locale: 'en' });
    const of = await announced(herald, { channels: ['sms'] });
    for (let i = 0; i < 20; i += 1) {
      const to = `+14155550${200 + i}`;
      await app.receive.smsStatus(await told(to, 'undelivered', { ErrorCode: '30034' }, `SM${to}`, of));
    }
    const { state, reason } = await app.announce.get(of);
    expect([state, reason]).toEqual(['paused', expect.stringContaining('30034')]);
  });
});

describe('status callbacks', () => {
  it('are written and applied before they are answered', async () => {
    await app.receive.smsStatus(await told(sms(1), 'sent'));
    expect(await rowAt(sms(1))).toMatchObject({
      status: 'sent',
      providerMessageId: `SM${sms(1)}`,
      events: [{ type: 'sent', source: 'twilio' }],
    });
  });

  it('played again and in reverse they end the same, with one event each', async () => {
    const story = ['queued', 'sent', 'delivered'];
    for (const status of [...story.toReversed(), ...story, ...story])
      await app.receive.smsStatus(await told(sms(2), status));
    const row = await rowAt(sms(2));
    expect(row.status).toBe('delivered');
    expect(row.events.map((event) => event.type).sort()).toEqual([...story].sort());
  });

  it('all at the same moment too', async () => {
    const requests = await Promise.all(
      ['failed', 'delivered', 'sent', 'delivered', 'sent', 'queued'].map((status) => told(sms(3), status)),
    );
    await Promise.all(requests.map((request) => app.receive.smsStatus(request)));
    expect(await statusAt(sms(3))).toBe('delivered');
  });

  it('forged, of another account, for another delivery or without a signature: refused, and nothing is written', async () => {
    const genuine = await told(sms(4), 'delivered');
    const other = await told(sms(1), 'delivered');
    const stranger = { accountSid: `AC${'9'.repeat(32)}`, authToken: account().authToken };
    const forgeries: SignedRequest[] = [
      { ...genuine, signature: undefined },
      { ...genuine, signature: '' },
      { ...genuine, signature: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
      { ...genuine, signature: other.signature },
      { ...genuine, url: other.url },
      { ...genuine, params: { ...genuine.params, MessageStatus: 'failed' } },
      { ...genuine, params: { ...genuine.params, Extra: 'x' } },
      signed(genuine.url, { MessageSid: 'SM4', MessageStatus: 'delivered' }, stranger),
      signed(
        genuine.url,
        { MessageSid: 'SM4', MessageStatus: 'delivered' },
        { ...account(), authToken: 'guess' },
      ),
      { ...genuine, params: {} },
    ];
    for (const forgery of forgeries)
      expect(await refusal(app.receive.smsStatus(forgery))).toMatchObject({
        kind: 'forbidden',
        code: 'bad-signature',
      });
    expect(await rowAt(sms(4))).toMatchObject({ status: 'queued', events: [] });
  });

  it('about a delivery that is none of ours change nothing and are taken: Twilio could do nothing about it', async () => {
    for (const delivery of [
      'dlv_forged',
      app.ids.encode('announcement', id),
      app.ids.encode('delivery', id, 9_999),
    ]) {
      const url = `${app.config.publicUrl}/callbacks/twilio/status?delivery=${delivery}`;
      await app.receive.smsStatus(signed(url, { MessageSid: 'SM0', MessageStatus: 'delivered' }));
    }
  });

  it('that lack what every callback has are refused by name', async () => {
    const url = `${app.config.publicUrl}/callbacks/twilio/status`;
    const error = await refusal(
      app.receive.smsStatus(signed(url, { MessageSid: 'SM0', MessageStatus: 'sent' })),
    );
    expect(error).toMatchObject({ kind: 'invalid', code: 'invalid-callback' });
    expect(error.message).toContain('delivery');
  });

  it('that say that the citizen has left suppress them', async () => {
    await app.receive.smsStatus(await told(sms(5), 'failed', { ErrorCode: '21610' }));
    // It was still queued: nothing more is sent to somebody who has left.
    expect(await statusAt(sms(5))).toBe('suppressed');
    expect(await suppressions(sms(5))).toEqual([{ reason: 'opted-out', source: 'twilio' }]);
  });

  it('that say that the text was filtered pause the announcement, with the code, for a person to see', async () => {
    await app.receive.smsStatus(await told(sms(6), 'undelivered', { ErrorCode: '30007' }));
    expect(await rowAt(sms(6))).toMatchObject({ status: 'undelivered', code: '30007' });
    expect(await app.announce.get(id)).toMatchObject({
      state: 'paused',
      reason: 'twilio refused the text (30007)',
    });
    await app.announce.resume(id, herald.approver);
    await app.receive.smsStatus(await told(sms(6), 'undelivered', { ErrorCode: '30007' }));
    expect(await app.announce.get(id), 'the same news again').toMatchObject({ state: 'sending' });
  });
});

describe('a status callback at an odd time', () => {
  const address = '+14155550120';
  let of: number;
  const row = () => rowAt(address, app, of);
  const tell = async (status: string, more: Record<string, string> = {}) =>
    app.receive.smsStatus(await told(address, status, more, 'SM120', of));
  /** Its shard in the hands of a worker that sends it. */
  async function claimed() {
    const { engine } = app;
    const worker = await engine.workers.register({ kind: 'sms', host: 'here', pid: 1 });
    for (const job of await engine.sweeps.enqueueDue()) {
      const claim = await engine.deliveries.claimShard(job.id, job.generation, worker);
      if (!claim) continue;
      const rows = claim.announcementId === of ? await engine.deliveries.claimRows(claim, 100, worker) : [];
      const own = rows.find((one) => one.address === address);
      if (own) return { worker, claim, own };
      await engine.deliveries.releaseShard(claim, worker);
    }
    throw new Error('it is not due');
  }
  beforeAll(async () => {
    await citizen(app, { phone: address, locale: 'en' });
  });

  it('overtakes the answer to the very request: the answer changes nothing any more', async () => {
    of = await announced(herald, { channels: ['sms'] });
    const { worker, claim, own } = await claimed();
    expect((await row()).status).toBe('sending');
    await tell('queued');
    expect((await row()).status, 'nothing is proved').toBe('sending');
    await tell('sent');
    expect(await row()).toMatchObject({ status: 'sent', providerMessageId: 'SM120' });
    await tell('delivered');
    expect((await row()).status).toBe('delivered');
    const answer = { providerMessageId: 'SM120', code: null, detail: null, segments: 1 };
    await app.engine.deliveries.record(
      [
        {
          ...answer,
          shardId: claim.shardId,
          announcementId: of,
          n: own.n,
          attempt: own.attempt,
          status: 'sent',
          dueInMs: null,
          burnt: true,
          event: 'sent',
          dedupe: `a${own.attempt}:sent`,
          suppress: false,
        },
      ],
      worker,
    );
    await app.engine.deliveries.releaseShard(claim, worker);
    expect((await row()).status).toBe('delivered');
  });

  it('overtakes the answer of a request that is never answered: it is not in doubt', async () => {
    of = await announced(herald, { channels: ['sms'] });
    const { worker, claim } = await claimed();
    await tell('sent');
    await app.engine.deliveries.releaseShard(claim, worker);
    expect((await row()).status).toBe('sent');
  });

  it('hours late, when all is over: proof counts, nothing else does', async () => {
    of = await announced(herald, { channels: ['sms'] });
    await app.announce.cancel(of, herald.approver);
    while ((await app.engine.sweeps.stopRows()) > 0);
    for (const status of ['sent', 'undelivered', 'failed'])
      await tell(status, status === 'sent' ? {} : { ErrorCode: '30003' });
    expect((await row()).status).toBe('cancelled');
    await tell('delivered');
    expect(await row()).toMatchObject({ status: 'delivered', code: null });
    await tell('undelivered', { ErrorCode: '30003' });
    expect((await row()).status).toBe('delivered');
  });
});

describe('citizens’ answers', () => {
  it('a START that is told again does not undo the STOP after it', async () => {
    const start = inbound(sms(7), 'START');
    await app.receive.smsInbound(start);
    await app.receive.smsInbound(inbound(sms(7), 'STOP'));
    await app.receive.smsInbound(start);
    expect(await suppressions(sms(7))).toHaveLength(1);
    await app.receive.smsInbound(inbound(sms(7), 'START'));
    expect(await suppressions(sms(7))).toEqual([]);
  });

  it('STOP suppresses and takes back what is queued; START returns; both as often as they like', async () => {
    for (const word of ['STOP', 'stop ', 'UNSUBSCRIBE'])
      expect(await app.receive.smsInbound(inbound(sms(7), word))).toEqual({ twiml: '<Response/>' });
    expect(await rowAt(sms(7))).toMatchObject({ status: 'suppressed', events: [{ type: 'suppressed' }] });
    expect(await suppressions(sms(7))).toEqual([{ reason: 'opted-out', source: 'sms-reply' }]);
    for (const word of ['START', 'UNSTOP']) await app.receive.smsInbound(inbound(sms(7), word));
    expect(await suppressions(sms(7))).toEqual([]);
    // What was taken back stays so: they may be written to from the next announcement on.
    expect(await statusAt(sms(7))).toBe('suppressed');
  });

  it('HELP is answered with who writes and how to leave, and anything else with nothing', async () => {
    const { twiml } = await app.receive.smsInbound(inbound(sms(8), 'HELP'));
    expect(twiml).toBe('<Response><Message>滨江市公安局: STOP = leave, START = return</Message></Response>');
    expect(await app.receive.smsInbound(inbound(sms(8), '谢谢'))).toEqual({ twiml: '<Response/>' });
    expect(await suppressions(sms(8))).toEqual([]);
  });

  it('the office’s name cannot break the answer', async () => {
    const named = await herald.open({ OFFICE_NAME: 'Smith & Sons <"\'>' });
    const { twiml } = await named.receive.smsInbound(inbound(sms(8), 'INFO'));
    expect(twiml).toContain('Smith &amp; Sons &lt;&quot;&apos;&gt;: STOP');
  });

  it('START does not lift a bounce or a block', async () => {
    await app.pool.query(
      `INSERT INTO suppressions (channel, address, reason, source) VALUES ('sms', '+14155550177', 'blocked', 'office')`,
    );
    await app.receive.smsInbound(inbound('+14155550177', 'START'));
    expect(await suppressions('+14155550177')).toEqual([{ reason: 'blocked', source: 'office' }]);
  });

  it('a number that is not on the list may leave as well', async () => {
    await app.receive.smsInbound(inbound('+14155550188', 'STOP'));
    expect(await suppressions('+14155550188')).toHaveLength(1);
  });

  it('forged ones are refused', async () => {
    const genuine = inbound(sms(8), 'HELP');
    const forged = { ...genuine, params: { ...genuine.params, Body: 'STOP' } };
    expect(await refusal(app.receive.smsInbound(forged))).toMatchObject({ code: 'bad-signature' });
    expect(await suppressions(sms(8))).toEqual([]);
  });
});

describe('leave links', () => {
  const contactOf = async (address: string): Promise<number> =>
    (await app.pool.query('SELECT id FROM contacts WHERE address = $1', [address])).rows[0].id;
  const tokenOf = async (address: string) =>
    leaveToken(purposeKey(app.config.secret, 'leave'), await contactOf(address));

  it('show whom they are for, without saying it all, and change nothing by being looked at', async () => {
    const token = await tokenOf(mailbox(1));
    for (let i = 0; i < 2; i += 1)
      expect(await app.receive.leaveInfo(token)).toEqual({
        channel: 'email',
        maskedAddress: 'r***@example.org',
        locale: 'en',
        left: false,
      });
    expect(await statusAt(mailbox(1))).toBe('queued');
  });

  it('work once, and are right the second time', async () => {
    const token = await tokenOf(mailbox(2));
    await app.receive.leave(token, 'one-click');
    await app.receive.leave(token, 'one-click');
    expect(await app.receive.leaveInfo(token)).toMatchObject({ left: true });
    expect(await suppressions(mailbox(2))).toEqual([{ reason: 'left', source: 'one-click' }]);
    expect(await statusAt(mailbox(2))).toBe('suppressed');
    // Their phone is another matter.
    expect(await statusAt(sms(2))).toBe('delivered');
  });

  it('forged, of another installation, or of nobody: there is no such link', async () => {
    const genuine = await tokenOf(mailbox(3));
    const changed = `${genuine.startsWith('A') ? 'B' : 'A'}${genuine.slice(1)}`;
    const elsewhere = leaveToken(
      purposeKey('another-secret-of-32-characters-…', 'leave'),
      await contactOf(mailbox(3)),
    );
    const removed = leaveToken(purposeKey(app.config.secret, 'leave'), 999_999);
    for (const token of [changed, elsewhere, removed, '', 'x'.repeat(10_000), '../../etc/passwd'])
      for (const act of [() => app.receive.leaveInfo(token), () => app.receive.leave(token, 'one-click')])
        expect(await refusal(act)).toMatchObject({ kind: 'not-found', code: 'no-such-link' });
    expect(await statusAt(mailbox(3))).toBe('queued');
  });

  it('work by mail too', async () => {
    expect(await app.receive.mail({ kind: 'leave', leaveToken: await tokenOf(mailbox(4)) })).toBe(true);
    expect(await suppressions(mailbox(4))).toEqual([{ reason: 'left', source: 'mail' }]);
  });
});

describe('bounces', () => {
  /** A report as mail servers write it (RFC 3464). */
  const report = (deliveryId: string, status: string, action = 'failed', diagnostic = 'smtp; said no') =>
    Buffer.from(
      [
        'From: MAILER-DAEMON@mx.example.org',
        `To: bounce+${deliveryId}@herald.invalid`,
        'Subject: Undelivered',
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        '',
        '--b',
        'Content-Type: text/plain',
        '',
        'It did not get there.',
        '--b',
        'Content-Type: message/delivery-status',
        '',
        `Original-Envelope-Id: ${deliveryId}`,
        '',
        'Final-Recipient: rfc822; somebody@example.org',
        `Action: ${action}`,
        `Status: ${status}`,
        `Diagnostic-Code: ${diagnostic}`,
        '',
        '--b--',
        '',
      ].join('\r\n'),
    );
  const idAt = async (address: string) => app.ids.encode('delivery', id, (await rowAt(address)).n);

  it('hard ones end the delivery and suppress the address', async () => {
    const raw = report(await idAt(mailbox(5)), '5.1.1');
    expect(await app.receive.bounce(raw)).toEqual({ applied: 1, unknown: 0 });
    expect(await app.receive.bounce(raw)).toEqual({ applied: 1, unknown: 0 });
    const row = await rowAt(mailbox(5));
    expect(row).toMatchObject({ status: 'undelivered', code: '5.1.1' });
    expect(row.events).toMatchObject([{ type: 'undelivered', source: 'bounce', detail: 'said no' }]);
    expect(await suppressions(mailbox(5))).toEqual([{ reason: 'bounced', source: 'bounce 5.1.1' }]);
  });

  it('soft ones, full mailboxes and policy end the delivery and leave the address alone', async () => {
    for (const [i, status] of [
      [6, '4.4.7'],
      [7, '5.2.2'],
      [8, '5.7.1'],
    ] as const) {
      await app.receive.bounce(report(await idAt(mailbox(i)), status));
      expect(await statusAt(mailbox(i))).toBe('undelivered');
      expect(await suppressions(mailbox(i))).toEqual([]);
    }
  });

  it('one that is only delayed is noted', async () => {
    await app.receive.bounce(report(await idAt(mailbox(9)), '4.4.1', 'delayed'));
    expect(await rowAt(mailbox(9))).toMatchObject({ status: 'queued', events: [{ type: 'delayed' }] });
  });

  it('what names no mail of ours changes nothing: a guess, or the id of a text message', async () => {
    for (const deliveryId of ['dlv_00000000000000000000000000', await idAt(sms(9))])
      expect(await app.receive.bounce(report(deliveryId, '5.1.1'))).toEqual({ applied: 0, unknown: 1 });
    expect(await rowAt(sms(9))).toMatchObject({ status: 'queued', events: [] });
    expect((await app.pool.query(`SELECT FROM suppressions WHERE reason = 'bounced'`)).rowCount).toBe(1);
  });

  it('a report that no database can keep is kept, and costs nobody else’s', async () => {
    const raw = report(await idAt(mailbox(3)), '5.0.0', 'failed', 'smtp; 550 a\u0000b');
    const [bounced] = await Promise.all([
      app.receive.bounce(raw),
      app.receive.smsStatus(await told(sms(9), 'delivered')),
    ]);
    expect(bounced).toEqual({ applied: 1, unknown: 0 });
    expect((await rowAt(mailbox(3))).events.at(-1)?.detail).toBe('550 a\ufffdb');
    expect(await statusAt(sms(9))).toBe('delivered');
  });

  it('a mail that is no report says so', async () => {
    const mail = Buffer.from('From: a@example.org\r\nSubject: Out of office\r\n\r\nBack on Monday.\r\n');
    expect(await refusal(app.receive.bounce(mail))).toMatchObject({
      kind: 'invalid',
      code: 'mail-report-empty',
    });
  });
});

describe('an exercise in a live installation', () => {
  let live: Herald;
  let exercise: number;
  beforeAll(async () => {
    live = await startHerald({
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://herald.example',
      BOUNCE_ADDRESS: 'bounce@herald.example',
      TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'the-real-token',
      TWILIO_FROM: '+15005550006',
    });
    await citizen(live.app, { phone: sms(1), email: mailbox(1), locale: 'en' });
    exercise = await announced(live, { mode: 'exercise' });
  });
  afterAll(() => live.close());

  const untouched = async () => {
    expect((await live.app.pool.query('SELECT FROM suppressions')).rowCount).toBe(0);
  };
  const idAt = async (address: string) =>
    live.app.ids.encode('delivery', exercise, (await rowAt(address, live.app, exercise)).n);
  const status = async (by: Account, code: string) => {
    const url = `${live.app.config.publicUrl}/callbacks/twilio/status?delivery=${await idAt(sms(1))}`;
    return signed(url, { MessageSid: 'SM1', MessageStatus: 'undelivered', ErrorCode: code }, by);
  };
  const real = { accountSid: `AC${'1'.repeat(32)}`, authToken: 'the-real-token' };

  it('what the real provider says is not about it', async () => {
    await live.app.receive.smsStatus(await status(real, '30005'));
    expect(await rowAt(sms(1), live.app, exercise)).toMatchObject({ status: 'queued', events: [] });
  });

  it('moves its own rows, and no real contact feels it: not by receipts, answers or bounces', async () => {
    const rehearsed = sandboxAccount(live.app.config.secret);
    await live.app.receive.smsStatus(await status(rehearsed, '21610'));
    expect((await rowAt(sms(1), live.app, exercise)).status).toBe('undelivered');
    await live.app.receive.smsInbound(liveInbound('STOP', rehearsed));
    await live.app.receive.mail({
      kind: 'bounce',
      deliveryId: await idAt(mailbox(1)),
      action: 'failed',
      receipt: 'undelivered',
      hard: true,
      statusCode: '5.1.1',
      diagnostic: 'no such user',
    });
    expect((await rowAt(mailbox(1), live.app, exercise)).status).toBe('undelivered');
    await untouched();
  });

  it('a filtered text in the rehearsal does not stop it', async () => {
    await live.app.receive.smsStatus(await status(sandboxAccount(live.app.config.secret), '30007'));
    expect((await live.app.announce.get(exercise)).state).toBe('sending');
  });

  it('nor by the links in its messages, which lead nowhere', async () => {
    const composition = await live.app.engine.composer.open({ announcementId: exercise, channel: 'email' });
    const adapter = live.app.engine.adapters.adapterFor('email', 'sandbox');
    if (!adapter) throw new Error('no sandbox');
    const { n, address, locale } = await rowAt(mailbox(1), live.app, exercise);
    const contact = await live.app.pool.query('SELECT id FROM contacts WHERE address = $1', [address]);
    const row = {
      n,
      address,
      locale,
      contactId: contact.rows[0].id,
      attempt: 1,
      tries: 0,
      doubts: 0,
      name: null,
      sequence: null,
      endpoint: null,
    };
    const composed = composition.compose(row, adapter);
    if (!composed.ready) throw new Error('not composed');
    await composed.send(1_000);
    const [mail] = live.sandbox.ledger.list({ channel: 'email' });
    const token = /\/u\/([\w-]{30})/.exec(mail?.headers?.['list-unsubscribe'] ?? '')?.[1] ?? '';
    expect(token).toHaveLength(30);
    expect(await refusal(live.app.receive.leave(token, 'one-click'))).toMatchObject({ code: 'no-such-link' });
    await untouched();
  });

  it('but a real answer is heard', async () => {
    await live.app.receive.smsInbound(liveInbound('STOP', real));
    expect((await live.app.pool.query('SELECT address FROM suppressions')).rows).toEqual([
      { address: sms(1) },
    ]);
  });

  const liveInbound = (Body: string, by: Account) =>
    signed(
      `${live.app.config.publicUrl}/callbacks/twilio/inbound`,
      { From: sms(1), Body, MessageSid: messageSid() },
      by,
    );
});
