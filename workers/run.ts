import { open } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { endWhenDone, letEnd, tellParent, untilStopped } from '../src/process.ts';
import { provision } from '../src/provision.ts';
import { runWorker } from '../src/worker.ts';

/** One worker process: opens Herald, works until it is told to stop, drains. Exit code 1 when it had to give up. */
export async function run(kind: Parameters<typeof runWorker>[1]): Promise<void> {
  endWhenDone();
  const config = loadConfig();
  const log = createLog(config.logLevel, `herald-${kind}`);
  const stopping = untilStopped();
  const ground = await provision(config, (line) => log.debug(line));
  try {
    const app = await open(ground.config, { log, name: `herald ${kind}` });
    try {
      await runWorker(app, kind, stopping, () => tellParent({ ready: kind }));
    } finally {
      await app.close();
    }
  } catch (error) {
    log.fatal({ err: error }, `worker ${kind} ends`);
    process.exitCode = 1;
  } finally {
    await ground.stop();
    letEnd();
  }
}
