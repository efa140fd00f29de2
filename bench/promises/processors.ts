import { readFileSync } from 'node:fs';

/** What became of the processors' time, as shares of it. */
export interface Shares {
  readonly idle: number;
  /** What this machine, a guest of another, wanted and did not get. */
  readonly stolen: number;
}

/** @returns what became of it since; undefined where the system does not say (it is read from Linux's /proc/stat) */
export function watchProcessors(): () => Shares | undefined {
  const before = read();
  return () => {
    const after = read();
    if (!before || !after) return undefined;
    const spent = after.map((ticks, i) => ticks - (before[i] ?? 0));
    const all = spent.reduce((sum, ticks) => sum + ticks, 0);
    const [, , , idle = 0, waiting = 0, , , stolen = 0] = spent;
    return { idle: (idle + waiting) / all, stolen: stolen / all };
  };
}

/** user, nice, system, idle, iowait, irq, softirq, steal (proc(5)); guests' time is in user and nice already. */
function read(): readonly number[] | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    return line.trim().split(/\s+/).slice(1, 9).map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
