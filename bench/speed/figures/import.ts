import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { Figure } from '../goals.ts';
import type { Ground } from '../ground.ts';
import { configure } from '../herald.ts';
import { median } from '../measure.ts';
import { rssAnon } from '../proc.ts';

const MAIN = fileURLToPath(import.meta.resolve('../../../src/cli/main.js'));
const COLUMNS = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
/** Of the rows, before memory is looked at the first time: by then buffers have their size. */
const EARLY = 0.2;
const LOOK_EVERY_MS = 50;

/** `herald import` of a CSV against PostgreSQL's own COPY of the same file into one table without an index. */
export async function measureImport(ground: Ground): Promise<readonly Figure[]> {
  const { pool, folder, options } = ground;
  const file = join(folder, 'subscribers.csv');
  await pipeline(Readable.from(csv(options.recipients)), createWriteStream(file, { mode: 0o644 }));
  const columns = COLUMNS.split(',');
  await pool.query(
    `DROP TABLE IF EXISTS bench_copy; CREATE TABLE bench_copy (${columns.map((c) => `${c} text`).join(', ')})`,
  );
  const copy = async () => {
    await pool.query('TRUNCATE bench_copy');
    const began = performance.now();
    await pool.query(`COPY bench_copy FROM '${file}' WITH (FORMAT csv, HEADER)`);
    return performance.now() - began;
  };
  const copies: number[] = [];
  const imports: Imported[] = [];
  await copy();
  for (let i = 0; i < options.rounds; i += 1) {
    copies.push(await copy());
    imports.push(await runImport(ground, file));
    ground.say(
      `import: ${Math.round(imports.at(-1)?.ms ?? 0)} ms, COPY ${Math.round(copies.at(-1) ?? 0)} ms`,
    );
  }
  await pool.query('DROP TABLE bench_copy; TRUNCATE subscribers, contacts');
  const [importMs, copyMs] = [median(imports.map(({ ms }) => ms)), median(copies)];
  return [
    { name: 'import/copy', value: importMs / copyMs, detail: { importMs, copyMs, rows: options.recipients } },
    {
      name: 'import/memory',
      value: median(imports.map(({ early, late }) => late / early)),
      detail: { bytes: imports.map(({ early, late }) => [early, late]) },
    },
  ];
}

function* csv(rows: number): Generator<string> {
  yield `${COLUMNS}\n`;
  for (let i = 0; i < rows; i += 1)
    yield `Citizen ${i},+86138${String(i).padStart(8, '0')},,zh-CN,,,2026-01-05,bench\n`;
}

interface Imported {
  readonly ms: number;
  /** RssAnon in bytes. */
  readonly early: number;
  readonly late: number;
}

async function runImport(ground: Ground, file: string): Promise<Imported> {
  const { pool, options } = ground;
  await pool.query('TRUNCATE subscribers, contacts');
  const last = 'SELECT rows_read AS n, taken FROM imports ORDER BY id DESC LIMIT 1';
  const { rows: before } = await pool.query('SELECT max(id) AS id FROM imports');
  const began = performance.now();
  const child = spawn(process.execPath, [MAIN, 'import', file, '--json'], {
    env: { ...process.env, ...configure(ground).env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = once(child, 'exit');
  let ended = false;
  exit.finally(() => {
    ended = true;
  });
  const seen: { readonly rows: number; readonly bytes: number }[] = [];
  while (!ended) {
    await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
    const { rows } = await pool.query<{ n: number }>(`${last.replace('ORDER', 'WHERE id > $1 ORDER')}`, [
      before[0]?.id ?? 0,
    ]);
    const bytes = rssAnon(child.pid ?? 0);
    if (bytes > 0) seen.push({ rows: rows[0]?.n ?? 0, bytes });
  }
  const [code] = await exit;
  const ms = performance.now() - began;
  const { rows } = await pool.query<{ taken: number }>(last);
  if (code !== 0 || rows[0]?.taken !== options.recipients)
    throw new Error(`the import ended with ${code} and took ${rows[0]?.taken} of ${options.recipients}`);
  const late = Math.max(...seen.map(({ bytes }) => bytes));
  const early = seen.find(({ rows: n }) => n >= options.recipients * EARLY)?.bytes ?? late;
  return { ms, early, late };
}
