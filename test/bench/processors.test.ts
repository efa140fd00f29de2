import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { watchProcessors } from '../../bench/promises/processors.ts';

it.runIf(process.platform === 'linux')(
  'what became of the processors’ time is told as shares of it',
  async () => {
    const shares = watchProcessors();
    const until = performance.now() + 300;
    while (performance.now() < until);
    await pause(50);
    const { idle = Number.NaN, stolen = Number.NaN } = shares() ?? {};
    expect(idle).toBeGreaterThanOrEqual(0);
    // One processor at least was busy most of the time.
    expect(idle).toBeLessThan(1);
    expect(stolen).toBeGreaterThanOrEqual(0);
    expect(idle + stolen).toBeLessThanOrEqual(1);
  },
);
