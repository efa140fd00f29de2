import type { WakeUps } from './ports.ts';
import type { ExpansionStore, SweepStore } from './stores.ts';

/**
 * Turns an approved announcement into delivery rows, slice by slice; sending starts with the first slice. A second
 * run changes nothing: each slice checks the cursor and the generation under the expansion's lock.
 */
export async function expand(
  deps: {
    readonly expansions: ExpansionStore;
    readonly sweeps: Pick<SweepStore, 'enqueueDue'>;
    readonly wakeUps: WakeUps;
    readonly signal: AbortSignal;
  },
  job: { readonly id: number; readonly generation: number },
): Promise<void> {
  let outcome: Awaited<ReturnType<ExpansionStore['slice']>>;
  do {
    outcome = await deps.expansions.slice(job.id, job.generation);
    await deps.wakeUps.enqueue(await deps.sweeps.enqueueDue());
  } while (outcome === 'more' && !deps.signal.aborted);
}
