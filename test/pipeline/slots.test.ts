import { expect, it } from 'vitest';
import { createSlots } from '../../src/pipeline/slots.ts';

/** Work that ends when it is told to. */
function work() {
  let end: (error?: Error) => void = () => {};
  let giveWay: () => void = () => {};
  const start = (way: () => void) => {
    giveWay = way;
    return new Promise<void>((resolve, reject) => {
      end = (error) => (error ? reject(error) : resolve());
    });
  };
  return { start, end: (error?: Error) => end(error), giveWay: () => giveWay() };
}
const isOver = async (promise: Promise<void>): Promise<boolean> =>
  await Promise.race([promise.then(() => true), new Promise<boolean>((r) => setImmediate(r, false))]);

it('a slot is free when its work is over, or gives way; what gave way is waited for at the end', async () => {
  const slots = createSlots(1, () => {});
  const [first, second, third] = [work(), work(), work()];
  const [one, two] = [slots.run(first.start), slots.run(second.start)];
  expect(await isOver(one)).toBe(false);
  first.giveWay();
  first.giveWay();
  expect(await isOver(one)).toBe(true);
  // There is room for one that waits.
  second.giveWay();
  expect(await isOver(two)).toBe(false);
  const idle = slots.idle();
  expect(await isOver(idle)).toBe(false);
  first.end();
  await idle;
  second.giveWay();
  expect(await isOver(two)).toBe(true);
  second.end();
  await slots.idle();
  const three = slots.run(third.start);
  third.end();
  await three;
});

it('what fails is heard of: by whoever waits, or by whoever asked for it', async () => {
  const heard: unknown[] = [];
  const slots = createSlots(1, (error) => heard.push(error));
  const [first, second] = [work(), work()];
  const [one, two] = [slots.run(first.start), slots.run(second.start)];
  const failed = expect(one).rejects.toThrow('first');
  first.end(new Error('first'));
  await failed;
  second.giveWay();
  await two;
  second.end(new Error('second'));
  await slots.idle();
  expect(heard).toEqual([new Error('second')]);
});
