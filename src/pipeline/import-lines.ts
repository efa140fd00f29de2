import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';

/** A longer line is refused; it is never held in memory. */
export const MAX_LINE_BYTES = 65_536;

export interface Line {
  /** 1 for the first. */
  readonly number: number;
  /** Without its end; `undefined` when it cannot be read. */
  readonly text: string | undefined;
  readonly problem?: 'not-utf-8' | 'too-long';
}

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Cuts a stream of bytes into lines, each decoded by itself, so that one bad byte costs one line. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #length = 0;
  #number = 0;

  *push(chunk: Buffer): Generator<Line> {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      this.#keep(chunk.subarray(from, at));
      from = at + 1;
      yield this.#cut();
    }
    this.#keep(chunk.subarray(from));
  }

  /** What stands after the last line end. */
  *end(): Generator<Line> {
    if (this.#length > 0) yield this.#cut();
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #cut(): Line {
    const length = this.#length;
    const [only, ...more] = this.#parts;
    let bytes = only && more.length === 0 ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    this.#number += 1;
    if (length > MAX_LINE_BYTES) return { number: this.#number, text: undefined, problem: 'too-long' };
    if (this.#number === 1 && bytes.subarray(0, 3).equals(BOM)) bytes = bytes.subarray(3);
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    if (!isUtf8(bytes)) return { number: this.#number, text: undefined, problem: 'not-utf-8' };
    return { number: this.#number, text: bytes.toString('utf8') };
  }
}

/** The fields of one line (RFC 4180); `undefined` when its quoting is broken. */
export function fieldsOf(line: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(',');
  try {
    return parse(line, { relax_column_count: true })[0];
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}
