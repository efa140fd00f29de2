import { createHash } from 'node:crypto';
import { HeraldError } from './errors.ts';

/** Stands before everything that is hashed or printed, so that another form can be told apart. */
const FORM = 'herald-audit/1';

/** One row of the audit log, as far as it is hashed. */
export interface AuditContent {
  /** Contiguous from 1. */
  readonly id: number;
  /** Microseconds since the epoch, what PostgreSQL keeps of a time. */
  readonly atMicros: number;
  /** A user's id; null: Herald itself, or the operator whom `details` names. */
  readonly actor: number | null;
  readonly act: string;
  readonly subjectType: string;
  readonly subjectId: string | null;
  readonly revision: number | null;
  /** Names (ASCII letters and digits) to texts. */
  readonly details: Readonly<Record<string, string>>;
  readonly previousSha256: Buffer;
}

export interface AuditRow extends AuditContent {
  readonly sha256: Buffer;
}

/** Its length in bytes, a colon, the text in UTF-8, a comma (a netstring); null is a tilde. No two lists of fields look alike. */
const field = (value: string | number | null): string =>
  value === null ? '~' : `${Buffer.byteLength(String(value))}:${value},`;

/**
 * The bytes that a row's hash is made of: `herald-audit/1`, a line feed, and as fields the previous hash (hex), id, time
 * (microseconds since the epoch), actor, act, subject's type, subject's id, revision, the number of details, and of
 * each detail, in order of their names, name and text. `audit_sha256` of migration 0003 is the same in SQL.
 */
export function auditBytes(row: AuditContent): Buffer {
  const names = Object.keys(row.details).sort();
  const fields = [
    row.previousSha256.toString('hex'),
    row.id,
    row.atMicros,
    row.actor,
    row.act,
    row.subjectType,
    row.subjectId,
    row.revision,
    names.length,
    ...names.flatMap((name) => [name, row.details[name] ?? '']),
  ];
  return Buffer.from(`${FORM}\n${fields.map(field).join('')}`, 'utf8');
}

export const auditSha256 = (row: AuditContent): Buffer => hash(auditBytes(row));

/** What the first row follows: so that a chain belongs to one installation. */
export const beforeFirst = (installation: string): Buffer => hash(`${FORM} ${installation}`);

const hash = (bytes: string | Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** The head of the chain at some time, to be kept where nobody of Herald can change it. */
export interface Anchor {
  readonly installation: string;
  readonly id: number;
  /** Of the row, ISO 8601. */
  readonly time: string;
  /** Hex. */
  readonly sha256: string;
}

/** One line: `herald-audit/1 <installation> <id> <time> <sha256>`. */
export const formatAnchor = ({ installation, id, time, sha256 }: Anchor): string =>
  `${FORM} ${installation} ${id} ${time} ${sha256}`;

const ANCHOR = /herald-audit\/1 +(\S+) +([1-9]\d{0,15}) +(\S+) +([0-9a-f]{64})(?![0-9a-f])/g;

/**
 * Every anchor in a text: one line, a file to which a line was added each day, a log, a mail.
 * @throws HeraldError `bad-anchor` (invalid) when there is none
 */
export function parseAnchors(text: string): readonly Anchor[] {
  const anchors = [...text.matchAll(ANCHOR)].map(
    ([, installation = '', id = '', time = '', sha256 = '']): Anchor => ({
      installation,
      id: Number(id),
      time,
      sha256,
    }),
  );
  if (anchors.length > 0) return anchors;
  throw new HeraldError('invalid', 'bad-anchor', 'there is no anchor in it', {
    fix: `an anchor is the line that \`herald audit head\` prints: ${FORM} <installation> <id> <time> <sha256>`,
  });
}

/** The first thing that is wrong with a chain. */
export interface BrokenLink {
  /**
   * `changed`: the row is not what was hashed · `missing`: rows are not there · `replaced`: the row does not follow the one
   * before it, so one of the two was written anew · `cut-off`: the tail that an anchor saw is not there · `rewritten`: the
   * chain holds together, but is not the one that an anchor saw · `foreign`: an anchor of another installation
   */
  readonly kind: 'changed' | 'missing' | 'replaced' | 'cut-off' | 'rewritten' | 'foreign';
  /** The row at which it shows. */
  readonly id: number;
  readonly message: string;
}

/** Checks a chain row by row, in constant memory. */
export interface ChainCheck {
  /** @param row in order of id. @returns what is wrong, and then nothing after it means anything */
  next(row: AuditRow): BrokenLink | undefined;
  /** After the last row. */
  end(): BrokenLink | undefined;
}

/** @param anchors what is known from outside, in any order */
export function checkChain(installation: string, anchors: readonly Anchor[]): ChainCheck {
  let last = { id: 0, sha256: beforeFirst(installation) };
  const seen = new Map<number, Anchor[]>();
  for (const anchor of anchors) seen.set(anchor.id, [...(seen.get(anchor.id) ?? []), anchor]);
  const foreign = anchors.find((anchor) => anchor.installation !== installation);
  const broken = (kind: BrokenLink['kind'], id: number, message: string): BrokenLink => ({
    kind,
    id,
    message,
  });

  return {
    next(row) {
      const { id } = row;
      if (foreign)
        return broken(
          'foreign',
          foreign.id,
          `the anchor is of installation ${foreign.installation}, this one is ${installation}`,
        );
      if (id !== last.id + 1) return broken('missing', last.id + 1, missing(last.id + 1, id - 1));
      if (!auditSha256(row).equals(row.sha256))
        return broken('changed', id, `row ${id} was changed: its hash is not that of what it says`);
      if (!row.previousSha256.equals(last.sha256)) {
        const before = id === 1 ? 'the beginning of this installation' : `row ${id - 1}`;
        return broken('replaced', id, `row ${id} does not follow ${before}: one of the two was written anew`);
      }
      last = { id, sha256: row.sha256 };
      for (const { sha256, time } of seen.get(id) ?? []) {
        if (sha256 !== row.sha256.toString('hex'))
          return broken(
            'rewritten',
            id,
            `row ${id} is not the one that the anchor of ${time} saw: it, or rows before it, were written anew`,
          );
      }
      return undefined;
    },
    end() {
      const furthest = anchors.reduce((most, anchor) => Math.max(most, anchor.id), 0);
      if (furthest > last.id)
        return broken(
          'cut-off',
          last.id + 1,
          `the tail is cut off: the chain ends with row ${last.id}, an anchor saw row ${furthest}`,
        );
      return last.id === 0 ? broken('missing', 1, 'there is no row at all') : undefined;
    },
  };
}

const missing = (from: number, to: number): string =>
  from === to ? `row ${from} is missing` : `rows ${from} to ${to} are missing`;
