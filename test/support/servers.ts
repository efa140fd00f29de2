import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEmbedded, startEmbedded } from '../../src/storage/embedded.ts';
import { locate, run } from '../../src/storage/embedded-files.ts';
import { type Keeper, takeKeeper } from '../../src/storage/embedded-keeper.ts';
import { installPackage } from './debian.ts';

/** A server that the tests started, and how to be rid of it. */
export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Why a server cannot be had on this machine. */
export interface LeftOut {
  readonly leftOut: string;
}

/**
 * Tests lose nothing by a power cut; a killed server still has everything. What depends on statistics gathers them
 * itself: an ANALYZE that comes by itself holds a snapshot for a while, and changes plans in the middle of a test.
 */
const HASTY = { fsync: 'off', full_page_writes: 'off', autovacuum: 'off' };
const DEBIAN_POSTGRES = '/usr/lib/postgresql/15/bin';

/** A folder that every user can enter; mkdtemp's is root's alone. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `herald-${name}-`)));
  await chmod(folder, 0o755);
  return folder;
}

/** PostgreSQL 18, the embedded one. */
export async function startPostgres18(): Promise<TestServer> {
  const folder = await temporaryFolder('pg18');
  const server = await startEmbedded({ dataDir: folder, onLog: () => undefined, settings: HASTY });
  return {
    url: server.connectionString,
    async stop() {
      await server.stop();
      await removeEmbedded(folder);
    },
  };
}

/** Debian's PostgreSQL 15, installed if it is missing and may be. */
export async function startPostgres15(): Promise<TestServer | LeftOut> {
  const why = existsSync(DEBIAN_POSTGRES) ? undefined : installPackage('postgresql-15');
  if (why !== undefined)
    return { leftOut: `PostgreSQL 15 is not in ${DEBIAN_POSTGRES}, and cannot be installed (${why})` };
  const folder = await temporaryFolder('pg15');
  const { account } = await locate(folder, console.log);
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  if (account) await chown(data, account.uid, account.gid);
  const args = ['-D', data, '-U', 'herald', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  const { ok, output } = await run(join(DEBIAN_POSTGRES, 'initdb'), args, account);
  if (!ok) throw new Error(`initdb of PostgreSQL 15: ${output}`);
  const settings = {
    ...HASTY,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    max_connections: '200',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return await keep(folder, (port) => ({
    command: join(DEBIAN_POSTGRES, 'postgres'),
    args: ['-D', data, '-p', String(port), ...options],
    url: `postgres://herald@127.0.0.1:${port}/postgres`,
    ...account,
  }));
}

/** A Redis of its own for the tests, installed if it is missing and may be. Never the system's. */
export async function startRedis(): Promise<TestServer | LeftOut> {
  const find = () =>
    ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'].find(
      existsSync,
    );
  const why = find() ? undefined : installPackage('redis-server');
  const command = find();
  if (!command) return { leftOut: `redis-server is missing, and cannot be installed (${why})` };
  const folder = await temporaryFolder('redis');
  return await keep(folder, (port) => ({
    command,
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--maxmemory-policy',
      'noeviction',
    ],
    url: `redis://127.0.0.1:${port}`,
  }));
}

interface Kept {
  readonly command: string;
  readonly args: readonly string[];
  readonly url: string;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Runs a server under the watchdog: it comes back on its port when a test kills it, and nothing is left behind
 * when the test run is killed.
 */
async function keep(folder: string, describe: (port: number) => Kept): Promise<TestServer> {
  const keeper = await takeKeeper(folder, () => undefined);
  const port = await freePort();
  const { url, ...server } = describe(port);
  const order = { do: 'start', log: join(folder, 'server.log'), ...server } as const;
  keeper.start(order);
  await listening(keeper, port, order.log);
  keeper.guard(order);
  return {
    url,
    async stop() {
      await keeper.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listening(keeper: Keeper, port: number, log: string): Promise<void> {
  for (;;) {
    if (keeper.gone() !== undefined)
      throw new Error(`the server did not start, see ${log}: ${keeper.gone()}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy()).on('error', () => resolve(false));
    });
    if (open) return;
    // The server is somebody else's program, and tells nobody when its port is open.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A name for a database or a prefix that no other test has. */
export const uniqueName = (prefix: string): string =>
  `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
