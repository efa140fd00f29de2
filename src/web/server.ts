import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import fastify, {
  errorCodes,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { HeraldError } from '../domain/errors.ts';
import { guardRoutes, tooManyRequests } from './access.ts';
import { announcementRoutes } from './api/announcements.ts';
import { auditRoutes } from './api/audit.ts';
import type { ZodServer } from './api/common.ts';
import { deliveryRoutes } from './api/deliveries.ts';
import { endpointRoutes } from './api/endpoints.ts';
import { importRoutes } from './api/imports.ts';
import { listRoutes } from './api/lists.ts';
import { messageRoutes } from './api/messages.ts';
import { quietHoursRoutes } from './api/quiet-hours.ts';
import { subscriberRoutes } from './api/subscribers.ts';
import { userRoutes } from './api/users.ts';
import { twilioCallbacks } from './callbacks/twilio.ts';
import { closeSoon } from './closing.ts';
import { consolePages } from './console/console.ts';
import { docsPages, openApi } from './docs.ts';
import { honourIdempotencyKeys } from './idempotency.ts';
import { WideLines } from './log.ts';
import { answerEarly, answerProblems } from './problem.ts';
import { healthRoutes } from './public/health.ts';
import { leavePages } from './public/leave.ts';
import { leaveByCodePages } from './public/leave-by-code.ts';
import { publicPages } from './public/pages.ts';
import type { WebApp } from './web-app.ts';

const BODY_LIMIT = 1_000_000;
/** Longest time to receive a whole request; an import of 100 MB over a slow line. */
const REQUEST_TIMEOUT_MS = 600_000;
/** Requests a minute from one address, before anything is known of who asks. An office may share one. */
const PER_ADDRESS_AND_MINUTE = 6_000;
/** With an event loop this late (milliseconds, on average over a second) new API requests are sent away. */
const MAX_EVENT_LOOP_DELAY_MS = 2_000;

/** Nothing inline, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'style-src': ["'self'"],
    'img-src': ["'self'"],
    'form-action': ["'self'"],
    'base-uri': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
};

/** Herald's web server, apart from listening: API, providers' callbacks, citizens' and newsrooms' pages. */
export async function buildServer(app: WebApp): Promise<FastifyInstance> {
  const server: ZodServer = fastify({
    loggerInstance: app.log as FastifyBaseLogger,
    logController: new WideLines(),
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A reverse proxy on this machine may say who asks; nobody else.
    trustProxy: 'loopback',
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerEarly,
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  takeJson(server);
  closeSoon(server);

  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    requirePlainUtf8(request);
  });
  await server.register(helmet, {
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
    // The addresses of leave pages are secrets of their owners.
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    hsts: app.config.publicUrl.startsWith('https:') ? { maxAge: 31_536_000 } : false,
  });
  answerProblems(server);
  await server.register(rateLimit, {
    max: PER_ADDRESS_AND_MINUTE,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) => tooManyRequests(Math.ceil(ttl / 1000)),
  });
  await server.register(cookie);
  guardRoutes(server, app);
  await openApi(server, app);

  await server.register(async (api: ZodServer) => {
    // Addresses of citizens and secrets shown once belong in no cache.
    api.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    await api.register(underPressure, { maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS, retryAfter: 5 });
    honourIdempotencyKeys(api, app);
    announcementRoutes(api, app);
    deliveryRoutes(api, app);
    messageRoutes(api, app);
    subscriberRoutes(api, app);
    importRoutes(api, app);
    listRoutes(api, app);
    quietHoursRoutes(api, app);
    endpointRoutes(api, app);
    userRoutes(api, app);
    auditRoutes(api, app);
  });
  await server.register((callbacks: ZodServer) => twilioCallbacks(callbacks, app));
  await server.register((pages: ZodServer) => leavePages(pages, app));
  await server.register((pages: ZodServer) => leaveByCodePages(pages, app));
  await server.register((pages: ZodServer) => consolePages(pages, app), { prefix: '/console' });
  publicPages(server, app);
  healthRoutes(server, app);
  await docsPages(server);
  return server;
}

/**
 * A body in another encoding would be taken for what it is not.
 * @throws an error with FST_ERR_CTP_INVALID_MEDIA_TYPE (415)
 */
function requirePlainUtf8({ headers }: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([\w-]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  if (/^(utf-?8|us-ascii)$/i.test(charset) && /^(identity)?$/i.test(headers['content-encoding'] ?? ''))
    return;
  throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(charset);
}

/**
 * JSON in UTF-8 and nothing else: bytes of another encoding would reach citizens as rubbish. A POST without a body often
 * comes with a JSON content type all the same (`curl -H`, most HTTP clients), and is taken.
 */
function takeJson(server: ZodServer): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body as Buffer)) {
      done(new HeraldError('invalid', 'not-utf-8', 'the body is not UTF-8', { fix: 'send it as UTF-8' }));
      return;
    }
    const text = body.toString('utf8');
    if (text === '') done(null, undefined);
    else parse(request, text, done);
  });
}
