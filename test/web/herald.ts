import { randomBytes } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { pino } from 'pino';
import { sandboxAccount } from '../../src/adapters.ts';
import { type App, open } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Role } from '../../src/domain/announcement.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { buildServer } from '../../src/web/server.ts';
import { createTestDatabase } from '../support/database.ts';

export const PUBLIC_URL = 'https://herald.example/base';

/** A whole Herald on a database of its own, in trial mode with a sandbox, and its web server. */
export interface Herald {
  readonly app: App;
  readonly server: FastifyInstance;
  readonly secret: string;
  /** What was logged so far, as JSON lines. */
  readonly logged: () => string;
  readonly as: (role: Role) => Caller;
  /** Another user with the role. */
  readonly another: (role: Role) => Promise<Caller>;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came
  readonly body: any;
}

/** Somebody with a key. */
export interface Caller {
  readonly userId: string;
  readonly key: string;
  get(url: string): Promise<Answer>;
  send(
    method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

/** @param environment beside what a test always has, such as another PUBLIC_URL */
export async function startHerald(environment: Readonly<Record<string, string>> = {}): Promise<Herald> {
  const database = await createTestDatabase();
  const secret = randomBytes(32).toString('base64');
  const sandbox = await startSandbox({ twilio: sandboxAccount(secret) });
  const config = loadConfig({
    DATABASE_URL: database.connectionString,
    HERALD_SECRET: secret,
    HERALD_SANDBOX_URL: sandbox.url,
    PUBLIC_URL,
    LOG_LEVEL: 'debug',
    ...environment,
  });
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const app = await open(
    { ...config, databaseUrl: database.connectionString, secret },
    { log, name: 'herald test', connections: 6 },
  );
  const server = await buildServer(app);
  await server.ready();

  const another = async (role: Role): Promise<Caller> => {
    const user = await app.users.add({ name: `a ${role}`, role });
    const { key } = await app.users.createKey(user.id);
    const ask = async (options: InjectOptions): Promise<Answer> => {
      const { statusCode, headers, payload } = await server.inject({
        ...options,
        headers: { authorization: `Bearer ${key}`, ...options.headers },
      });
      return { status: statusCode, headers, body: payload === '' ? undefined : JSON.parse(payload) };
    };
    return {
      userId: app.ids.encode('user', user.id),
      key,
      get: (url) => ask({ method: 'GET', url }),
      send: (method, url, body, headers = {}) =>
        ask({
          method,
          url,
          headers,
          ...(body !== undefined && { payload: body as NonNullable<InjectOptions['payload']> }),
        }),
    };
  };
  const callers = {
    author: await another('author'),
    approver: await another('approver'),
    admin: await another('admin'),
  };
  return {
    app,
    server,
    secret,
    logged: () => lines.join(''),
    as: (role) => callers[role],
    another,
    async close() {
      await server.close();
      await app.close();
      await sandbox.close();
      await database.drop();
    },
  };
}

export const DRAFT = {
  case: { reference: 'DL-2026-0117', title: '系列诈骗案' },
  template: 'hot-case',
  content: { 'zh-CN': { headline: '警惕诈骗', summary: '请立即挂断电话。', body: '警方已立案侦查。' } },
  channels: ['sms', 'email', 'webhook'],
  mode: 'live',
  audience: { topics: [], districts: [] },
};
