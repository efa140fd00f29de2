import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { untilStopped } from '../process.ts';
import { forgetInstallation, ownDatabase, removeEmbedded } from '../provision.ts';
import { demoClient } from './demo-client.ts';
import { reconcile } from './demo-reconcile.ts';
import { afterReceipts, showProgress, showSamples, showTable } from './demo-show.ts';
import { prepareOffice, tryOwnApproval } from './demo-story.ts';
import { type Launched, launch } from './launch.ts';

export function register(program: Command): void {
  program
    .command('demo')
    .description(
      'show the main job, end to end, in a database of its own: import, approve, send, receipts, and the proof',
    )
    .option('--json', 'print one JSON object as the last line')
    .action(demo);
}

/** Exit code 0 only when the gateways' own ledger and Herald's receipts agree, message by message. */
async function demo(options: { json?: boolean }): Promise<void> {
  const began = performance.now();
  const say = (line = '') => (options.json ? console.error(line) : console.log(line));
  const stopping = untilStopped();
  const ground = await ownGround(loadConfig());
  let herald: Launched | undefined;
  try {
    say(
      'Herald demo: everything real but the people — PostgreSQL, queue, web, workers, and gateways on loopback.',
    );
    herald = await launch(
      ground.config,
      createLog(ground.config.logLevel === 'info' ? 'error' : ground.config.logLevel, 'herald'),
    );
    say(
      `started in ${seconds(began)} s: database, web at ${herald.config.publicUrl}, sandbox at ${herald.sandboxUrl}, 5 worker processes\n`,
    );
    const story = await prepareOffice(herald, demoClient, say);
    await tryOwnApproval(story, say);
    await story.approver.post(`/v1/announcements/${story.announcementId}/approve`, {});
    say('王强 approved it; sending\n');
    await showProgress(story, stopping, say);
    const final = await afterReceipts(story, herald.sandboxUrl);
    const proof = await reconcile(herald, story);
    showTable(final, say);
    await showSamples(herald, say);
    for (const problem of proof.problems.slice(0, 10)) say(`  ✗ ${problem}`);
    const ok = proof.problems.length === 0;
    const took = Number(seconds(began));
    say(
      ok
        ? `✓ ${proof.recipients} recipients: the gateways' ledger and Herald's receipts agree message by message (${proof.compared} messages). Nobody missed, nobody written to twice, nobody who had left. ${took} s`
        : `✗ ${proof.problems.length} disagreements between the gateways' ledger and Herald's receipts`,
    );
    if (options.json) {
      const { recipients, duplicates, missing, afterLeaving } = proof;
      console.log(
        JSON.stringify({
          ok,
          recipients,
          channels: final.counts,
          duplicates,
          missing,
          afterLeaving,
          seconds: took,
        }),
      );
    }
    process.exitCode = ok ? 0 : 1;
  } finally {
    await herald?.stop();
    if (herald?.config.redisUrl) await forgetInstallation(herald.config.redisUrl, herald.app.installationId);
    await ground.remove();
  }
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

/** A database and a folder of its own, so that a second demo or a running Herald is not disturbed. */
async function ownGround(config: Config): Promise<{ config: Config; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-demo-'));
  const trial = {
    ...config,
    mode: 'trial',
    port: 0,
    publicUrl: 'http://127.0.0.1:0',
    dataDir: folder,
    sandboxUrl: undefined,
  } as const;
  const database = config.databaseUrl ? await ownDatabase(config.databaseUrl, 'herald_demo') : undefined;
  return {
    config: { ...trial, ...(database && { databaseUrl: database.connectionString }) },
    async remove() {
      await database?.drop();
      await removeEmbedded(folder);
    },
  };
}
