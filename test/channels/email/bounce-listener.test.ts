import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import { afterEach, describe, expect, it } from 'vitest';
import type { MailReport } from '../../../src/channels/email/bounce.ts';
import { startBounceListener } from '../../../src/channels/email/bounce-listener.ts';
import { createSmtpAdapter } from '../../../src/channels/email/smtp.ts';
import { Ledger } from '../../../src/sandbox/ledger.ts';
import { startSandboxSmtp } from '../../../src/sandbox/smtp.ts';
import { IDENTITY, outgoingEmail } from './message.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function listen(onReport: (report: MailReport) => Promise<void>, maxBytes?: number) {
  const errors: Error[] = [];
  const listener = await startBounceListener({
    host: '127.0.0.1',
    port: 0,
    bounceAddress: IDENTITY.bounceAddress,
    leaveAddress: IDENTITY.oneClickMail,
    onReport,
    onError: (error) => errors.push(error),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const transport = createTransport({ host: '127.0.0.1', port: listener.port, ignoreTLS: true });
  cleanups.push(() => listener.close());
  const mail = (to: string, raw = `To: ${to}\r\n\r\nhello`) =>
    transport.sendMail({ envelope: { from: '', to }, raw });
  return { listener, mail, errors };
}

describe('the bounce listener', () => {
  it('takes a mail to leave only when it was written down', async () => {
    const reports: MailReport[] = [];
    let writtenDown = () => {};
    const { mail } = await listen((report) => {
      reports.push(report);
      return new Promise((resolve) => {
        writtenDown = resolve;
      });
    });
    let answered = false;
    const sending = mail('leave+Tok_1@bounces.police.example').then((info) => {
      answered = true;
      return info;
    });
    await expect.poll(() => reports).toEqual([{ kind: 'leave', leaveToken: 'Tok_1' }]);
    expect(answered).toBe(false);
    writtenDown();
    expect((await sending).response).toMatch(/^250 /);
  });

  it('asks the sender to come again when it could not be written down', async () => {
    const { mail, errors } = await listen(async () => {
      throw new Error('the database is away');
    });
    await expect(mail('leave+Tok_1@bounces.police.example')).rejects.toMatchObject({ responseCode: 451 });
    expect(errors.map((error) => error.message)).toEqual(['the database is away']);
  });

  it.each([
    'postmaster@bounces.police.example',
    'bounce@bounces.police.example',
    'bounce+dlv_1@elsewhere.example',
    'other+dlv_1@bounces.police.example',
  ])('takes nothing for %s', async (to) => {
    const { mail } = await listen(async () => {});
    await expect(mail(to)).rejects.toMatchObject({ responseCode: 550 });
  });

  it('takes and drops what says nothing, so that the bounce is not bounced', async () => {
    const reports: MailReport[] = [];
    const { mail } = await listen(async (report) => void reports.push(report));
    expect((await mail('bounce+dlv_1@bounces.police.example')).response).toMatch(/^250 /);
    expect(reports).toEqual([]);
  });

  it('refuses what is too large, and stays usable', async () => {
    const { mail } = await listen(async () => {}, 5_000);
    const to = 'leave+Tok_1@bounces.police.example';
    await expect(mail(to, `To: ${to}\r\n\r\n${'x\r\n'.repeat(20_000)}`)).rejects.toMatchObject({
      responseCode: 552,
    });
    expect((await mail(to)).response).toMatch(/^250 /);
  });

  it('survives a client that cuts its connection in the middle', async () => {
    const { listener, mail } = await listen(async () => {});
    const socket = connect(listener.port, '127.0.0.1');
    const to = 'leave+Tok_1@bounces.police.example';
    const said = (code: string) =>
      new Promise<void>((resolve) => {
        socket.on('data', (chunk) => chunk.includes(code) && resolve());
      });
    await said('220');
    socket.write(`EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<${to}>\r\nDATA\r\nhalf a ma`);
    await said('354');
    socket.destroy();
    expect((await mail(to)).response).toMatch(/^250 /);
  });

  it('says that its port is taken', async () => {
    const { listener } = await listen(async () => {});
    const again = startBounceListener({ host: '127.0.0.1', port: listener.port, onReport: async () => {} });
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('a mail that bounces', () => {
  it.each([
    ['bounce-hard', { statusCode: '5.1.1', receipt: 'undelivered', hard: true }],
    ['bounce-soft', { statusCode: '4.4.7', receipt: 'undelivered', hard: false }],
    ['mailbox-full', { statusCode: '5.2.2', receipt: 'undelivered', hard: false }],
    ['bounce-policy', { statusCode: '5.7.1', receipt: 'undelivered', hard: false }],
    ['delayed', { statusCode: '4.4.1', action: 'delayed', hard: false }],
  ])('goes the whole way, sender to sandbox to listener: %s', async (name, expected) => {
    const reports: MailReport[] = [];
    const { listener } = await listen(async (report) => void reports.push(report));
    const sandbox = await startSandboxSmtp(new Ledger(), {
      bounceTo: { host: '127.0.0.1', port: listener.port },
    });
    const adapter = createSmtpAdapter({
      ...IDENTITY,
      gateway: 'sandbox',
      smtpUrl: sandbox.url,
      connections: 1,
      requestTimeoutMs: 5_000,
    });
    cleanups.push(
      () => sandbox.close(),
      () => adapter.close(),
    );
    const message = outgoingEmail({ address: `li.wei+${name}@example.org` });
    expect(await adapter.send(message, new AbortController().signal)).toMatchObject({ outcome: 'accepted' });
    await sandbox.idle();
    expect(reports).toEqual([
      expect.objectContaining({ kind: 'bounce', deliveryId: message.deliveryId, ...expected }),
    ]);
    expect(sandbox.lostBounces()).toBe(0);
  });
});
