import { loadavg } from 'node:os';
import { Command, Option } from 'commander';
import { loadConfig, type ReadyConfig } from '../../src/config.ts';
import { endWhenDone } from '../../src/process.ts';
import { startServers } from '../chaos/servers.ts';
import { parseUsage, someOf, wholeNumber } from '../usage.ts';
import { correcting } from './correcting.ts';
import { endpoints } from './endpoints.ts';
import { leaving } from './leaving.ts';
import { COLD_S, LEFT_OUT, limits, pacers } from './limits.ts';
import { order, pauseAndCancel } from './order.ts';
import { watchProcessors } from './processors.ts';
import { FULL, QUICK, type Scale, type Verdict } from './promise.ts';
import { onTime, whileDown } from './schedule.ts';
import { type Rates, raise, type Stage } from './stage.ts';

interface Options {
  readonly backend: 'redis' | 'postgres';
  readonly only?: readonly string[];
  readonly seconds?: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

/** At the limits of the promise; what is about order and control has one that leaves the machine time. */
const SLOW: Rates = { sms: 1, email: 50 };
const FAST: Rates = { sms: 2_000, email: 1_000 };
const USUAL: Rates = { sms: 200, email: 200 };

type Measure = (stage: Stage, scale: Scale) => Promise<readonly Verdict[]>;
/** What shares a Herald, in this order. */
const MEASURES: readonly { readonly rates: Rates; readonly measures: Readonly<Record<string, Measure>> }[] = [
  {
    rates: SLOW,
    measures: {
      'limit-slow': (stage, scale) => limits(stage, scale, 'both'),
      'pacer-slow': async (stage, scale) => [await pacers(stage, SLOW.sms, scale)],
    },
  },
  {
    rates: FAST,
    measures: {
      'limit-fast': (stage, scale) => limits(stage, scale, 'sms'),
      'pacer-fast': async (stage, scale) => [await pacers(stage, FAST.sms, scale)],
    },
  },
  {
    rates: USUAL,
    measures: {
      order,
      control: pauseAndCancel,
      leave: leaving,
      correction: correcting,
      webhook: endpoints,
      schedule: async (stage) => [await onTime(stage)],
    },
  },
];
/** Stops and starts Herald, so it is the last. */
const DOWN = 'schedule-down';
const NAMES = [...MEASURES.flatMap(({ measures }) => Object.keys(measures)), DOWN];

const options = parseUsage<Options>(
  new Command('promises')
    .description('measures what Herald promises about limits, order and control, with real worker processes')
    .addOption(
      new Option('--backend <name>', 'what carries queue and limits')
        .choices(['redis', 'postgres'])
        .default('redis'),
    )
    .option('--only <names>', `with commas, of ${NAMES.join(', ')}`, someOf(NAMES))
    .addOption(
      new Option('--seconds <n>', `how long a limit is watched (${FULL.seconds})`)
        .argParser(wholeNumber(COLD_S + 1))
        .conflicts('quick'),
    )
    .option(
      '--quick',
      `the short form: smaller crowds, limits watched for ${QUICK.seconds} s and judged from intervals of a second on`,
    )
    .option('--json', 'print one JSON object as the last line'),
);

const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
endWhenDone();
process.exitCode = (await run()) ? 0 : 1;

async function run(): Promise<boolean> {
  const wanted = options.only ?? NAMES;
  const scale = options.quick ? QUICK : { ...FULL, seconds: options.seconds ?? FULL.seconds };
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const processors = watchProcessors();
  const verdicts: Verdict[] = [];
  const note = (found: readonly Verdict[]) => {
    verdicts.push(...found);
    for (const { ok, name, measured } of found) say(`${ok ? '✓' : '✗'} ${name}: ${measured}`);
  };
  const servers = await startServers(
    {
      ...loadConfig(),
      mode: 'trial',
      port: 0,
      publicUrl: 'http://127.0.0.1:0',
      sandboxUrl: undefined,
      redisUrl: undefined,
    },
    options.backend,
  );
  try {
    for (const { rates, measures } of MEASURES) {
      const names = Object.keys(measures).filter((name) => wanted.includes(name));
      const goesDown = rates === USUAL && wanted.includes(DOWN);
      if (names.length === 0 && !goesDown) continue;
      await on(servers.config, rates, async (stage) => {
        for (const name of names) note((await measures[name]?.(stage, scale)) ?? []);
        if (!goesDown) return stage;
        const after = await whileDown(stage, servers.config, rates);
        note(after.verdicts);
        return after.stage;
      });
    }
  } finally {
    await servers.stop();
  }
  const ok = verdicts.every((verdict) => verdict.ok);
  const seconds = Math.round((performance.now() - began) / 1_000);
  const load = { before: loadBefore, after: loadavg()[0] ?? 0 };
  const shares = processors();
  console.table(
    Object.fromEntries(
      verdicts.map(({ name, ok: held, promised, measured }) => [name, { ok: held, promised, measured }]),
    ),
  );
  console.log(LEFT_OUT(scale));
  if (shares)
    console.log(
      `The processors were idle for ${percent(shares.idle)} of the time, and the host's for others for ${percent(shares.stolen)}.`,
    );
  if (options.json)
    console.log(
      JSON.stringify({
        ok,
        backend: options.backend,
        quick: options.quick === true,
        seconds,
        load,
        processors: shares,
        leftOut: LEFT_OUT(scale),
        promises: verdicts,
      }),
    );
  return ok;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

async function on(config: ReadyConfig, rates: Rates, play: (stage: Stage) => Promise<Stage>): Promise<void> {
  const { sms, email } = rates;
  say(`a Herald with ${sms} segments/s and ${email} mails/s`);
  let stage = await raise(config, rates);
  const first = stage;
  try {
    stage = await play(stage);
  } finally {
    // Whichever of them runs; stopping twice is stopping once.
    await first.stop();
    await stage.stop();
  }
}
