import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Logger as PinoLogger } from 'pino';
import { type App, migrateDatabase, open } from '../app.ts';
import type { Config, ReadyConfig } from '../config.ts';
import { WORKER_KINDS, type WorkerKind } from '../domain/health.ts';
import { provision } from '../provision.ts';
import { undo } from '../undo.ts';
import { type Child, startChild } from './children.ts';
import { noteRunning } from './running.ts';

const MAIN = fileURLToPath(import.meta.resolve('./main.js'));
/** The compiled program of one worker process. */
export const workerProgram = (kind: WorkerKind): string =>
  fileURLToPath(import.meta.resolve(`../../workers/${kind}.js`));

/** A whole Herald: database if embedded, sandbox, web and one process per worker. */
export interface Launched {
  readonly config: ReadyConfig;
  /** This process's own door to it. */
  readonly app: App;
  readonly sandboxUrl: string;
  /** Sandbox, web and workers, in the order of their start. */
  readonly children: readonly Child[];
  /** Workers first, so that they drain while all they need is still there; the database last. */
  stop(): Promise<void>;
}

/**
 * Starts everything in one process tree, in the order in which one part needs another.
 * @param options.workers processes of each kind; 1 unless said otherwise
 * @param options.env what the children are told beside what this process was told
 * @param options.stopping gives up a start that is under way, which then throws
 * @throws HeraldError, or Error naming the part that did not come up; what had started is stopped again
 */
export async function launch(
  wanted: Config,
  log: PinoLogger,
  options: {
    readonly workers?: Readonly<Partial<Record<WorkerKind, number>>>;
    readonly env?: Readonly<Record<string, string>>;
    readonly stopping?: AbortSignal;
  } = {},
): Promise<Launched> {
  const { stopping } = options;
  const stops: (() => Promise<unknown>)[] = [];
  const children: Child[] = [];
  const stop = () => undo(stops);
  try {
    const ground = await provision(wanted, (line) => log.info(line));
    stops.push(ground.stop);
    await migrateDatabase(ground.config, log);
    // What is wrong with secret, mode, templates, keys or queue is said here, once, and not by each child in its log.
    await (await open(ground.config, { log, name: 'herald start', connections: 2 })).close();

    const base = {
      HERALD_SECRET: ground.config.secret,
      DATABASE_URL: ground.config.databaseUrl,
      LOG_LEVEL: log.level,
      REDIS_URL: wanted.redisUrl,
      HERALD_MODE: wanted.mode,
      ...options.env,
    };
    const start = async (
      name: string,
      module: string,
      args: string[],
      env: Record<string, string | undefined>,
    ): Promise<Child> => {
      const hoards = name === 'sandbox';
      const child = await startChild({ name, module, args, env: { ...base, ...env }, stopping, hoards }, log);
      stops.push(() => child.stop());
      children.push(child);
      return child;
    };

    // Ports are chosen here and not by the children: one that is started again is found where it was.
    const port = wanted.port === 0 ? await freePort() : wanted.port;
    const bouncePort = wanted.bouncePort ?? (await freePort());
    const isOwnAddress = wanted.port === 0 && wanted.publicUrl.startsWith('http://127.0.0.1');
    const publicUrl = isOwnAddress ? `http://127.0.0.1:${port}` : wanted.publicUrl;
    const sandboxArgs = async () => [
      ...['--port', String(await freePort()), '--smtp-port', String(await freePort())],
      ...['--inbound-url', `${publicUrl}/callbacks/twilio/inbound`, '--bounce-to', `127.0.0.1:${bouncePort}`],
    ];
    const sandboxUrl =
      wanted.sandboxUrl ??
      String((await start('sandbox', MAIN, ['sandbox', ...(await sandboxArgs())], {})).ready.url);
    const config: ReadyConfig = { ...ground.config, port, bouncePort, publicUrl, sandboxUrl };
    const env = {
      HERALD_SANDBOX_URL: sandboxUrl,
      PORT: String(port),
      PUBLIC_URL: publicUrl,
      ...(wanted.mode === 'trial' && { BOUNCE_PORT: String(bouncePort) }),
    };

    await start('web', MAIN, ['serve'], env);
    // All at once, and stopped all at once. One that fails does not leave the others behind.
    const before = stops.length;
    const started = await Promise.allSettled(
      WORKER_KINDS.flatMap((kind) =>
        Array.from({ length: options.workers?.[kind] ?? 1 }, () =>
          start(`worker ${kind}`, workerProgram(kind), [], env),
        ),
      ),
    );
    const stopWorkers = stops.splice(before);
    stops.push(() => Promise.all(stopWorkers.map((one) => one())));
    for (const one of started) if (one.status === 'rejected') throw one.reason;

    const app = await open(config, { log, name: 'herald start', connections: 2 });
    stops.push(() => app.close());
    stops.push(await noteRunning(config.dataDir, { databaseUrl: config.databaseUrl, publicUrl, sandboxUrl }));
    return { config, app, sandboxUrl, children, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Settings of a running sandbox; see src/sandbox/control.ts. */
export async function control(
  sandboxUrl: string,
  settings: object,
  what = 'config',
  signal: AbortSignal | null = null,
): Promise<void> {
  const answer = await fetch(`${sandboxUrl}/_control/${what}`, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  });
  if (!answer.ok) throw new Error(`the sandbox refused ${what}: ${await answer.text()}`);
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
