import { createPacer } from '../../src/pipeline/pacer.ts';
import type { Clock } from '../../src/pipeline/ports.ts';
import { tellParent } from '../../src/process.ts';
import { createRedisLimiter } from '../../src/queue/redis-limiter.ts';
import { createPostgresLimiter } from '../../src/storage/limiter.ts';
import { createPool } from '../../src/storage/pool.ts';
import type { Spent } from './windows.ts';

/** What a parent tells one process that spends all it is granted, without a gateway, and says when. */
export interface Order {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly bucket: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** What messages cost, in turn. */
  readonly costs: readonly number[];
}

/** As a worker process has them. */
const SHARDS_AT_ONCE = 4;
const ROWS_AT_ONCE = 50;
/** A claim's round trip. Milliseconds. */
const CLAIM_MS = 8;

const clock: Clock = {
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const PRIORITY = 3;
const waitUntil = async (at: number) => {
  const early = at - clock.monotonicMs();
  if (early > 2) await clock.sleep(early);
};

process.once('message', (order: Order) => {
  spend(order).then(
    (spent) => {
      process.send?.({ spent }, () => process.disconnect());
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
tellParent({ ready: true });

async function spend({ bucket, ratePerSecond, seconds, costs, ...urls }: Order): Promise<Spent[]> {
  const pool = createPool({
    connectionString: urls.databaseUrl,
    max: SHARDS_AT_ONCE,
    applicationName: 'pacer',
    mayForget: true,
  });
  const redis = urls.redisUrl ? createRedisLimiter({ url: urls.redisUrl, prefix: 'promises' }) : undefined;
  const pacer = createPacer(redis ?? createPostgresLimiter(pool), bucket, ratePerSecond, clock);
  const usual = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const spent: Spent[] = [];
  const until = clock.monotonicMs() + seconds * 1_000;
  let turn = 0;
  const shard = async () => {
    while (clock.monotonicMs() < until) {
      const allowance = await pacer.take(Math.ceil(ROWS_AT_ONCE * usual), PRIORITY, usual);
      if (allowance.tokens <= 0) {
        await clock.sleep(Math.min(allowance.inMs, 100));
        continue;
      }
      await clock.sleep(CLAIM_MS);
      const rows = Math.max(1, Math.floor(allowance.tokens / usual));
      const prices = Array.from({ length: rows }, () => costs[turn++ % costs.length] ?? 1);
      const turns = pacer.spend(allowance, prices);
      const sends = prices.map(async (cost, i) => {
        const due = turns[i] ?? 0;
        await waitUntil(due);
        await waitUntil(await pacer.confirm(due, cost, PRIORITY));
        spent.push({ at: performance.timeOrigin + performance.now(), cost });
      });
      pacer.giveBack(allowance);
      await Promise.all(sends);
    }
  };
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, shard));
  await redis?.close();
  await pool.end();
  return spent.filter(({ at }) => at - performance.timeOrigin < until);
}
