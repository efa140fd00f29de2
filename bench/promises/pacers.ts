import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order } from './pacer-child.ts';
import type { Spent } from './windows.ts';

const CHILD = fileURLToPath(import.meta.resolve('./pacer-child.js'));

/** Limiter and pacer by themselves: so many processes spend all that they are granted, and nothing else. */
export async function runPacers(processes: number, order: Order): Promise<Spent[]> {
  const children = Array.from({ length: processes }, () => fork(CHILD));
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    const ended = children.map(async (child): Promise<readonly Spent[]> => {
      const [{ spent }] = (await Promise.race([
        once(child, 'message'),
        once(child, 'exit').then(([code]) =>
          code === 0
            ? once(child, 'message')
            : Promise.reject(new Error(`a pacer process ended with ${code}`)),
        ),
      ])) as [{ spent: readonly Spent[] }];
      return spent;
    });
    for (const child of children) child.send(order);
    return (await Promise.all(ended)).flat();
  } finally {
    for (const child of children) child.kill();
  }
}
