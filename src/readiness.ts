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

/** Asks the database and the queue, and says within two seconds or so what they are good for. */
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
  const [database, schema, queue] = await Promise.all([
    verdict(pool.query('SELECT 1')),
    verdict(requireSchema(pool, SCHEMA)),
    verdict(wakeUps.ping()),
  ]);
  return { ready: [database, schema, queue].every((v) => v === 'ok'), checks: { database, schema, queue } };
}
