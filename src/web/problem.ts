import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type ErrorKind, HeraldError, type Issue } from '../domain/errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Code of a request that the route's schema refuses; `invalid-request` when absent. */
    invalidCode?: string;
  }
}

/** RFC 9457, with Herald's stable `code`, what to do about it, and what is wrong where. */
export const problemSchema = z
  .object({
    type: z.string().describe('A URN made of the code'),
    title: z.string().describe('The status in words'),
    status: z.int(),
    code: z.string().describe('Stable; clients may switch on it'),
    detail: z.string(),
    fix: z.string().optional().describe('What to do about it'),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    requestId: z.string().describe('To be named when asking for help'),
  })
  .meta({ id: 'Problem' });
/** An error as those outside may know it. */
export type Facts = Pick<z.infer<typeof problemSchema>, 'status' | 'code' | 'detail'> & {
  fix?: string;
  issues?: readonly Issue[];
};

const STATUS_OF: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unavailable: 503,
};

/** Errors that are not ours, by their code: Fastify's (`FST_…`) and PostgreSQL's (SQLSTATE). */
const FOREIGN: Readonly<Record<string, Facts>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: {
    status: 400,
    code: 'malformed-json',
    detail: 'the body is not JSON',
    fix: 'send JSON, as /docs shows it for this address',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'bad-content-length',
    detail: 'the body is not as long as Content-Length says',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: 'too-large',
    detail: 'the body is too large',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'unsupported-media-type',
    detail: 'this Content-Type is not taken here',
  },
  FST_ERR_BAD_URL: {
    status: 400,
    code: 'bad-url',
    detail: 'the address holds a % that is not followed by two hexadecimal digits of UTF-8',
  },
  FST_UNDER_PRESSURE: {
    status: 503,
    code: 'overloaded',
    detail: 'Herald has too much to do at the moment',
    fix: 'try again in a few seconds',
  },
  '22021': { status: 400, code: 'invalid-text', detail: 'a text holds a NUL character' },
  '22P05': { status: 400, code: 'invalid-text', detail: 'a text holds a NUL character' },
  '22003': { status: 400, code: 'out-of-range', detail: 'a number is out of range' },
};
/** Node's and PostgreSQL's ways of saying that the database is away, restarting or full. */
const DATABASE_AWAY = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|08...|53...|57P0.)$/;

export function factsOf(error: unknown, request: FastifyRequest): Facts {
  if (error instanceof HeraldError) {
    const { kind, code, message, fix, issues } = error;
    return {
      status: STATUS_OF[kind],
      code,
      detail: message,
      ...(fix && { fix }),
      ...(issues.length > 0 && { issues }),
    };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map((issue) => ({
      path: issue.instancePath.slice(1).replaceAll('/', '.'),
      message: issue.message ?? 'is wrong',
    }));
    const code = request.routeOptions.config.invalidCode ?? 'invalid-request';
    const detail = issues
      .map((issue) => `${issue.path || (error.validationContext ?? 'body')}: ${issue.message}`)
      .join('; ');
    return { status: 400, code, detail, issues };
  }
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  const foreign = code === undefined ? undefined : FOREIGN[code];
  if (foreign) return { ...foreign, ...fixFor(foreign.status, request) };
  if (code && DATABASE_AWAY.test(code)) {
    return {
      status: 503,
      code: 'database-unavailable',
      detail: 'the database does not answer',
      fix: 'try again in a moment',
    };
  }
  if (statusCode === 429)
    return {
      status: 429,
      code: 'too-many-requests',
      detail: message ?? '',
      fix: 'wait as long as Retry-After says',
    };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: 'bad-request', detail: STATUS_CODES[statusCode] ?? 'Bad Request' };
  }
  return {
    status: 500,
    code: 'internal',
    detail: 'something is wrong in Herald; this was written to its log',
  };
}

/** What a route takes, for whoever sent too much or something else. */
function fixFor(status: number, request: FastifyRequest): { fix?: string } {
  const { bodyLimit, schema } = request.routeOptions;
  const { consumes = ['application/json'] } = (schema ?? {}) as { consumes?: readonly string[] };
  if (status === 413) return { fix: `send at most ${Math.floor((bodyLimit ?? 0) / 1_000)} kB` };
  if (status === 415) return { fix: `send ${consumes.join(' or ')} in UTF-8, without Content-Encoding` };
  return {};
}

/** For what fails before a route is found: an address that cannot be decoded, or is too long. */
export function answerEarly(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
  return sendProblem(request, reply, factsOf(error, request));
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, facts: Facts): FastifyReply {
  const problem = {
    type: `urn:herald:problem:${facts.code}`,
    title: STATUS_CODES[facts.status] ?? 'Error',
    ...facts,
    requestId: request.id,
  };
  if (facts.status === 401) reply.header('www-authenticate', 'Bearer realm="herald"');
  return reply.code(facts.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Every error of every route becomes a problem document; what is our fault goes to the log, and nothing else out. */
export function answerProblems(server: FastifyInstance): void {
  server.setErrorHandler((error, request, reply) => {
    const facts = factsOf(error, request);
    if (facts.status >= 500)
      request.log.error({ err: error, route: request.routeOptions.url }, 'request failed');
    return sendProblem(request, reply, facts);
  });
  server.setNotFoundHandler((request, reply) => {
    const allow = methodsAt(server, request.url.split('?')[0] ?? '');
    if (allow.length > 0) {
      reply.header('allow', allow.join(', '));
      return sendProblem(request, reply, {
        status: 405,
        code: 'method-not-allowed',
        detail: `this address does not take ${request.method}`,
        fix: `use ${allow.join(', ')}`,
      });
    }
    return sendProblem(request, reply, {
      status: 404,
      code: 'no-such-route',
      detail: 'there is nothing at this address',
      fix: 'see /docs',
    });
  });
}

/** The methods that routes at a path take. */
function methodsAt(server: FastifyInstance, path: string): readonly string[] {
  const parts = path.split('/');
  const fits = (pattern: string) => {
    const wanted = pattern.split('/');
    return (
      wanted.length === parts.length &&
      wanted.every((p, i) => p === parts[i] || (p.startsWith(':') && parts[i]))
    );
  };
  return [...new Set(server.accessRules.filter(({ url }) => fits(url)).map(({ method }) => method))].sort();
}
