import type { Readable, Writable } from 'node:stream';
import { CommanderError } from 'commander';
import { codeOf, databaseAway } from '../database-errors.ts';
import { HeraldError, type Issue } from '../domain/errors.ts';
import type { ReasonedFinding } from '../domain/privacy-lint.ts';

/** The streams of a command: the process's own, or a test's. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export interface Printing {
  readonly json?: true;
}

/** Prints a result: with `--json` one line of JSON, otherwise what a person reads. */
export function print(io: Io, options: Printing, value: object, text: string | (() => string)): void {
  const shown = typeof text === 'string' ? text : text();
  io.stdout.write(`${options.json ? JSON.stringify(value) : shown}\n`);
}

/** Rows under headings, in columns as wide as their widest cell. Numbers stand on the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [headings, ...rows].map((row) =>
    row.map((cell) => printable(String(cell)).replaceAll('\n', ' ')),
  );
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ''))));
  const lines = cells.map((row, index) =>
    row
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] ?? 0) - width(cell));
        return typeof rows[Math.max(0, index - 1)]?.[column] === 'number' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns that a text takes on a terminal: Chinese characters take two. */
export function width(text: string): number {
  return [...text].reduce((sum, char) => sum + (WIDE.test(char) ? 2 : 1), 0);
}

/** Text from elsewhere without what a terminal would obey; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** What the privacy lint found, one a paragraph: where, what, and why it may be published. */
export function findingsText(findings: readonly ReasonedFinding[]): string {
  return findings
    .map(
      ({ key, kind, locale, field, start, excerpt, message, reason }) =>
        `${kind.padEnd(9)} ${locale} ${field}:${start}  "${excerpt}" ${message}\n` +
        (reason === null ? `  no reason yet: lintReasons["${key}"]` : `  reason: ${reason}`),
    )
    .join('\n');
}

/** An error as it is shown: to scripts as JSON, to people on stderr. Never with a stack. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
  readonly issues: readonly Issue[];
  readonly fix: string;
}

/** A command has printed its result, and that is a failure: exit code 1, and the message on stderr. */
export class Failed extends Error {}

/** @returns the exit code (2: wrong usage or input, 1: everything else), and what to show */
export function explain(error: unknown): { readonly exitCode: 1 | 2; readonly shown: ShownError } {
  if (error instanceof HeraldError) {
    const { kind, code, message, issues, fix } = error;
    return {
      exitCode: kind === 'invalid' || kind === 'too-large' ? 2 : 1,
      shown: { code, message, issues, fix },
    };
  }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '');
    return {
      exitCode: 2,
      shown: { code: 'usage', message, issues: [], fix: '`--help` shows what a command takes' },
    };
  }
  const away = databaseAway(error);
  if (away) return explain(away);
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return {
    exitCode: 1,
    shown: {
      code: 'internal',
      message: line || codeOf(error) || 'unknown error',
      issues: [],
      fix: 'LOG_LEVEL=debug shows more',
    },
  };
}

/** `herald: what happened`, each issue on a line, and what to do. */
export function errorText({ message, issues, fix }: ShownError): string {
  // The message of bad input often names its issues already.
  const told = issues.filter((issue) => !message.includes(issue.message));
  const lines = [
    `herald: ${message}`,
    ...told.map((issue) => `  - ${issue.path ? `${issue.path}: ` : ''}${issue.message}`),
    ...(fix ? [`  ${fix}`] : []),
  ];
  return printable(lines.join('\n'));
}
