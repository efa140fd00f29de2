import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment } from '../config.ts';
import type { Logger } from '../pipeline/ports.ts';

export interface ChildSpec {
  readonly name: string;
  /** A compiled module. */
  readonly module: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** It holds more and more for as long as it lives: nothing bounds its heap. */
  readonly hoards?: boolean;
  /** Gives up a start that is under way. */
  readonly stopping?: AbortSignal | undefined;
}

export interface Child {
  readonly name: string;
  /** What it said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL when it has not ended in `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** A child that is ready later than this is given up. Milliseconds. */
const READY_WITHIN_MS = 60_000;
const DRAIN_MS = 40_000;
/**
 * V8 lets a heap grow fourfold between two collections when it may have gigabytes. A child needs some 80 MB; told of half a
 * gigabyte, it keeps to about that. What is young has a fixed part, large enough that a message's objects die in it: with half
 * of it a worker spends a quarter of its time on collecting them.
 */
const HEAP = ['--max-old-space-size=512', '--min-semi-space-size=8', '--max-semi-space-size=8'];
const RESTART_MS = { first: 500, cap: 10_000 };

/**
 * Starts a process and keeps it running: one that ends unasked is started again, later each time. Children run in
 * process groups of their own, so that Ctrl-C reaches the supervisor alone and they drain in the right order.
 * @throws Error when it ends, or says nothing, before it is ready the first time
 */
export async function startChild(spec: ChildSpec, log: Logger): Promise<Child> {
  let stopping = false;
  let failures = 0;
  let current = spawn();
  const ready = await isReady(current, spec);
  let restart: NodeJS.Timeout | undefined;
  watch(current);

  function spawn(): ChildProcess {
    return fork(spec.module, spec.args ?? [], {
      env: childEnvironment(spec.env),
      // stdout is the supervisor's alone; a child logs to stderr.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
      execArgv: spec.hoards ? process.execArgv : [...process.execArgv, ...HEAP],
    });
  }

  function watch(child: ChildProcess): void {
    const startedAt = performance.now();
    child.once('exit', (code, signal) => {
      if (stopping) return;
      failures = performance.now() - startedAt > 60_000 ? 1 : failures + 1;
      const delay = Math.min(RESTART_MS.cap, RESTART_MS.first * 2 ** (failures - 1));
      log.error(
        { child: spec.name, code, signal },
        `${spec.name} ended unasked; starting it again in ${delay} ms`,
      );
      restart = setTimeout(() => {
        current = spawn();
        watch(current);
      }, delay);
    });
  }

  return {
    name: spec.name,
    ready,
    get pid() {
      return current.pid;
    },
    async stop(graceMs = DRAIN_MS) {
      stopping = true;
      clearTimeout(restart);
      if (current.exitCode !== null || current.signalCode !== null) return;
      const ended = once(current, 'exit');
      current.kill('SIGTERM');
      const kill = setTimeout(() => current.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

async function isReady(child: ChildProcess, { name, stopping }: ChildSpec): Promise<Record<string, unknown>> {
  const over = new AbortController();
  const giveUp = (why: string) => () => over.abort(new Error(`${name} was not ready ${why}`));
  const late = setTimeout(giveUp(`within ${READY_WITHIN_MS / 1_000} s`), READY_WITHIN_MS);
  const stopped = giveUp('when Herald was stopped');
  stopping?.addEventListener('abort', stopped, { once: true });
  if (stopping?.aborted) stopped();
  try {
    const [first] = await Promise.race([
      once(child, 'message', { signal: over.signal }) as Promise<[Record<string, unknown>]>,
      once(child, 'exit', { signal: over.signal }).then(([code, signal]) => {
        throw new Error(
          `${name} ended with ${signal ?? `exit code ${code}`} before it was ready; its log says why`,
        );
      }),
    ]);
    return first;
  } catch (error) {
    child.kill('SIGKILL');
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    clearTimeout(late);
    stopping?.removeEventListener('abort', stopped);
    over.abort();
  }
}
