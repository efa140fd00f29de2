import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuditContent,
  type AuditRow,
  auditBytes,
  auditSha256,
  type BrokenLink,
  beforeFirst,
  checkChain,
  formatAnchor,
  parseAnchors,
} from '../../src/domain/audit.ts';

const HOME = '0123456789ab';
const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,5}$/);
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const content = fc.record<AuditContent>({
  id: fc.integer({ min: 1, max: 2 ** 40 }),
  atMicros: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  actor: fc.option(fc.integer({ min: 1 })),
  act: text,
  subjectType: text,
  subjectId: fc.option(text),
  revision: fc.option(fc.integer({ min: 1 })),
  details: fc.dictionary(name, text, { maxKeys: 4 }),
  previousSha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
});

/** A chain of so many rows, as Herald writes it. */
const chainOf = (rows: readonly AuditContent[]): AuditRow[] => {
  const chain: AuditRow[] = [];
  for (const row of rows) {
    const linked = {
      ...row,
      id: chain.length + 1,
      previousSha256: chain.at(-1)?.sha256 ?? beforeFirst(HOME),
    };
    chain.push({ ...linked, sha256: auditSha256(linked) });
  }
  return chain;
};
const chains = fc.array(content, { minLength: 2, maxLength: 12 }).map(chainOf);
const anchorOf = (row: AuditRow | undefined, installation = HOME) => ({
  installation,
  id: row?.id ?? 0,
  time: '2026-01-17T00:00:00.000Z',
  sha256: row?.sha256.toString('hex') ?? '',
});

function verdict(
  rows: readonly AuditRow[],
  anchors = [] as ReturnType<typeof anchorOf>[],
): BrokenLink | undefined {
  const check = checkChain(HOME, anchors);
  for (const row of rows) {
    const broken = check.next(row);
    if (broken) return broken;
  }
  return check.end();
}

describe('the bytes of a row', () => {
  test('are documented by example', () => {
    const row: AuditContent = {
      id: 7,
      atMicros: 1_768_608_000_000_001,
      actor: null,
      act: 'add',
      subjectType: 'topic',
      subjectId: '诈骗',
      revision: null,
      details: { b: '', a: '1' },
      previousSha256: Buffer.alloc(32),
    };
    expect(auditBytes(row).toString()).toBe(
      `herald-audit/1\n64:${'0'.repeat(64)},1:7,16:1768608000000001,~3:add,5:topic,6:诈骗,~1:2,1:a,1:1,1:b,0:,`,
    );
  });

  test('are the same for equal rows, and different for different ones', () => {
    fc.assert(
      fc.property(content, content, (one, other) => {
        const shuffled = { ...one, details: Object.fromEntries(Object.entries(one.details).reverse()) };
        expect(auditBytes(shuffled)).toEqual(auditBytes(one));
        const same = JSON.stringify(plain(one)) === JSON.stringify(plain(other));
        expect(auditBytes(one).equals(auditBytes(other))).toBe(same);
      }),
    );
  });

  test('no field can be moved into its neighbour', () => {
    fc.assert(
      fc.property(content, text, text, (row, a, b) => {
        fc.pre(b !== '');
        const bytes = (act: string, subjectType: string) => auditBytes({ ...row, act, subjectType });
        expect(bytes(a + b, a)).not.toEqual(bytes(a, b + a));
      }),
    );
  });
});

const plain = (row: AuditContent) => ({
  ...row,
  details: Object.entries(row.details).sort(([a], [b]) => (a < b ? -1 : 1)),
  previousSha256: row.previousSha256.toString('hex'),
});

describe('a chain', () => {
  test('as it was written holds, with any of its rows as anchors', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (chain, at) => {
        const row = chain[at % chain.length];
        expect(verdict(chain, [anchorOf(row), anchorOf(chain.at(-1))])).toBeUndefined();
      }),
    );
  });

  test('names the first row whose content was changed', () => {
    fc.assert(
      fc.property(chains, fc.nat(), content, (chain, at, other) => {
        const index = at % chain.length;
        const changed = chain.map((row, i) => (i === index ? { ...row, act: `${other.act}x` } : row));
        fc.pre(changed[index]?.act !== chain[index]?.act);
        expect(verdict(changed)).toMatchObject({ kind: 'changed', id: index + 1 });
      }),
    );
  });

  test('names a row that was written anew with its hash, by the link after it', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (chain, at) => {
        const index = at % (chain.length - 1);
        const forged = chain.map((row, i) => {
          if (i !== index) return row;
          const content = { ...row, act: `${row.act}x` };
          return { ...content, sha256: auditSha256(content) };
        });
        expect(verdict(forged)).toMatchObject({ kind: 'replaced', id: index + 2 });
      }),
    );
  });

  test('names what is missing', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (chain, at) => {
        const index = at % (chain.length - 1);
        expect(verdict(chain.filter((_, i) => i !== index))).toMatchObject({
          kind: 'missing',
          id: index + 1,
        });
      }),
    );
    expect(verdict([])).toMatchObject({ kind: 'missing', id: 1 });
  });

  test('that was cut off, or written anew from some row on, is told by an anchor alone', () => {
    fc.assert(
      fc.property(chains, fc.nat(), (chain, at) => {
        const kept = (at % (chain.length - 1)) + 1;
        const cut = chain.slice(0, kept);
        expect(verdict(cut)).toBeUndefined();
        expect(verdict(cut, [anchorOf(chain.at(-1))])).toMatchObject({ kind: 'cut-off', id: kept + 1 });

        const anew = chainOf(chain.map((row, i) => (i < kept ? row : { ...row, act: `${row.act}x` })));
        expect(verdict(anew)).toBeUndefined();
        expect(verdict(anew, [anchorOf(chain.at(-1)), anchorOf(chain[0])])).toMatchObject({
          kind: 'rewritten',
          id: chain.length,
        });
      }),
    );
  });

  test('of another installation is not taken for this one’s', () => {
    const chain = chainOf(fc.sample(content, 3));
    expect(verdict(chain, [anchorOf(chain[1], 'ba9876543210')])).toMatchObject({ kind: 'foreign' });
    const [first] = chain;
    const moved = first && { ...first, previousSha256: beforeFirst('ba9876543210') };
    expect(moved && verdict([{ ...moved, sha256: auditSha256(moved) }])).toMatchObject({
      kind: 'replaced',
      id: 1,
    });
  });
});

describe('anchors', () => {
  test('are read back from whatever surrounds them', () => {
    const [one, two] = chainOf(fc.sample(content, 2)).map((row) => anchorOf(row));
    const mail = `Please keep this line:\n\n${one && formatAnchor(one)}\n\n{"anchor":"${two && formatAnchor(two)}"}`;
    expect(parseAnchors(mail)).toEqual([one, two]);
  });

  test('are refused when they are none, with an example', () => {
    for (const wrong of ['', 'herald-audit/1 x 0 now abc', 'herald-audit/2 a 1 t '.padEnd(90, '0')])
      expect(() => parseAnchors(wrong)).toThrow('there is no anchor');
  });
});
