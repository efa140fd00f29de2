/**
 * What an error means to the one who caused it. Web maps it to an HTTP status, the CLI to an exit code.
 *
 * - `invalid`: the input is wrong (400 / exit 2)
 * - `unauthenticated`: no or unknown credentials (401)
 * - `forbidden`: known, but may not (403)
 * - `not-found`: no such thing (404)
 * - `conflict`: the thing is in a state that does not allow it (409)
 * - `too-large`: the input is larger than what is taken (413)
 * - `unavailable`: something Herald needs is not there (503 / exit 1)
 */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'unavailable';

/** One thing that is wrong with an input: where it stands and why it is refused. */
export interface Issue {
  /** JSON path of the value, e.g. `content.zh-CN.headline`, or a line of a file. */
  readonly path: string;
  readonly message: string;
}

/**
 * An error that a person can act on: what happened, to which thing, and what to do.
 * Misuse and bad input throw it; a failed delivery is a value ({@link SendOutcome}), never an exception.
 */
export class HeraldError extends Error {
  override readonly name = 'HeraldError';
  readonly kind: ErrorKind;
  /** Stable, documented, kebab-case; clients may switch on it. */
  readonly code: string;
  /** What to do about it; empty when the message says it already. */
  readonly fix: string;
  readonly issues: readonly Issue[];

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: { fix?: string; issues?: readonly Issue[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.fix = options.fix ?? '';
    this.issues = options.issues ?? [];
  }
}
