import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { HeraldError } from './domain/errors.ts';
import { startEmbedded } from './storage/embedded.ts';

/** A configuration with which a database can be opened. */
export type ReadyConfig = Config & { readonly databaseUrl: string; readonly secret: string };

/**
 * Gives what the environment left out: without DATABASE_URL, the embedded PostgreSQL in the data directory (started,
 * or adopted when it runs already) and the secret that the directory keeps.
 * @returns the complete configuration, and how to stop what was started
 */
export async function provision(
  config: Config,
  onLog: (line: string) => void,
): Promise<{ readonly config: ReadyConfig; readonly stop: () => Promise<void> }> {
  if (config.databaseUrl && config.secret) {
    return { config: { ...config, databaseUrl: config.databaseUrl, secret: config.secret }, stop: async () => {} };
  }
  const secret = config.secret ?? (await keptSecret(config.dataDir));
  const database = await startEmbedded({ dataDir: config.dataDir, onLog });
  return { config: { ...config, databaseUrl: database.connectionString, secret }, stop: () => database.stop() };
}

/** 256 random bits in a file that only its owner can read, made once. */
async function keptSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret');
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // 'wx': when two starts race, the second reads what the first has written.
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw new HeraldError('unavailable', 'data-dir-unusable', `cannot write to the data directory ${dataDir}: ${String(error)}`, {
        fix: 'set HERALD_DATA_DIR to a folder that this user may write to',
        cause: error,
      });
    }
  }
  return (await readFile(file, 'utf8')).trim();
}
