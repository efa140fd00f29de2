import { randomBytes } from 'node:crypto';
import {
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import {
  type Account,
  type Binaries,
  dataFolder,
  findBinaries,
  giveTo,
  installedPostgres,
  locate,
  messageOf,
  remember,
  run,
} from './embedded-files.ts';
import { type Keeper, takeKeeper } from './embedded-keeper.ts';

export { removeEmbedded } from './embedded-files.ts';

const USER = 'herald';
const DATABASE = 'herald';
const LOG_LIMIT_BYTES = 8_000_000;
/** After a crash the server first replays its log, which may take a while. */
const RECOVERY_MS = 600_000;
const POLL_MS = 50;

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** Takes one line at a time that an operator should see. */
  readonly onLog: (line: string) => void;
  /** Server settings beside Herald's own, e.g. `fsync: off` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Embedded {
  readonly connectionString: string;
  /** e.g. `18.4`. */
  readonly version: string;
  readonly port: number;
  /** Stops the server; close the pools first, or their connections are cut. */
  stop(): Promise<void>;
}

/** The cluster's parts: made together, moved into place together. */
interface Cluster {
  readonly data: string;
  readonly password: string;
}

/**
 * Starts PostgreSQL 18 in `dataDir`, making the database when there is none. It listens on a free port of
 * 127.0.0.1 only and asks for a password. A server that a killed Herald left behind is adopted; one that ends is
 * started again on the same port; and it does not outlive this process.
 * @throws HeraldError `embedded-…`, `data-dir-unusable`: what is wrong and what to do
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const folder = await dataFolder(options.dataDir);
  const keeper = await takeKeeper(folder, options.onLog);
  try {
    const { home, account } = await locate(folder, options.onLog);
    const binaries = await findBinaries(await installedPostgres(), account, options.onLog);
    const cluster = await findOrMakeCluster(home, account, binaries);
    await remember(folder, home);
    const log = join(folder, 'postgres.log');
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      timezone: 'UTC',
      log_timezone: 'UTC',
      // Details of an error would show citizens' addresses.
      log_error_verbosity: 'terse',
      ...options.settings,
    };
    const order = (port: number) => ({
      do: 'start' as const,
      command: binaries.postgres,
      args: [
        '-D',
        cluster.data,
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ],
      log,
      ...account,
    });
    const started =
      (await adopt(keeper, cluster, options.onLog)) ?? (await start(keeper, cluster, log, order));
    keeper.guard(order(started.port));
    return { ...started, stop: () => keeper.stop() };
  } catch (error) {
    await keeper.stop();
    throw error;
  }
}

const addressOf = (password: string, port: number, database: string): string =>
  `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

type Started = Pick<Embedded, 'connectionString' | 'version' | 'port'>;

async function adopt(
  keeper: Keeper,
  cluster: Cluster,
  onLog: (line: string) => void,
): Promise<Started | undefined> {
  const live = await liveServer(cluster.data);
  if (!live) return undefined;
  onLog(`a PostgreSQL server (pid ${live.pid}) was left running in ${cluster.data}: taking it over`);
  // Nobody is left to wait for in a shutdown that nobody watches.
  if (live.stopping) process.kill(live.pid, 'SIGINT');
  keeper.adopt(live.pid);
  return await welcome(keeper, cluster, live.port);
}

async function start(
  keeper: Keeper,
  cluster: Cluster,
  log: string,
  order: (port: number) => Parameters<Keeper['start']>[0],
): Promise<Started> {
  const size = await sizeOf(log);
  if (size > LOG_LIMIT_BYTES) await truncate(log);
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(log);
    const port = await freePort();
    keeper.start(order(port));
    const started = await welcome(keeper, cluster, port);
    if (started) return started;
    // Somebody else may have taken the port in between.
    if (attempt < 3 && !(await isFree(port))) continue;
    throw failed(
      `PostgreSQL did not start in ${cluster.data}`,
      `${await tail(log, before)}` || String(keeper.gone()),
    );
  }
}

/** Waits until the server lets us in, and sees to our database. `undefined` when the server ends instead. */
async function welcome(keeper: Keeper, cluster: Cluster, port: number): Promise<Started | undefined> {
  const password = await readFile(cluster.password, 'utf8');
  const url = (database: string) => addressOf(password, port, database);
  const deadline = performance.now() + RECOVERY_MS;
  while (keeper.gone() === undefined) {
    const client = new pg.Client({ connectionString: url('postgres'), connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined); // the query that it breaks reports it
    try {
      await client.connect();
      const { rows } = await client.query<{ version: string; there: boolean }>(
        `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
                EXISTS (SELECT FROM pg_database WHERE datname = '${DATABASE}') AS there`,
      );
      if (!rows[0]?.there) await client.query(`CREATE DATABASE ${DATABASE}`);
      return { connectionString: url(DATABASE), version: rows[0]?.version ?? '', port };
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (!['ECONNREFUSED', 'ECONNRESET', '57P03'].includes(code) || performance.now() > deadline) {
        throw failed('PostgreSQL does not let Herald in', messageOf(error), error);
      }
      await sleep(POLL_MS);
    } finally {
      await client.end();
    }
  }
  return undefined;
}

/** The server that postmaster.pid names, if it lives; a file that a dead one left is removed. */
async function liveServer(
  data: string,
): Promise<{ pid: number; port: number; stopping: boolean } | undefined> {
  const file = join(data, 'postmaster.pid');
  const [pidLine, , , portLine, , , , status = ''] = (await readFile(file, 'utf8').catch(() => '')).split(
    '\n',
  );
  const [pid, port] = [Number(pidLine), Number(portLine)];
  if (!pid || !port) return undefined;
  // After a reboot the number may be another program's; a server's working directory is its data directory.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  const lives = process.platform === 'linux' ? cwd === (await realpath(data)) : isAlive(pid);
  if (lives) return { pid, port, stopping: status.trim() === 'stopping' };
  await rm(file, { force: true });
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** @throws HeraldError `embedded-version` for another major version's data, `embedded-failed` with initdb's last words */
async function findOrMakeCluster(
  home: string,
  account: Account | undefined,
  binaries: Binaries,
): Promise<Cluster> {
  const clusterIn = (folder: string): Cluster => ({
    data: join(folder, 'data'),
    password: join(folder, 'password'),
  });
  const cluster = clusterIn(home);
  const version = await readFile(join(cluster.data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  const major = binaries.version.split('.')[0];
  if (version !== undefined && version.trim() !== major) {
    throw new HeraldError(
      'unavailable',
      'embedded-version',
      `${cluster.data} is of PostgreSQL ${version.trim()}, this Herald brings ${major}`,
      {
        fix: 'dump it with the Herald that wrote it, and restore the dump into this one',
      },
    );
  }
  if (version !== undefined) return cluster;

  // We have the lock, so a draft that is there was left by a process that died over it.
  const draft = `${home}.new`;
  const made = clusterIn(draft);
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await writeFile(made.password, randomBytes(24).toString('base64url'), { mode: 0o600 });
    await giveTo(account, made.password);
    await giveTo(account, draft);
    // The builtin provider sorts and folds alike on every system, whatever locales it has.
    const { ok, output } = await run(
      binaries.initdb,
      [
        '-D',
        made.data,
        '-U',
        USER,
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
      ].concat('--auth=scram-sha-256', `--pwfile=${made.password}`),
      account,
    );
    if (!ok) throw failed(`initdb could not make a database in ${home}`, lastLines(output));
    await rename(draft, home);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error instanceof HeraldError
      ? error
      : failed(`the database could not be made in ${home}`, messageOf(error), error);
  }
  return cluster;
}

function failed(what: string, details: string, cause?: unknown): HeraldError {
  return new HeraldError('unavailable', 'embedded-failed', `${what}:\n${details}`, {
    fix: 'see postgres.log in the data directory; or set DATABASE_URL to use another server',
    cause,
  });
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-8).join('\n');

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => undefined))?.size ?? 0;

/** The last lines that were written to the log after byte `from`. */
async function tail(log: string, from: number): Promise<string> {
  const file = await open(log).catch(() => undefined);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read({
      position: from,
      length: 64_000,
      buffer: Buffer.alloc(64_000),
    });
    return lastLines(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await file.close();
  }
}

function listenOn(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

const isFree = async (port: number): Promise<boolean> => (await listenOn(port)) !== undefined;

async function freePort(): Promise<number> {
  const port = await listenOn(0);
  if (port === undefined) throw failed('no port of 127.0.0.1 is free', 'listening on port 0 failed');
  return port;
}
