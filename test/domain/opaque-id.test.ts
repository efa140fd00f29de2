import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ID_TAGS, type IdKind, OpaqueIds } from '../../src/domain/opaque-id.ts';

const KINDS = Object.keys(ID_TAGS) as IdKind[];
const kind = fc.constantFrom(...KINDS);
const id = fc.maxSafeNat();
const n = fc.nat(2 ** 32 - 1);
const key = (text: string) => createHash('md5').update(text).digest();
const ids = new OpaqueIds(key('one'));

describe('opaque ids', () => {
  it('come back as what they name', () => {
    fc.assert(
      fc.property(kind, id, n, (k, number, second) => {
        const text = ids.encode(k, number, second);
        expect(text).toMatch(/^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/);
        expect(ids.decode(k, text)).toEqual({ id: number, n: second });
      }),
    );
  });

  it('the greatest numbers fit, and what does not fit is refused', () => {
    const most = ids.encode('delivery', Number.MAX_SAFE_INTEGER, 2 ** 32 - 1);
    expect(ids.decode('delivery', most)).toEqual({ id: Number.MAX_SAFE_INTEGER, n: 2 ** 32 - 1 });
    expect(() => ids.encode('delivery', 1, 2 ** 32)).toThrow(RangeError);
    expect(() => ids.encode('delivery', -1)).toThrow(RangeError);
  });

  it('are of one kind only, also with another prefix', () => {
    fc.assert(
      fc.property(kind, kind, id, (own, other, number) => {
        fc.pre(own !== other);
        const text = ids.encode(own, number);
        expect(ids.tryDecode(other, text)).toBeUndefined();
        expect(ids.tryDecode(other, `${ID_TAGS[other]}${text.slice(3)}`)).toBeUndefined();
      }),
    );
  });

  it('are of one installation only', () => {
    const elsewhere = new OpaqueIds(key('two'));
    fc.assert(
      fc.property(kind, id, n, (k, a, b) => elsewhere.tryDecode(k, ids.encode(k, a, b)) === undefined),
    );
  });

  it('no changed character goes unnoticed', () => {
    fc.assert(
      fc.property(
        id,
        fc.nat(25),
        fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz'),
        (number, at, char) => {
          const text = ids.encode('announcement', number);
          const changed = `${text.slice(0, 4 + at)}${char}${text.slice(5 + at)}`;
          fc.pre(changed !== text);
          expect(ids.tryDecode('announcement', changed)).toBeUndefined();
        },
      ),
    );
  });

  it('whatever else somebody sends is none of ours, and the error names the kind and shows no more than it must', () => {
    fc.assert(
      fc.property(kind, fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 })), (k, text) => {
        expect(ids.tryDecode(k, text)).toBeUndefined();
        expect(ids.tryDecode(k, `${ID_TAGS[k]}_${text}`)).toBeUndefined();
      }),
    );
    expect(() => ids.decode('announcement', 'x'.repeat(10_000))).toThrow(
      expect.objectContaining({
        kind: 'not-found',
        code: 'no-such-announcement',
        message: `there is no announcement "${'x'.repeat(64)}"`,
      }),
    );
  });

  it('neighbours do not look alike', () => {
    const common = (a: string, b: string) => [...a].filter((char, i) => char === b[i]).length;
    const shared = Array.from({ length: 200 }, (_, i) =>
      common(ids.encode('delivery', 7, i).slice(4), ids.encode('delivery', 7, i + 1).slice(4)),
    );
    // By chance 26 / 32 characters are the same.
    expect(shared.reduce((sum, one) => sum + one, 0) / shared.length).toBeLessThan(2);
  });

  it('a key of another length is refused at once', () => {
    expect(() => new OpaqueIds(Buffer.alloc(32))).toThrow(/16 bytes/);
  });
});
