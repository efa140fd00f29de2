import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';

/** "Hera" in ASCII: the advisory lock that one migrating process holds. */
const LOCK = 0x48657261;
/** How long a second `herald migrate` waits for the first, in milliseconds. */
const TURN_MS = 120_000;
/** How long a migration waits for a table that is in use, before it gives up instead of stopping everybody behind it. */
const TABLE_LOCK_MS = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/**
 * Applies the folder's migrations (`NNNN-name.sql`) that the database lacks, each in a transaction of its own.
 * Several processes may call it at once: they take turns.
 * @returns the names of those applied now
 * @throws HeraldError `migration-changed`, `migration-failed`, `migration-busy`, `schema-too-new`
 */
export async function migrate(
  pool: pg.Pool,
  options: { readonly folder: string; readonly log: (line: string) => void },
): Promise<readonly string[]> {
  const migrations = await readMigrations(options.folder);
  const client = await pool.connect();
  try {
    await client.query(`SET lock_timeout = ${TURN_MS}`);
    await busy(
      client.query('SELECT pg_advisory_lock($1)', [LOCK]),
      'another process is migrating this database',
    );
    await client.query(`SET lock_timeout = ${TABLE_LOCK_MS}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS schema_migrations (
         version int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const pending = await findPending(client, migrations);
    for (const migration of pending) {
      await apply(client, migration);
      options.log(`applied migration ${migration.name}`);
    }
    return pending.map((migration) => migration.name);
  } finally {
    // Closing the session gives up the advisory lock and its settings, whatever happened.
    client.release(true);
  }
}

/** The number of the last migration applied; 0 for an empty database. */
export async function schemaVersion(pool: Pick<pg.Pool, 'query'>): Promise<number> {
  const { rows } = await pool.query<{ there: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS there`,
  );
  if (!rows[0]?.there) return 0;
  const { rows: versions } = await pool.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM schema_migrations',
  );
  return versions[0]?.version ?? 0;
}

/**
 * Refuses a database whose schema this Herald does not know how to use.
 * @throws HeraldError `schema-too-old`, `schema-too-new`
 */
export async function requireSchema(
  pool: Pick<pg.Pool, 'query'>,
  range: { readonly least: number; readonly most: number },
): Promise<void> {
  const version = await schemaVersion(pool);
  if (version < range.least) {
    throw new HeraldError(
      'unavailable',
      'schema-too-old',
      `the database's schema is ${version}, this Herald needs ${range.least}`,
      {
        fix: 'run `herald migrate`',
      },
    );
  }
  if (version > range.most) throw tooNew(version, range.most);
}

function tooNew(version: number, most: number): HeraldError {
  return new HeraldError(
    'unavailable',
    'schema-too-new',
    `the database's schema is ${version}, this Herald knows it up to ${most}`,
    { fix: 'start the newer Herald that ran `herald migrate` on it' },
  );
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return await Promise.all(
    files.map(async (file, index) => {
      const version = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(file)?.[1]);
      if (version !== index + 1)
        throw new Error(`${join(folder, file)}: migrations are numbered 0001, 0002 … without gaps`);
      const sql = await readFile(join(folder, file), 'utf8');
      return {
        version,
        name: file.slice(0, -'.sql'.length),
        sql,
        sha256: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}

async function findPending(
  client: pg.ClientBase,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const { rows } = await client.query<{ version: number; name: string; sha256: string }>(
    'SELECT version, name, sha256 FROM schema_migrations ORDER BY version',
  );
  const last = rows.at(-1)?.version ?? 0;
  if (last > migrations.length) throw tooNew(last, migrations.length);
  for (const row of rows) {
    if (migrations[row.version - 1]?.sha256 === row.sha256) continue;
    throw new HeraldError(
      'conflict',
      'migration-changed',
      `migration ${row.name} was changed after it was applied to this database`,
      {
        fix: 'restore the file as it was, and write a new migration instead',
      },
    );
  }
  return migrations.slice(last);
}

async function apply(client: pg.ClientBase, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await busy(client.query(migration.sql), `migration ${migration.name} waits for a table that is in use`);
    await client.query('INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)', [
      migration.version,
      migration.name,
      migration.sha256,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    if (error instanceof HeraldError) throw error;
    const { message, position } = error as { message: string; position?: string };
    const line = position ? migration.sql.slice(0, Number(position)).split('\n').length : 1;
    throw new HeraldError('unavailable', 'migration-failed', `${migration.name}.sql:${line}: ${message}`, {
      fix: 'nothing of this migration was applied; mend what it names and run `herald migrate` again',
      cause: error,
    });
  }
}

/** Says what a lock was waited for in vain. */
async function busy(query: Promise<unknown>, what: string): Promise<void> {
  await query.catch((error: { code?: string }) => {
    if (error.code !== LOCK_NOT_AVAILABLE) throw error;
    throw new HeraldError('unavailable', 'migration-busy', what, {
      fix: 'run `herald migrate` again',
      cause: error,
    });
  });
}
