import type pg from 'pg';
import { HeraldError } from './domain/errors.ts';

/** What the drivers of PostgreSQL and of the network say, in words that help. The key is the error's `code`. */
const PLACES: Readonly<Record<string, readonly [message: string, fix: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'check DATABASE_URL, and that the server runs'],
  ENOTFOUND: ['there is no such host', 'check DATABASE_URL'],
  EAI_AGAIN: ['the name of the host cannot be looked up', 'check DATABASE_URL, and the network'],
  ETIMEDOUT: ['the server does not answer', 'check DATABASE_URL, and the network'],
  '28P01': ['wrong user or password', 'check DATABASE_URL'],
  '28000': ['the server does not let this user in', 'check DATABASE_URL, and the server’s pg_hba.conf'],
  '3D000': ['there is no such database', 'create it, or check DATABASE_URL'],
  '53300': ['the server has no connection left', 'raise max_connections, or stop what holds them'],
  '57P03': ['the server is starting up or shutting down', 'try again in a moment'],
};

/**
 * An error that says that the database is away, as one that a person can act on; `undefined` for any other.
 * @param where {@link placeOf}, as far as it is known
 */
export function databaseAway(error: unknown, where?: string): HeraldError | undefined {
  const place = PLACES[codeOf(error)];
  return place && unavailable(place[0], place[1], error, where);
}

/**
 * Asks the database something, so that one that is not there is found at once.
 * @throws HeraldError `database-unavailable`
 */
export async function requireDatabase(pool: Pick<pg.Pool, 'query'>, connectionString: string): Promise<void> {
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    const where = placeOf(connectionString);
    const said = error instanceof Error ? error.message : String(error);
    throw (
      databaseAway(error, where) ?? unavailable(said, 'check DATABASE_URL, and the network', error, where)
    );
  }
}

function unavailable(what: string, fix: string, cause: unknown, where?: string): HeraldError {
  return new HeraldError(
    'unavailable',
    'database-unavailable',
    `the database${where ? ` ${where}` : ''} is not available: ${what}`,
    { fix, cause },
  );
}

/** `db.example:5432/herald`: what a connection string says without its user and password. A socket stands in `?host=`. */
function placeOf(connectionString: string): string {
  const { hostname, port, pathname, searchParams } = new URL(connectionString);
  const host = searchParams.get('host') ?? hostname;
  return `${host || 'localhost'}:${searchParams.get('port') ?? (port || '5432')}${pathname}`;
}

/** An AggregateError (several addresses of one host) has the code in its parts. */
export function codeOf(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  return typeof code === 'string' ? code : errors?.[0] ? codeOf(errors[0]) : '';
}
