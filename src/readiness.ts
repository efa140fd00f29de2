import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { WakeUps } from './pipeline/ports.ts';
import { requireSchema } from './storage/migrate.ts';

/** The schema versions that this code works with. */
export const SCHEMA = { least: 5, most: 5 } as const;

export interface Readiness {
  readonly ready: boolean;
  /** `ok`, or what is wrong. */
  readonly checks: { readonly database: string; readonly schema: string; readonly queue: string };
}

/** What has not answered by then is not ready: whoever asks does not wait for long. Milliseconds. */
const ANSWERS_WITHIN_MS = 2_000;
/** Then the connection is given up as well: a server that says nothing must not cost those that others wait for. Milliseconds. */
const GIVEN_UP_MS = 3_000;

/** Asks the database, over the connections that all else uses, and the queue; says within two seconds or so what they are good for. */
export async function readiness(pool: pg.Pool, wakeUps: WakeUps): Promise<Readiness> {
  const verdict = async (check: Promise<unknown>) => {
    const said = new AbortController();
    const late = pause(ANSWERS_WITHIN_MS, `no answer within ${ANSWERS_WITHIN_MS / 1_000} s`, said);
    try {
      return await Promise.race([check.then(() => 'ok'), late]);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      said.abort();
    }
  };
  // pg knows a time-out for each query; its types do not yet.
  const brief = {
    query: (text: string) => pool.query({ text, query_timeout: GIVEN_UP_MS } as pg.QueryConfig),
  } as Pick<pg.Pool, 'query'>;
  const [database, schema, queue] = await Promise.all([
    verdict(brief.query('SELECT 1')),
    verdict(requireSchema(brief, SCHEMA)),
    verdict(wakeUps.ping()),
  ]);
  return { ready: [database, schema, queue].every((v) => v === 'ok'), checks: { database, schema, queue } };
}
