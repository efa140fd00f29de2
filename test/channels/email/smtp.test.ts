import { afterEach, describe, expect, it } from 'vitest';
import { createSmtpAdapter, type SmtpOptions } from '../../../src/channels/email/smtp.ts';
import type { ChannelAdapter } from '../../../src/pipeline/ports.ts';
import { IDENTITY, outgoingEmail } from './message.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const never = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

async function setup(
  script: Script,
  options: Partial<SmtpOptions> = {},
): Promise<{ server: ScriptedServer; adapter: ChannelAdapter<'email'> }> {
  const server = await startScriptedServer(script);
  const adapter = createSmtpAdapter({
    ...IDENTITY,
    gateway: 'live',
    smtpUrl: server.url,
    connections: 1,
    requestTimeoutMs: 3_000,
    ...options,
  });
  cleanups.push(
    () => adapter.close(),
    () => server.close(),
  );
  return { server, adapter };
}

/** Larger than every buffer between here and the server. */
const long = () => {
  const message = outgoingEmail();
  return { ...message, content: { ...message.content, text: '长'.repeat(8_000_000) } };
};

describe('a server that dies', () => {
  it.each(['greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'data'] as const)(
    'at %s has not taken the message, which is no try of it',
    async (moment) => {
      const { server, adapter } = await setup({ [moment]: 'die' });
      const outcome = await adapter.send(outgoingEmail(), never);
      expect(outcome).toMatchObject({ outcome: 'refused', category: 'throttled' });
      expect(server.dots()).toBe(0);
    },
  );

  it('while the message is still being written has not taken it: temporary', async () => {
    const { server, adapter } = await setup({ 'first-bytes': 'die' });
    const outcome = await adapter.send(long(), never);
    expect(outcome).toMatchObject({ outcome: 'refused', category: 'temporary' });
    expect(server.dots()).toBe(0);
  });

  it('after the final dot may have taken it: unknown, and the pool does not write it again', async () => {
    const { server, adapter } = await setup({ dot: 'die' });
    const outcome = await adapter.send(outgoingEmail(), never);
    expect(outcome).toMatchObject({ outcome: 'unknown', code: 'ECONNECTION' });
    expect(server.dots()).toBe(1);
    expect(server.connections().seen).toBe(1);
    // The next message shows that the pool kept nothing to repeat.
    server.script({});
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({ outcome: 'accepted' });
    expect(server.dots()).toBe(2);
  });

  it('after the final dot on a connection that was used before: unknown, and written once', async () => {
    const { server, adapter } = await setup({});
    await adapter.send(outgoingEmail(), never);
    server.script({ dot: 'die' });
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({ outcome: 'unknown' });
    expect(server.dots()).toBe(2);
  });

  it('in the middle of its answer to the dot: unknown', async () => {
    const { server, adapter } = await setup({ dot: '250-2.0.0 half an answer' });
    const sending = adapter.send(outgoingEmail(), never);
    await expect.poll(server.dots).toBe(1);
    server.dropAll();
    expect(await sending).toMatchObject({ outcome: 'unknown' });
  });

  it('between messages costs nothing: the next one goes over a new connection, once', async () => {
    const { server, adapter } = await setup({}, { connections: 3 });
    await Promise.all([1, 2, 3].map(() => adapter.send(outgoingEmail(), never)));
    server.dropAll();
    const outcomes = await Promise.all([1, 2, 3].map(() => adapter.send(outgoingEmail(), never)));
    expect(outcomes.map((o) => o.outcome)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(server.dots()).toBe(6);
  });
});

describe('a server that hangs', () => {
  it.each(['greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'first-bytes'] as const)(
    'at %s: not sent, said at the deadline and not later',
    async (moment) => {
      const { server, adapter } = await setup({ [moment]: 'hang' }, { requestTimeoutMs: 200 });
      const started = performance.now();
      const outcome = await adapter.send(moment === 'first-bytes' ? long() : outgoingEmail(), never);
      const category = moment === 'first-bytes' ? 'temporary' : 'throttled';
      expect(outcome).toMatchObject({ outcome: 'refused', category, code: 'ETIMEDOUT' });
      expect(performance.now() - started).toBeLessThan(2_000);
      expect(server.dots()).toBe(0);
    },
  );

  it('after the final dot: unknown at the deadline', async () => {
    const { adapter } = await setup({ dot: 'hang' }, { requestTimeoutMs: 200 });
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({ outcome: 'unknown' });
  });

  it('is left when the caller gives up: throttled before the dot, unknown after it', async () => {
    for (const [moment, expected] of [
      ['rcpt', { outcome: 'refused', category: 'throttled' }],
      ['dot', { outcome: 'unknown' }],
    ] as const) {
      const { server, adapter } = await setup({ [moment]: 'hang' });
      const stop = new AbortController();
      const sending = adapter.send(outgoingEmail(), stop.signal);
      await expect.poll(() => (moment === 'dot' ? server.dots() : server.connections().open)).toBe(1);
      stop.abort();
      expect(await sending).toMatchObject(expected);
      await expect.poll(() => server.connections().open).toBe(0);
    }
  });
});

describe('what a server answers', () => {
  it.each<[string, Script, string, string]>([
    ['closing', { mail: '421 4.3.2 shutting down' }, 'throttled', '421 4.3.2'],
    ['closing after the dot', { dot: '421 4.7.0 too many messages' }, 'throttled', '421 4.7.0'],
    ['overloaded at the greeting', { greeting: '450 busy' }, 'throttled', '450'],
    ['no service for us', { greeting: '554 no service' }, 'configuration', '554'],
    ['wrong password', { auth: '535 5.7.8 no' }, 'configuration', '535 5.7.8'],
    ['login server away', { auth: '454 4.7.0 try later' }, 'temporary', '454 4.7.0'],
    ['login wanted', { mail: '530 5.7.0 login first' }, 'configuration', '530 5.7.0'],
    ['sender not ours', { mail: '550 5.7.1 sender not allowed' }, 'configuration', '550 5.7.1'],
    ['sender refused at the recipient', { rcpt: '550 5.1.8 bad sender' }, 'configuration', '550 5.1.8'],
    ['no such mailbox', { rcpt: '550 5.1.1 unknown' }, 'permanent', '550 5.1.1'],
    ['no such mailbox, old server', { rcpt: '550 unknown' }, 'permanent', '550'],
    ['mailbox disabled', { rcpt: '550 5.2.1 disabled' }, 'permanent', '550 5.2.1'],
    ['mailbox full', { rcpt: '552 5.2.2 full' }, 'temporary', '552 5.2.2'],
    ['mailbox full for now', { rcpt: '452 4.2.2 full' }, 'temporary', '452 4.2.2'],
    ['greylisted', { rcpt: '451 4.7.1 later' }, 'temporary', '451 4.7.1'],
    ['policy about a recipient', { rcpt: '550 5.7.1 policy' }, 'temporary', '550 5.7.1'],
    ['text refused', { dot: '554 5.7.1 spam' }, 'rejected-content', '554 5.7.1'],
    ['text refused, old server', { dot: '554 spam' }, 'rejected-content', '554'],
    ['too large', { dot: '552 5.3.4 too big' }, 'rejected-content', '552 5.3.4'],
    ['disk full', { dot: '452 4.3.1 no space' }, 'throttled', '452 4.3.1'],
    ['mailbox gone after the dot', { dot: '550 5.1.1 unknown' }, 'permanent', '550 5.1.1'],
    ['multi-line', { rcpt: '550-5.1.1 The account\r\n550 5.1.1 does not exist' }, 'permanent', '550 5.1.1'],
  ])('%s', async (_, script, category, code) => {
    const { adapter } = await setup(script);
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({ outcome: 'refused', category, code });
  });

  it('is reported when no rule knows it', async () => {
    const unlisted: object[] = [];
    const { adapter } = await setup(
      { rcpt: '599 5.9.9 what?' },
      { onUnlistedCode: (one) => unlisted.push(one) },
    );
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({
      outcome: 'refused',
      category: 'temporary',
    });
    expect(unlisted).toEqual([{ code: '599 5.9.9', message: '599 5.9.9 what?' }]);
  });

  it('is repeated without the recipient', async () => {
    const message = outgoingEmail();
    const { adapter } = await setup({ rcpt: `550 5.1.1 <${message.address}> unknown` });
    const outcome = await adapter.send(message, never);
    expect(outcome).toMatchObject({ message: expect.stringContaining('<<recipient>> unknown') });
    expect(JSON.stringify(outcome)).not.toContain(message.address);
  });

  it('by the real answer even when every idle connection was closed with 421', async () => {
    const { server, adapter } = await setup({}, { connections: 2 });
    await Promise.all([1, 2].map(() => adapter.send(outgoingEmail(), never)));
    server.script({ mail: '421 4.7.0 not now' });
    expect(await adapter.send(outgoingEmail(), never)).toMatchObject({
      category: 'throttled',
      code: '421 4.7.0',
    });
  });
});

describe('what cannot be sent', () => {
  it.each([
    ['a bad address', { address: 'a@example.org\r\nDATA' }, 'permanent'],
    ['a bad leave URL', { leaveUrl: 'nowhere' }, 'rejected-content'],
  ])('%s is refused without a connection', async (_, changes, category) => {
    const { server, adapter } = await setup({});
    expect(await adapter.send(outgoingEmail(changes), never)).toMatchObject({ outcome: 'refused', category });
    expect(server.connections().seen).toBe(0);
  });

  it.each(['http://mail.example', 'mail.example:25', 'smtp://', ''])(
    'the URL %j is refused',
    async (smtpUrl) => {
      await expect(setup({}, { smtpUrl })).rejects.toMatchObject({ code: 'smtp-url-invalid' });
    },
  );
});
