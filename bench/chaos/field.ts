import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../src/cli/children.ts';
import { freePort, type Launched, launch, workerProgram } from '../../src/cli/launch.ts';
import type { ReadyConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
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
  /** An SMS worker whose way to PostgreSQL the campaign owns. */
  readonly remote: { readonly child: Child; readonly link: Link };
  /** Processes that a strike has set aside, so that no other takes them. */
  readonly reserved: Set<number>;
  /** Processes that were killed, frozen or cut off. */
  readonly struck: Set<number>;
  /** Whether rows of the main announcement are still to be sent. */
  isOpen(): Promise<boolean>;
  say(line: string): void;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(import.meta.resolve('../../src/cli/main.js'));

/** A Herald whose ways to its gateways, and of one of its workers to PostgreSQL, lead through links. */
export async function setUp(servers: Servers, say: Field['say']): Promise<Omit<Field, 'isOpen'>> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const log = createLog(servers.config.logLevel === 'info' ? 'silent' : servers.config.logLevel, 'chaos');
    const [port, bouncePort, sandboxPort] = [await freePort(), await freePort(), await freePort()];
    const publicUrl = `http://127.0.0.1:${port}`;
    const secret = { HERALD_SECRET: servers.config.secret, LOG_LEVEL: log.level };
    const sandbox = await startChild(
      {
        name: 'sandbox',
        module: MAIN,
        args: [
          ...['sandbox', '--port', String(sandboxPort), '--bounce-to', `127.0.0.1:${bouncePort}`],
          ...['--inbound-url', `${publicUrl}/callbacks/twilio/inbound`],
        ],
        env: secret,
        hoards: true,
      },
      log,
    );
    stops.push(() => sandbox.stop());
    // Where its gateways are the sandbox tells at every start; a real provider is not asked then.
    const gateways = await createLink(sandboxPort, 'GET / ');
    stops.push(gateways.close);

    const config: ReadyConfig = {
      ...servers.config,
      port,
      bouncePort,
      publicUrl,
      sandboxUrl: `http://127.0.0.1:${gateways.port}`,
    };
    const rates = {
      SMS_SEGMENTS_PER_SECOND: String(config.rates.sandbox.sms),
      EMAIL_PER_SECOND: String(config.rates.sandbox.email),
    };
    const herald = await launch(config, log, { workers: { sms: 2, email: 2, sweep: 2 }, env: rates });
    stops.push(herald.stop);

    const database = new URL(config.databaseUrl);
    const link = await createLink(Number(database.port || 5432));
    stops.push(link.close);
    database.port = String(link.port);
    const child = await startChild(
      {
        name: 'worker sms',
        module: workerProgram('sms'),
        env: {
          ...secret,
          ...rates,
          DATABASE_URL: database.href,
          REDIS_URL: config.redisUrl,
          HERALD_MODE: config.mode,
          HERALD_SANDBOX_URL: config.sandboxUrl,
          PORT: String(port),
          PUBLIC_URL: publicUrl,
          BOUNCE_PORT: String(bouncePort),
        },
      },
      log,
    );
    stops.push(() => child.stop());
    const remote = { child, link };
    const workers = [...herald.children, child];
    return { herald, servers, workers, gateways, remote, reserved: new Set(), struck: new Set(), say, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
