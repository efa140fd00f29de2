import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

/** Clock ticks per second in /proc; Linux has shown 100 to programs for decades, whatever its timer does. */
const TICKS = 100;

/** CPU microseconds since the meter was made. */
export interface Cpu {
  readonly total: number;
  /** PostgreSQL's part of it. */
  readonly database: number;
}
export type CpuMeter = () => Cpu;

/** Fields of /proc/<pid>/stat behind the name, which may hold spaces: state is 0, ppid 1, utime 11, stime 12, cutime 13, cstime 14. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    // A process that ended between two looks.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** User and system time of a process so far, in microseconds; with `reaped`, that of its ended children too. */
function cpuMicros(pid: number, reaped: boolean): number {
  const stat = statOf(pid);
  const ticks = (reaped ? [11, 12, 13, 14] : [11, 12]).reduce((sum, at) => sum + Number(stat?.[at] ?? 0), 0);
  return (ticks * 1e6) / TICKS;
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => Number(statOf(pid)?.[1]) === parent);
}

/** The server's first process, whose children all the others are. */
export async function postmasterOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
  );
  return Number(statOf(rows[0]?.pid ?? 0)?.[1]);
}

/** @param pids processes; @param postmaster a PostgreSQL server, counted with all that it has started and ended */
export function startCpuMeter(pids: readonly number[], postmaster: number): CpuMeter {
  const now = (): Cpu => {
    const sum = (of: readonly number[]) => of.reduce((micros, pid) => micros + cpuMicros(pid, false), 0);
    const database = cpuMicros(postmaster, true) + sum(childrenOf(postmaster));
    return { database, total: database + sum(pids) };
  };
  const before = now();
  return () => {
    const { total, database } = now();
    return { total: total - before.total, database: database - before.database };
  };
}

/** Anonymous resident memory in bytes; 0 for a process that has ended. */
export function rssAnon(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}
