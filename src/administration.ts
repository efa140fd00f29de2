import type pg from 'pg';
import type { ReadyConfig } from './config.ts';
import type { Administration } from './pipeline/admin-store.ts';
import { createRotaStore } from './storage/rota.ts';

/** What the console's pages for administration read and write, put together. */
export const openAdministration = (pool: pg.Pool, config: ReadyConfig): Administration => ({
  rota: createRotaStore(pool, config.officeTimezone),
});
