import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

/** Clock ticks per second in /proc; Linux has shown 100 to programs for decades, whatever its timer does. */
const TICKS = 100;

/** CPU microseconds since the meter was made. */
export interface Cpu {
  readonly total: number;
  /** PostgreSQL's part of it. */
  readonly database: number;
  /** The part of the process that worked most, but for PostgreSQL: one thread does nearly all of it. */
  readonly busiest: number;
  /** Redis's; not in the total. */
  readonly queue: number;
  /** The gateways' and this process's own, which the same machine bears; not in the total. */
  readonly bench: number;
  /** All that the machine did, whoever asked for it. */
  readonly machine: number;
}

/** What a meter looks at. */
export interface Metered {
  readonly pids: readonly number[];
  /** A PostgreSQL server, counted with all that it has started and ended. */
  readonly postmaster: number;
  readonly queue?: readonly number[];
  readonly bench?: readonly number[];
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

/** What all cores did so far but wait, in microseconds. */
function machineMicros(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).map(Number);
  return ((user + nice + system + irq + softirq) * 1e6) / TICKS;
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

export function startCpuMeter({ pids, postmaster, queue = [], bench = [] }: Metered): CpuMeter {
  const sum = (of: readonly number[]) => of.reduce((micros, pid) => micros + cpuMicros(pid, false), 0);
  const now = () => ({
    each: pids.map((pid) => cpuMicros(pid, false)),
    database: cpuMicros(postmaster, true) + sum(childrenOf(postmaster)),
    queue: sum(queue),
    bench: sum(bench),
    machine: machineMicros(),
  });
  const before = now();
  return () => {
    const after = now();
    const each = after.each.map((micros, i) => micros - (before.each[i] ?? 0));
    const database = after.database - before.database;
    return {
      total: each.reduce((all, micros) => all + micros, database),
      database,
      busiest: Math.max(0, ...each),
      queue: after.queue - before.queue,
      bench: after.bench - before.bench,
      machine: after.machine - before.machine,
    };
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
