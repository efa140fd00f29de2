import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { aborted, untilStopped } from '../process.ts';
import { type Launched, launch } from './launch.ts';

export function register(program: Command): void {
  program
    .command('start')
    .description('run everything in one process tree: database if embedded, web, workers, sandbox')
    .action(start);
}

async function start(): Promise<void> {
  const config = loadConfig();
  const log = createLog(config.logLevel === 'info' ? 'warn' : config.logLevel, 'herald');
  const stopping = untilStopped();
  console.log('Herald is starting …');
  let herald: Launched;
  try {
    herald = await launch(config, log, { stopping });
  } catch (error) {
    // Asked to end while it started: that is not a failure.
    if (!stopping.aborted) throw error;
    return console.log('stopped');
  }
  console.log(await banner(herald));
  await aborted(stopping);
  console.log('Herald is stopping: what is in flight is finished first …');
  await herald.stop();
  console.log('stopped');
}

async function banner({ config, app, sandboxUrl }: Launched): Promise<string> {
  const address = `http://${config.host}:${config.port}`;
  const where =
    config.mode === 'trial'
      ? `trial: everything goes to the sandbox, ${sandboxUrl}/outbox`
      : `LIVE: citizens are written to; exercises go to ${sandboxUrl}/outbox`;
  const lines = [
    ['address', address],
    ['mode', where],
    ['API', `${address}/docs`],
    ['database', config.databaseUrl.replace(/:[^:@/]*@/, ':***@')],
    ...(await firstKey(app)),
  ];
  return `\nHerald is ready\n${lines.map(([name, value]) => `  ${name?.padEnd(10)}${value}`).join('\n')}\n\nCtrl-C stops it.`;
}

/** On the first start there is nobody yet: an admin, and a key that is shown this once. */
async function firstKey(app: Launched['app']): Promise<string[][]> {
  if ((await app.users.list()).length > 0) return [];
  const admin = await app.users.add({ name: 'admin', role: 'admin' });
  const { key } = await app.users.createKey(admin.id);
  return [['admin key', `${key}   (shown this once; send it as: Authorization: Bearer …)`]];
}
