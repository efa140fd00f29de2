import { isUtf8 } from 'node:buffer';
import { open as openFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { App } from '../app.ts';
import type { ReadyConfig } from '../config.ts';
import { type Config, loadConfig } from '../config.ts';
import { HeraldError } from '../domain/errors.ts';
import '../domain/plain-words.ts';
import { createLog } from '../log.ts';
import type { Actor } from '../pipeline/announcement-store.ts';
import type { Io } from './output.ts';
import { findRunning } from './running.ts';

/**
 * What every command is given. Herald itself is loaded when a command asks for it: help, versions and usage errors come
 * without it.
 */
export interface Context {
  readonly io: Io;
  config(): Config;
  /** Runs `use` on a configured database: the one of DATABASE_URL, of a Herald that runs, or the embedded one for the time of the command. */
  withGround<T>(use: (config: ReadyConfig, log: Logger) => Promise<T>): Promise<T>;
  /** The same with Herald open on it; closed again in every case. */
  withApp<T>(use: (app: App) => Promise<T>): Promise<T>;
}

/** @param environment the process's own by default */
export function createContext(io: Io, environment?: Readonly<Record<string, string | undefined>>): Context {
  const config = () => loadConfig(environment);

  const withGround: Context['withGround'] = async (use) => {
    const { provision } = await import('../provision.ts');
    const wanted = await joinRunning(config());
    const log = createLog(wanted.logLevel === 'info' ? 'warn' : wanted.logLevel, 'herald');
    const ground = await provision(wanted, (line) => log.info(line));
    try {
      return await use(ground.config, log);
    } finally {
      await ground.stop();
    }
  };

  return {
    io,
    config,
    withGround,
    withApp: (use) =>
      withGround(async (ready, log) => {
        const { open } = await import('../app.ts');
        const app = await open(ready, {
          log,
          name: 'herald command',
          connections: 3,
          operator: operator(),
        });
        try {
          return await use(app);
        } finally {
          await app.close();
        }
      }),
  };
}

/** The account that runs the command, for the audit log; a container's may have no name. */
function operator(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Where `herald start` runs with this data directory, commands work on its database and its sandbox. */
async function joinRunning(config: Config): Promise<Config> {
  const running = await findRunning(config.dataDir);
  if (!running || (config.databaseUrl && config.databaseUrl !== running.databaseUrl)) return config;
  const { keptSecret } = await import('../provision.ts');
  return {
    ...config,
    databaseUrl: running.databaseUrl,
    publicUrl: running.publicUrl,
    sandboxUrl: config.sandboxUrl ?? running.sandboxUrl,
    secret: config.secret ?? (await keptSecret(config.dataDir)),
  };
}

/**
 * Who acts. Whoever may run commands on the database is trusted to say so; what the user may do is checked all the same.
 * @throws HeraldError `no-such-user`, `user-disabled`
 */
export async function actor(app: Pick<App, 'ids' | 'users'>, userId: string): Promise<Actor> {
  const user = await app.users.get(app.ids.decode('user', userId).id);
  if (!user.disabledAt) return user;
  throw new HeraldError('forbidden', 'user-disabled', `user ${userId} (${user.name}) is disabled`, {
    fix: '`herald users list` shows who is not',
  });
}

/** Most bytes of an announcement's file, or of a list's; the same as over HTTP. */
const MAX_FILE_BYTES = 1_000_000;

/**
 * A file as a stream; `-` is stdin.
 * @returns its size too, where it is known
 * @throws HeraldError `file-unreadable`
 */
export async function openInput(
  io: Io,
  file: string,
): Promise<{ readonly stream: Readable; readonly bytes?: number }> {
  if (file === '-') return { stream: io.stdin };
  try {
    const handle = await openFile(file);
    const facts = await handle.stat();
    if (facts.isDirectory()) {
      await handle.close();
      throw new Error('it is a folder');
    }
    // A pipe's size is not known.
    return { stream: handle.createReadStream(), ...(facts.isFile() && { bytes: facts.size }) };
  } catch (error) {
    const reason =
      (error as { code?: string }).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new HeraldError('invalid', 'file-unreadable', `cannot read ${file}: ${reason}`, {
      fix: 'name a file that this user may read, or - for stdin',
      cause: error,
    });
  }
}

/** The whole of a small file. @throws HeraldError `file-unreadable`, `too-large` */
export async function readInput(io: Io, file: string, maxBytes = MAX_FILE_BYTES): Promise<Buffer> {
  const { stream } = await openInput(io, file);
  let bytes = 0;
  const bounded = async function* () {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new HeraldError(
          'too-large',
          'too-large',
          `${nameOf(file)} is larger than ${maxBytes / 1_000_000} MB`,
          { fix: 'shorten it; is it the right file?' },
        );
      yield chunk;
    }
  };
  return buffer(bounded());
}

/** @throws HeraldError `file-unreadable`, `too-large`, `not-utf-8`, `malformed-json` saying where */
export async function readJson(io: Io, file: string): Promise<unknown> {
  const malformed = (what: string, cause?: unknown) =>
    new HeraldError('invalid', 'malformed-json', `${nameOf(file)} ${what}`, {
      fix: 'give a file of JSON, such as examples/announcement.json is for an announcement',
      cause,
    });
  const text = decode(await readInput(io, file), nameOf(file));
  if (text.trim() === '') throw malformed('is empty');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`is no JSON: ${(error as Error).message}`, error);
  }
}

/** UTF-8, with or without a byte order mark: text in another encoding (GBK, UTF-16) would reach citizens as rubbish. */
function decode(bytes: Buffer, name: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\ufeff/, '');
  throw new HeraldError('invalid', 'not-utf-8', `${name} is not UTF-8`, { fix: 'save it as UTF-8' });
}

const nameOf = (file: string) => (file === '-' ? 'the input' : file);

/** Checks what somebody typed or wrote. @throws HeraldError naming each thing that is wrong */
export function checked<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new HeraldError('invalid', 'invalid-input', `${what} cannot be taken`, {
    issues: error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })),
  });
}
