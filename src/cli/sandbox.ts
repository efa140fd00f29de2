import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { HeraldError } from '../domain/errors.ts';
import { aborted, letEnd, tellParent, untilStopped } from '../process.ts';

export function register(program: Command): void {
  program
    .command('sandbox')
    .description(
      'run the sandbox alone: a Twilio, an SMTP relay and a webhook receiver that send nothing to anybody',
    )
    .option('--port <port>', 'of its HTTP server; 0: a free one', '8090')
    .option(
      '--host <address>',
      'to listen on; it has no password, so only in a network of its own',
      '127.0.0.1',
    )
    .option('--smtp-port <port>', 'of its mail relay, on the same address; 0: a free one', '0')
    .option('--inbound-url <url>', 'where answers of citizens are posted: …/callbacks/twilio/inbound', '')
    .option('--bounce-to <host:port>', 'where bounces are sent')
    .action(
      async ({
        port,
        host,
        smtpPort,
        inboundUrl,
        bounceTo,
      }: {
        port: string;
        host: string;
        smtpPort: string;
        inboundUrl: string;
        bounceTo?: string;
      }) => {
        const { secret } = loadConfig();
        if (!secret) {
          throw new HeraldError(
            'invalid',
            'invalid-configuration',
            'the sandbox needs HERALD_SECRET: its account is made from it',
            {
              fix: 'set the same HERALD_SECRET as for the other processes',
            },
          );
        }
        const { startOwnSandbox } = await import('../provision.ts');
        const stopping = untilStopped();
        const sandbox = await startOwnSandbox(secret, {
          port: Number(port),
          host,
          twilioSettings: { inboundUrl },
          smtp: { port: Number(smtpPort), ...(bounceTo && { bounceTo: mailServer(bounceTo) }) },
        });
        console.log(`sandbox: ${sandbox.url} (outbox: ${sandbox.url}/outbox), mail: ${sandbox.smtpUrl}`);
        tellParent({ ready: 'sandbox', url: sandbox.url });
        await aborted(stopping);
        await sandbox.close();
        letEnd();
      },
    );
}

function mailServer(text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host && port) return { host, port: Number(port) };
  throw new HeraldError('invalid', 'usage', `--bounce-to ${text} is not host:port`);
}
