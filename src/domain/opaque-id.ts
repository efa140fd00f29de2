import { type Cipher, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto';
import { HeraldError } from './errors.ts';

/** What an opaque id names; the tag is its prefix outside and its check inside. */
export const ID_TAGS = {
  announcement: 'ann',
  delivery: 'dlv',
  subscriber: 'sub',
  endpoint: 'end',
  user: 'usr',
  key: 'key',
  import: 'imp',
  contact: 'con',
  audit: 'aud',
} as const;
export type IdKind = keyof typeof ID_TAGS;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base32

/**
 * Ids are bigint inside and opaque outside: one AES block under the installation's own key holds the number,
 * a second number (a delivery's `n`) and the kind, so an id can neither be guessed nor used for another kind,
 * and needs no column of its own.
 */
export class OpaqueIds {
  // In ECB mode a block knows nothing of the one before it: one cipher serves them all.
  readonly #cipher: Cipher;
  readonly #decipher: Decipher;

  /** @param key 16 bytes, made once per installation and kept in its database */
  constructor(key: Buffer) {
    if (key.length !== 16) throw new RangeError('the id key must have 16 bytes');
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    this.#decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  /** @param id 0 … 2^53 − 1 @param n 0 … 2^32 − 1 */
  encode(kind: IdKind, id: number, n = 0): string {
    const tag = ID_TAGS[kind];
    const block = Buffer.alloc(16);
    block.writeBigUInt64BE(BigInt(id), 0);
    block.writeUInt32BE(n, 8);
    block.write(tag, 12, 'latin1');
    return `${tag}_${toBase32(this.#cipher.update(block))}`;
  }

  /** The number behind an id, or `undefined` when it is not one of ours and of this kind. */
  tryDecode(kind: IdKind, text: string): { readonly id: number; readonly n: number } | undefined {
    const tag = ID_TAGS[kind];
    if (!text.startsWith(`${tag}_`) || text.length !== tag.length + 1 + 26) return undefined;
    const bytes = fromBase32(text.slice(tag.length + 1));
    if (!bytes) return undefined;
    const block = this.#decipher.update(bytes);
    if (block.toString('latin1', 12, 15) !== tag || block[15] !== 0) return undefined;
    return { id: Number(block.readBigUInt64BE(0)), n: block.readUInt32BE(8) };
  }

  /** @throws HeraldError `not-found` naming the kind */
  decode(kind: IdKind, text: string): { readonly id: number; readonly n: number } {
    const found = this.tryDecode(kind, text);
    if (found) return found;
    throw new HeraldError(
      'not-found',
      `no-such-${kind}`,
      `there is no ${kind} ${JSON.stringify(text.slice(0, 64))}`,
      { fix: `give the whole id of a ${kind}, ${ID_TAGS[kind]}_…, as lists show it` },
    );
  }
}

/** Two digits at a time: every delivery's id is written at least once. */
const PAIRS = Array.from({ length: 1024 }, (_, i) => ALPHABET.charAt(i >>> 5) + ALPHABET.charAt(i & 31));

function toBase32(bytes: Buffer): string {
  let bits = 0;
  let value = 0;
  let out = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    if (bits >= 10) {
      bits -= 10;
      out += PAIRS[value >>> bits];
      value &= (1 << bits) - 1;
    }
  }
  return out + PAIRS[value << (10 - bits)];
}

function fromBase32(text: string): Buffer | undefined {
  const out = Buffer.alloc(16);
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const char of text) {
    const digit = ALPHABET.indexOf(char);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = value >>> bits;
      value &= (1 << bits) - 1;
    }
  }
  return value === 0 ? out : undefined;
}
