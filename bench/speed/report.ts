import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CapacityModel } from '../../src/domain/capacity-model.ts';
import { packageRoot } from '../../src/root.ts';
import type { SizePoint } from './figures/scale.ts';
import { type Figure, GOALS, type Goal, isReached } from './goals.ts';
import type { Ground, Options } from './ground.ts';
import { percentilePlot, throughputPlot } from './plot.ts';

/** Everything that a run found out. */
export interface Result {
  readonly at: string;
  readonly options: Options;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly figures: Readonly<Record<string, Figure & { readonly goal: number; readonly reached: boolean }>>;
  readonly points: readonly SizePoint[];
  readonly databaseBytesEach: number | undefined;
  readonly walBytesEach: number | undefined;
}

export async function describeMachine({ pool }: Ground): Promise<Result['machine']> {
  const { rows } = await pool.query<{ version: string; fsync: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync`,
  );
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    postgres: rows[0]?.version ?? '',
    fsync: rows[0]?.fsync ?? '',
  };
}

export const judged = (figures: readonly Figure[]): Result['figures'] =>
  Object.fromEntries(
    figures.map((figure) => [
      figure.name,
      { ...figure, goal: GOALS[figure.name].reach, reached: isReached(figure) },
    ]),
  );

const digits = (value: number) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** One line a figure. */
export function tableOf(figures: readonly Figure[]): string {
  const lines = figures.map((figure) => {
    const { what, reach, better, unit }: Goal = GOALS[figure.name];
    const mark = isReached(figure) ? '✓' : '✗';
    const value = `${digits(figure.value)} ${unit}`.padStart(10);
    return `${mark} ${figure.name.padEnd(20)} ${value}  ${better === 'higher' ? '≥' : '≤'} ${`${reach} ${unit}`.padEnd(7)}  ${what}`;
  });
  return lines.join('\n');
}

/** Keeps a run, and its plots and its model beside it. @returns the files' path without their endings */
export async function keep(result: Result, model: CapacityModel | undefined): Promise<string> {
  const folder = join(packageRoot, 'bench/results');
  const base = join(folder, `${result.at.slice(0, 10)}-${result.options.backend}`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${base}.json`, `${JSON.stringify(result, null, 2)}\n`);
  if (model) await writeFile(`${base}.model.json`, `${JSON.stringify(model, null, 2)}\n`);
  if (result.points.length > 1) {
    await writeFile(`${base}-throughput.svg`, throughputPlot(result.points));
    await writeFile(`${base}-time-to-send.svg`, percentilePlot(result.points));
  }
  return base;
}
