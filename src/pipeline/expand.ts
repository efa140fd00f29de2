import type { WakeUps } from './ports.ts';
import type { ExpansionStore, SweepStore } from './stores.ts';

/**
 * Turns an approved announcement into delivery rows, a slice a job: sending starts with the first one, and after each
 * one the queue decides what is most urgent. A second run changes nothing: each slice checks the cursor and the
 * generation under the expansion's lock.
 */
export async function expand(
  deps: {
    readonly expansions: ExpansionStore;
    readonly sweeps: Pick<SweepStore, 'enqueueDue'>;
    readonly wakeUps: WakeUps;
  },
  job: { readonly id: number; readonly generation: number },
): Promise<void> {
  const { expansions, sweeps, wakeUps } = deps;
  const outcome = await expansions.slice(job.id, job.generation);
  const next = outcome === 'more' ? await expansions.next(job.id, job.generation) : null;
  await wakeUps.enqueue([...(next ? [next] : []), ...(await sweeps.enqueueDue())]);
}
