import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { type App, open } from '../../src/app.ts';
import { loadConfig, type ReadyConfig } from '../../src/config.ts';
import type { DraftInput, Role } from '../../src/domain/announcement.ts';
import { HeraldError } from '../../src/domain/errors.ts';
import { WORKER_KINDS, type WorkerKind } from '../../src/domain/health.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import type { DeliveryRow } from '../../src/pipeline/report-store.ts';
import { startOwnSandbox } from '../../src/provision.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { buildServer } from '../../src/web/server.ts';
import { runWorker } from '../../src/worker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/servers.ts';

/** What one log line says. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A Herald on a database of its own, with a sandbox; web server and workers when they are asked for. */
export interface Herald {
  readonly app: App;
  readonly sandbox: Sandbox;
  readonly database: TestDatabase;
  readonly environment: Readonly<Record<string, string>>;
  readonly logged: readonly LogLine[];
  readonly author: Actor;
  readonly approver: Actor;
  readonly admin: Actor;
  another(role: Role): Promise<Actor>;
  /** Another door to the same database, with other settings. */
  open(environment?: Record<string, string | undefined>): Promise<App>;
  /** Listens for callbacks and bounces, and tells the sandbox where. */
  listen(): Promise<void>;
  /** Runs workers until they are stopped; `stop` rejects as the first of them does. */
  work(options?: { readonly app?: App; readonly kinds?: readonly WorkerKind[] }): Promise<Workers>;
  /** Written by the author, approved by the approver. */
  publish(change?: object, app?: App): Promise<number>;
  deliveries(id: number): Promise<readonly DeliveryRow[]>;
  close(): Promise<void>;
}

export interface Workers {
  stop(): Promise<void>;
}

export const DRAFT = {
  case: { reference: 'DL-2026-0117', title: '系列诈骗案' },
  template: 'hot-case',
  content: {
    'zh-CN': { headline: '警惕诈骗', summary: '请立即挂断电话。', body: '警方已立案侦查。' },
    en: { headline: 'Beware of fraud', summary: 'Hang up at once.', body: 'We are investigating.' },
  },
  channels: ['sms', 'email', 'webhook'],
  mode: 'live',
  audience: { topics: [], districts: [] },
} satisfies DraftInput;

export async function startHerald(environment: Record<string, string> = {}): Promise<Herald> {
  const database = await createTestDatabase();
  const secret = randomBytes(32).toString('base64');
  const sandbox = await startOwnSandbox(secret, {});
  const port = await freePort();
  const base = {
    DATABASE_URL: database.connectionString,
    HERALD_SECRET: secret,
    HERALD_SANDBOX_URL: sandbox.url,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    ...environment,
  };
  const logged: LogLine[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const closers: (() => Promise<unknown>)[] = [() => database.drop(), () => sandbox.close()];
  const openApp = async (change: Record<string, string | undefined> = {}): Promise<App> => {
    const config = loadConfig({ ...base, ...change }) as ReadyConfig;
    const opened = await open(config, { log, name: 'herald test', connections: 12 });
    closers.push(() => opened.close());
    return opened;
  };
  const app = await openApp();
  const another = async (role: Role): Promise<Actor> => {
    const { id } = await app.users.add({ name: `a ${role}`, role });
    return { id, role };
  };
  const author = await another('author');
  const approver = await another('approver');

  return {
    app,
    sandbox,
    database,
    environment: base,
    logged,
    author,
    approver,
    admin: await another('admin'),
    another,
    open: openApp,

    async listen() {
      const server = await buildServer(app);
      closers.push(() => server.close());
      await server.listen({ host: '127.0.0.1', port });
      const bounces = await app.listenForBounces();
      if (bounces) closers.push(() => bounces.close());
      sandbox.configure({
        twilio: { inboundUrl: `${app.config.publicUrl}/callbacks/twilio/inbound` },
        ...(bounces && { smtp: { bounceTo: { host: '127.0.0.1', port: bounces.port } } }),
      });
    },

    async work({ app: own = app, kinds = WORKER_KINDS } = {}) {
      const stopping = new AbortController();
      const ended: Promise<void>[] = [];
      const ready = kinds.map(
        (kind) =>
          new Promise<void>((resolve, reject) => {
            const end = runWorker(own, kind, stopping.signal, resolve);
            end.catch(reject);
            ended.push(end);
          }),
      );
      const stop = async () => {
        stopping.abort();
        await Promise.all(ended);
      };
      closers.push(() => stop().catch(() => undefined)); // whoever wants to know how they ended stops them before
      await Promise.all(ready);
      return { stop };
    },

    async publish(change = {}, own = app) {
      const { id } = await own.announce.create({ ...DRAFT, ...change }, author);
      await own.announce.submit(id, author);
      await own.announce.approve(id, approver);
      return id;
    },

    deliveries: (id) => app.reports.deliveries(id, { after: 0, limit: 100_000 }),

    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

/** Waits until an announcement is in this state. */
export async function untilState(app: App, id: number, state: string, withinMs?: number): Promise<void> {
  await eventually(async () => {
    const record = await app.announce.get(id);
    if (record.state !== state) {
      const counts = JSON.stringify(await app.reports.channels(id));
      throw new Error(`it is ${record.state} (${record.reason ?? 'no reason'}): ${counts}`);
    }
  }, withinMs);
}

/** The HeraldError that something throws; anything else fails the test. */
export async function refusal(act: Promise<unknown> | (() => Promise<unknown>)): Promise<HeraldError> {
  try {
    await (typeof act === 'function' ? act() : act);
  } catch (error) {
    if (error instanceof HeraldError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

let serial = 0;

/** A citizen who wants everything. */
export async function citizen(
  app: App,
  who: { phone?: string; email?: string; locale?: string; name?: string },
): Promise<void> {
  serial += 1;
  await app.subscribers.add({
    name: `市民${serial}`,
    locale: 'zh-CN',
    topics: [],
    districts: [],
    consentAt: new Date('2026-01-01T00:00:00Z'),
    consentSource: 'test',
    ...who,
  });
}
