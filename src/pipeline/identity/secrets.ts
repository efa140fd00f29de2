import { createHash, createHmac, randomBytes } from 'node:crypto';

/** 256 random bits: nothing to guess, so only its SHA-256 is kept. */
export const newToken = (): string => randomBytes(32).toString('base64url');

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The token of every form of one session; who has it cannot find the session's own token. */
export const csrfToken = (sessionToken: string): string =>
  createHmac('sha256', sessionToken).update('herald csrf').digest('base64url');

/** 32 characters, without those that look alike. */
const CODE_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RECOVERY_CODES = 10;

/** 16 characters, 80 bits, in groups of four: read aloud and typed without mistakes. */
const newRecoveryCode = (): string => {
  const text = [...randomBytes(16)].map((byte) => CODE_ALPHABET.charAt(byte % 32)).join('');
  return (text.match(/.{4}/g) ?? []).join('-');
};

export const newRecoveryCodes = (): readonly string[] =>
  Array.from({ length: RECOVERY_CODES }, newRecoveryCode);

/** However somebody types it. */
export const recoverySha256 = (typed: string): Buffer => sha256(typed.toLowerCase().replace(/[^a-z\d]/g, ''));
