import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { HeraldError } from '../domain/errors.ts';
import { type ImportProgress, importCsv, MAX_IMPORT_BYTES } from '../pipeline/import.ts';
import { COLUMNS } from '../pipeline/import-row.ts';
import { actor, type Context, openInput } from './context.ts';
import { Failed, type Io, type Printing, print, table } from './output.ts';

/**
 * Some of each batch outlives two collections of what is young. Left to itself V8 lets that pile up to twice of what is
 * needed, and more with each round; so told, it collects it when there is a fifth more.
 */
const HEAP = '--heap-growing-percent=20';
/** Refused rows that are shown; `GET /v1/imports/:id` has them all. */
const SHOWN = 100;

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('import <file>')
    .description('take citizens from a CSV file; - is stdin')
    .option('--user <id>', 'who imports, for the record')
    .option('--json', `print {id, taken, refused, refusals (the first ${SHOWN})}`)
    .addHelpText(
      'after',
      `\nThe file is UTF-8, its first line names the columns: ${COLUMNS.join(',')}\n; separates topics and districts. A row that cannot be taken is reported, and the others are taken all the same. When none is taken, the exit code is 1.`,
    )
    .action(async (file: string, options: Printing & { user?: string }) => {
      setFlagsFromString(HEAP);
      const { stream, bytes } = await openInput(io, file);
      const result = await take(file, stream, bytes, options.user).finally(() => stream.destroy());
      print(io, options, result, () => describe(result));
      if (result.taken > 0) return;
      throw new Failed(
        result.refused > 0
          ? 'nobody was taken: every row is refused'
          : 'nobody was taken: there is no row below the header',
      );
    });

  /** @throws HeraldError `too-large`, before anything is taken */
  async function take(file: string, stream: Readable, bytes?: number, user?: string): Promise<Result> {
    if (bytes !== undefined && bytes >= MAX_IMPORT_BYTES) {
      throw new HeraldError(
        'too-large',
        'too-large',
        `${file} is not smaller than ${MAX_IMPORT_BYTES / 1_000_000} MB; nothing was taken`,
        { fix: 'split it into several files, each with the header' },
      );
    }
    return withApp(async (app) => {
      const userId = user ? (await actor(app, user)).id : null;
      const bar = progressBar(io, bytes);
      try {
        const record = await importCsv(
          stream,
          { imports: app.imports, lists: app.lists, userId },
          { onProgress: bar.update },
        );
        const refusals = await app.imports.refusals(record.id, { after: 0, limit: SHOWN });
        const { taken, refused } = record;
        return { id: app.ids.encode('import', record.id), taken, refused, refusals: [...refusals] };
      } finally {
        bar.stop();
      }
    });
  }
}

interface Result {
  readonly id: string;
  readonly taken: number;
  readonly refused: number;
  readonly refusals: readonly { readonly line: number; readonly code: string; readonly message: string }[];
}

function describe({ taken, refused, refusals }: Result): string {
  const sum = `${taken} taken, ${refused} refused`;
  if (refused === 0) return sum;
  const rows = table(
    ['line', 'code', 'reason'],
    refusals.map((r) => [r.line, r.code, r.message]),
  );
  const rest =
    refused > refusals.length ? `\n… and ${refused - refusals.length} more: GET /v1/imports/:id` : '';
  return `${sum}\n\n${rows}${rest}`;
}

/** On a terminal only, and on stderr: stdout may be read by a script. */
function progressBar(io: Io, total: number | undefined) {
  if (!io.stderr.isTTY || !total) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    stream: io.stderr,
    format: 'import [{bar}] {percentage} %  {rows} rows, {rate} a second: {taken} taken, {refused} refused',
  });
  bar.start(total, 0, { rows: 0, rate: 0, taken: 0, refused: 0 });
  const began = performance.now();
  return {
    update: ({ bytes, rowsRead, taken, refused }: ImportProgress) => {
      const rate = Math.round((rowsRead * 1_000) / (performance.now() - began));
      bar.update(bytes, { rows: rowsRead, rate, taken, refused });
    },
    stop: () => bar.stop(),
  };
}
