import type pg from 'pg';

/** The text format of COPY: a column without a value. */
export const NULL = '\\N';

const SPECIAL = /[\\\t\n\r]/;
const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A column's value in the text format of COPY. */
export const copyText = (text: string): string =>
  SPECIAL.test(text) ? text.replace(/[\\\t\n\r]/g, (character) => ESCAPED[character] ?? character) : text;

/** What node-postgres calls while a COPY … FROM STDIN is under way. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Bytes of one message to the server; it reads each one whole. */
const CHUNK_BYTES = 65_536;

/**
 * Writes lines of COPY's text format, all or none of them.
 * @param text `COPY … FROM STDIN`
 */
export function copyIn(client: pg.ClientBase, text: string, lines: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed = false;
    const copy = {
      /** The client's, when it bounds the query's time: not called, its timer would keep the process alive. */
      callback: () => {},
      submit: (connection: CopyConnection) => connection.query(text),
      handleCopyInResponse(connection: CopyConnection) {
        const bytes = Buffer.from(lines);
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
          connection.sendCopyFromChunk(bytes.subarray(at, at + CHUNK_BYTES));
        connection.endCopyFrom();
      },
      handleCommandComplete() {},
      handleError(error: Error) {
        failed = true;
        copy.callback();
        reject(error);
      },
      handleReadyForQuery() {
        copy.callback();
        if (!failed) resolve();
      },
    };
    client.query(copy as unknown as pg.Submittable);
  });
}
