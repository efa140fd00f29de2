import { expect, it } from 'vitest';
import { recent } from '../../src/pipeline/recent.ts';

it('asks once while an answer is good enough, and again after it; for each question by itself', async () => {
  let now = 0;
  const asked: string[] = [];
  const ask = recent(
    async (what: string) => asked.push(what),
    (what) => what,
    1_000,
    () => now,
  );
  expect(await Promise.all([ask('a'), ask('a'), ask('b')])).toEqual([1, 1, 2]);
  now = 999;
  expect(await ask('a')).toBe(1);
  now = 1_000;
  expect(await ask('a')).toBe(3);
  expect(asked).toEqual(['a', 'b', 'a']);
});

it('keeps no failure, and only so many answers', async () => {
  let asked = 0;
  const ask = recent(
    async (what: number) => {
      asked += 1;
      if (what < 0) throw new Error('away');
      return asked;
    },
    String,
    1_000,
    () => 0,
  );
  await expect(ask(-1)).rejects.toThrow('away');
  await expect(ask(-1)).rejects.toThrow('away');
  expect(asked).toBe(2);
  const first = await ask(0);
  for (let n = 1; n <= 100; n += 1) await ask(n);
  expect(await ask(0)).not.toBe(first);
});
