import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of the bench's own that answers one order at a time. */
export interface Child {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: unknown;
  /** @throws Error with what went wrong there */
  ask(order: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

type Answer = { readonly answer: unknown } | { readonly error: string };

/** @param module a compiled module beside this one; @param env beside this process's own */
export async function startProcess(
  module: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Child> {
  const child = fork(fileURLToPath(import.meta.resolve(module)), [], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const gone = once(child, 'exit').then(([code, signal]): never => {
    throw new Error(`${module} ended with ${signal ?? code}`);
  });
  gone.catch(() => undefined); // whoever asks is told
  const next = async () => {
    const [message] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
    if ('error' in message) throw new Error(`${module}: ${message.error}`);
    return message.answer;
  };
  const ready = await next();
  return {
    pid: child.pid ?? 0,
    ready,
    async ask(order) {
      const answer = next();
      child.send(order as object);
      return await answer;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** The other side: says that it is ready, answers every order, and ends when the parent is gone. */
export function serveParent<Order>(ready: unknown, act: (order: Order) => Promise<unknown>): void {
  process.on('message', (order: Order) => {
    act(order).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? `${error.stack}` : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ answer: ready });
}
