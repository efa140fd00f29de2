import type { FastifyInstance } from 'fastify';

/**
 * Lets the server end as soon as what is under way has been answered. Connections that are idle when it begins to close are
 * closed by it; one that becomes idle a moment later would keep it open for as long as connections are kept (72 s).
 */
export function closeSoon(server: FastifyInstance): void {
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
  });
  server.addHook('onSend', async (_request, reply, payload) => {
    if (closing) reply.header('connection', 'close');
    return payload;
  });
}
