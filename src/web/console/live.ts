import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ZodServer } from '../api/common.ts';

/** What one announcement's watchers see is looked up once for all of them, so often. Milliseconds. */
const EVERY_MS = 1_000;
/** A proxy drops what is silent for longer, and the page says that it stands still. Milliseconds. */
const HEARTBEAT_MS = 15_000;
/** Streams that a process keeps open at most; whoever comes then sees the page as it is, without its moving. */
const MOST_STREAMS = 500;

interface Watcher<T> {
  readonly stream: PassThrough;
  readonly draw: (facts: T) => string;
  /** Whether they may still see it. */
  readonly isWelcome: () => Promise<boolean>;
  last: string;
  heardAt: number;
}

/** Something that changes, and whoever watches it by server-sent events. */
export interface Live<T> {
  /**
   * Answers with a stream of `name` events (WHATWG HTML, 9.2) that ends when nothing more will change, the server stops,
   * or the watcher is no longer welcome.
   * @param draw one watcher's own drawing of the facts, sent when it differs from the last
   */
  stream(
    reply: FastifyReply,
    key: number,
    draw: (facts: T) => string,
    isWelcome: () => Promise<boolean>,
  ): FastifyReply;
}

/**
 * @param look what is shown of a key now, asked once a second while somebody watches
 * @param isOver whether nothing more will change
 */
export function createLive<T>(
  server: ZodServer,
  event: string,
  look: (key: number) => Promise<T>,
  isOver: (facts: T) => boolean,
): Live<T> {
  const watched = new Map<number, Set<Watcher<T>>>();
  let streams = 0;

  const tick = async (key: number, watchers: Set<Watcher<T>>): Promise<void> => {
    const facts = await look(key);
    const now = performance.now();
    for (const watcher of watchers) {
      const drawn = watcher.draw(facts);
      // Who reads slower than we write gets the latest when they are ready for it.
      if (drawn !== watcher.last && !watcher.stream.writableNeedDrain) {
        watcher.last = drawn;
        watcher.stream.write(`event: ${event}\n${dataLines(drawn)}\n\n`);
      }
      if (now - watcher.heardAt < HEARTBEAT_MS) continue;
      watcher.heardAt = now;
      if (await watcher.isWelcome()) watcher.stream.write('event: beat\ndata: beat\n\n');
      else watcher.stream.end();
    }
    if (isOver(facts)) for (const { stream } of watchers) stream.end('event: over\ndata: over\n\n');
  };

  const watch = async (key: number, watchers: Set<Watcher<T>>): Promise<void> => {
    while (watchers.size > 0) {
      const began = performance.now();
      try {
        await tick(key, watchers);
      } catch (error) {
        // The page's own link still works, and browsers connect again.
        server.log.warn({ err: error }, 'what is watched could not be looked up');
        for (const { stream } of watchers) stream.end();
      }
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, EVERY_MS - (performance.now() - began))).unref(),
      );
    }
    watched.delete(key);
  };

  server.addHook('preClose', async () => {
    for (const watchers of watched.values()) for (const { stream } of watchers) stream.end();
  });

  return {
    stream(reply, key, draw, isWelcome) {
      // No stream: the page says that it stands still, and asks again later and later.
      if (streams >= MOST_STREAMS) return reply.code(204).send();
      const stream = new PassThrough();
      const watcher = { stream, draw, isWelcome, last: '', heardAt: performance.now() };
      const known = watched.get(key);
      const watchers = known ?? new Set<Watcher<T>>();
      streams += 1;
      watchers.add(watcher);
      stream.once('close', () => {
        streams -= 1;
        watchers.delete(watcher);
      });
      stream.on('error', () => undefined); // whoever watched has gone; `close` follows
      if (!known) {
        watched.set(key, watchers);
        void watch(key, watchers);
      }
      return (
        reply
          .header('content-type', 'text/event-stream')
          .header('cache-control', 'no-store')
          // Or nginx collects them.
          .header('x-accel-buffering', 'no')
          .send(stream)
      );
    },
  };
}

const dataLines = (text: string): string =>
  text
    .split('\n')
    .map((line) => `data: ${line}`)
    .join('\n');
