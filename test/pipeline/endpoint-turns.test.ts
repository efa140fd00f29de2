import { expect, it } from 'vitest';
import { createEndpointTurns } from '../../src/pipeline/endpoint-turns.ts';
import type { Clock, Limiter, Logger } from '../../src/pipeline/ports.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A clock on which sleeping takes no time, and a limiter that grants what the test says. */
function parts(answers: (bucket: string) => { granted: number; inMs: number }) {
  let now = 0;
  const asked: string[] = [];
  const clock: Clock = {
    monotonicMs: () => now,
    async sleep(ms) {
      now += Math.max(0, ms);
    },
  };
  const limiter: Limiter = {
    async reserve({ bucket }) {
      asked.push(bucket);
      return answers(bucket);
    },
  };
  return { turn: createEndpointTurns(limiter, 10, clock, silent), asked, clock };
}

it('an endpoint waits for its own turn, and for no other’s', async () => {
  const { turn, asked, clock } = parts((bucket) => ({ granted: 1, inMs: bucket === 'webhook:1' ? 40 : 0 }));
  expect(await turn(1)).toBe(0);
  expect(clock.monotonicMs()).toBe(40);
  expect(await turn(2)).toBe(0);
  expect(clock.monotonicMs()).toBe(40);
  expect(asked).toEqual(['webhook:1', 'webhook:2']);
});

it('one that gets no turn within a second rests for some, by chance', async () => {
  const { turn } = parts(() => ({ granted: 0, inMs: 100 }));
  const restMs = await turn(1);
  expect(restMs).toBeGreaterThanOrEqual(2_000);
  expect(restMs).toBeLessThanOrEqual(4_000);
  expect(Number.isInteger(restMs)).toBe(true);
});

it('a limiter that does not answer is no error of the message', async () => {
  const { turn } = parts(() => {
    throw new Error('the database is away');
  });
  expect(await turn(1)).toBeGreaterThanOrEqual(2_000);
});
