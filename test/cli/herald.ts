import { Readable, Writable } from 'node:stream';
import { sandboxAccount } from '../../src/adapters.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { createContext } from '../../src/cli/context.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

export const SECRET = 'a secret of the tests, long enough';

export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The last line of stdout; throws when that is no JSON. */
  json<T = Record<string, unknown>>(): T;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs one command line as `herald` would, with streams of its own. */
export async function herald(
  environment: Environment,
  argv: readonly string[],
  stdin: string | Buffer = '',
): Promise<Answer> {
  const out = collector();
  const err = collector();
  const io = { stdin: Readable.from([Buffer.from(stdin)]), stdout: out.stream, stderr: err.stream };
  const code = await runCommandLine(COMMANDS, createContext(io, environment), argv);
  return {
    code,
    out: out.text(),
    err: err.text(),
    json: () => JSON.parse(out.text().trimEnd().split('\n').at(-1) ?? ''),
  };
}

function collector() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** A migrated database, a sandbox, and the command line on both. */
export interface Office {
  readonly database: TestDatabase;
  readonly sandbox: Sandbox;
  readonly environment: Environment;
  run(...argv: string[]): Promise<Answer>;
  runWith(stdin: string | Buffer, ...argv: string[]): Promise<Answer>;
  /** Adds a user. @returns its id */
  user(role: 'author' | 'approver' | 'admin', name?: string): Promise<string>;
  close(): Promise<void>;
}

export async function openOffice(): Promise<Office> {
  const database = await createTestDatabase();
  const sandbox = await startSandbox({ twilio: sandboxAccount(SECRET) });
  const environment = {
    DATABASE_URL: database.connectionString,
    HERALD_SECRET: SECRET,
    HERALD_SANDBOX_URL: sandbox.url,
    HERALD_DATA_DIR: '/nonexistent/herald-tests-use-no-data-dir',
  };
  const run = (...argv: string[]) => herald(environment, argv);
  return {
    database,
    sandbox,
    environment,
    run,
    runWith: (stdin, ...argv) => herald(environment, argv, stdin),
    async user(role, name = role) {
      return (await run('users', 'add', '--name', name, '--role', role, '--json')).json<{ id: string }>().id;
    },
    async close() {
      await sandbox.close();
      await database.drop();
    },
  };
}
