import type { Command } from 'commander';
import { sandboxAccount } from '../adapters.ts';
import { loadConfig } from '../config.ts';
import { HeraldError } from '../domain/errors.ts';
import { aborted, tellParent, untilStopped } from '../process.ts';
import { startSandbox } from '../sandbox/server.ts';

export function register(program: Command): void {
  program
    .command('sandbox')
    .description('run the sandbox alone: a Twilio, an SMTP relay and a webhook receiver that send nothing to anybody')
    .option('--port <port>', 'of its HTTP server, on 127.0.0.1; 0: a free one', '8090')
    .action(async ({ port }: { port: string }) => {
      const { secret } = loadConfig();
      if (!secret) {
        throw new HeraldError('invalid', 'invalid-configuration', 'the sandbox needs HERALD_SECRET: its account is made from it', {
          fix: 'set the same HERALD_SECRET as for the other processes',
        });
      }
      const stopping = untilStopped();
      const sandbox = await startSandbox({ port: Number(port), twilio: sandboxAccount(secret) });
      console.log(`sandbox: ${sandbox.url} (outbox: ${sandbox.url}/outbox), mail: ${sandbox.smtpUrl}`);
      tellParent({ ready: 'sandbox', url: sandbox.url });
      await aborted(stopping);
      await sandbox.close();
      if (process.connected) process.disconnect();
    });
}
