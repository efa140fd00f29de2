import { Command, Option } from 'commander';
import { endWhenDone } from '../../src/process.ts';
import { parseUsage, someOf, wholeNumber } from '../usage.ts';
import { measureCallbacks } from './figures/callbacks.ts';
import { measureExpand } from './figures/expand.ts';
import { measureImport } from './figures/import.ts';
import { LATENCY_CONNECTIONS, measureLatency } from './figures/latency.ts';
import { measureScale, type SizePoint } from './figures/scale.ts';
import { compareClients } from './figures/throughput.ts';
import type { Figure } from './goals.ts';
import { type Options, prepareGround } from './ground.ts';
import { type Herald, migrate, type Settings, startHerald } from './herald.ts';
import { comparePlan, fitModel } from './model.ts';
import { describeMachine, judged, keep, type Result, tableOf } from './report.ts';

/** What can be measured by itself, in the order in which it is. */
const GROUPS = [
  'expand',
  'import',
  'sms',
  'email',
  'webhook',
  'callbacks',
  'scale',
  'email-dkim',
  'latency',
] as const;
type Group = (typeof GROUPS)[number];
/** Those that one Herald with its usual settings serves, and those that need others. */
const USUAL: readonly Group[] = ['sms', 'email', 'webhook', 'callbacks', 'scale'];
const UNUSUAL: readonly Group[] = ['email-dkim', 'latency'];

const FULL = { recipients: 1_000_000, messages: 10_000, rounds: 5 };
/** Shows that everything works; its figures mean nothing. */
const QUICK = { recipients: 1_000, messages: 200, rounds: 1 };

interface Given extends Partial<Omit<Options, 'backend'>>, Pick<Options, 'backend'> {
  readonly only?: readonly Group[];
  readonly quick?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
  readonly profile?: string;
}

const number = wholeNumber(1);
const given = parseUsage<Given>(
  new Command('bench')
    .description(
      'measures Herald against the least that any client must do, and against what one would write',
    )
    .option('--recipients <n>', `citizens of the largest announcement (${FULL.recipients})`, number)
    .option('--messages <n>', `messages of a round where clients are compared (${FULL.messages})`, number)
    .option('--rounds <n>', `rounds; medians are taken (${FULL.rounds})`, number)
    .addOption(
      new Option('--backend <name>', 'what carries the queue')
        .choices(['redis', 'postgres'])
        .default('redis'),
    )
    .option('--only <groups>', `some of ${GROUPS.join(',')}`, someOf(GROUPS))
    .option('--quick', 'one round of small sizes, to see that everything works')
    .option('--profile <folder>', 'keep V8’s CPU profiles there, and tell where the time goes (slower)')
    .addOption(
      // A day has one run for each backend: part of one, or one that means nothing, must not take its place.
      new Option('--keep', 'write the run to bench/results').conflicts(['only', 'quick']),
    )
    .option('--json', 'print one JSON object as the last line'),
);

const say = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
endWhenDone();
await bench();

async function bench(): Promise<void> {
  const sizes = given.quick ? QUICK : FULL;
  const options: Options = {
    recipients: given.recipients ?? sizes.recipients,
    messages: given.messages ?? sizes.messages,
    rounds: given.rounds ?? sizes.rounds,
    backend: given.backend,
  };
  const wanted = (group: Group) => given.only?.includes(group) ?? true;
  const figures: Figure[] = [];
  let points: readonly SizePoint[] = [];
  let databaseBytesEach: number | undefined;
  let walBytesEach: number | undefined;
  say(
    `bench on ${options.backend}: ${options.recipients} recipients, rounds of ${options.messages} messages`,
  );
  const ground = await prepareGround(options, say, given.profile);
  const { profiler } = ground;

  const measure = async (group: Group, figuresOf: () => Promise<readonly Figure[]>) => {
    if (!wanted(group)) return;
    await profiler?.reset();
    figures.push(...(await figuresOf()));
    if (profiler) console.error(`\nstatements of ${group}:\n${await profiler.statements()}\n`);
  };
  const withHerald = async (
    groups: readonly Group[],
    settings: Settings,
    use: (herald: Herald) => Promise<void>,
  ) => {
    if (!groups.some(wanted)) return;
    const herald = await startHerald(ground, settings);
    try {
      await use(herald);
    } finally {
      await herald.stop();
    }
    const names = new Map(herald.children.map(({ name, pid }) => [pid, name]));
    if (profiler) console.error(`\n${await profiler.processes(names)}\n`);
  };

  let result: Result;
  try {
    await migrate(ground);
    await measure('expand', () => measureExpand(ground));
    await measure('import', () => measureImport(ground));
    await withHerald(USUAL, {}, async (herald) => {
      for (const comparison of ['sms', 'email', 'webhook'] as const)
        await measure(comparison, () => compareClients(ground, herald, comparison));
      await measure('callbacks', () => measureCallbacks(ground, herald));
      await measure('scale', async () => {
        const scale = await measureScale(ground, herald);
        ({ points, databaseBytesEach, walBytesEach } = scale);
        return scale.figures;
      });
    });
    await withHerald(UNUSUAL, { dkim: true, smsConnections: LATENCY_CONNECTIONS }, async (herald) => {
      await measure('email-dkim', () => compareClients(ground, herald, 'email-dkim'));
      await measure('latency', () => measureLatency(ground, herald, given.quick ?? false));
    });
    const run = {
      at: new Date().toISOString(),
      options,
      machine: await describeMachine(ground),
      points,
      databaseBytesEach,
      walBytesEach,
    };
    figures.push(...comparePlan({ ...run, figures: judged(figures) }));
    result = { ...run, figures: judged(figures) };
  } finally {
    await ground.stop();
  }
  console.error(`\n${tableOf(figures)}\n`);
  if (given.keep) say(`kept as ${await keep(result, fitModel(result)?.model)}.*`);
  if (given.json) console.log(JSON.stringify(result));
}
