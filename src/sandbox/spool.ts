import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Texts that are seldom read, in a file instead of in memory: a rehearsal with the real list makes gigabytes of them. The
 * file has no name as soon as it is open, so that nothing of it is left behind, whatever ends the process.
 */
export class Spool {
  #file: number | undefined;
  #size = 0;

  /** @returns a function that reads it again */
  write(text: string): () => string {
    this.#file ??= openNameless();
    const file = this.#file;
    const at = this.#size;
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done, at + done);
    this.#size += bytes.length;
    const { length } = bytes;
    return () => {
      const read = Buffer.alloc(length);
      for (let done = 0; done < length; ) {
        const more = readSync(file, read, done, length - done, at + done);
        if (more === 0) throw new Error('the spool is shorter than what was written to it');
        done += more;
      }
      return read.toString('utf8');
    };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function openNameless(): number {
  const path = join(tmpdir(), `herald-sandbox-${process.pid}-${Date.now()}-${Math.random()}`);
  const file = openSync(path, 'wx+', 0o600);
  rmSync(path);
  return file;
}
