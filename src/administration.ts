import type pg from 'pg';
import type { ReadyConfig } from './config.ts';
import { purposeKey } from './config.ts';
import type { Administration } from './pipeline/admin-store.ts';
import { createLeaveByCode, type LeaveByCode, type LeaveByCodeDeps } from './pipeline/leave-by-code.ts';
import { createOutletSends, type OutletSendsDeps } from './pipeline/outlet-sends.ts';
import { createTemplateShelf, type TemplateShelfDeps } from './pipeline/template-shelf.ts';
import { createHistoryStore } from './storage/history.ts';
import { createLeaveCodeStore } from './storage/leave-codes.ts';
import { createOutletStore } from './storage/outlets.ts';
import { createRotaStore } from './storage/rota.ts';
import { createSealer } from './storage/seal.ts';
import { createSuppressionStore } from './storage/suppressions.ts';

type Deps = Omit<OutletSendsDeps, 'outlets' | 'officeName' | 'mode'> &
  Omit<TemplateShelfDeps, 'publicUrl'> &
  Omit<LeaveByCodeDeps, 'codes'> & {
    /** Of the counters. */
    readonly slot: number;
  };

/** What the console's pages for administration read and write, put together; and the citizens' way out by a code. */
export function openAdministration(
  pool: pg.Pool,
  config: ReadyConfig,
  deps: Deps,
): { readonly administration: Administration; readonly leaveByCode: LeaveByCode } {
  const { officeName, mode, publicUrl } = config;
  const sealer = createSealer(purposeKey(config.secret, 'endpoints'), 'endpoint-secret');
  const outlets = createOutletStore(pool, sealer);
  return {
    administration: {
      rota: createRotaStore(pool, config.officeTimezone),
      history: createHistoryStore(pool),
      suppressions: createSuppressionStore(pool, deps.slot),
      outlets,
      outletSends: createOutletSends({ ...deps, outlets, officeName, mode }),
      showTemplate: createTemplateShelf({ ...deps, publicUrl }),
    },
    leaveByCode: createLeaveByCode({ ...deps, codes: createLeaveCodeStore(pool) }),
  };
}
