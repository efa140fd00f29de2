import type { ChannelPlan, Resource, Wish } from '../domain/capacity.ts';
import type { Advice, Relievable, Step } from '../domain/capacity-advice.ts';
import type { CapacityModel } from '../domain/capacity-model.ts';
import type { Sizes } from '../domain/capacity-sizes.ts';
import type { Channel } from '../domain/channel.ts';
import { printable, table } from './output.ts';
import type { Price } from './plan-options.ts';

/** All that `herald plan` tells. Times are seconds from approval. */
export interface Outlook {
  /** What the model was fitted to. */
  readonly measured: CapacityModel['measured'];
  readonly wish: Wish;
  readonly channels: readonly (ChannelPlan & {
    readonly expires: number;
    /** Messages that are not sent by then. */
    readonly late: number;
  })[];
  readonly seconds: number;
  readonly firstSeconds: number;
  readonly endsFirst: { readonly channel: Channel; readonly resource: Resource };
  readonly cost: { readonly segments: number; readonly amount: number; readonly price: Price } | undefined;
  readonly sizes: Sizes;
  /** What is free, and which share of the messages it holds. */
  readonly disk: { readonly free: number; readonly isEnough: boolean; readonly holds: number } | undefined;
  /** Of PostgreSQL's machine. */
  readonly memory: number;
  readonly advice: (Advice & { readonly why: 'in-time' | 'half'; readonly target: number }) | undefined;
}

const NAMES: Readonly<Record<Channel, string>> = { sms: 'SMS', email: 'e-mail', webhook: 'webhook' };
const SETTINGS: Readonly<
  Record<'sms' | 'email', { readonly rate: string; readonly unit: string; readonly connections: string }>
> = {
  sms: { rate: 'SMS_SEGMENTS_PER_SECOND', unit: 'segments', connections: 'SMS_CONNECTIONS' },
  email: { rate: 'EMAIL_PER_SECOND', unit: 'mails', connections: 'EMAIL_CONNECTIONS' },
};
const MOST_CONNECTIONS = 999;
/** PostgreSQL's `max_connections`, less what it keeps for its owner. */
const USUAL_CONNECTIONS = 97;
/** Nobody plans for more announcements than this. */
const MANY = 1_000;

const ENDS: Readonly<Record<Resource, (wish: Wish, channel: Channel) => string>> = {
  gateway: (_, channel) => `the ${NAMES[channel]} limit`,
  worker: (wish, channel) => `the ${channel} worker${wish.workers === 1 ? '’s one thread' : 's’ threads'}`,
  connections: () => 'connections ÷ latency',
  web: () => 'the web server, which takes receipts',
  listing: () => 'listing the recipients',
  cores: (wish) => (wish.machines === 0 ? 'the machine’s cores' : 'the worker machines’ cores'),
  database: () => 'PostgreSQL’s cores',
  disk: () => 'PostgreSQL’s disk',
};

const ADD: Readonly<Record<Relievable, (step: Step, wish: Wish) => string>> = {
  gateway({ channel, to }) {
    if (channel === undefined || channel === 'webhook') return '';
    const { rate, unit } = SETTINGS[channel];
    return `${number(to)} ${unit} a second from the ${NAMES[channel]} provider: ${rate}=${to}`;
  },
  worker: ({ to }) => `${number(to)} workers of each channel`,
  connections({ channel, to }, { workers, connections }) {
    if (channel === undefined || channel === 'webhook')
      return `${number(Math.ceil((to * workers) / connections.webhook))} webhook workers`;
    const setting = SETTINGS[channel].connections;
    return to <= MOST_CONNECTIONS
      ? `${setting}=${to}`
      : `${setting}=${MOST_CONNECTIONS}, and ${number(Math.ceil((to * workers) / MOST_CONNECTIONS))} ${channel} workers`;
  },
  web: ({ to }) => `${number(to)} web servers`,
  cores: ({ to }, { machines, cores }) =>
    machines === 0
      ? `a machine of ${number(to)} cores, or --machines of their own for workers and web`
      : `${number(to)} worker machines of ${cores} cores`,
  database: ({ to }) => `${number(to)} cores for PostgreSQL`,
  disk: ({ to }) => `a disk for PostgreSQL that writes ${bytes(to)} a second`,
};

/** One screen. */
export function outlookText(outlook: Outlook): string {
  const { channels, wish, seconds, firstSeconds, cost, sizes, disk, measured } = outlook;
  const messages = onTheRight(
    'messages',
    channels.map((one) => number(one.messages)),
  );
  const rates = onTheRight(
    'a second',
    channels.map((one) => number(Number(one.perSecond.toPrecision(3)))),
  );
  const parts = [
    table(
      ['channel', messages.heading, rates.heading, 'takes', 'what ends first', 'what else is in use'],
      channels.map((one, i) => [
        one.channel,
        messages.cells[i] ?? '',
        rates.cells[i] ?? '',
        span(one.seconds),
        ENDS[one.binding](wish, one.channel),
        inUse(one),
      ]),
    ),
    [
      `All sent ${span(seconds)} after approval, the first one after ${span(firstSeconds)}.`,
      ...channels
        .filter((one) => one.late > 0)
        .map(
          (one) =>
            `Too late: ${number(one.late)} of ${number(one.messages)} by ${NAMES[one.channel]} would not be sent before it expires, after ${span(one.expires)}.`,
        ),
      ...(disk && !disk.isEnough
        ? [
            `Too big: it needs ${bytes(sizes.disk)} of disk, and ${bytes(disk.free)} hold ${Math.floor(disk.holds * 100)} % of it.`,
          ]
        : []),
    ].join('\n'),
    ...adviceText(outlook),
    [
      ...(cost
        ? [
            `cost        ${money(cost.amount, cost.price.currency)}, for ${number(cost.segments)} segments at ${cost.price.amount} ${cost.price.currency}`,
          ]
        : []),
      `database    grows by ${bytes(sizes.database)} and writes ${bytes(sizes.wal)} of log; ${partitionText(outlook)}`,
      ...(sizes.redis === undefined ? [] : [`Redis       ${bytes(sizes.redis)}`]),
      `processes   ${sizes.processes}, ${bytes(sizes.memory)} of memory, up to ${sizes.databaseConnections} connections to PostgreSQL${
        sizes.databaseConnections > USUAL_CONNECTIONS
          ? `: set its max_connections to ${Math.ceil((sizes.databaseConnections + 10) / 50) * 50}`
          : ''
      }`,
    ].join('\n'),
    `Reckoned from a run of ${number(measured.recipients)} on ${measured.cores} cores, ${measured.at.slice(0, 10)}. Without retries, quiet hours, and what else is sent meanwhile.`,
  ];
  return printable(parts.join('\n\n'));
}

function adviceText({ advice, wish, channels }: Outlook): string[] {
  if (!advice) return [];
  const { why, target, steps, seconds } = advice;
  const goal = why === 'in-time' ? `To send all within ${span(target)}` : 'To take half as long';
  if (steps.length === 0 || seconds > target * 1.001) {
    const [slowest] = [...channels].sort((a, b) => b.needs.listing - a.needs.listing);
    return [
      `${goal}: split the announcement by district. Listing its recipients takes ${span(slowest?.needs.listing ?? 0)}, whatever one adds.`,
    ];
  }
  return [
    [
      `${goal} (${span(seconds)}), have`,
      ...steps.map((step) => `  · ${ADD[step.resource](step, wish)}`),
    ].join('\n'),
  ];
}

function partitionText({ sizes: { fitIntoMemory }, memory }: Outlook): string {
  if (fitIntoMemory >= MANY) return 'no need for partitions';
  const when = fitIntoMemory < 1 ? 'now' : `when it keeps more than ${number(fitIntoMemory)} like it`;
  return `partition deliveries by announcement ${when} (${bytes(memory)} of memory)`;
}

/** The three resources that come next. */
function inUse({ needs, binding }: ChannelPlan): string {
  return (Object.entries(needs) as [Resource, number][])
    .filter(([resource, need]) => resource !== binding && need > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([resource, need]) => `${resource} ${Math.round((need / needs[binding]) * 100)} %`)
    .join(', ');
}

/** Numbers as people write them are text, which `table` would put on the left. */
function onTheRight(heading: string, cells: readonly string[]) {
  const width = Math.max(heading.length, ...cells.map((cell) => cell.length));
  return { heading: heading.padStart(width), cells: cells.map((cell) => cell.padStart(width)) };
}

const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });
const money = (amount: number, currency: string): string =>
  `${amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${currency}`;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1_000 ** power).toPrecision(3))} ${UNITS[power]}`;
}

const SPANS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;
/** The two largest units that it has. */
function span(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of SPANS) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n} ${unit}`);
  }
  return parts.slice(0, 2).join(' ');
}
