import { expect, test } from 'vitest';
import { undo } from '../src/undo.ts';

test('the last first, whatever fails, once', async () => {
  const undone: number[] = [];
  const step =
    (n: number, fails = false) =>
    async () => {
      undone.push(n);
      if (fails) throw new Error(`${n} fails`);
    };
  const steps = [step(1), step(2, true), step(3), step(4, true)];
  await expect(undo(steps)).rejects.toThrow('4 fails');
  await undo(steps);
  expect(undone).toEqual([4, 3, 2, 1]);
});

test('a step that fails at once keeps no other from being undone', async () => {
  const undone: number[] = [];
  const thrower = () => {
    throw new Error('at once');
  };
  await expect(undo([() => undone.push(1), thrower])).rejects.toThrow('at once');
  expect(undone).toEqual([1]);
});
