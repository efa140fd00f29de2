import { Command, Option } from 'commander';
import { control, type Launched, launch } from '../../src/cli/launch.ts';
import { type Config, loadConfig, purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import { createLog } from '../../src/log.ts';
import { type Part, populate, publish } from './population.ts';
import { createRandom, type Random } from './random.ts';
import { startServers } from './servers.ts';
import { strike, waitFor } from './strikes.ts';
import { judge } from './verdict.ts';

interface Options {
  readonly recipients: string;
  readonly kills: string;
  readonly seed: string;
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

const options = new Command('chaos')
  .description(
    'kills, freezes and empties while broadcasts run, and compares the gateways’ ledgers with the tables',
  )
  .option('--recipients <n>', 'citizens', '20000')
  .option('--kills <n>', 'SIGKILLs of workers that hold claimed rows', '40')
  .option('--seed <n>', 'decides every strike', String(Math.floor(Math.random() * 1e9)))
  .addOption(
    new Option('--backend <name>', 'what carries the queue').choices(['redis', 'postgres']).default('redis'),
  )
  .option('--json', 'print one JSON object as the last line')
  .parse()
  .opts<Options>();

const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
process.exitCode = (await campaign()) ? 0 : 1;

async function campaign(): Promise<boolean> {
  const began = performance.now();
  const recipients = Number(options.recipients);
  const kills = Number(options.kills);
  const seed = Number(options.seed);
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
    const announcements: Record<Part, number> = {
      main: await publish(herald, 'main'),
      cancelled: await publish(herald, 'cancelled'),
      expiring: await publish(herald, 'expiring', 15_000 + (kills * PER_KILL_MS) / 2),
    };
    say('approved; striking');
    const interventions = intervene(herald, announcements, random, kills);
    const struck = await strike(herald, servers, random, { kills, announcementId: announcements.main, say });
    await interventions;
    say(`${struck.kills} kills, ${struck.others.join(', ')}; waiting until everything is settled`);
    const settled = await settle(herald, announcements);
    const verdict = await judge(herald, announcements);
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

/** What people do meanwhile: pause and resume, cancel, two leave. */
async function intervene(
  { app }: Launched,
  announcements: Readonly<Record<Part, number>>,
  random: Random,
  kills: number,
): Promise<void> {
  const boss = await app.users.add({ name: 'boss', role: 'approver' });
  const insist = (act: () => Promise<unknown>) =>
    waitFor(
      async () => {
        await act();
        return true;
      },
      60_000,
      250,
    );
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const step = (kills * PER_KILL_MS) / 5;
  await pause(step);
  await insist(() => app.announce.pause(announcements.main, boss, 'chaos'));
  await pause(2_000);
  await insist(() => app.announce.resume(announcements.main, boss));
  await pause(step);
  await insist(() => app.announce.cancel(announcements.cancelled, boss, 'chaos'));
  for (let i = 0; i < 2; i += 1) {
    await insist(async () => {
      const { rows } = await app.pool.query<{ id: number }>(
        `SELECT contact_id AS id FROM deliveries
         WHERE announcement_id = $1 AND status = 'queued' AND channel <> 'webhook' OFFSET $2 LIMIT 1`,
        [announcements.main, random.between(0, 50)],
      );
      if (rows[0])
        await app.receive.leave(leaveToken(purposeKey(app.config.secret, 'leave'), rows[0].id), 'one-click');
    });
  }
}

async function settle(
  { app, sandboxUrl }: Launched,
  announcements: Readonly<Record<Part, number>>,
): Promise<boolean> {
  const done = await waitFor(
    async () => {
      const { rows } = await app.pool.query(
        `SELECT FROM delivery_counts c JOIN announcements a ON a.id = c.announcement_id
         WHERE a.id = ANY ($1) AND (c.status IN ('queued', 'sending')
           -- A mail in doubt cannot be asked about, and is not sent again when its announcement was stopped: it stays so.
           OR c.status = 'unknown' AND (c.channel = 'sms' OR a.state = 'sending'))
         GROUP BY a.id, c.channel, c.status HAVING sum(c.n) > 0`,
        [Object.values(announcements)],
      );
      return rows.length === 0;
    },
    SETTLE_WITHIN_MS,
    500,
  );
  await control(sandboxUrl, {}, 'idle');
  return done;
}
