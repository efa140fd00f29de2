import type { Logger } from 'pino';
import type { SandboxGateways } from './adapters.ts';
import type { ReadyConfig } from './config.ts';
import { HeraldError } from './domain/errors.ts';

/** In live mode only exercises need the sandbox: one that is away must not stop what is real. */
export async function findSandbox(config: ReadyConfig, log: Logger): Promise<SandboxGateways | undefined> {
  if (!config.sandboxUrl) return undefined;
  try {
    return await askSandbox(config.sandboxUrl);
  } catch (error) {
    if (config.mode === 'trial') throw error;
    log.warn(
      { err: error },
      'no exercise can be sent until the sandbox answers and this process is started again',
    );
    return undefined;
  }
}

/** The sandbox says where its gateways are. @throws HeraldError `sandbox-unavailable` */
async function askSandbox(url: string): Promise<SandboxGateways> {
  try {
    const answer = await fetch(url, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(5_000),
    });
    const { gateways } = (await answer.json()) as { gateways: { smtp: string } };
    return { url, smtp: gateways.smtp };
  } catch (error) {
    throw new HeraldError(
      'unavailable',
      'sandbox-unavailable',
      `no sandbox answers at ${url}: ${String(error)}`,
      {
        fix: 'start it with `herald start` or `herald sandbox`, or unset HERALD_SANDBOX_URL',
        cause: error,
      },
    );
  }
}
