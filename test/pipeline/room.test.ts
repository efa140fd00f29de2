import { expect, it } from 'vitest';
import { createRoom } from '../../src/pipeline/deliver.ts';

it('no more requests are under way than there are connections; the next one starts as one ends', async () => {
  const room = createRoom(10, 2);
  expect(await Promise.all([room.start(0), room.start(0)])).toEqual([true, true]);
  const third = room.start(10_000);
  room.end();
  expect(await third).toBe(true);
});

it('a row that finds no connection in time is told so, and takes nothing', async () => {
  const room = createRoom(10, 1);
  expect(await room.start(0)).toBe(true);
  expect(await room.start(5)).toBe(false);
  room.end();
  expect(await room.start(0)).toBe(true);
});

it('nothing is claimed while a row waits for a connection', async () => {
  const room = createRoom(10, 1);
  room.enter(4);
  expect(await room.start(0)).toBe(true);
  expect(room.free).toBe(6);
  const waiting = room.start(10_000);
  expect(room.free).toBe(0);
  room.end();
  await waiting;
  expect(room.free).toBe(6);
});
