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

export async function readiness(pool: pg.Pool, wakeUps: WakeUps): Promise<Readiness> {
  const verdict = (check: Promise<unknown>) =>
    check.then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  const [database, schema, queue] = await Promise.all([
    verdict(pool.query('SELECT 1')),
    verdict(requireSchema(pool, SCHEMA)),
    verdict(wakeUps.ping()),
  ]);
  return { ready: [database, schema, queue].every((v) => v === 'ok'), checks: { database, schema, queue } };
}
