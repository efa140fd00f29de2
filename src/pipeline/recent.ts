import { canonicalJson } from '../domain/announcement.ts';
import type { AnnouncementStore } from './announcement-store.ts';
import type { Clock } from './ports.ts';

/** Answers that are kept at once; the oldest go first. */
const KEPT = 100;

/**
 * Asks once for what is asked again and again, such as a count while somebody types. A failure is not kept.
 * @param keyOf what the answer depends on
 * @param keepMs for which an answer is good enough
 * @param nowMs on a monotonic clock
 */
export function recent<A extends readonly unknown[], T>(
  ask: (...args: A) => Promise<T>,
  keyOf: (...args: A) => string,
  keepMs: number,
  nowMs: () => number,
): (...args: A) => Promise<T> {
  const kept = new Map<string, { readonly atMs: number; readonly answer: Promise<T> }>();
  return (...args) => {
    const key = keyOf(...args);
    const known = kept.get(key);
    if (known && nowMs() - known.atMs < keepMs) return known.answer;
    const answer = ask(...args);
    const entry = { atMs: nowMs(), answer };
    kept.delete(key);
    kept.set(key, entry);
    answer.catch(() => {
      if (kept.get(key) === entry) kept.delete(key);
    });
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    return answer;
  };
}

/** An audience is counted again after so long while somebody writes. Milliseconds. */
const COUNTED_MS = 10_000;

export const recentAudience = (
  { audience }: Pick<AnnouncementStore, 'audience'>,
  { monotonicMs }: Pick<Clock, 'monotonicMs'>,
): AnnouncementStore['audience'] =>
  recent(
    audience,
    (draft, supersedes) => canonicalJson([draft.audience, draft.channels, draft.kind, supersedes]),
    COUNTED_MS,
    monotonicMs,
  );
