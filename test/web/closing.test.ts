import { once } from 'node:events';
import { connect } from 'node:net';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { closeSoon } from '../../src/web/closing.ts';

test('a server that is told to close does not wait for a connection over which nobody asked anything', async () => {
  const server = fastify({ forceCloseConnections: 'idle' });
  closeSoon(server);
  const connected = once(server.server, 'connection');
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), '127.0.0.1');
  await connected;
  const ended = once(socket, 'close');
  const began = performance.now();
  await server.close();
  await ended;
  expect(performance.now() - began).toBeLessThan(10_000);
});
