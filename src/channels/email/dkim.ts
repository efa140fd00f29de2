import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { foldLines } from 'nodemailer/lib/mime-funcs';
import { HeraldError } from '../../domain/errors.ts';

/** RFC 6376. Only RSA: few verifiers know the ed25519 of RFC 8463. */
export interface DkimOptions {
  /** `d=`, the domain that the From address belongs to. */
  readonly domain: string;
  /** `s=`: the public key stands at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
  /** PKCS#1 or PKCS#8 PEM, or the key itself. At least 1024 bits (RFC 8301). */
  readonly privateKey: KeyObject | string;
}

/** Every header that says something to the reader or to the mail client; RFC 8058 (4) wants the List ones covered. */
const SIGNED_HEADERS = [
  'from',
  'to',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-language',
  'list-id',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'auto-submitted',
];
/** What would end a tag or its value (RFC 6376 3.2). */
const TAG_ENDS = /[\s;=\p{Cc}]/u;
/** RFC 5322 2.1.1. */
const LINE = 76;

/**
 * A signer (`a=rsa-sha256; c=relaxed/relaxed`) whose key has been tried. The signature itself is made on a thread of
 * libuv's, as it takes longer than all the rest of a mail.
 *
 * @returns the DKIM-Signature field, CRLF included, to be put in front of `headers`: fields that each end with CRLF
 * and of which none stands twice, in a message whose lines all end with CRLF and whose body is ASCII; rejects with
 * `dkim-key-unusable` when it cannot be made
 * @throws HeraldError `dkim-key-unusable` (invalid) when the key cannot sign
 */
export function createDkimSigner(options: DkimOptions): (headers: string, body: string) => Promise<string> {
  const privateKey = usableKey(options);
  const domain = domainToASCII(options.domain) || options.domain;
  if (TAG_ENDS.test(domain + options.selector)) throw unusable(options, 'its domain or selector is none');
  const start = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; q=dns/txt; s=${options.selector};`;
  // White space may stand around the colons of `h=` (RFC 6376 3.5): it gives the folding its places.
  const untilHash = memoized((names) => foldLines(`${start} h=${names};`, LINE));

  return (headers, body) => {
    const fields = relaxedFields(headers);
    const names = SIGNED_HEADERS.filter((name) => fields.has(name));
    const unsigned = `${untilHash(names.join(' : '))}\r\n bh=${bodyHash(body)};\r\n b=`;
    // RFC 6376 3.7: the signed fields in the order of `h=`, then this one with nothing after `b=` and no CRLF.
    const signed = names.map((name) => `${fields.get(name)}\r\n`).join('') + relaxedField(unsigned)[1];
    return new Promise((resolve, reject) => {
      sign('RSA-SHA256', Buffer.from(signed), privateKey, (error, signature) => {
        if (error) reject(unusable(options, error.message, error));
        else resolve(`${unsigned}${signature.toString('base64').replace(/.{72}(?=.)/g, '$&\r\n ')}\r\n`);
      });
    });
  };
}

/** For the few arguments that there are. */
function memoized(make: (key: string) => string): (key: string) => string {
  const made = new Map<string, string>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}

/** RFC 6376 3.4.4 and 3.7, for a body that ends with CRLF. */
function bodyHash(body: string): string {
  // Runs of white space to one space, and none before a line's end …
  const relaxed = /[ \t]{2}|\t| \r\n/.test(body)
    ? body.replace(/[ \t]{2,}|\t/g, ' ').replaceAll(' \r\n', '\r\n')
    : body;
  // … and no empty lines at the end.
  let end = relaxed.length;
  while (relaxed.endsWith('\r\n', end)) end -= 2;
  return hash('sha256', end === 0 ? '' : relaxed.slice(0, end + 2), 'base64');
}

/** RFC 6376 3.4.2, by name. */
function relaxedFields(headers: string): Map<string, string> {
  return new Map(
    headers
      .slice(0, -2)
      .split(/\r\n(?![ \t])/)
      .map(relaxedField),
  );
}

function relaxedField(field: string): [name: string, relaxed: string] {
  const colon = field.indexOf(':');
  const name = field.slice(0, colon).toLowerCase();
  const value = field
    .slice(colon + 1)
    .replaceAll('\r\n', '')
    .replace(/[ \t]{2,}|\t/g, ' ')
    .replace(/^ | $/g, '');
  return [name, `${name}:${value}`];
}

function usableKey(options: DkimOptions): KeyObject {
  try {
    const key =
      typeof options.privateKey === 'string' ? createPrivateKey(options.privateKey) : options.privateKey;
    if (key.type !== 'private') throw new TypeError(`it is a ${key.type} key`);
    if (key.asymmetricKeyType !== 'rsa') throw new TypeError(`it is ${key.asymmetricKeyType}, not RSA`);
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 1024)
      throw new TypeError('it has fewer than 1024 bits');
    const probe = Buffer.from('herald');
    if (!verify('RSA-SHA256', probe, createPublicKey(key), sign('RSA-SHA256', probe, key))) {
      throw new TypeError('its signature does not verify');
    }
    return key;
  } catch (cause) {
    throw unusable(options, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unusable(options: DkimOptions, why: string, cause?: unknown): HeraldError {
  return new HeraldError(
    'invalid',
    'dkim-key-unusable',
    `the DKIM key for ${options.selector}._domainkey.${options.domain} cannot be used: ${why}`,
    { fix: 'give an unencrypted RSA private key of 2048 bits in PEM', cause },
  );
}
