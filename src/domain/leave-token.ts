import { createHmac, timingSafeEqual } from 'node:crypto';

/** Characters of a token. */
export const LEAVE_TOKEN_LENGTH = 30;

/**
 * The token in a leave link: a contact's number and an HMAC over it, so that a link can be made for every
 * recipient without storing one, and none can be guessed. 22 bytes, base64url (30 characters).
 */
export function leaveToken(key: Buffer, contactId: number): string {
  const id = Buffer.alloc(6);
  id.writeUIntBE(contactId, 0, 6);
  return Buffer.concat([id, mac(key, id)]).toString('base64url');
}

/** The contact's number, or `undefined` when the token is not one of ours. Compared in constant time. */
export function readLeaveToken(key: Buffer, token: string): number | undefined {
  if (!/^[A-Za-z0-9_-]{30}$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  // The last character has spare bits: only one spelling of a token is a token.
  if (bytes.toString('base64url') !== token) return undefined;
  const id = bytes.subarray(0, 6);
  return timingSafeEqual(mac(key, id), bytes.subarray(6)) ? id.readUIntBE(0, 6) : undefined;
}

const mac = (key: Buffer, id: Buffer): Buffer =>
  createHmac('sha256', key).update(id).digest().subarray(0, 16);
