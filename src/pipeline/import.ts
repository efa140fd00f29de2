import { HeraldError } from '../domain/errors.ts';
import { fieldsOf, type Line, LineSplitter, MAX_LINE_BYTES } from './import-lines.ts';
import { COLUMNS, type Column, type RowCheck, readHeader, rowChecker } from './import-row.ts';
import type { ImportRecord, ImportRow, ImportSink, Refusal } from './import-store.ts';

export interface ImportDependencies {
  readonly imports: ImportSink;
  readonly lists: {
    list(name: 'topics' | 'districts'): Promise<readonly { readonly id: number; readonly code: string }[]>;
  };
  /** Who imports. */
  readonly userId: number | null;
}

export interface ImportProgress {
  readonly importId: number;
  readonly bytes: number;
  readonly rowsRead: number;
  readonly taken: number;
  readonly refused: number;
}

export interface ImportOptions {
  /** Called after each batch that was written. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** A file of this size or more is refused. */
  readonly maxBytes?: number;
}

export const MAX_IMPORT_BYTES = 100_000_000;
/** Rows of a transaction. */
const BATCH_ROWS = 5_000;
/** With this many refusals, and more of them than rows taken, it is the wrong file. */
const HOPELESS_REFUSALS = 50_000;

/**
 * Takes citizens from a CSV file of any length in constant memory. Each line is a record of its own: a quoted
 * field cannot span lines, so a broken quote costs one line. A bad row never aborts the file; it is recorded
 * with its line, a code and a reason (`bad-phone`, `bad-mailbox`, `bad-locale`, `bad-name`, `unknown-topic`,
 * `unknown-district`, `no-consent`, `missing-contact`, `duplicate`, `has-left`, `broken-quoting`,
 * `wrong-columns`, `not-utf-8`, `line-too-long`).
 *
 * @throws HeraldError `bad-header`, `not-utf-8` (invalid): nothing was written. `too-large`, `too-many-refusals`,
 *   `upload-broken`: what the error says was taken stays, and the import's record says `failed` and how far it came.
 */
export async function importCsv(
  stream: AsyncIterable<Buffer>,
  deps: ImportDependencies,
  options: ImportOptions = {},
): Promise<ImportRecord> {
  const [topics, districts] = await Promise.all([deps.lists.list('topics'), deps.lists.list('districts')]);
  const lists = { topics: idsByCode(topics), districts: idsByCode(districts) };
  const run = new Run(deps, (columns) => rowChecker(lists, columns), options);
  try {
    for await (const chunk of unbroken(stream)) await run.take(chunk);
    return await run.end();
  } catch (error) {
    throw await run.fail(error);
  }
}

/** Only what the stream throws passes here, so a broken upload is not taken for a broken database. */
async function* unbroken(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    throw new HeraldError('invalid', 'upload-broken', 'the upload broke off', {
      fix: 'send the file again',
      cause,
    });
  }
}

const idsByCode = (entries: readonly { readonly id: number; readonly code: string }[]) =>
  new Map(entries.map((entry) => [entry.code, entry.id]));

/** One file under way. */
class Run {
  readonly #deps: ImportDependencies;
  readonly #checkerOf: (columns: readonly Column[]) => RowCheck;
  readonly #options: ImportOptions;
  readonly #lines = new LineSplitter();
  #columns = 0;
  /** Once the header is read. */
  #check: RowCheck | undefined;
  #importId: number | undefined;
  #bytes = 0;
  #rowsRead = 0;
  #taken = 0;
  #refused = 0;
  #committedLine = 1;
  #line = 0;
  #rows: ImportRow[] = [];
  #refusals: Refusal[] = [];
  /** The batch that is being written; never rejects, so that it can wait to be asked. */
  #writing: Promise<{ readonly error: unknown } | undefined> | undefined;

  constructor(
    deps: ImportDependencies,
    checkerOf: (columns: readonly Column[]) => RowCheck,
    options: ImportOptions,
  ) {
    this.#deps = deps;
    this.#checkerOf = checkerOf;
    this.#options = options;
  }

  async take(chunk: Buffer): Promise<void> {
    this.#bytes += chunk.length;
    const maxBytes = this.#options.maxBytes ?? MAX_IMPORT_BYTES;
    if (this.#bytes >= maxBytes) throw tooLarge(maxBytes);
    await this.#takeLines(this.#lines.push(chunk));
  }

  async end(): Promise<ImportRecord> {
    await this.#takeLines(this.#lines.end());
    if (this.#importId === undefined) throw badHeader('the file is empty');
    await this.#commit();
    await this.#written();
    return this.#deps.imports.finish(this.#importId);
  }

  /** What to tell the caller; the import's record is told as well. */
  async fail(error: unknown): Promise<unknown> {
    // What is being written is a part of what stays.
    await this.#writing;
    if (this.#importId === undefined) return error;
    const known = error instanceof HeraldError;
    const reached = `lines up to ${this.#committedLine} were handled (${this.#taken} taken, ${this.#refused} refused) and stay so; nothing after them was taken`;
    const message = `${known ? error.message : 'Herald could not go on'}; ${reached}`;
    try {
      await this.#deps.imports.finish(this.#importId, message);
    } catch (second) {
      return new AggregateError([error, second], 'the import failed, and so did writing that down');
    }
    return known ? new HeraldError(error.kind, error.code, message, { fix: error.fix, cause: error }) : error;
  }

  async #takeLines(lines: Iterable<Line>): Promise<void> {
    for (const line of lines) {
      this.#line = line.number;
      if (this.#check === undefined) {
        const columns = headerOf(line);
        this.#columns = columns.length;
        this.#check = this.#checkerOf(columns);
        this.#importId = await this.#deps.imports.create(this.#deps.userId);
      } else if (line.text !== '') {
        this.#rowsRead += 1;
        const result = this.#readRow(line, this.#check);
        if ('code' in result) this.#refusals.push(result);
        else this.#rows.push(result);
        if (this.#rows.length + this.#refusals.length >= BATCH_ROWS) await this.#commit();
      }
    }
  }

  #readRow({ number: line, text, problem }: Line, check: RowCheck): ImportRow | Refusal {
    if (text === undefined) {
      return problem === 'not-utf-8'
        ? { line, code: problem, message: 'is not UTF-8; save the file as "CSV UTF-8"' }
        : { line, code: 'line-too-long', message: `is longer than ${MAX_LINE_BYTES} bytes` };
    }
    const fields = fieldsOf(text);
    if (!fields) {
      return {
        line,
        code: 'broken-quoting',
        message: 'a quotation mark is not closed on its line, or stands inside a field',
      };
    }
    if (fields.length !== this.#columns) {
      return {
        line,
        code: 'wrong-columns',
        message: `has ${fields.length} fields, the header has ${this.#columns}`,
      };
    }
    return check(line, fields);
  }

  /** Hands the batch over and reads on while it is written; the one before must have been written. */
  async #commit(): Promise<void> {
    await this.#written();
    const importId = this.#importId;
    if (importId === undefined || this.#rows.length + this.#refusals.length === 0) return;
    const batch = { rows: this.#rows, refusals: this.#refusals, rowsRead: this.#rowsRead };
    this.#rows = [];
    this.#refusals = [];
    this.#writing = this.#write(importId, batch, this.#line, this.#bytes).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
  }

  async #written(): Promise<void> {
    const failed = await this.#writing;
    this.#writing = undefined;
    if (failed) throw failed.error;
  }

  async #write(
    importId: number,
    batch: Parameters<ImportSink['commit']>[1],
    line: number,
    bytes: number,
  ): Promise<void> {
    const { taken, refused } = await this.#deps.imports.commit(importId, batch);
    this.#taken += taken;
    this.#refused += refused;
    this.#committedLine = line;
    const { rowsRead } = batch;
    this.#options.onProgress?.({ importId, bytes, rowsRead, taken: this.#taken, refused: this.#refused });
    if (this.#refused >= HOPELESS_REFUSALS && this.#refused > this.#taken) {
      throw new HeraldError(
        'invalid',
        'too-many-refusals',
        `${this.#refused} rows were refused: this looks like the wrong file`,
        {
          fix: `check that its columns are ${COLUMNS.join(', ')}`,
        },
      );
    }
  }
}

function headerOf(line: Line): readonly Column[] {
  if (line.problem === 'not-utf-8') throw notUtf8();
  if (line.text === undefined) throw badHeader(`line 1 is longer than ${MAX_LINE_BYTES} bytes`);
  const header = readHeader(fieldsOf(line.text) ?? []);
  if (typeof header === 'string') throw badHeader(header);
  return header;
}

const tooLarge = (maxBytes: number) =>
  new HeraldError('too-large', 'too-large', `the file is not smaller than ${maxBytes / 1_000_000} MB`, {
    fix: 'split it into several files',
  });

const badHeader = (message: string) =>
  new HeraldError('invalid', 'bad-header', message, { fix: `start the file with: ${COLUMNS.join(',')}` });

const notUtf8 = () =>
  new HeraldError('invalid', 'not-utf-8', 'the file is not UTF-8', { fix: 'save it as "CSV UTF-8"' });
