import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HeraldError } from '../domain/errors.ts';

/** Encrypts short texts that rest in the database: webhook secrets, stored answers. */
export interface Sealer {
  seal(text: string): Buffer;
  /** @throws HeraldError `wrong-secret` when it was sealed under another key or for another purpose, or was altered */
  open(sealed: Buffer): string;
}

/** First byte of everything sealed; a second key would get the next one. */
const KEY_ID = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce: key id (1 byte), nonce (12), tag (16), ciphertext.
 * @param key 32 bytes, derived for this purpose alone
 * @param purpose authenticated with the text, so that a sealed value cannot be moved to another column
 */
export function createSealer(key: Buffer, purpose: string): Sealer {
  if (key.length !== 32) throw new RangeError('a sealing key must have 32 bytes');
  const aad = Buffer.from(`herald:${purpose}:${KEY_ID}`);
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(KEY_ID), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed) {
      const body = 1 + NONCE_BYTES + TAG_BYTES;
      try {
        if (sealed[0] !== KEY_ID || sealed.length < body) throw new Error('not a sealed value');
        const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
          .setAAD(aad)
          .setAuthTag(sealed.subarray(1 + NONCE_BYTES, body));
        return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new HeraldError('unavailable', 'wrong-secret', `a sealed value (${purpose}) cannot be read`, {
          fix: 'set HERALD_SECRET to the value that this database was used with before',
          cause,
        });
      }
    },
  };
}
