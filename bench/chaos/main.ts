import { Command, Option } from 'commander';
import { control, type Launched } from '../../src/cli/launch.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { endWhenDone } from '../../src/process.ts';
import { parseUsage, wholeNumber } from '../usage.ts';
import { type Field, setUp } from './field.ts';
import { intervene, LEAVERS, PAUSE_MS, persist } from './interventions.ts';
import { hire, PARTS, populate, publish } from './population.ts';
import { createRandom } from './random.ts';
import { startServers } from './servers.ts';
import { freezeLister } from './standstill.ts';
import { isShort, killLister, PER_KILL_MS, strike } from './strikes.ts';
import { judge, wrongIn } from './verdict.ts';
import { waitFor } from './wait.ts';

interface Options {
  readonly recipients: number;
  readonly kills: number;
  readonly seed: number;
  readonly backend: 'redis' | 'postgres';
  readonly json?: boolean;
}

/** Everything must be settled so long after the last strike: leases, two questions half a minute apart, and slack. */
const SETTLE_WITHIN_MS = 600_000;
/** And the rest sent, slowly. */
const PER_RECIPIENT_MS = 20;
/** What the gateways may do while the campaign lasts. */
const FAULTS = {
  latencyMs: 60,
  receiptDelayMs: 300,
  callbackFaults: { duplicateShare: 0.1, reorderShare: 0.1 },
};
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
endWhenDone();
process.exitCode = (await campaign()) ? 0 : 1;

async function campaign(): Promise<boolean> {
  const began = performance.now();
  const { recipients, kills, seed, backend } = options;
  say(`chaos on ${backend}: ${recipients} recipients, ${kills} kills, seed ${seed}`);
  const servers = await startServers(slowed(loadConfig(), recipients, kills), backend);
  let field: Field | undefined;
  try {
    const ground = await setUp(servers, say);
    const { herald } = ground;
    let main = 0;
    field = { ...ground, isOpen: () => isOpen(herald, main) };
    await populate(herald, recipients);
    await control(herald.sandboxUrl, {
      twilio: { ...FAULTS, callbackFaults: { ...FAULTS.callbackFaults, seed } },
      smtp: { latencyMs: FAULTS.latencyMs },
    });
    const lastsMs = strikesLastMs(kills);
    const office = await hire(herald);
    const announcements: Partial<Record<(typeof PARTS)[number], number>> = {};
    let listers = 0;
    const frozenLister = freezeLister(field, createRandom(seed, 'lister'));
    for (const part of PARTS) {
      const caught = part === 'main' ? killLister(field) : Promise.resolve(false);
      announcements[part] = await publish(herald, office, part, {
        persist,
        ...(part === 'expiring' && { expiresInMs: 10_000 + lastsMs / 3 }),
      });
      if (await caught) listers += 1;
    }
    const begun = announcements as Required<typeof announcements>;
    main = begun.main;
    say(`approved; striking${listers > 0 ? ' (the worker that lists was killed over it)' : ''}`);
    const acting = intervene(field, office, begun, createRandom(seed, 'interventions'), lastsMs);
    let outage = 0;
    const announce = async () => {
      outage = await publish(herald, office, 'outage', { persist });
      return outage;
    };
    const [struck, people] = await Promise.all([strike(field, seed, kills, announce), acting]);
    say(`${struck.kills} kills, ${struck.others.join(', ')}; waiting until everything is settled`);
    // It wakes before anything is judged: it must add nothing.
    const lister = await frozenLister;
    const all = { ...begun, outage, ...people.followers };
    const settled = await settle(
      herald,
      Object.values(all),
      SETTLE_WITHIN_MS + recipients * PER_RECIPIENT_MS,
    );
    const { counts, leavers, stopped, offending } = await judge(herald, all, people.pause, {
      ...struck,
      struck: field.struck,
    });
    for (const one of offending) say(`✗ ${one.delivery} ${one.why}\n${JSON.stringify(one.events, null, 1)}`);

    const listersKilled = listers + people.listersKilled;
    /** A campaign in which these did not happen has shown nothing about them. */
    const unproven = [
      ...struck.failed,
      ...(lister.stood ? [] : ['no worker that lists stood still']),
      ...(lister.caught || isShort(kills) ? [] : ['no worker that lists stood still in a slice']),
      ...(listersKilled > 0 || isShort(kills) ? [] : ['no worker that lists was killed over it']),
      ...(settled ? [] : ['it was not settled in time']),
      ...(Math.min(people.left, leavers) < LEAVERS ? [`${leavers} of ${LEAVERS} left`] : []),
      ...(people.heldByPause > 0 ? [] : ['the pause held nothing up']),
      ...Object.entries(stopped).flatMap(([part, n]) => (n > 0 ? [] : [`nothing of ${part} was stopped`])),
    ];
    const wrong = wrongIn(counts);
    const ok = wrong.length === 0 && unproven.length === 0;
    const result = {
      ok,
      seed,
      backend,
      recipients,
      kills: struck.kills,
      freezes: struck.freezes,
      listersKilled,
      listersFrozen: Number(lister.caught),
      strikes: struck.others,
      ...counts,
      leavers,
      heldByPause: people.heldByPause,
      stopped,
      unproven,
      seconds: Math.round((performance.now() - began) / 1000),
    };
    say(
      ok
        ? 'nobody missed, nobody twice'
        : `NOT OK (${[...wrong, ...unproven].join('; ')}); replay with --seed ${seed}`,
    );
    if (options.json) console.log(JSON.stringify(result));
    else console.log(result);
    return ok;
  } finally {
    await field?.stop();
    await servers.stop();
  }
}

/** Short campaigns too leave time for every special strike. Milliseconds. */
function strikesLastMs(kills: number): number {
  return Math.max(20_000, kills * PER_KILL_MS) + PAUSE_MS;
}

/** Rows are still to be sent, or to be written: the worker that lists dies too. */
async function isOpen({ app }: Launched, announcement: number): Promise<boolean> {
  const { rows } = await app.pool.query(
    `SELECT FROM expansions WHERE announcement_id = $1 AND phase <> 'done'
     UNION ALL (
       SELECT FROM delivery_counts WHERE announcement_id = $1 AND status IN ('queued', 'sending')
       GROUP BY channel, status HAVING sum(n) > 0)`,
    [announcement],
  );
  return rows.length > 0;
}

/** Limits low enough that all kills fall into the run. */
function slowed(config: Config, recipients: number, kills: number): Config {
  const seconds = (strikesLastMs(kills) / 1_000) * 1.3;
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

async function settle(
  { app, sandboxUrl }: Launched,
  announcements: readonly number[],
  withinMs: number,
): Promise<boolean> {
  const done = await waitFor(
    async () => {
      const { rows } = await app.pool.query(
        `SELECT FROM delivery_counts c JOIN announcements a ON a.id = c.announcement_id
         WHERE a.id = ANY ($1) AND (c.status IN ('queued', 'sending')
           -- A mail in doubt cannot be asked about, and is not sent again when its announcement was stopped: it stays so.
           OR c.status = 'unknown' AND (c.channel = 'sms'
             OR a.state = 'sending' AND (a.expires_at > now() OR c.channel = 'webhook') AND EXISTS (
               -- Nor is one over which as many workers died as may: it rests until its announcement gives it up.
               SELECT FROM deliveries d WHERE d.announcement_id = a.id AND d.channel = c.channel AND d.status = 'unknown'
                 AND d.due_at < now() + interval '10 hours')))
         GROUP BY a.id, c.channel, c.status HAVING sum(c.n) > 0`,
        [announcements],
      );
      return rows.length === 0;
    },
    withinMs,
    500,
  );
  await control(sandboxUrl, {}, 'idle');
  return done;
}
