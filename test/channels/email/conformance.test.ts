import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { createSmtpAdapter, type SmtpOptions } from '../../../src/channels/email/smtp.ts';
import { Ledger } from '../../../src/sandbox/ledger.ts';
import { startSandboxSmtp } from '../../../src/sandbox/smtp.ts';
import { describeChannelAdapter, type Kind, type Rig } from '../../conformance/channel-adapter.ts';
import { IDENTITY, outgoingEmail } from './message.ts';

const MAILBOXES: Partial<Record<Kind, string>> = {
  accepted: 'fine',
  temporary: 'greylist',
  throttled: 'busy',
  permanent: 'unknown-user',
  'rejected-content': 'spam',
  cut: 'reset-after-data',
  hang: 'hang-after-data',
};

describeChannelAdapter(
  'SMTP',
  Object.keys(MAILBOXES) as Kind[],
  { credentials: true, settlement: false, unreachable: 'throttled' },
  async (): Promise<Rig<'email'>> => {
    const ledger = new Ledger();
    const sandbox = await startSandboxSmtp(ledger);
    const strict = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => done(new Error('wrong password')),
    });
    const listening = once(strict.server, 'listening');
    strict.listen(0, '127.0.0.1');
    await listening;
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const closedPort = (nobody.address() as AddressInfo).port;
    await new Promise((resolve) => nobody.close(resolve));

    let serial = 0;
    const make = (changes: Partial<SmtpOptions> = {}) =>
      createSmtpAdapter({
        ...IDENTITY,
        gateway: 'sandbox',
        smtpUrl: sandbox.url,
        connections: 4,
        requestTimeoutMs: 5_000,
        ...changes,
      });
    return {
      adapter: make(),
      withTimeout: (requestTimeoutMs) => make({ requestTimeoutMs }),
      unreachable: () => ({
        adapter: make({ smtpUrl: `smtp://127.0.0.1:${closedPort}` }),
        address: 'citizen@example.org',
      }),
      misconfigured: () =>
        make({ smtpUrl: `smtp://user:wrong@127.0.0.1:${(strict.server.address() as AddressInfo).port}` }),
      address: (kind) => `c${++serial}+${MAILBOXES[kind]}@example.org`,
      message: (address) => outgoingEmail({ address }),
      taken: (address) => ledger.list({ address }),
      whenTaken: (address) =>
        new Promise((resolve) => {
          const stop = ledger.onTaken((entry) => {
            if (entry.address !== address) return;
            stop();
            resolve();
          });
        }),
      connections: async () => sandbox.connections(),
      async close() {
        await sandbox.close();
        await new Promise<void>((resolve) => strict.close(() => resolve()));
      },
    };
  },
);
