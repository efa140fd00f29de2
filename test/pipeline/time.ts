import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/pipeline/ports.ts';

/** A clock that a test moves: everybody who sleeps on it wakes when it gets there, in order. */
export interface TestClock extends Clock {
  /** Moves on by so much, letting all that happens on the way happen. */
  advance(ms: number): Promise<void>;
}

export function testClock(): TestClock {
  let now = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  const settle = async () => {
    for (let i = 0; i < 5; i += 1) await setImmediate();
  };
  return {
    monotonicMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0 || signal?.aborted) return resolve();
        const wake = () => {
          signal?.removeEventListener('abort', wake);
          sleepers = sleepers.filter((one) => one !== sleeper);
          resolve();
        };
        const sleeper = { at: now + ms, wake };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', wake);
      }),
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        const next = Math.min(...sleepers.map((sleeper) => sleeper.at));
        if (next > until) break;
        now = Math.max(now, next);
        for (const { wake } of sleepers.filter((sleeper) => sleeper.at <= now)) wake();
        await settle();
      }
      now = until;
    },
  };
}
