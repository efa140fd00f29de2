import { expect, test } from 'vitest';
import { createRedisLimiter } from '../../src/queue/redis-limiter.ts';
import { describeLimiter } from '../conformance/limiter.ts';
import { redisUrl } from '../support/redis.ts';
import { freePort, uniqueName } from '../support/servers.ts';

const url = redisUrl();
if (url) {
  describeLimiter('Redis', async () => {
    const prefix = uniqueName('t');
    const open: ReturnType<typeof createRedisLimiter>[] = [];
    return {
      limiter() {
        const limiter = createRedisLimiter({ url, prefix });
        open.push(limiter);
        return limiter;
      },
      async dispose() {
        for (const limiter of open) await limiter.close();
      },
    };
  });
}

test('a Redis that is not there is said at once', async () => {
  const limiter = createRedisLimiter({ url: `redis://127.0.0.1:${await freePort()}`, prefix: 'x' });
  const since = performance.now();
  const asking = limiter.reserve({ bucket: 'b', ratePerSecond: 1, wanted: 1, priority: 1 });
  await expect(asking).rejects.toMatchObject({ code: 'limiter-unavailable' });
  expect(performance.now() - since).toBeLessThan(2_500);
  await limiter.close();
});
