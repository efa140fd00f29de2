import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked for every few seconds by a machine: logged at `debug`. */
    quiet?: boolean;
  }
}

/**
 * One line a request, when it is over. It names the route and never the URL: addresses of leave pages are their
 * owners' secrets, and queries may hold more than they should.
 */
export class WideLines extends LogController {
  override incomingRequest(): void {
    // Said when it is over.
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const { url: route = null, config } = request.routeOptions;
    const line = {
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      userId: request.keyHolder?.id ?? request.visitor?.session?.userId ?? null,
    };
    if (error) reply.log.error({ ...line, err: error }, 'request errored');
    else reply.log[config?.quiet && reply.statusCode < 500 ? 'debug' : 'info'](line, 'request');
  }
}
