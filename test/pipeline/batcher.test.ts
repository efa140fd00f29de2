import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/pipeline/batcher.ts';

const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

describe('a batcher', () => {
  it('writes what comes together as one batch, in order, and answers each when it is written', async () => {
    const batches: (readonly number[])[] = [];
    const batcher = createBatcher<number>(
      async (items) => {
        batches.push(items);
      },
      { maxItems: 3, lingerMs: 1 },
    );
    await Promise.all([1, 2, 3, 4].map((item) => batcher.add(item)));
    expect(batches).toEqual([[1, 2, 3], [4]]);
  });

  it('one batch is under way at a time; the next collects meanwhile', async () => {
    const first = gate();
    const batches: (readonly string[])[] = [];
    const batcher = createBatcher<string>(
      async (items) => {
        batches.push(items);
        if (batches.length === 1) await first.opened;
      },
      { maxItems: 100, lingerMs: 0 },
    );
    const a = batcher.add('a');
    await expect.poll(() => batches).toEqual([['a']]);
    const later = ['b', 'c'].map((item) => batcher.add(item));
    expect(batches).toEqual([['a']]);
    first.open();
    await Promise.all([a, ...later]);
    expect(batches).toEqual([['a'], ['b', 'c']]);
  });

  it('what fails is told to those who were in it, and the next are written all the same', async () => {
    let writes = 0;
    const batcher = createBatcher<string>(
      async () => {
        writes += 1;
        if (writes === 1) throw new Error('away');
      },
      { maxItems: 1, lingerMs: 0 },
    );
    const results = await Promise.allSettled([batcher.add('a'), batcher.add('b')]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled']);
    await batcher.add('c');
  });

  it('is idle when everything is written, also what came meanwhile', async () => {
    const written: string[] = [];
    const batcher = createBatcher<string>(
      async (items) => {
        if (written.length === 0) void batcher.add('late');
        written.push(...items);
      },
      { maxItems: 10, lingerMs: 0 },
    );
    await batcher.idle();
    void batcher.add('early');
    await batcher.idle();
    expect(written).toEqual(['early', 'late']);
  });
});
