import { expect, it } from 'vitest';
import { createRoom } from '../../src/pipeline/room.ts';

const now = () => performance.now();

it('no more requests are under way than there are connections; the next one starts as one ends', async () => {
  const room = createRoom(10, 2, now);
  expect(await Promise.all([room.start(0), room.start(0)])).toEqual([true, true]);
  const third = room.start(10_000);
  room.end();
  expect(await third).toBe(true);
});

it('a row that finds no connection in time is told so, and takes nothing', async () => {
  const room = createRoom(10, 1, now);
  expect(await room.start(0)).toBe(true);
  expect(await room.start(5)).toBe(false);
  room.end();
  expect(await room.start(0)).toBe(true);
});

it('nothing more is claimed while a row waits long for a connection', async () => {
  let time = 0;
  const room = createRoom(10, 1, () => time);
  room.enter(4);
  expect(await room.start(0)).toBe(true);
  const waiting = room.start(10_000);
  // A little: the next rows are claimed while these are sent.
  time = 200;
  expect(room.free).toBe(6);
  time = 300;
  expect(room.free).toBe(0);
  room.end();
  await waiting;
  expect(room.free).toBe(6);
});

it('a claim is worth its round trip when what is claimed already keeps the connections busy meanwhile', () => {
  expect(createRoom(200, 64, now).worth).toBe(100);
  expect(createRoom(100, 10, now).worth).toBe(90);
  expect(createRoom(200, 200, now).worth).toBe(100);
  expect(createRoom(1, 1, now).worth).toBe(1);
});
