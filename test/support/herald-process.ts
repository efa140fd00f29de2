import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/root.ts';

const MAIN = join(packageRoot, 'dist/src/cli/main.js');

/** The tests' own environment would leak into what they start; this is what a login shell has. */
const bareEnvironment = (env: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  LOG_LEVEL: 'error',
  ...env,
});

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one `herald` command of the compiled program to its end. */
export async function herald(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const options = { env: bareEnvironment(env), cwd: packageRoot, maxBuffer: 64e6 };
  return promisify(execFile)(process.execPath, [MAIN, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

/** Starts a command and does not wait for it. */
export const spawnHerald = (args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(process.execPath, [MAIN, ...args], {
    env: bareEnvironment(env),
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Starts one part of Herald as `herald start` does. @param program below dist/ */
export const forkPart = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess => fork(join(packageRoot, 'dist', program), args, { env: bareEnvironment(env) });

/** Starts a command in a process group of its own, as a terminal does. */
export function spawnHeraldGroup(args: readonly string[], env: Readonly<Record<string, string>>) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: bareEnvironment(env),
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Starts `herald start` and resolves when it says that it is ready. */
export async function startHerald(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly child: ChildProcess; readonly banner: string }> {
  const child = spawnHerald(['start'], env);
  let said = '';
  const heard = new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ctrl-C stops it.')) resolve(said);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`herald start ended with ${code}: ${said}`)));
  });
  return { child, banner: await heard };
}

/** Sends a signal and resolves with how the process ended. */
export async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
): Promise<{ code: number | null; signal: string | null }> {
  const ended = once(child, 'exit');
  child.kill(signal);
  const [code, by] = (await ended) as [number | null, string | null];
  return { code, signal: by };
}

/** Every process below this one, by pid. */
export async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] =>
    rows.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}
