import { type Child, startChild } from '../../src/cli/children.ts';
import { type Launched, launch, workerProgram } from '../../src/cli/launch.ts';
import type { ReadyConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { undo } from '../../src/undo.ts';
import { startSandbox } from '../sandbox.ts';
import { createLink, type Link } from './link.ts';
import type { Servers } from './servers.ts';

/** Everything that is struck. */
export interface Field {
  readonly herald: Launched;
  readonly servers: Servers;
  /** All children that may be killed: Herald's, and the remote worker. */
  readonly workers: readonly Child[];
  /** Between Herald and the gateways that speak HTTP: SMS and webhooks. */
  readonly gateways: Link;
  /** An SMS worker whose ways to PostgreSQL and Redis the campaign owns. */
  readonly remote: { readonly child: Child; readonly link: Link; readonly redis?: Link };
  /** Processes that a strike has set aside, so that no other takes them. */
  readonly reserved: Set<number>;
  /** Between Herald and its queue in Redis. */
  readonly queue?: Link;
  /** When which processes were killed, frozen or cut off: milliseconds since the epoch. */
  readonly struck: { readonly pid: number; readonly at: number }[];
  /** Whether rows of the main announcement are still to be sent. */
  isOpen(): Promise<boolean>;
  say(line: string): void;
  stop(): Promise<void>;
}

/** Notes that a process is struck. */
export const note = ({ struck }: Pick<Field, 'struck'>, pid: number): void => {
  struck.push({ pid, at: Date.now() });
};

/** A Herald whose ways to its gateways and its queue, and of one of its workers to PostgreSQL and Redis, lead through links. */
export async function setUp(servers: Servers, say: Field['say']): Promise<Omit<Field, 'isOpen'>> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = () => undo(stops);
  try {
    const log = createLog(servers.config.logLevel === 'info' ? 'silent' : servers.config.logLevel, 'chaos');
    const sandbox = await startSandbox(servers.config, log);
    stops.push(() => sandbox.child.stop());
    // Where its gateways are the sandbox tells at every start; a real provider is not asked then.
    const gateways = await createLink(sandbox.port, 'GET / ');
    stops.push(gateways.close);

    const linked = async (server: string, usualPort: number) => {
      const url = new URL(server);
      const link = await createLink(Number(url.port || usualPort));
      stops.push(link.close);
      url.port = String(link.port);
      return { link, url: url.href };
    };
    const { redisUrl } = servers.config;
    const queue = redisUrl === undefined ? undefined : await linked(redisUrl, 6379);
    const config: ReadyConfig = {
      ...sandbox.config,
      sandboxUrl: `http://127.0.0.1:${gateways.port}`,
      redisUrl: queue?.url,
    };
    const rates = {
      SMS_SEGMENTS_PER_SECOND: String(config.rates.sandbox.sms),
      EMAIL_PER_SECOND: String(config.rates.sandbox.email),
    };
    const herald = await launch(config, log, {
      workers: { sms: 2, email: 2, sweep: 2, expand: 2 },
      env: rates,
    });
    stops.push(herald.stop);

    const database = await linked(config.databaseUrl, 5432);
    const redis = config.redisUrl === undefined ? undefined : await linked(config.redisUrl, 6379);
    const child = await startChild(
      {
        name: 'worker sms',
        module: workerProgram('sms'),
        env: {
          HERALD_SECRET: config.secret,
          LOG_LEVEL: log.level,
          ...rates,
          DATABASE_URL: database.url,
          REDIS_URL: redis?.url,
          HERALD_MODE: config.mode,
          HERALD_SANDBOX_URL: config.sandboxUrl,
          PORT: String(config.port),
          PUBLIC_URL: config.publicUrl,
          BOUNCE_PORT: String(config.bouncePort),
        },
      },
      log,
    );
    stops.push(() => child.stop());
    const remote = { child, link: database.link, ...(redis && { redis: redis.link }) };
    const workers = [...herald.children, child];
    return {
      herald,
      servers,
      workers,
      gateways,
      ...(queue && { queue: queue.link }),
      remote,
      reserved: new Set(),
      struck: [],
      say,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
