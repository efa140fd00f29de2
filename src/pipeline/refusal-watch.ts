import type { ReceiptFact } from './stores.ts';

/** Receipts are counted over so long. Milliseconds. */
const WINDOW_MS = 60_000;
/** So many refusals are no chance… */
const ENOUGH = 20;
/** …when they are this share of all that came to an end meanwhile: a few foreign numbers stop nobody. */
const SHARE = 0.5;

interface Counted {
  readonly since: number;
  ended: number;
  refused: number;
}

/**
 * Notices that a provider takes messages and then delivers none, because of our sender or account (an expired
 * registration, a suspended account): it says so by receipts only, and its credentials still work, so no probe would see it.
 * @param nowMs of a clock that does not go back
 * @returns tells, once a window, that an announcement should be paused
 */
export function createRefusalWatch(
  nowMs: () => number,
): (fact: Pick<ReceiptFact, 'announcementId' | 'receipt' | 'category'>) => boolean {
  const counts = new Map<number, Counted>();
  return ({ announcementId, receipt, category }) => {
    if (receipt === null || receipt === 'sent') return false;
    const now = nowMs();
    let counted = counts.get(announcementId);
    if (!counted || now - counted.since > WINDOW_MS) {
      for (const [id, { since }] of counts) if (now - since > WINDOW_MS) counts.delete(id);
      counted = { since: now, ended: 0, refused: 0 };
      counts.set(announcementId, counted);
    }
    counted.ended += 1;
    if (category !== 'configuration') return false;
    counted.refused += 1;
    if (counted.refused < ENOUGH || counted.refused < SHARE * counted.ended) return false;
    counts.delete(announcementId);
    return true;
  };
}
