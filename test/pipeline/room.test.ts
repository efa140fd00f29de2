import { describe, expect, it } from 'vitest';
import { createRoom } from '../../src/pipeline/room.ts';

const now = () => performance.now();

describe('starting', () => {
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
});

describe('claiming', () => {
  it('a claim is worth its round trip when what is claimed already keeps the connections busy meanwhile', async () => {
    const room = createRoom(200, 64, now);
    expect(await room.enter(100, 0)).toBe(100);
    expect(await room.enter(100, 0)).toBe(100);
    room.leave(99);
    expect(await room.enter(100, 0)).toBe(0);
    room.leave();
    expect(await room.enter(100, 0)).toBe(100);
  });

  it('what is small need not wait for more room than it wants', async () => {
    const room = createRoom(200, 64, now);
    await room.enter(160, 0);
    expect(await room.enter(30, 0)).toBe(30);
    expect(await room.enter(100, 0)).toBe(0);
  });

  it('whoever came first is served first, as places are left', async () => {
    const room = createRoom(10, 10, now);
    await room.enter(10, 0);
    const served: string[] = [];
    const first = room.enter(10, 10_000).then((places) => served.push(`first ${places}`));
    const second = room.enter(2, 10_000).then((places) => served.push(`second ${places}`));
    room.leave(4);
    await Promise.resolve();
    expect(served).toEqual([]);
    room.leave(6);
    await first;
    room.leave(9);
    await second;
    expect(served).toEqual(['first 10', 'second 2']);
  });

  it('whoever waits in vain takes nothing, and the next one is served', async () => {
    const room = createRoom(10, 10, now);
    await room.enter(10, 0);
    expect(await room.enter(5, 5)).toBe(0);
    const next = room.enter(3, 10_000);
    room.leave(5);
    expect(await next).toBe(3);
    expect(await room.enter(2, 0)).toBe(2);
  });

  it('nothing more is claimed while a row waits long for a connection', async () => {
    let time = 0;
    const room = createRoom(10, 1, () => time);
    await room.enter(4, 0);
    expect(await room.start(0)).toBe(true);
    const waiting = room.start(10_000);
    // A little: the next rows are claimed while these are sent.
    time = 200;
    expect(await room.enter(1, 0)).toBe(1);
    time = 300;
    expect(await room.enter(1, 0)).toBe(0);
    const next = room.enter(1, 10_000);
    room.end();
    await waiting;
    expect(await next).toBe(1);
  });
});
