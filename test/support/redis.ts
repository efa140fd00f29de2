import { inject } from 'vitest';

/** The run's Redis, or `null` where none could be had (said loudly at the start, and `.ci/run` fails). */
export function redisUrl(): string | null {
  return inject('redisUrl');
}
