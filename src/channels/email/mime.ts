import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Pieces } from '../../domain/message.ts';
import { type Encoded, encode, encodePieces, LINE } from './transfer-encoding.ts';

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
 * @param pieces the same texts, of which what is fixed is encoded once for all mails
 */
export function mimeContent(
  id: string,
  text: string,
  html: string,
  pieces?: { readonly text: Pieces; readonly html: Pieces },
): MimeContent {
  const encoded = (whole: string, its: Pieces | undefined) => (its && encodePieces(its)) ?? encode(whole);
  const plain = text === '' ? undefined : part('plain', encoded(text, pieces?.text));
  const rich = html === '' ? undefined : part('html', encoded(html, pieces?.html));
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
  const { headers, body } = plain ?? rich ?? part('plain', encode(''));
  return { headers, body: body === '' || body.endsWith('\r\n') ? body : `${body}\r\n` };
}

function part(subtype: 'plain' | 'html', { encoding, body }: Encoded): MimeContent {
  return {
    headers: `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n`,
    body,
  };
}
