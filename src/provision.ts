import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sandboxAccount } from './adapters.ts';
import type { Config, ReadyConfig } from './config.ts';
import { HeraldError } from './domain/errors.ts';
import type { Sandbox, SandboxOptions } from './sandbox/server.ts';
import { startEmbedded } from './storage/embedded.ts';

export { forgetInstallation } from './queue/redis.ts';
export { magicFor } from './sandbox/magic.ts';
export { magicMailbox } from './sandbox/magic-mailboxes.ts';
export { removeEmbedded } from './storage/embedded.ts';
export { ownDatabase } from './storage/own-database.ts';

/**
 * Gives what the environment left out: without DATABASE_URL, the embedded PostgreSQL in the data directory (started,
 * or adopted when a killed Herald left it running) and the secret that the directory keeps.
 * @returns the complete configuration, and how to stop what was started
 */
export async function provision(
  config: Config,
  onLog: (line: string) => void,
): Promise<{ readonly config: ReadyConfig; readonly stop: () => Promise<void> }> {
  if (config.databaseUrl && config.secret) {
    return {
      config: { ...config, databaseUrl: config.databaseUrl, secret: config.secret },
      stop: async () => {},
    };
  }
  const secret = config.secret ?? (await keptSecret(config.dataDir));
  const database = await startEmbedded({ dataDir: config.dataDir, onLog });
  return {
    config: { ...config, databaseUrl: database.connectionString, secret },
    stop: () => database.stop(),
  };
}

/** 256 random bits in a file that only its owner can read, made once. */
export async function keptSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret');
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // 'wx': when two starts race, the second reads what the first has written. (mkdir says EEXIST of a file.)
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is a file' : (error as Error).message;
    throw new HeraldError(
      'unavailable',
      'data-dir-unusable',
      `cannot use the data directory ${dataDir}: ${why}`,
      { fix: 'set HERALD_DATA_DIR to a folder that this user may write to', cause: error },
    );
  }
}

/** The sandbox of this installation: its Twilio knows the account that every process makes from the secret. */
export async function startOwnSandbox(
  secret: string,
  options: Omit<SandboxOptions, 'twilio'>,
): Promise<Sandbox> {
  const { startSandbox } = await import('./sandbox/server.ts');
  return startSandbox({ ...options, twilio: sandboxAccount(secret) });
}
