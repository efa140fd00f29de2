import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../src/cli/children.ts';
import { freePort } from '../src/cli/launch.ts';
import type { ReadyConfig } from '../src/config.ts';
import type { Logger } from '../src/pipeline/ports.ts';

const MAIN = fileURLToPath(import.meta.resolve('../src/cli/main.js'));

/** A sandbox of its own, so that something can stand between it and its Herald. */
export interface OwnSandbox {
  readonly child: Child;
  /** Where its gateways that speak HTTP listen, on 127.0.0.1. */
  readonly port: number;
  /** The Herald that it will tell of receipts and bounces; where its gateways are, the caller adds. */
  readonly config: ReadyConfig;
}

/** @param base whose ports and address are chosen here */
export async function startSandbox(
  base: ReadyConfig,
  log: Logger & { readonly level: string },
): Promise<OwnSandbox> {
  const [port, bouncePort, sandboxPort] = [await freePort(), await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${port}`;
  const child = await startChild(
    {
      name: 'sandbox',
      module: MAIN,
      args: [
        ...['sandbox', '--port', String(sandboxPort), '--bounce-to', `127.0.0.1:${bouncePort}`],
        ...['--inbound-url', `${publicUrl}/callbacks/twilio/inbound`],
      ],
      env: { HERALD_SECRET: base.secret, LOG_LEVEL: log.level },
      hoards: true,
    },
    log,
  );
  return { child, port: sandboxPort, config: { ...base, port, bouncePort, publicUrl } };
}
