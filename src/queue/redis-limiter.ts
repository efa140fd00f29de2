import type { Redis } from 'ioredis';
import { HeraldError } from '../domain/errors.ts';
import type { Limiter } from '../pipeline/ports.ts';
import { connected, createRedisClient } from './redis.ts';

/** Microseconds of the rate that one grant covers at most, and how far ahead of its time it may be given unless said otherwise. */
const BLOCK_US = 100_000;
/** It may be given so far ahead at most, in microseconds. */
const AHEAD_US = 1_000_000;
/** How long an unmet demand keeps lower priorities waiting, in microseconds; asking again renews it. */
const DEMAND_US = 1_000_000;
/** Longest that a refused caller is told to wait: well within {@link DEMAND_US}, or its demand would lapse. */
const RETRY_US = 500_000;
/** As many tokens may be owed: a few messages of many segments that cost more than was thought. */
const MOST_OWED = 64;

/**
 * GCRA on the server's clock. `tat`, the theoretical arrival time, is when the next token is due; a grant of n moves
 * it on by n/rate. Whoever would have to wait longer than `ahead` gets nothing yet. Fields 1–4 are when
 * each priority last asked for more than it got; an ask for later than the next block says nothing of that. What is
 * owed moves `tat` on as well, whosever turn it is.
 *
 * All times are whole microseconds, because Lua in Redis prints no more than 14 digits of a number by itself. A `tat`
 * further off than any grant can put it means that the clock was set back or the rate raised: it is pulled near.
 */
const RESERVE = `
local rate, wanted, priority = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local least, owed, ahead = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'tat', '1', '2', '3', '4')

local longest = math.max(${BLOCK_US}, ${MOST_OWED} * 1000000 / rate)
local tat = math.min(tonumber(state[1] or 0), now + ${AHEAD_US} + longest) + owed * 1000000 / rate
local start = math.max(now, tat)
local outranked = false
for p = 1, priority - 1 do
  local asked = tonumber(state[p + 1] or 0)
  outranked = outranked or (asked > now - ${DEMAND_US} and asked <= now)
end

local granted = 0
if not outranked and start <= now + ahead then
  granted = math.min(wanted, math.max(least, math.floor(rate * ${BLOCK_US} / 1000000)))
end
if granted > 0 then tat = start + granted * 1000000 / rate end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat))
if wanted > 0 and ahead <= ${BLOCK_US} then redis.call('HSET', KEYS[1], priority, granted < wanted and string.format('%.0f', now) or '0') end
redis.call('PEXPIRE', KEYS[1], math.ceil((math.max(0, tat - now) + ${DEMAND_US}) / 1000))

if granted > 0 then return {granted, math.floor(start - now)} end
if outranked then return {0, ${BLOCK_US}} end
return {0, math.floor(math.min(${RETRY_US}, start - now - ${BLOCK_US} / 2))}`;

export type RedisLimiterOptions =
  | { readonly url: string; readonly prefix: string }
  /** A client of the caller's, who also closes it. */
  | { readonly client: Redis; readonly prefix: string };

/**
 * Limits across all processes by one script on one key a bucket. The prefix keeps installations apart.
 * `reserve` throws HeraldError `limiter-unavailable` within two seconds when Redis is away.
 */
export function createRedisLimiter(options: RedisLimiterOptions): Limiter & { close(): Promise<void> } {
  const client = 'client' in options ? options.client : createRedisClient(options.url, 'produce');
  return {
    async reserve({ bucket, ratePerSecond, wanted, priority, atLeast = 1, owed = 0, withinMs }) {
      const key = `herald-${options.prefix}-limit:{${bucket}}`;
      try {
        await connected(client);
        const reply = await client.eval(
          RESERVE,
          1,
          key,
          ratePerSecond,
          Math.max(0, Math.floor(wanted)),
          priority,
          Math.ceil(atLeast),
          owed,
          withinMs === undefined ? BLOCK_US : Math.min(AHEAD_US, Math.round(withinMs * 1_000)),
        );
        const [granted = 0, inUs = 0] = reply as number[];
        return { granted, inMs: Math.max(0, inUs) / 1_000 };
      } catch (error) {
        const { message, code } = error as Error & { code?: string };
        throw new HeraldError(
          'unavailable',
          'limiter-unavailable',
          `the limits in Redis cannot be asked: ${message || code}`,
          {
            fix: 'check REDIS_URL and that the server runs',
            cause: error,
          },
        );
      }
    },
    async close() {
      if (!('client' in options)) client.disconnect();
    },
  };
}
