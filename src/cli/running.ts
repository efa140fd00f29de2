import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const runningSchema = z.object({
  pid: z.int(),
  databaseUrl: z.string(),
  publicUrl: z.string(),
  sandboxUrl: z.string(),
});

/** A Herald that runs on this machine, as its data directory tells: what other commands need to work on it. */
export type Running = z.infer<typeof runningSchema>;

const fileIn = (dataDir: string) => join(dataDir, 'running.json');

/** Notes that this process runs Herald. The file holds the database's password, so only its owner may read it. */
export async function noteRunning(
  dataDir: string,
  facts: Omit<Running, 'pid'>,
): Promise<() => Promise<void>> {
  const file = fileIn(dataDir);
  const draft = `${file}.new`;
  // With DATABASE_URL nothing else may have made the folder.
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await rm(draft, { force: true });
  await writeFile(draft, `${JSON.stringify({ pid: process.pid, ...facts })}\n`, { mode: 0o600 });
  await rename(draft, file); // nobody reads half of it
  return () => rm(file, { force: true });
}

/** The Herald that runs in this data directory; `undefined` when there is none, or it was killed. */
export async function findRunning(dataDir: string): Promise<Running | undefined> {
  const text = await readFile(fileIn(dataDir), 'utf8').catch(() => '{}');
  const { data } = runningSchema.safeParse(parsed(text));
  return data && isAlive(data.pid) ? data : undefined;
}

/** A file that is no JSON was left by a crash, or is somebody else's: it names no running Herald. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
