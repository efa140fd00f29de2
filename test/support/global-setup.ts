import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateQueue } from '../../src/queue/bullmq.ts';
import { packageRoot } from '../../src/root.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { createPool } from '../../src/storage/pool.ts';
import { findChromium } from './chromium.ts';
import { eventually } from './eventually.ts';
import { type LeftOut, startPostgres15, startPostgres18, startRedis, type TestServer } from './servers.ts';

/** A PostgreSQL server of this run, with a migrated database to clone. */
export interface PostgresServer {
  readonly name: string;
  /** Of the database `postgres`; the template is beside it. */
  readonly url: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly postgresServers: readonly PostgresServer[];
    readonly redisUrl: string | null;
    /** Path of a browser; null: there is none. */
    readonly chromium: string | null;
  }
}

export const TEMPLATE = 'herald_template';
/** What could not be tested on this machine, one line each; `.ci/run` reads it and fails. */
const LEFT_OUT = join(packageRoot, 'node_modules/.herald-left-out');

/** Starts the real servers that the tests use, once per run, and stops them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  rmSync(LEFT_OUT, { force: true });
  const running: TestServer[] = [];
  const had = async (starting: Promise<TestServer | LeftOut>): Promise<string | null> => {
    const server = await starting;
    if ('leftOut' in server) return leaveOut(server);
    running.push(server);
    return server.url;
  };
  const browser = findChromium();
  project.provide('chromium', typeof browser === 'string' ? browser : leaveOut(browser));
  const stop = async () => void (await Promise.all(running.map((server) => server.stop())));
  const started = await Promise.allSettled([
    had(startPostgres18()).then((url) => prepare('PostgreSQL 18', url)),
    had(startPostgres15()).then((url) => prepare('PostgreSQL 15', url)),
    had(startRedis()),
  ]);
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  const [newest, oldest, redis] = started.map((result) =>
    result.status === 'fulfilled' ? result.value : null,
  );
  project.provide(
    'postgresServers',
    [newest, oldest].filter((server) => typeof server === 'object' && server !== null),
  );
  project.provide('redisUrl', typeof redis === 'string' ? redis : null);
  return stop;
}

function leaveOut({ leftOut }: LeftOut): null {
  console.error(`\n****** LEFT OUT: ${leftOut} ******\n`);
  appendFileSync(LEFT_OUT, `${leftOut}\n`);
  return null;
}

async function prepare(name: string, url: string | null): Promise<PostgresServer | null> {
  if (url === null) return null;
  const admin = new URL(url);
  admin.pathname = '/postgres';
  // It listens before it takes anybody in.
  const client = await eventually(async () => {
    const one = new pg.Client({ connectionString: admin.href });
    await one.connect();
    return one;
  });
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  const pool = createPool({
    connectionString: template.href,
    max: 1,
    applicationName: 'herald-test-template',
  });
  await migrate(pool, { folder: join(packageRoot, 'src/storage/migrations'), log: () => undefined });
  await pool.end();
  await migrateQueue({ backend: 'postgres', connectionString: template.href });
  return { name, url: admin.href };
}
