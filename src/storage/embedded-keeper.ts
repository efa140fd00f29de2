import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HeraldError } from '../domain/errors.ts';
import { folderHash } from './embedded-files.ts';
import { type WatchdogNews, type WatchdogOptions, type WatchdogOrder, watchdog } from './watchdog.ts';

/** How long clients may finish after Herald was killed. Together with the shutdown itself about ten seconds. */
const DRAIN_MS = 7_000;
const RESTART_MS = 1_000;

type StartOrder = Extract<WatchdogOrder, { do: 'start' }>;

/** The parent's side of the watchdog: as long as it exists, this process owns the data folder. */
export interface Keeper {
  start(order: StartOrder): void;
  adopt(pid: number): void;
  /** Why no server is running; `undefined` while one is, or is being started. */
  gone(): string | undefined;
  /** From now on a server that ends is started again by this order, and a watchdog that was killed is replaced. */
  guard(order: StartOrder): void;
  /** Stops the server, cutting off who is still connected, and frees the data folder. */
  stop(): Promise<void>;
}

/**
 * Takes the data folder's lock, waiting for a former owner's server to stop.
 * @throws HeraldError `embedded-running` when a living Herald has it
 */
export async function takeKeeper(folder: string, onLog: (line: string) => void): Promise<Keeper> {
  let gone: string | undefined = 'not started yet';
  let server = 0;
  let guarded: StartOrder | undefined;
  let stopping = false;

  const hear = (news: WatchdogNews) => {
    if (news.is === 'started') server = news.pid;
    if (news.is !== 'gone') return;
    gone = news.why;
    if (!guarded || stopping) return;
    onLog(`PostgreSQL: ${news.why}; starting it again`);
    setTimeout(() => guarded && start(guarded), RESTART_MS).unref();
  };
  const replace = async () => {
    if (stopping || !guarded) return;
    onLog('the watchdog of PostgreSQL was killed: replacing it');
    dog = await takeLock(folder, hear);
    attend();
    dog.order({ do: 'adopt', pid: server });
  };
  const attend = () => {
    dog.unref();
    dog.ended
      .then(replace)
      .catch((error: Error) => onLog(`PostgreSQL runs without a watchdog: ${error.message}`));
  };
  const start = (order: StartOrder) => {
    gone = undefined;
    dog.order(order);
  };

  let dog = await takeLock(folder, hear);
  return {
    start,
    adopt(pid) {
      gone = undefined;
      dog.order({ do: 'adopt', pid });
    },
    gone: () => gone,
    guard(order) {
      guarded = order;
      attend();
    },
    async stop() {
      stopping = true;
      dog.ref();
      dog.order({ do: 'stop' });
      await dog.ended;
    },
  };
}

interface Watchdog {
  order(order: WatchdogOrder): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>;
  /** Keeps this process alive until the watchdog has ended. */
  ref(): void;
  /** Lets this process end although the watchdog lives: it then stops the server. */
  unref(): void;
}

async function takeLock(folder: string, hear: (news: WatchdogNews) => void): Promise<Watchdog> {
  const name = `herald-${folderHash(folder)}`;
  const options: WatchdogOptions = {
    // Abstract sockets have no file that could be left behind; other systems than Linux do not know them.
    lock: process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`),
    owner: process.pid,
    drainMs: DRAIN_MS,
  };
  // Detached: a session of its own, so that Ctrl-C in the terminal reaches neither it nor the server.
  const child = spawn(process.execPath, ['-e', `(${watchdog.toString()})(${JSON.stringify(options)})`], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit').catch((error: Error) => error);
  child.stdin.on('error', () => undefined); // it has ended; `ended` says so

  const first = await new Promise<WatchdogNews>((resolve) => {
    void ended.then((how) =>
      resolve({ is: 'gone', why: how instanceof Error ? how.message : 'the watchdog has ended' }),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      const news = JSON.parse(line) as WatchdogNews;
      resolve(news);
      hear(news);
    });
  });
  if (first.is === 'held') {
    throw new HeraldError(
      'conflict',
      'embedded-running',
      `Herald is already running in ${folder} (pid ${first.pid})`,
      {
        fix: 'stop that one first, or choose another HERALD_DATA_DIR',
      },
    );
  }
  if (first.is !== 'locked') {
    throw new HeraldError(
      'unavailable',
      'embedded-failed',
      `the database's watchdog did not start: ${first.is === 'gone' ? first.why : first.is}`,
    );
  }
  return {
    order: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    ended,
    ref: () => child.ref(),
    unref() {
      child.unref();
      (child.stdin as unknown as Socket).unref();
      (child.stdout as unknown as Socket).unref();
    },
  };
}
