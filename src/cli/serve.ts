import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { HeraldError } from '../domain/errors.ts';
import { createLog } from '../log.ts';
import { aborted, letEnd, tellParent, untilStopped } from '../process.ts';
import type { buildServer } from '../web/server.ts';

export function register(program: Command): void {
  program
    .command('serve')
    .description('run the web server alone: API, callbacks, citizens’ pages, and the listener for bounces')
    .action(serve);
}

/** How long requests under way may take to end when it stops. Milliseconds. */
const LINGER_MS = 10_000;

/** The web process. It ends when it is told to, or when its parent is gone. */
async function serve(): Promise<void> {
  const [{ open }, { provision }, { buildServer }] = await Promise.all([
    import('../app.ts'),
    import('../provision.ts'),
    import('../web/server.ts'),
  ]);
  const config = loadConfig();
  const log = createLog(config.logLevel, 'herald-web');
  const stopping = untilStopped();
  const ground = await provision(config, (line) => log.info(line));
  try {
    const app = await open(ground.config, { log, name: 'herald web', connections: 8 });
    try {
      const server = await buildServer(app);
      const bounces = await app.listenForBounces();
      try {
        await listen(server, config.host, config.port);
        log.info(
          { host: config.host, port: config.port, bouncePort: bounces?.port },
          'web server is listening',
        );
        tellParent({ ready: 'web', bouncePort: bounces?.port });
        await aborted(stopping);
      } finally {
        // Who has connected and asks nothing must not hold it up.
        const linger = setTimeout(() => server.server.closeAllConnections(), LINGER_MS);
        await server.close();
        clearTimeout(linger);
        await bounces?.close();
      }
    } finally {
      await app.close();
    }
  } finally {
    await ground.stop();
    letEnd();
  }
}

/** @throws HeraldError `cannot-listen` naming address and port */
async function listen(
  server: Awaited<ReturnType<typeof buildServer>>,
  host: string,
  port: number,
): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code } = error as { code?: string };
    const why: Record<string, string> = {
      EADDRINUSE: `another program uses port ${port}`,
      EACCES: `this user may not use port ${port}`,
      EADDRNOTAVAIL: `${host} is no address of this machine`,
    };
    throw new HeraldError(
      'unavailable',
      'cannot-listen',
      `the web server cannot listen on ${host}:${port}: ${why[code ?? ''] ?? String(error)}`,
      { fix: 'set PORT (or HOST) to one that is free, e.g. PORT=8081', cause: error },
    );
  }
}
