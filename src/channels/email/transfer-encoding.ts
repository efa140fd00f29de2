import type { Pieces } from '../../domain/message.ts';

/** RFC 2045 6.7 and 6.8: characters of an encoded line, the soft line break's `=` included. */
export const LINE = 76;

/** A text as it travels (RFC 2045 6): ASCII, in lines that end with CRLF. */
export interface Encoded {
  readonly encoding: '7bit' | 'quoted-printable' | 'base64';
  readonly body: string;
}

/** Writes a text so that any mail server passes it on, in whichever encoding is shorter. */
export function encode(content: string): Encoded {
  const bytes = Buffer.from(content);
  const encoding = encodingOf(content, bytes.length);
  switch (encoding) {
    case '7bit':
      return { encoding, body: crlf(content) };
    case 'quoted-printable':
      return { encoding, body: quotedPrintable(bytes) };
    case 'base64':
      return { encoding, body: base64Lines(Buffer.from(crlf(content))) };
  }
}

function encodingOf(content: string, bytes: number): Encoded['encoding'] {
  // UTF-8 has more bytes than UTF-16 has units by one or two for each character beyond ASCII.
  const excess = bytes - content.length;
  if (excess === 0 && !/[^\t\r\n\x20-\x7e]|=_/.test(content) && !/^.{77}/m.test(content)) return '7bit';
  // Whichever is shorter: two characters more for each byte beyond ASCII (1.5 × the excess), or a third of everything.
  return excess * 9 < bytes ? 'quoted-printable' : 'base64';
}

/** Halves of a character, or of a line's end, may meet at the edges of pieces. */
const HALVES = /[\p{Surrogate}\r]/u;

const ways = new WeakMap<readonly string[], Way | undefined>();
/** How the texts with the same fixed pieces are encoded: what is fixed in them is so once. */
type Way = (personal: readonly string[]) => Encoded;

/**
 * The same text, of which what is fixed is encoded once: in most of a mail nothing is personal, and to encode it is most
 * of what composing takes.
 * @returns undefined when it has to be encoded as a whole
 */
export function encodePieces({ fixed, personal }: Pieces): Encoded | undefined {
  if (!ways.has(fixed)) ways.set(fixed, wayOf(fixed));
  if (personal.some((value) => HALVES.test(value))) return undefined;
  return ways.get(fixed)?.(personal);
}

function wayOf(fixed: readonly string[]): Way | undefined {
  const all = fixed.join('');
  if (fixed.some((piece) => HALVES.test(piece))) return undefined;
  const encoding = encodingOf(all, Buffer.byteLength(all));
  switch (encoding) {
    case '7bit':
      // What is personal may make it another.
      return undefined;
    case 'quoted-printable': {
      const body = piecewiseQuoted(fixed);
      return (personal) => ({ encoding, body: body(personal) });
    }
    case 'base64': {
      const body = piecewiseBase64(fixed);
      return (personal) => ({ encoding, body: body(personal) });
    }
  }
}

/** A line is encoded by itself, so only those in which something is personal differ. */
function piecewiseQuoted(fixed: readonly string[]): (personal: readonly string[]) => string {
  const cuts = fixed.map((piece, i) => {
    const first = i === 0 ? 0 : piece.indexOf('\n') + 1;
    const last = i === fixed.length - 1 ? piece.length : piece.lastIndexOf('\n') + 1;
    // No line's end in it: all of it stands in a line with something personal.
    if (last === 0 || (i > 0 && first === 0)) return { before: piece, lines: undefined, after: '' };
    return {
      before: piece.slice(0, first),
      lines: quotedPrintable(Buffer.from(piece.slice(first, last))),
      after: piece.slice(last),
    };
  });
  return (personal) => {
    let body = '';
    let line = '';
    for (const [i, { before, lines, after }] of cuts.entries()) {
      line += before;
      if (lines !== undefined) {
        if (line !== '') body += quotedPrintable(Buffer.from(line));
        body += lines;
        line = after;
      }
      line += personal[i] ?? '';
    }
    return line === '' ? body : body + quotedPrintable(Buffer.from(line));
  };
}

/** What three bytes are in base64 depends on where the three begin: a fixed piece has as many forms. */
const GROUP = 3;

/**
 * What is personal stands in lines of its own, with the few bytes around it that make whole groups; lines may be short. So the
 * lines of a fixed piece have three forms, after as many of its bytes as went to what stands before.
 */
function piecewiseBase64(fixed: readonly string[]): (personal: readonly string[]) => string {
  const pieces = fixed.map((piece) => Buffer.from(crlf(piece)));
  const forms: { readonly lines: string; readonly rest: Buffer }[][] = pieces.map(() => []);
  const formOf = (bytes: Buffer, from: number) => {
    const end = from + Math.floor((bytes.length - from) / GROUP) * GROUP;
    return { lines: base64Lines(bytes.subarray(from, end)), rest: bytes.subarray(end) };
  };
  return (personal) => {
    const lines: string[] = [];
    let open: Buffer = Buffer.alloc(0);
    for (const [i, bytes] of pieces.entries()) {
      const from = (GROUP - (open.length % GROUP)) % GROUP;
      const known = forms[i] ?? [];
      if (bytes.length >= from) known[from] ??= formOf(bytes, from);
      const form = known[from];
      open = Buffer.concat([open, bytes.subarray(0, form ? from : undefined)]);
      if (form) {
        if (open.length > 0) lines.push(base64Lines(open));
        if (form.lines !== '') lines.push(form.lines);
        open = form.rest;
      }
      if (i < personal.length) open = Buffer.concat([open, Buffer.from(crlf(personal[i] ?? ''))]);
    }
    if (open.length > 0) lines.push(base64Lines(open));
    return lines.join('\r\n');
  };
}

/** RFC 2046 4.1.1: lines of text end with CRLF, whatever encodes them. A lone CR cannot travel (RFC 5321 2.3.8). */
const crlf = (text: string) => text.replace(/\r\n?|\n/g, '\r\n');

function base64Lines(bytes: Buffer): string {
  const encoded = bytes.toString('base64');
  let lines = encoded.slice(0, LINE);
  for (let at = LINE; at < encoded.length; at += LINE) lines += `\r\n${encoded.slice(at, at + LINE)}`;
  return lines;
}

const [TAB, LF, CR, SPACE, EQUALS] = [0x09, 0x0a, 0x0d, 0x20, 0x3d];
const HEX = Buffer.from('0123456789ABCDEF');
/** What becomes of a byte: written as it is, as it is unless it ends a line, a line's end, or escaped. */
const [LITERAL, BLANK, BREAK, ESCAPED] = [0, 1, 2, 3];
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === TAB || byte === SPACE) return BLANK;
  if (byte === CR || byte === LF) return BREAK;
  return byte > SPACE && byte <= 0x7e && byte !== EQUALS ? LITERAL : ESCAPED;
});
/** Lines of 73 characters at least and three for each soft break: less than four for each byte. */
const GROWTH = 4;
/** Used by one call at a time, as nothing is awaited. */
const SCRATCH = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * Quoted-printable text (RFC 2045 6.7): CRLF, LF and CR are line ends.
 *
 * @returns lines of at most 76 characters that end with CRLF; none has white space before it
 */
export function quotedPrintable(bytes: Uint8Array): string {
  const { length } = bytes;
  const out = length * GROWTH <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(length * GROWTH);
  let to = 0;
  // One is kept free for the `=` of a soft break, as it is not known yet whether the line goes on.
  let lineEnd = LINE - 1;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] as number;
    const kind = KINDS[byte];
    if (kind === BREAK) {
      if (byte === CR && bytes[at + 1] === LF) at++;
      out[to++] = CR;
      out[to++] = LF;
      lineEnd = to + LINE - 1;
      continue;
    }
    const literal =
      kind === LITERAL || (kind === BLANK && at + 1 < length && KINDS[bytes[at + 1] as number] !== BREAK);
    if (to + (literal ? 1 : 3) > lineEnd) {
      out[to++] = EQUALS;
      out[to++] = CR;
      out[to++] = LF;
      lineEnd = to + LINE - 1;
    }
    if (literal) {
      out[to++] = byte;
    } else {
      out[to++] = EQUALS;
      out[to++] = HEX[byte >> 4] as number;
      out[to++] = HEX[byte & 15] as number;
    }
  }
  return out.toString('latin1', 0, to);
}
