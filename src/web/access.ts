import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import { type Role, requireRole } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import { admit, checkOrigin, isConsole } from './session.ts';

/**
 * Who may call a route: everybody, whoever can sign as the provider (checked behind it), or at least this role: by a key, or
 * in the console by a session.
 */
export type Access = 'public' | 'provider' | Role;

/** The user that a key acts for. */
export type KeyHolder = NonNullable<Awaited<ReturnType<App['users']['authenticate']>>>;

export interface AccessRule {
  readonly method: string;
  readonly url: string;
  readonly access: Access | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyInstance {
    /** Every route with its rule, as registered. */
    accessRules: readonly AccessRule[];
  }
  interface FastifyRequest {
    keyHolder: KeyHolder | null;
  }
}

/** Requests a minute that one user's keys may make together. */
const PER_USER_AND_MINUTE = 3_000;

/**
 * The one place where routes are guarded: each says `config.access`, and the server does not start when one does
 * not. Key or session is checked before the body is read, and after the limit per address has been passed; a form of
 * the console after its body was read. Which of the two a route takes hangs on its address alone, so that none can forget.
 */
export function guardRoutes(server: FastifyInstance, app: Pick<App, 'users' | 'identity' | 'config'>): void {
  const rules: AccessRule[] = [];
  server.decorate('accessRules', rules);
  server.decorateRequest('keyHolder', null);
  server.decorateRequest('visitor', null);
  server.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      rules.push({
        method,
        url: route.url,
        get access() {
          return route.config?.access;
        },
      });
    }
  });
  server.addHook('onReady', async () => {
    const open = rules.filter((rule) => rule.access === undefined);
    if (open.length > 0) {
      throw new Error(`no access rule: ${open.map((rule) => `${rule.method} ${rule.url}`).join(', ')}`);
    }
  });
  let overUserLimit: ReturnType<FastifyInstance['createRateLimit']> | undefined;
  server.addHook('preValidation', async (request) => {
    if (isConsole(request.url)) checkOrigin(request, app);
  });
  server.addHook('preParsing', async (request, reply) => {
    if (isConsole(request.url)) {
      await admit(request, reply, app);
      return;
    }
    const access = request.is404 ? 'public' : request.routeOptions.config.access;
    if (access === 'public' || access === 'provider') return;
    const holder = await authenticate(request, app);
    request.keyHolder = holder;
    requireRole(holder.role, access ?? 'admin');
    overUserLimit ??= server.createRateLimit({ max: PER_USER_AND_MINUTE, keyGenerator: userKey });
    const limit = await overUserLimit(request);
    if (!limit.isAllowed && limit.isExceeded) {
      reply.header('retry-after', limit.ttlInSeconds);
      throw tooManyRequests(limit.ttlInSeconds);
    }
  });
}

/** The guarded route's user. */
export function holderOf(request: FastifyRequest): KeyHolder {
  if (request.keyHolder) return request.keyHolder;
  throw new HeraldError('unauthenticated', 'key-required', 'this needs an API key');
}

/** 429 has no kind of its own in the domain; the error handler knows it by its status. */
export function tooManyRequests(seconds: number): Error {
  return Object.assign(new Error(`too many requests; try again in ${seconds} s`), { statusCode: 429 });
}

const userKey = (request: FastifyRequest) =>
  createHash('sha256').update(`user ${request.keyHolder?.id}`).digest('base64url');

async function authenticate(request: FastifyRequest, app: Pick<App, 'users'>): Promise<KeyHolder> {
  const fix = 'send the header "Authorization: Bearer hk_…"; an admin makes keys with: herald keys create';
  const key = /^Bearer +(\S{1,128})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!key) throw new HeraldError('unauthenticated', 'key-required', 'this needs an API key', { fix });
  const holder = await app.users.authenticate(key);
  if (!holder)
    throw new HeraldError(
      'unauthenticated',
      'key-unknown',
      'this API key is unknown or revoked, or its user is disabled',
      { fix },
    );
  return holder;
}
