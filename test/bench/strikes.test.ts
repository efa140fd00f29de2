import { expect, test } from 'vitest';
import { parseStat } from '../../bench/chaos/processes.ts';
import { createRandom } from '../../bench/chaos/random.ts';
import { spread } from '../../bench/chaos/strikes.ts';

const SPECIALS = { freeze: { times: 1, aside: true }, outage: { times: 1, aside: true }, web: { times: 3 } };

test.each([1, 2, 8, 200])('every special strike comes before one of %d kills', (kills) => {
  for (let seed = 0; seed < 50; seed += 1) {
    const schedule = spread(SPECIALS, kills, createRandom(seed));
    const due = [...schedule].flatMap(([at, names]) => (at >= 0 && at < kills ? names : []));
    expect(due.toSorted()).toEqual(['freeze', 'outage', 'web', 'web', 'web']);
  }
});

test('a seed decides, and each purpose has numbers of its own', () => {
  const draw = (seed: number, purpose?: string) => {
    const random = createRandom(seed, purpose);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(draw(1, 'freeze')).toEqual(draw(1, 'freeze'));
  const all = [draw(1), draw(1, 'freeze'), draw(1, 'cut'), draw(2), draw(2, 'freeze')];
  expect(new Set(all.map(String)).size).toBe(all.length);
});

test('a process is told from a later one by when it began, whatever it is called', () => {
  const fields = Array.from({ length: 17 }, (_, i) => i);
  expect(parseStat(`42 (a (b) c) T 7 ${fields.join(' ')} 99 0`)).toEqual({
    state: 'T',
    parent: 7,
    startedAt: 99,
  });
});
