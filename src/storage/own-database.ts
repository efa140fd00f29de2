import { randomBytes } from 'node:crypto';
import { createPool } from './pool.ts';

/**
 * A database beside the given one, for a demo or a bench: its user must be allowed to create databases.
 * @param prefix of its name; lower case
 */
export async function ownDatabase(
  databaseUrl: string,
  prefix: string,
): Promise<{ readonly connectionString: string; drop(): Promise<void> }> {
  const name = `${prefix}_${randomBytes(5).toString('hex')}`;
  const run = async (sql: string) => {
    const pool = createPool({ connectionString: databaseUrl, max: 1, applicationName: prefix });
    try {
      await pool.query(sql);
    } finally {
      await pool.end();
    }
  };
  await run(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return { connectionString: url.href, drop: () => run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}
