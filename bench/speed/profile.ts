import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { postmasterOf } from './proc.ts';

/** Where Herald's CPU goes: V8's sampling profiles of its processes, and PostgreSQL's own account of statements. */
export interface Profiler {
  /** Runs what forks the processes that are to be profiled. */
  forking<T>(start: () => Promise<T>): Promise<T>;
  /** Statements are counted from here on. */
  reset(): Promise<void>;
  /** Statements since then, the dearest first. */
  statements(): Promise<string>;
  /** Of processes that have ended. */
  processes(names: ReadonlyMap<number, string>): Promise<string>;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Microseconds on the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 22;
const RESTARTED_WITHIN_MS = 30_000;

/**
 * Restarts PostgreSQL with pg_stat_statements; its watchdog brings it back on the same port.
 * @param folder where profiles go
 */
export async function startProfiler(pool: pg.Pool, folder: string): Promise<Profiler> {
  await mkdir(folder, { recursive: true });
  await pool.query(`ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`);
  process.kill(await postmasterOf(pool), 'SIGINT');
  await answersAgain(pool);
  await pool.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  /** What happened before it is of no interest: loading and compiling. */
  let startedAt = 0;
  return {
    async forking(start) {
      // NODE_OPTIONS does not take it; children inherit their parent's arguments.
      const before = process.execArgv;
      process.execArgv = [...before, '--cpu-prof', `--cpu-prof-dir=${folder}`];
      try {
        return await start();
      } finally {
        startedAt = monotonicMicros();
        process.execArgv = before;
      }
    },
    async reset() {
      await pool.query('SELECT pg_stat_statements_reset()');
    },
    async statements() {
      const { rows } = await pool.query<{
        share: number;
        calls: number;
        each: number;
        rows: number;
        query: string;
      }>(
        `SELECT 100 * total_exec_time / sum(total_exec_time) OVER () AS share, calls::int, mean_exec_time AS each, rows::int,
           left(regexp_replace(query, '\\s+', ' ', 'g'), 110) AS query
         FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT $1`,
        [SHOWN],
      );
      return rows
        .map(
          (r) =>
            `${r.share.toFixed(1).padStart(5)} %  ${String(r.calls).padStart(7)} × ${r.each.toFixed(2).padStart(8)} ms  ${r.query}`,
        )
        .join('\n');
    },
    async processes(names) {
      const told: string[] = [];
      for (const file of (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'))) {
        const name = names.get(Number(file.split('.')[3]));
        if (!name) continue;
        const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
        told.push(`${name}:\n${summarise(profile, startedAt)}`);
      }
      return told.join('\n\n');
    },
  };
}

async function answersAgain(pool: pg.Pool): Promise<void> {
  const until = performance.now() + RESTARTED_WITHIN_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { rows } = await pool
      .query<{ loaded: string }>(`SELECT current_setting('shared_preload_libraries') AS loaded`)
      .catch(() => ({ rows: [] }));
    if (rows[0]?.loaded.includes('pg_stat_statements')) return;
    if (performance.now() > until) throw new Error('PostgreSQL did not come back with pg_stat_statements');
  }
}

const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1_000n);

/** Shares of the time that a process was busy, by package or file of ours, and by function. */
function summarise({ nodes, samples, timeDeltas, startTime }: CpuProfile, from: number): string {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const parts = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  let at = startTime;
  for (const [i, id] of samples.entries()) {
    const frame = frames.get(id);
    const micros = timeDeltas[i] ?? 0;
    at += micros;
    if (at < from || !frame || frame.functionName === '(idle)') continue;
    busy += micros;
    const part = partOf(frame.url, frame.functionName);
    parts.set(part, (parts.get(part) ?? 0) + micros);
    const name = `${frame.functionName || '(anonymous)'} ${part}:${frame.lineNumber + 1}`;
    functions.set(name, (functions.get(name) ?? 0) + micros);
  }
  const top = (of: ReadonlyMap<string, number>) =>
    [...of]
      .sort(([, a], [, b]) => b - a)
      .slice(0, SHOWN)
      .map(([name, micros]) => `  ${((100 * micros) / busy).toFixed(1).padStart(5)} %  ${name}`);
  return [`  busy for ${(busy / 1e6).toFixed(2)} s`, ...top(parts), '  by function:', ...top(functions)].join(
    '\n',
  );
}

function partOf(url: string, functionName: string): string {
  if (url === '') return functionName;
  const dependency = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return dependency ?? /dist\/(.*)$/.exec(url)?.[1] ?? url;
}
