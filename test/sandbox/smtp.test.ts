import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from '../../src/sandbox/ledger.ts';
import { MAGIC_MAILBOXES, magicMailbox } from '../../src/sandbox/magic-mailboxes.ts';
import { readMail, type SandboxSmtp, startSandboxSmtp } from '../../src/sandbox/smtp.ts';

let ledger: Ledger;
let sandbox: SandboxSmtp;
beforeEach(async () => {
  ledger = new Ledger();
  sandbox = await startSandboxSmtp(ledger);
});
afterEach(() => sandbox.close());

/** @returns the reply, or the code of the failure */
async function send(to: string, options: { target?: SandboxSmtp; from?: string; signal?: AbortSignal } = {}) {
  const transport = createTransport({ url: (options.target ?? sandbox).url });
  try {
    const { response } = await transport.sendMail({
      from: 'notice@police.example',
      to,
      envelope: { from: options.from ?? 'bounce+dlv_1@police.example', to },
      messageId: '<dlv_1@police.example>',
      subject: '协查通报',
      text: '请知情者与我们联系',
      html: '<p>请知情者与我们联系</p>',
      dsn: { id: 'dlv_1', notify: 'failure,delay', recipient: to },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    return response;
  } catch (error) {
    const { response, code } = error as { response?: string; code?: string };
    return response ?? code;
  }
}

describe('the sandbox’s mail server', () => {
  it('writes down what it takes, whole and readable', async () => {
    expect(await send('li.wei@example.org')).toMatch(/^250 2\.0\.0 /);
    const [entry] = ledger.list({ channel: 'email' });
    expect(entry).toMatchObject({
      gatewayMessageId: '<dlv_1@police.example>',
      deliveryId: 'dlv_1',
      address: 'li.wei@example.org',
      subject: '协查通报',
      outcome: 'accepted',
    });
    expect(entry?.headers).toMatchObject({ to: 'li.wei@example.org', 'mime-version': '1.0' });
    const { text, html } = await readMail(entry?.body ?? '');
    expect(text.trim()).toBe('请知情者与我们联系');
    expect(html).toContain('<p>请知情者与我们联系</p>');
  });

  it.each([
    ['unknown-user', '550 5.1.1', []],
    ['spam', '554 5.7.1', []],
    ['greylist', '451 4.7.1', ['accepted', 'accepted']],
    ['busy', '451 4.3.2', ['accepted']],
    ['throttle', '421 4.7.0', ['accepted']],
    ['reset-after-data', 'ECONNECTION', ['reset', 'accepted', 'accepted']],
    ['hang-after-data', 'EABORT', ['hung', 'accepted', 'accepted']],
  ])('%s: %s, and what is in the ledger after three tries', async (name, reply, outcomes) => {
    const to = `wang+${name}@example.org`;
    const signal = name === 'hang-after-data' ? AbortSignal.timeout(500) : undefined;
    expect(await send(to, signal ? { signal } : {})).toContain(reply);
    await send(to);
    await send(to);
    expect(ledger.list({ address: to }).map((entry) => entry.outcome)).toEqual(outcomes);
  });

  it('counts tries by address', async () => {
    expect(await send('a+greylist@example.org')).toContain('451');
    expect(await send('b+greylist@example.org')).toContain('451');
    expect(await send('a+greylist@example.org')).toContain('250');
  });

  it('answers late at slow@', async () => {
    const started = performance.now();
    expect(await send('slow@example.org')).toContain('250');
    expect(performance.now() - started).toBeGreaterThan(1_900);
  });

  it('sends a report that names the mail to its return path, from nobody', async () => {
    const inbox = new Ledger();
    const mx = await startSandboxSmtp(inbox);
    sandbox.configure({ bounceTo: { host: '127.0.0.1', port: mx.port } });
    await send('zhao+bounce-hard@example.org');
    await sandbox.idle();
    const [report] = inbox.list();
    expect(report?.address).toBe('bounce+dlv_1@police.example');
    expect(report?.headers?.['content-type']).toContain('report-type=delivery-status');
    expect(report?.body).toContain('Original-Envelope-Id: dlv_1');
    expect(report?.body).toContain('Final-Recipient: rfc822; zhao+bounce-hard@example.org');
    expect(report?.body).toContain('Message-ID: <dlv_1@police.example>');
    expect(ledger.list()).toMatchObject([
      { outcome: 'bounced', told: { status: 'failed', code: '5.1.1', answer: 250 } },
    ]);
    await mx.close();
  });

  it('bounces nothing that came from nobody', async () => {
    const inbox = new Ledger();
    const mx = await startSandboxSmtp(inbox);
    sandbox.configure({ bounceTo: { host: '127.0.0.1', port: mx.port } });
    await send('zhao+bounce-hard@example.org', { from: '' });
    await sandbox.idle();
    expect(inbox.size).toBe(0);
    expect(ledger.list()[0]).not.toHaveProperty('told');
    await mx.close();
  });

  it('tries again when the listener is busy, and counts what it lost', async () => {
    const inbox = new Ledger();
    const mx = await startSandboxSmtp(inbox);
    sandbox.configure({ bounceTo: { host: '127.0.0.1', port: mx.port } });
    await send('qian+bounce-soft@example.org', { from: 'us+greylist@police.example' });
    await sandbox.idle();
    expect(inbox.list()).toHaveLength(1);
    await mx.close();
    await send('sun+bounce-soft@example.org');
    await sandbox.idle();
    expect(sandbox.lostBounces()).toBe(1);
    expect(ledger.list().map(({ told }) => told?.answer)).toEqual([250, null]);
  });

  it('closes at once, whatever hangs', async () => {
    const sending = send('hang-after-data@example.org');
    await new Promise<void>((resolve) => ledger.onTaken(() => resolve()));
    await sandbox.close();
    expect(await sending).toBe('ECONNECTION');
    expect(sandbox.connections()).toBe(0);
  });
});

describe('magic mailboxes', () => {
  it.each(MAGIC_MAILBOXES.map(({ name }) => name))('%s is found by local part and by tag', (name) => {
    expect(magicMailbox(`${name}@example.org`)?.name).toBe(name);
    expect(magicMailbox(`Li.Wei+17+${name.toUpperCase()}@example.org`)?.name).toBe(name);
  });

  it.each(['li.wei@example.org', 'my-spam@example.org', 'spam+li@example.org', 'li@spam'])(
    '%s is none',
    (address) => {
      expect(magicMailbox(address)).toBeUndefined();
    },
  );
});
