import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getGlobalDispatcher } from 'undici';
import { type Config, childEnvironment, emptied, loadConfig } from '../config.ts';
import { HeraldError } from '../domain/errors.ts';
import { createLog } from '../log.ts';
import { untilStopped } from '../process.ts';
import { forgetInstallation, ownDatabase, removeEmbedded } from '../provision.ts';
import { undo } from '../undo.ts';
import type { Proof } from './demo-proof.ts';
import { reconcile } from './demo-reconcile.ts';
import { afterReceipts, type Report, showProgress, showSamples, showTable } from './demo-show.ts';
import { prepareOffice, tryOwnApproval } from './demo-story.ts';
import { type Launched, launch } from './launch.ts';

type Say = (line?: string) => void;
/** What was started or made, each with the way to be rid of it. */
type Leftovers = (() => Promise<unknown>)[];

/**
 * All that a demo takes from the environment: where servers are, and how much is said. What a running Herald is told
 * there does not concern it.
 */
const OWN_VARIABLES = ['DATABASE_URL', 'REDIS_URL', 'HERALD_SECRET', 'LOG_LEVEL'] as const;

/**
 * Exit code 0 only when the citizens' file, the gateways' own ledger and Herald's receipts agree, message by message.
 * @throws HeraldError `interrupted` when it is asked to stop; nothing is left behind
 */
export async function demo(options: { json?: boolean }): Promise<void> {
  const began = performance.now();
  const say = (line = '') => (options.json ? console.error(line) : console.log(line));
  const stopping = untilStopped();
  stopping.addEventListener('abort', () =>
    say('\nstopping: what the demo has started is ended and removed …'),
  );
  const leftovers: Leftovers = [];
  try {
    const { herald, report, proof } = await play(leftovers, stopping, say);
    showTable(report, say);
    await showSamples(herald, stopping, say);
    const took = Number(seconds(began));
    const ok = showProof(proof, took, say);
    if (options.json) {
      const { recipients, duplicates, missing, afterLeaving } = proof;
      console.log(
        JSON.stringify({
          ok,
          recipients,
          channels: report.counts,
          duplicates,
          missing,
          afterLeaving,
          seconds: took,
        }),
      );
    }
    process.exitCode = ok ? 0 : 1;
  } catch (error) {
    if (!stopping.aborted) throw error;
    throw new HeraldError('unavailable', 'interrupted', 'the demo was interrupted; nothing of it is left', {
      cause: error,
    });
  } finally {
    await undo(leftovers);
  }
}

/** Starts everything, tells the story, and waits for the last receipt. */
async function play(
  leftovers: Leftovers,
  stopping: AbortSignal,
  say: Say,
): Promise<{ readonly herald: Launched; readonly report: Report; readonly proof: Proof }> {
  const began = performance.now();
  say(
    'Herald demo: everything real but the people — PostgreSQL, queue, web, workers, and gateways on loopback.',
  );
  const config = await ownGround(leftovers);
  stopping.throwIfAborted();
  const log = createLog(config.logLevel === 'info' ? 'error' : config.logLevel, 'herald');
  const herald = await launch(config, log, { env: emptied([...OWN_VARIABLES, 'HERALD_MODE']) });
  const { redisUrl } = herald.config;
  if (redisUrl) leftovers.push(() => forgetInstallation(redisUrl, herald.app.installationId));
  leftovers.push(() => herald.stop());
  // A connection whose request was given up before it was sent counts as busy: the web server would wait for it.
  leftovers.push(() => getGlobalDispatcher().destroy());
  stopping.throwIfAborted();
  say(
    `started in ${seconds(began)} s: database, web at ${herald.config.publicUrl}, sandbox at ${herald.sandboxUrl}, 5 worker processes\n`,
  );
  const story = await prepareOffice(herald, stopping, say);
  await tryOwnApproval(story, say);
  await story.approver.post(`/v1/announcements/${story.announcementId}/approve`, {});
  say('王强 approved it; sending\n');
  await showProgress(story, stopping, say);
  const report = await afterReceipts(story, herald.sandboxUrl, stopping);
  return { herald, report, proof: await reconcile(herald, story, stopping) };
}

/** @returns whether all agrees */
function showProof({ recipients, compared, problems }: Proof, took: number, say: Say): boolean {
  for (const problem of problems.slice(0, 10)) say(`  ✗ ${problem}`);
  const ok = problems.length === 0;
  say(
    ok
      ? `✓ ${recipients} recipients: the citizens' file, the gateways' ledger and Herald's receipts agree message by message (${compared} compared). Nobody missed, nobody written to twice, nobody who had left. ${took} s`
      : `✗ ${problems.length} disagreements between the citizens' file, the gateways' ledger and Herald's receipts`,
  );
  return ok;
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

/** A database and a folder of its own, so that a second demo or a running Herald is not disturbed. */
async function ownGround(leftovers: Leftovers): Promise<Config> {
  const config = loadConfig(childEnvironment(emptied(OWN_VARIABLES)));
  const folder = await mkdtemp(join(tmpdir(), 'herald-demo-'));
  leftovers.push(() => removeEmbedded(folder));
  const own = { ...config, port: 0, publicUrl: 'http://127.0.0.1:0', dataDir: folder };
  if (!config.databaseUrl) return own;
  const database = await ownDatabase(config.databaseUrl, 'herald_demo');
  leftovers.push(() => database.drop());
  return { ...own, databaseUrl: database.connectionString };
}
