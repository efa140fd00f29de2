import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';

/** RFC 2045 6.7 and 6.8: characters of an encoded line, the soft line break's `=` included. */
const LINE = 76;
/** RFC 2046 5.1.1: the longest boundary. */
const BOUNDARY = 70;
/** What the library would write as it stands: printable, and nothing that a reader would decode. */
const PRINTABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/**
 * A mailbox that the library would write as it stands. A domain that ends in a number is an IPv4 address to it, one in
 * capitals is lowered, and Punycode is checked: these are left to it.
 */
const ORDINARY_MAILBOX =
  /^[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*@(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*$/;

/** Content headers and body of a message: CRLF throughout, the headers without the empty line that ends them. */
export interface MimeContent {
  readonly headers: string;
  /** ASCII only. */
  readonly body: string;
}

/**
 * A header field with its CRLF, folded (RFC 5322 2.2.3), in encoded words where it must be (RFC 2047); `''` when the
 * value is empty, as such a field may not stand. Encoding and folding are the library's; a short printable value is
 * what it would leave alone.
 */
export function header(name: string, value: string | string[] | { name: string; address: string }): string {
  const plain = typeof value === 'string' && PRINTABLE.test(value) && !value.includes('=?');
  return field(name, plain ? value : MimeNode.encodeHeaderValue(name, value));
}

/** `To`, for one mailbox without a display name. */
export function toHeader(address: string): string {
  return ORDINARY_MAILBOX.test(address) && !address.includes('xn--')
    ? field('To', address)
    : header('To', { name: '', address });
}

function field(name: string, value: string): string {
  if (value.trim() === '') return '';
  const line = `${name}: ${value}`;
  return `${line.length < LINE ? line : foldLines(line, LINE)}\r\n`;
}

/**
 * A text in two forms, the better one last (RFC 2046 5.1.4); an empty form is left out.
 *
 * @param id makes the boundary; letters, digits, `-` and `_`
 */
export function mimeContent(id: string, text: string, html: string): MimeContent {
  const plain = text === '' ? undefined : part('plain', text);
  const rich = html === '' ? undefined : part('html', html);
  if (plain && rich) {
    // No line of a part can be taken for the boundary, whoever wrote the text, as no part holds `=_`: quoted-printable
    // has only hexadecimal digits or a line's end after `=`, base64 has no `_`, and a 7bit text with it is not 7bit.
    const boundary = `=_${id}`.slice(0, BOUNDARY);
    return {
      headers: `Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n`,
      body:
        `--${boundary}\r\n${plain.headers}\r\n${plain.body}\r\n` +
        `--${boundary}\r\n${rich.headers}\r\n${rich.body}\r\n--${boundary}--\r\n`,
    };
  }
  const { headers, body } = plain ?? rich ?? part('plain', '');
  return { headers, body: body === '' || body.endsWith('\r\n') ? body : `${body}\r\n` };
}

function part(subtype: 'plain' | 'html', content: string): MimeContent {
  const { encoding, body } = encode(content);
  return {
    headers: `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n`,
    body,
  };
}

function encode(content: string): { encoding: '7bit' | 'quoted-printable' | 'base64'; body: string } {
  const bytes = Buffer.from(content);
  // UTF-8 has more bytes than UTF-16 has units by one or two for each character beyond ASCII.
  const excess = bytes.length - content.length;
  if (excess === 0 && !/[^\t\r\n\x20-\x7e]|=_/.test(content) && !/^.{77}/m.test(content)) {
    return { encoding: '7bit', body: crlf(content) };
  }
  // Whichever is shorter: two characters more for each byte beyond ASCII (1.5 × the excess), or a third of everything.
  return excess * 9 < bytes.length
    ? { encoding: 'quoted-printable', body: quotedPrintable(bytes) }
    : { encoding: 'base64', body: base64Lines(Buffer.from(crlf(content))) };
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
