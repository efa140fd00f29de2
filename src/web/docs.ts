import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { App } from '../app.ts';
import type { ZodServer } from './api/common.ts';
import { problemSchema } from './problem.ts';

const PREFIX = '/docs';
/** The reference runs its own script from our host, and nothing else; its icons are data URLs. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const IDEMPOTENCY_KEY = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      maxLength: 255,
      description:
        'Sent again with the same request within 24 hours, gives the first answer and does nothing twice',
    },
  },
};
const PROBLEM = {
  description: 'What is wrong, and what to do',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** OpenAPI 3.1 out of the routes' own schemas and access rules. To be registered before the routes. */
export async function openApi(server: ZodServer, app: Pick<App, 'config'>): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Herald',
        version: '1',
        description: `Announcements of ${app.config.officeName}, by SMS, e-mail and webhook. Mode: ${app.config.mode}.`,
      },
      servers: [{ url: app.config.publicUrl }],
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key, hk_…' } },
      },
    },
    transform: (document) => {
      const { access, streamed } = document.route.config ?? {};
      const guarded = access !== undefined && access !== 'public' && access !== 'provider';
      const given = document.schema ?? {};
      const response = { ...(given.response as object), default: PROBLEM };
      const { schema, url } = jsonSchemaTransform({
        ...document,
        schema: {
          operationId: operationId(String(document.route.method), document.url),
          ...(guarded ? { ...given, response } : given),
        },
      });
      if (!guarded) return { schema, url };
      return {
        url,
        schema: {
          ...schema,
          security: [{ key: [] }],
          description: [given.description, `Needs the role ${access}.`].filter(Boolean).join(' '),
          ...(document.route.method === 'POST' && { headers: IDEMPOTENCY_KEY }),
          ...(streamed && { body: { type: 'string' } }),
        },
      };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

/** Names for clients that are generated: `POST /v1/announcements/:id/approve` → `postAnnouncementsIdApprove`. */
function operationId(method: string, url: string): string {
  const words = url.replace(/^\/v1\//, '').match(/[A-Za-z\d]+/g) ?? [];
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** The document, and a reference to read and try it in. */
export async function docsPages(server: ZodServer): Promise<void> {
  server.get('/openapi.json', {
    config: { access: 'public' },
    schema: { hide: true },
    handler: (_request, reply) => reply.type('application/json').send(JSON.stringify(server.swagger())),
  });
  await server.register(async (scope) => {
    // The reference brings its own routes; nothing in it is secret.
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' };
    });
    await scope.register(swaggerUi, {
      routePrefix: PREFIX,
      staticCSP: DOCS_CSP,
      theme: { title: 'Herald API' },
      uiConfig: { docExpansion: 'list', tryItOutEnabled: false, validatorUrl: null },
    });
  });
}
