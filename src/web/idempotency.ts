import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import { canonicalJson } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import { holderOf } from './access.ts';

interface Held {
  readonly userId: number;
  readonly key: string;
  /** Of the request; undefined while a streamed body has not been read to its end. */
  sha256: Buffer | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is a stream: the handler itself replays or hashes it. */
    streamed?: boolean;
  }
  interface FastifyRequest {
    /** The Idempotency-Key that this request has taken and must finish or give back. */
    held: Held | null;
  }
}

/**
 * `Idempotency-Key` on every POST below this scope: the answer is kept for 24 hours and given again to the same
 * request. What failed through our fault, or was refused before it began (schema, key, limits), is not kept.
 */
export function honourIdempotencyKeys(server: FastifyInstance, app: Pick<App, 'idempotency'>): void {
  server.decorateRequest('held', null);
  server.addHook('preHandler', async (request, reply) => {
    if (request.method !== 'POST' || request.routeOptions.config.streamed) return;
    const sha256 = hashOf(request)
      .update(canonicalJson(request.body ?? null))
      .digest();
    const stored = await hold(app, request, sha256);
    if (!stored) return;
    app.idempotency.checkSame(stored, sha256);
    return replay(reply, stored);
  });
  server.addHook('preSerialization', async (request, reply, body) => {
    if (request.method === 'POST' && reply.statusCode === 201) locate(reply, body);
    return body;
  });
  server.addHook('onSend', async (request, reply, payload) => {
    const { held } = request;
    if (!held) return;
    request.held = null;
    if (reply.statusCode >= 500 || held.sha256 === undefined)
      await app.idempotency.abandon(held.userId, held.key);
    else
      await app.idempotency.finish(held.userId, held.key, held.sha256, {
        status: reply.statusCode,
        body: String(payload ?? ''),
      });
  });
}

/** Takes the request's key if it has one; the stored answer when it was used before. */
export async function hold(
  app: Pick<App, 'idempotency'>,
  request: FastifyRequest,
  sha256: Buffer | undefined,
) {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new HeraldError(
      'invalid',
      'bad-idempotency-key',
      'an Idempotency-Key has 1 to 255 visible ASCII characters',
    );
  }
  const userId = holderOf(request).id;
  const stored = await app.idempotency.begin(userId, key, sha256 ?? Buffer.alloc(32));
  if (!stored) request.held = { userId, key, sha256 };
  return stored;
}

export function replay(
  reply: FastifyReply,
  stored: { readonly status: number; readonly body: string },
): FastifyReply {
  if (stored.status === 201) locate(reply, JSON.parse(stored.body));
  return reply
    .code(stored.status)
    .header('idempotency-replayed', 'true')
    .type(stored.status < 400 ? 'application/json' : 'application/problem+json')
    .send(stored.body);
}

/** Where what was made can be found (RFC 9110, 10.2.2), also in a replayed answer. */
function locate(reply: FastifyReply, body: unknown): void {
  const { id } = (body ?? {}) as { id?: unknown };
  if (typeof id === 'string') reply.header('location', `${reply.request.url.split('?')[0]}/${id}`);
}

/** What makes a request the same: method, path and body. */
export const hashOf = (request: FastifyRequest) =>
  createHash('sha256').update(`${request.method} ${request.url}\n`);
