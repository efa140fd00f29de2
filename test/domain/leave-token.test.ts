import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaveToken, readLeaveToken } from '../../src/domain/leave-token.ts';

const key = randomBytes(32);
const contact = fc.nat(2 ** 31 - 1).chain((low) => fc.constantFrom(low, low + 2 ** 40));

describe('leave tokens', () => {
  it('name the contact they were made for, in 30 characters that survive a URL', () => {
    fc.assert(
      fc.property(contact, (id) => {
        const token = leaveToken(key, id);
        expect(token).toMatch(/^[A-Za-z0-9_-]{30}$/);
        expect(readLeaveToken(key, token)).toBe(id);
      }),
    );
  });

  it('one that was changed anywhere is none of ours', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    fc.assert(
      fc.property(contact, fc.nat(29), fc.constantFrom(...alphabet), (id, at, char) => {
        const token = leaveToken(key, id);
        const changed = `${token.slice(0, at)}${char}${token.slice(at + 1)}`;
        fc.pre(changed !== token);
        expect(readLeaveToken(key, changed)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it('nor is one made under another key, or any other text', () => {
    fc.assert(
      fc.property(contact, (id) => readLeaveToken(randomBytes(32), leaveToken(key, id)) === undefined),
    );
    fc.assert(fc.property(fc.string(), (text) => readLeaveToken(key, text) === undefined));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 22, maxLength: 22 }), (bytes) => {
        expect(readLeaveToken(key, Buffer.from(bytes).toString('base64url'))).toBeUndefined();
      }),
    );
  });
});
