import type { ChildProcess } from 'node:child_process';

/** What the parent tells the watchdog, one JSON object per line of its stdin. The end of stdin means: stop. */
export type WatchdogOrder =
  | {
      readonly do: 'start';
      readonly command: string;
      readonly args: readonly string[];
      /** Absent: the watchdog's own. */
      readonly uid?: number;
      readonly gid?: number;
      readonly log: string;
    }
  | { readonly do: 'adopt'; readonly pid: number }
  | { readonly do: 'stop' };

/** What the watchdog tells the parent, one JSON object per line of its stdout. */
export type WatchdogNews =
  | { readonly is: 'locked' }
  /** Somebody else keeps this data directory; `pid` is the process that started it. The watchdog ends. */
  | { readonly is: 'held'; readonly pid: number }
  | { readonly is: 'started'; readonly pid: number }
  | { readonly is: 'gone'; readonly why: string };

export interface WatchdogOptions {
  /** Path of a socket: whoever listens on it owns the data directory. The kernel frees it when its owner dies. */
  readonly lock: string;
  /** The process that it works for. */
  readonly owner: number;
  /** Milliseconds that clients get to finish when the owner has died; then they are cut off. */
  readonly drainMs: number;
}

/**
 * A process of its own between Herald and its PostgreSQL server. It owns the data directory's lock, starts or
 * adopts the server, and stops it when its owner says so or dies: then first without cutting anybody off, so
 * that workers can still record what they have sent.
 *
 * It is started from this function's own text (`node -e`), so that it runs the same from the sources and from
 * dist/: it must not refer to anything outside itself.
 */
export function watchdog(options: WatchdogOptions): void {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const { openSync, closeSync, rmSync } = process.getBuiltinModule('node:fs');
  const net = process.getBuiltinModule('node:net');
  const { createInterface } = process.getBuiltinModule('node:readline');
  const FAST_MS = 30_000;
  const ORPHAN_FAST_MS = 2_000;
  const POLL_MS = 50;
  const IDLE_POLL_MS = 250;

  let server = 0;
  let stopping = false;
  let poll: NodeJS.Timeout | undefined;

  // The owner may be dead already; then nobody needs to hear.
  process.stdout.on('error', () => undefined);
  const say = (news: WatchdogNews) => process.stdout.write(`${JSON.stringify(news)}\n`);

  const alive = (pid: number): boolean => {
    try {
      return pid > 0 && process.kill(pid, 0);
    } catch {
      return false; // no such process, or one that is not ours
    }
  };

  const watch = (pid: number) => {
    server = pid;
    say({ is: 'started', pid });
    poll = setInterval(() => {
      if (alive(server)) return;
      clearInterval(poll);
      server = 0;
      if (!stopping) say({ is: 'gone', why: 'the server has ended' });
    }, IDLE_POLL_MS);
  };

  const start = (order: Extract<WatchdogOrder, { do: 'start' }>) => {
    let child: ChildProcess;
    try {
      const log = openSync(order.log, 'a');
      const { uid, gid } = order;
      const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
      child = spawn(order.command, order.args, {
        cwd: '/',
        env: { LC_ALL: 'C' },
        stdio: ['ignore', log, log],
        ...identity,
      });
      closeSync(log);
    } catch (error) {
      say({ is: 'gone', why: String(error) });
      return;
    }
    child.on('error', (error) => say({ is: 'gone', why: error.message }));
    if (child.pid !== undefined) watch(child.pid);
  };

  /** SIGTERM lets clients finish, SIGINT cuts them off, SIGQUIT leaves the rest to crash recovery. */
  const stop = async (steps: readonly (readonly [NodeJS.Signals, number])[]) => {
    if (stopping) return;
    stopping = true;
    for (const [signal, patienceMs] of steps) {
      const deadline = performance.now() + patienceMs;
      if (alive(server)) process.kill(server, signal);
      while (alive(server) && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
    process.exit(0);
  };
  const stopNow = () =>
    stop([
      ['SIGINT', FAST_MS],
      ['SIGQUIT', FAST_MS],
    ]);
  const stopForTheDead = () =>
    stop([
      ['SIGTERM', options.drainMs],
      ['SIGINT', ORPHAN_FAST_MS],
      ['SIGQUIT', ORPHAN_FAST_MS],
    ]);

  const listen = () => {
    // Whoever wants the lock is told who has it, and sees by the end of the connection when it is free.
    const gate = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(`${JSON.stringify({ pid: options.owner, stopping })}\n`);
    });
    gate.on('error', () => askHolder());
    gate.listen(options.lock, () => {
      say({ is: 'locked' });
    });
  };
  const askHolder = () => {
    let refused = false;
    const socket = net.connect(options.lock);
    socket.on('error', () => {
      // A socket file that its owner left behind; abstract ones vanish with their owner.
      refused = true;
      if (!options.lock.startsWith('\0')) rmSync(options.lock, { force: true });
    });
    socket.once('data', (data) => {
      const holder = JSON.parse(data.toString()) as { pid: number; stopping: boolean };
      if (holder.stopping) return;
      say({ is: 'held', pid: holder.pid });
      process.exit(0);
    });
    socket.on('close', () => setTimeout(listen, refused ? POLL_MS : 0));
  };

  process.on('uncaughtException', (error) => {
    say({ is: 'gone', why: error.message });
    void stopForTheDead();
  });
  process.on('SIGTERM', stopForTheDead);
  process.on('SIGINT', stopForTheDead);
  process.on('SIGHUP', stopForTheDead);
  const orders = createInterface({ input: process.stdin });
  orders.on('line', (line) => {
    const order = JSON.parse(line) as WatchdogOrder;
    if (order.do === 'start') start(order);
    else if (order.do === 'adopt') watch(order.pid);
    else void stopNow();
  });
  orders.on('close', stopForTheDead);
  listen();
}
