import type pg from 'pg';
import type { ReadyConfig } from './config.ts';
import type { Administration } from './pipeline/admin-store.ts';
import { createHistoryStore } from './storage/history.ts';
import { createRotaStore } from './storage/rota.ts';
import { createSuppressionStore } from './storage/suppressions.ts';

/** What the console's pages for administration read and write, put together. @param slot of the counters */
export const openAdministration = (pool: pg.Pool, config: ReadyConfig, slot: number): Administration => ({
  rota: createRotaStore(pool, config.officeTimezone),
  history: createHistoryStore(pool),
  suppressions: createSuppressionStore(pool, slot),
});
