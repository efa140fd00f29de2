import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, encodePieces, quotedPrintable } from '../../../src/channels/email/transfer-encoding.ts';

/** Nothing in it that has to be encoded as a whole: no CR, no half of a character. */
const text = fc
  .array(
    fc.constantFrom(
      '请',
      '长'.repeat(40),
      '😀',
      'é',
      ' ',
      '\t',
      '\n',
      '.',
      '=',
      '=_',
      '-',
      'word',
      'y'.repeat(90),
    ),
    {
      maxLength: 20,
    },
  )
  .map((parts) => parts.join(''));
const inPieces = fc.array(text, { minLength: 1, maxLength: 4 }).chain((fixed) =>
  fc.record({
    fixed: fc.constant(fixed),
    readers: fc.array(fc.array(text, { minLength: fixed.length - 1, maxLength: fixed.length - 1 }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
);
const join = (fixed: readonly string[], personal: readonly string[]) =>
  fixed.map((piece, i) => piece + (personal[i] ?? '')).join('');

const unquoted = (body: string) =>
  Buffer.from(
    body
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();

describe.each(['base64', 'quoted-printable'] as const)('%s, what is fixed once', (encoding) => {
  /** What decides is what is fixed: this is Chinese to nearly all of it, or to nearly none. */
  const weight = encoding === 'base64' ? '警'.repeat(400) : `${'x'.repeat(80)}\n`.repeat(60);

  it('is the whole text, in lines that travel', () => {
    fc.assert(
      fc.property(inPieces, fc.nat(3), ({ fixed: some, readers }, heavy) => {
        const fixed = some.map((piece, i) =>
          i === Math.min(heavy, some.length - 1) ? weight + piece : piece,
        );
        for (const personal of readers) {
          const whole = join(fixed, personal);
          const encoded = encodePieces({ fixed, personal });
          expect(encoded?.encoding).toBe(encoding);
          const body = encoded?.body ?? '';
          expect(
            body.split('\r\n').filter((line) => line.length > 76 || !/^[\t\x20-\x7e]*$/.test(line)),
          ).toEqual([]);
          expect(body).not.toContain('=_');
          if (encoding === 'quoted-printable') {
            expect(body).toBe(quotedPrintable(Buffer.from(whole)));
            expect(unquoted(body)).toBe(whole.replaceAll('\n', '\r\n'));
          } else {
            // Padding ends a base64 text, whatever follows it.
            expect(body.slice(0, -4)).not.toContain('=');
            expect(Buffer.from(body, 'base64').toString()).toBe(whole.replaceAll('\n', '\r\n'));
          }
        }
      }),
    );
  });
});

it('what has to be looked at as a whole is encoded as a whole', () => {
  for (const [fixed, personal] of [
    [['plain ', '\n'], ['words']],
    [['警'.repeat(9), '\n'], ['a\rb']],
    [['警'.repeat(9), '\n'], ['\ud83d']],
    [['警\r', '\n'], ['a']],
  ] as const) {
    expect(encodePieces({ fixed, personal })).toBeUndefined();
    expect(encode(join(fixed, personal)).body).not.toBe('');
  }
});
