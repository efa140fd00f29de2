import { Command, Option } from 'commander';
import { control, type Launched, launch } from '../../src/cli/launch.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { parseUsage, wholeNumber } from '../usage.ts';
import { intervene, persist } from './interventions.ts';
import { hire, PARTS, type Part, populate, publish } from './population.ts';
import { createRandom } from './random.ts';
import { startServers } from './servers.ts';
import { strike, waitFor } from './strikes.ts';
import { judge } from './verdict.ts';

interface Options {
  readonly recipients: number;
  readonly kills: number;
  readonly seed: number;
  readonly backend: 'redis' | 'postgres';
  readonly json?: boolean;
}

/** Everything must be settled so long after the last strike: leases, two questions half a minute apart, and slack. */
const SETTLE_WITHIN_MS = 600_000;
/** What the gateways may do while the campaign lasts. */
const FAULTS = {
  latencyMs: 60,
  receiptDelayMs: 300,
  callbackFaults: { duplicateShare: 0.1, reorderShare: 0.1 },
};
/** One kill takes about this long, waiting for a victim with claimed rows included. Milliseconds. */
const PER_KILL_MS = 4_000;

const options = parseUsage<Options>(
  new Command('chaos')
    .description(
      'kills, freezes and empties while broadcasts run, and compares the gateways’ ledgers with the tables',
    )
    .option('--recipients <n>', 'citizens', wholeNumber(100), 20_000)
    .option('--kills <n>', 'SIGKILLs of workers that hold claimed rows', wholeNumber(1), 40)
    .option('--seed <n>', 'decides every strike', wholeNumber(0), Math.floor(Math.random() * 1e9))
    .addOption(
      new Option('--backend <name>', 'what carries the queue')
        .choices(['redis', 'postgres'])
        .default('redis'),
    )
    .option('--json', 'print one JSON object as the last line'),
);

const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
process.exitCode = (await campaign()) ? 0 : 1;

async function campaign(): Promise<boolean> {
  const began = performance.now();
  const { recipients, kills, seed } = options;
  const random = createRandom(seed);
  say(`chaos on ${options.backend}: ${recipients} recipients, ${kills} kills, seed ${seed}`);
  const servers = await startServers(slowed(loadConfig(), recipients, kills), options.backend);
  let herald: Launched | undefined;
  try {
    const log = createLog(servers.config.logLevel === 'info' ? 'silent' : servers.config.logLevel, 'chaos');
    herald = await launch(servers.config, log, {
      workers: { sms: 2, email: 2, sweep: 2 },
      env: {
        SMS_SEGMENTS_PER_SECOND: String(servers.config.rates.sandbox.sms),
        EMAIL_PER_SECOND: String(servers.config.rates.sandbox.email),
      },
    });
    await populate(herald, recipients);
    await control(herald.sandboxUrl, {
      twilio: { ...FAULTS, callbackFaults: { ...FAULTS.callbackFaults, seed } },
      smtp: { latencyMs: FAULTS.latencyMs },
    });
    const lastsMs = kills * PER_KILL_MS;
    const office = await hire(herald);
    const announcements: Partial<Record<Part, number>> = {};
    for (const part of PARTS)
      announcements[part] = await publish(herald, office, part, {
        persist,
        ...(part === 'expiring' && { expiresInMs: 15_000 + lastsMs / 2 }),
      });
    const begun = announcements as Record<Part, number>;
    say('approved; striking');
    const interventions = intervene(herald, office, begun, random, lastsMs);
    const struck = await strike(herald, servers, random, { kills, announcementId: begun.main, say });
    const followed = await interventions;
    say(`${struck.kills} kills, ${struck.others.join(', ')}; waiting until everything is settled`);
    const all = { ...begun, ...followed };
    const settled = await settle(herald, Object.values(all));
    const verdict = await judge(herald, all);
    const ok =
      settled &&
      struck.kills === kills &&
      [
        verdict.missing,
        verdict.duplicateSms,
        verdict.unexplained,
        verdict.afterOptOut,
        verdict.afterStop,
        verdict.stillOpen,
        verdict.wrongReaders,
      ].every((n) => n === 0);
    for (const one of verdict.offending)
      say(`✗ ${one.delivery} ${one.why}\n${JSON.stringify(one.events, null, 1)}`);
    const { offending: _, ...figures } = verdict;
    const result = {
      ok,
      seed,
      backend: options.backend,
      recipients,
      kills: struck.kills,
      strikes: struck.others,
      ...figures,
      seconds: Math.round((performance.now() - began) / 1000),
    };
    say(ok ? 'nobody missed, nobody twice' : `NOT OK; replay with --seed ${seed}`);
    if (options.json) console.log(JSON.stringify(result));
    else console.log(result);
    return ok;
  } finally {
    await herald?.stop();
    await servers.stop();
  }
}

/** Limits low enough that all kills fall into the run. */
function slowed(config: Config, recipients: number, kills: number): Config {
  const seconds = Math.max(10, (kills * PER_KILL_MS) / 1000) * 1.3;
  const rate = {
    sms: Math.ceil((recipients * 0.67 * 3) / seconds),
    email: Math.ceil((recipients * 0.33) / seconds),
  };
  return {
    ...config,
    mode: 'trial',
    port: 0,
    publicUrl: 'http://127.0.0.1:0',
    sandboxUrl: undefined,
    redisUrl: undefined,
    rates: { live: rate, sandbox: rate },
  };
}

async function settle({ app, sandboxUrl }: Launched, announcements: readonly number[]): Promise<boolean> {
  const done = await waitFor(
    async () => {
      const { rows } = await app.pool.query(
        `SELECT FROM delivery_counts c JOIN announcements a ON a.id = c.announcement_id
         WHERE a.id = ANY ($1) AND (c.status IN ('queued', 'sending')
           -- A mail in doubt cannot be asked about, and is not sent again when its announcement was stopped: it stays so.
           OR c.status = 'unknown' AND (c.channel = 'sms'
             OR a.state = 'sending' AND (a.expires_at > now() OR c.channel = 'webhook')))
         GROUP BY a.id, c.channel, c.status HAVING sum(c.n) > 0`,
        [announcements],
      );
      return rows.length === 0;
    },
    SETTLE_WITHIN_MS,
    500,
  );
  await control(sandboxUrl, {}, 'idle');
  return done;
}
