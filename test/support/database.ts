import pg from 'pg';
import { inject } from 'vitest';
import { createPool } from '../../src/storage/pool.ts';
import { type PostgresServer, TEMPLATE } from './global-setup.ts';
import { uniqueName } from './servers.ts';

export interface TestDatabase {
  readonly connectionString: string;
  readonly pool: pg.Pool;
  /** Ends the pool and drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** The PostgreSQL servers of this run: 18 first, 15 where it could be had. `for (const server of servers()) describe(…)`. */
export function servers(): readonly PostgresServer[] {
  return inject('postgresServers');
}

/** A database of one's own, migrated (ours and BullMQ's tables): a clone of a template, made in tens of milliseconds. */
export async function createTestDatabase(
  server: PostgresServer | undefined = servers()[0],
): Promise<TestDatabase> {
  return await create(server, TEMPLATE);
}

/** A database of one's own with nothing in it. */
export async function createEmptyDatabase(
  server: PostgresServer | undefined = servers()[0],
): Promise<TestDatabase> {
  return await create(server, 'template0');
}

async function create(server: PostgresServer | undefined, template: string): Promise<TestDatabase> {
  if (!server) throw new Error('no PostgreSQL server was started');
  const name = uniqueName('test');
  await ask(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const pool = createPool({
    connectionString: url.href,
    max: 4,
    applicationName: 'herald-test',
  });
  return {
    connectionString: url.href,
    pool,
    async drop() {
      await pool.end();
      await ask(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function ask(server: PostgresServer, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
