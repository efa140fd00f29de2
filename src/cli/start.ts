import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { consoleOrigin } from '../domain/urls.ts';
import { createLog } from '../log.ts';
import { aborted, untilStopped } from '../process.ts';
import type { Launched } from './launch.ts';

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
  const { launch } = await import('./launch.ts');
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

async function banner(herald: Launched): Promise<string> {
  const { config, sandboxUrl } = herald;
  const address = `http://${config.host}:${config.port}`;
  const where =
    config.mode === 'trial'
      ? `trial: everything goes to the sandbox, ${sandboxUrl}/outbox`
      : `LIVE: citizens are written to; exercises go to ${sandboxUrl}/outbox`;
  const lines = [
    ['address', address],
    ['mode', where],
    ['console', `${consoleOrigin(config.publicUrl)}/console`],
    ['API', `${address}/docs`],
    ['database', config.databaseUrl.replace(/:[^:@/]*@/, ':***@')],
    ...(await firstAdmin(herald)),
  ];
  return `\nHerald is ready\n${lines.map(([name, value]) => `  ${name?.padEnd(10)}${value}`).join('\n')}\n\nCtrl-C stops it.`;
}

/**
 * On the first start there is nobody yet: an admin, a link to sign in with, and a key for the API. Until the link was used,
 * each start makes a new one.
 */
async function firstAdmin({ app }: Launched): Promise<string[][]> {
  const [first, ...others] = await app.identity.accounts.list();
  if (first && (others.length > 0 || first.hasPassword || first.disabledAt)) return [];
  const id = first?.id ?? (await app.users.add({ name: 'admin', role: 'admin' })).id;
  const { url } = await app.identity.invite(id, undefined);
  const link = ['sign in', `${url}   (works once, for 72 hours)`];
  if (first) return [link];
  const { key } = await app.users.createKey(id);
  return [link, ['admin key', `${key}   (shown this once; send it as: Authorization: Bearer …)`]];
}
