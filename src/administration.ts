import type pg from 'pg';
import type { ReadyConfig } from './config.ts';
import { purposeKey } from './config.ts';
import type { Administration } from './pipeline/admin-store.ts';
import { createOutletSends, type OutletSendsDeps } from './pipeline/outlet-sends.ts';
import { createTemplateShelf } from './pipeline/template-shelf.ts';
import { createHistoryStore } from './storage/history.ts';
import { createOutletStore } from './storage/outlets.ts';
import { createRotaStore } from './storage/rota.ts';
import { createSealer } from './storage/seal.ts';
import { createSuppressionStore } from './storage/suppressions.ts';

/**
 * What the console's pages for administration read and write, put together.
 * @param deps.slot of the counters
 */
export function openAdministration(
  pool: pg.Pool,
  config: ReadyConfig,
  deps: Pick<OutletSendsDeps, 'receipts' | 'readMessage' | 'adapterFor' | 'ids' | 'clock'> &
    Pick<Parameters<typeof createTemplateShelf>[0], 'templates' | 'renderer' | 'style'> & {
      readonly slot: number;
    },
): Administration {
  const sealer = createSealer(purposeKey(config.secret, 'endpoints'), 'endpoint-secret');
  const outlets = createOutletStore(pool, sealer);
  return {
    rota: createRotaStore(pool, config.officeTimezone),
    history: createHistoryStore(pool),
    suppressions: createSuppressionStore(pool, deps.slot),
    outlets,
    outletSends: createOutletSends({ ...deps, outlets, officeName: config.officeName, mode: config.mode }),
    showTemplate: createTemplateShelf({ ...deps, publicUrl: config.publicUrl }),
  };
}
