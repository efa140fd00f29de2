import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

const LOOK_EVERY_MS = 50;

/**
 * Lets the server end as soon as what is under way has been answered. Node closes the connections that are idle at the moment
 * when it is told to; not those over which no request has come yet (browsers and HTTP clients open some in advance), nor
 * those that become idle a moment later. Either would keep it for over a minute.
 */
export function closeSoon(fastify: FastifyInstance): void {
  const { server } = fastify;
  const silent = new Set<Socket>();
  let looking: NodeJS.Timeout | undefined;
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }: { readonly socket: Socket }) => silent.delete(socket));
  fastify.addHook('preClose', async () => {
    for (const socket of silent) socket.destroy();
    looking = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS);
  });
  // Nothing is under way any more.
  fastify.addHook('onClose', async () => clearInterval(looking));
}
