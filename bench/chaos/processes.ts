import { readFileSync } from 'node:fs';
import type { Child } from '../../src/cli/children.ts';
import type { Launched } from '../../src/cli/launch.ts';

/** A process as /proc/<pid>/stat tells. Linux only, as the campaign is. */
export interface ProcessFacts {
  /** `T`: stopped by a signal; `Z`: dead. */
  readonly state: string;
  readonly parent: number;
  /** In the kernel's ticks; tells a process from a later one with the same number. */
  readonly startedAt: number;
}

/** @param stat the file's text: number, name in brackets (which may hold anything), and more */
export function parseStat(stat: string): ProcessFacts {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startedAt: Number(fields[19]) };
}

/** @returns `undefined` when there is no such process */
export function factsOf(pid: number): ProcessFacts | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** False when the process has ended meanwhile, by another strike. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Which worker processes hold claimed rows at this moment, and how many. */
export async function claims({ app }: Launched): Promise<ReadonlyMap<number, number>> {
  const { rows } = await app.pool.query<{ pid: number; n: number }>(
    `SELECT w.pid, count(*)::int AS n FROM shards s JOIN workers w ON w.id = s.claimed_by
     JOIN deliveries d ON d.announcement_id = s.announcement_id AND d.n BETWEEN s.from_n AND s.to_n
       AND d.worker_id = w.id AND d.status = 'sending'
     WHERE w.ended_at IS NULL GROUP BY w.pid`,
  );
  return new Map(rows.map(({ pid, n }) => [pid, n]));
}

/** The processes of that name that run and are not set aside for another strike. */
export function running(workers: readonly Child[], name: RegExp, reserved: ReadonlySet<number>): number[] {
  return workers.flatMap(({ name: its, pid }) =>
    name.test(its) && pid !== undefined && !reserved.has(pid) && isAlive(pid) ? [pid] : [],
  );
}

export const isAlive = (pid: number): boolean => !['Z', 'X', undefined].includes(factsOf(pid)?.state);
