import pg from 'pg';

/** How long a query waits for a connection, in milliseconds, before it fails instead of hanging. */
const CONNECT_TIMEOUT_MS = 5_000;
/**
 * A process that was stopped, or cut off, in the middle of a transaction holds its locks no longer than this: the server ends
 * its connection. Milliseconds.
 */
const IDLE_IN_TRANSACTION_MS = 10_000;

const INT8 = 20;
const INT8_ARRAY = 1016;
type Parse = (text: string) => unknown;

const defaultParser = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => Parse;
const parseInt8Array = defaultParser(INT8_ARRAY) as (text: string) => (string | null)[];

/** Our ids and counts stay far below 2^53, so `bigint` columns are read as numbers. `timestamptz` is a `Date` already. */
const parsers: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [INT8, Number],
  [INT8_ARRAY, (text) => parseInt8Array(text).map((value) => (value === null ? null : Number(value)))],
]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : parsers.get(oid)) ??
    defaultParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * Plans made once, and only by indexes: planning costs a claim of a hundred rows more than half a millisecond, and
 * what it would be decided by is not known while an announcement's rows are new (the statistics lag behind by millions).
 */
const BY_KEYS = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_bitmapscan=off',
  // What is switched off counts as endlessly dear up to PostgreSQL 17, and what is dear would be compiled.
  'jit=off',
];

/** PostgreSQL then commits in memory, and writes within three times wal_writer_delay (200 ms). */
const MAY_FORGET = 'synchronous_commit=off';

export interface PoolOptions {
  readonly connectionString: string;
  /** Most connections at a time. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Who runs the command, by the name of their account: the audit log names them. */
  readonly operator?: string | undefined;
  /** After so long without an answer a query has failed: a connection that was cut without a word says nothing for minutes. */
  readonly queryTimeoutMs?: number | undefined;
  /** For statements that go by keys alone, over and over; see {@link BY_KEYS}. */
  readonly byKeys?: boolean | undefined;
  /** For what is no truth: commits do not wait for the disk, and a server that crashes may forget the last second's. */
  readonly mayForget?: boolean | undefined;
}

/**
 * A pool whose server may go away and come back: queries under way and new ones fail, the process lives on.
 * `bigint` is parsed as number, `timestamptz` as `Date`.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const { operator } = options;
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    ...(options.queryTimeoutMs !== undefined && { query_timeout: options.queryTimeoutMs }),
    types,
    options: [...(options.byKeys ? BY_KEYS : []), ...(options.mayForget ? [MAY_FORGET] : [])]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    ...(operator !== undefined && {
      onConnect: (client: pg.ClientBase) =>
        client.query(`SELECT set_config('herald.operator', $1, false)`, [operator]),
    }),
  });
  // A lost connection is news for whoever queries next, and they get it from their query. Without a listener an
  // idle client's error (and, between two queries, that of a client in use) would end the process.
  const survive = () => undefined;
  pool.on('error', survive);
  pool.on('connect', (client) => client.on('error', survive));
  return pool;
}

const DEADLOCK = '40P01';

/** Repeats what PostgreSQL aborted because two waited for each other; the other one has gone on meanwhile. */
export async function pastDeadlocks<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (attempt === 5 || (error as { code?: string }).code !== DEADLOCK) throw error;
    }
  }
}

/**
 * Runs `act` on one connection between BEGIN and COMMIT; an error rolls everything back and is thrown on.
 * @throws Error when the transaction was aborted by an error that `act` swallowed: nothing was committed
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  act: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await act(client);
    const { command } = await client.query('COMMIT');
    if (command !== 'COMMIT') throw new Error('the transaction was aborted by an error before its COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((lost: Error) => {
      broken = lost;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
