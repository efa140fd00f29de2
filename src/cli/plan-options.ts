import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config.ts';
import { DEFAULT_EXPIRY_HOURS } from '../domain/announcement.ts';
import type { Wish } from '../domain/capacity.ts';
import { HeraldError } from '../domain/errors.ts';
import type { Printing } from './output.ts';

/** What a segment costs. */
export interface Price {
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

export interface PlanOptions extends Printing {
  readonly recipients?: number;
  readonly sms?: number;
  readonly email?: number;
  readonly webhooks?: number;
  readonly segments: number;
  readonly smsRate?: number;
  readonly emailRate?: number;
  readonly price?: Price;
  /** Seconds. */
  readonly expires: number;
  readonly dkim?: true;
  readonly receipts: number;
  readonly latency: number;
  readonly connections?: number;
  readonly emailConnections?: number;
  readonly workers: number;
  readonly web: number;
  readonly cores?: number;
  readonly machines: number;
  readonly databaseCores?: number;
  /** GB. */
  readonly memory: number;
  readonly disk?: number;
  /** MB a second. */
  readonly diskSpeed: number;
  readonly model?: string;
}

const HOURS = { m: 1 / 60, h: 1, d: 24 } as const;
const HOUR_SECONDS = 3_600;
/** Twilio reports that an SMS was sent, and that it was delivered. */
const RECEIPTS = 2;
/** To a gateway on the other side of an ocean, as long as there is nothing better known. Milliseconds. */
const LATENCY_MS = 100;

export function addPlanOptions(command: Command): Command {
  const people = whole(1, 1_000_000_000);
  const few = whole(1, 10_000);
  return command
    .option('--recipients <n>', 'people, each of whom gets an SMS; or each channel by itself:', people)
    .option('--sms <n>', 'how many get an SMS', people)
    .option('--email <n>', 'how many get a mail', people)
    .option('--webhooks <n>', 'how many outlets get a webhook', people)
    .option('--segments <n>', 'segments of an SMS; `herald preview` tells', whole(1, 20), 1)
    .option('--sms-rate <n>', 'segments a second (SMS_SEGMENTS_PER_SECOND)', rate)
    .option('--email-rate <n>', 'mails a second (EMAIL_PER_SECOND)', rate)
    .option('--price <amount>', 'of a segment, with its currency: 0.045CNY', price)
    .addOption(
      new Option('--expires <time>', 'after approval: 90m, 24h, 2d')
        .argParser(span)
        .default(DEFAULT_EXPIRY_HOURS * HOUR_SECONDS, `${DEFAULT_EXPIRY_HOURS}h`),
    )
    .option('--dkim', 'Herald signs the mails')
    .option('--receipts <n>', 'status callbacks about an SMS', whole(0, 10), RECEIPTS)
    .option('--latency <ms>', 'from a request to a gateway to its answer', whole(0, 60_000), LATENCY_MS)
    .option('--connections <n>', 'for SMS, of one worker (SMS_CONNECTIONS)', whole(1, 999))
    .option('--email-connections <n>', 'for mail, of one worker (EMAIL_CONNECTIONS)', whole(1, 999))
    .option('--workers <n>', 'worker processes of each channel', few, 1)
    .option('--web <n>', 'web processes', few, 1)
    .option('--cores <n>', 'of the machine that has everything, or of each of --machines', few)
    .option(
      '--machines <n>',
      'machines that have workers and web alone, beside PostgreSQL’s',
      whole(0, 10_000),
      0,
    )
    .option('--database-cores <n>', 'of PostgreSQL’s machine, with --machines', few)
    .option('--memory <GB>', 'of PostgreSQL’s machine', few, 8)
    .option('--disk <GB>', 'free for PostgreSQL', whole(1, 1_000_000))
    .option('--disk-speed <MB>', 'what PostgreSQL’s disk writes a second', whole(1, 100_000), 100)
    .option('--model <file>', 'your own model, which `npm run bench -- --keep` makes')
    .option('--json', 'print the same as one object');
}

/** @param modelCores of the machine that the model was made on. @throws HeraldError `invalid-input` */
export function wishOf(
  options: PlanOptions,
  config: Pick<Config, 'rates' | 'connections'>,
  modelCores: number,
): Wish {
  const { recipients, sms, email = 0, webhooks = 0, cores = modelCores } = options;
  if (recipients !== undefined && sms !== undefined)
    throw invalid('--recipients are those who get an SMS, and so are --sms', 'give one of the two');
  const messages = { sms: sms ?? recipients ?? 0, email, webhook: webhooks };
  if (messages.sms + messages.email + messages.webhook === 0)
    throw invalid('nobody to send to', 'give --recipients, or some of --sms, --email and --webhooks');
  if (options.databaseCores !== undefined && options.machines === 0)
    throw invalid(
      '--database-cores is for a PostgreSQL that has a machine of its own',
      'give --machines too',
    );
  return {
    messages,
    segments: options.segments,
    dkim: options.dkim ?? false,
    perSecond: {
      sms: options.smsRate ?? config.rates.live.sms,
      email: options.emailRate ?? config.rates.live.email,
    },
    receipts: options.receipts,
    workers: options.workers,
    web: options.web,
    connections: {
      ...config.connections,
      ...(options.connections && { sms: options.connections }),
      ...(options.emailConnections && { email: options.emailConnections }),
    },
    latencyMs: options.latency,
    cores,
    machines: options.machines,
    databaseCores: options.databaseCores ?? cores,
    diskPerSecond: options.diskSpeed * 1e6,
  };
}

const invalid = (message: string, fix: string) =>
  new HeraldError('invalid', 'invalid-input', message, { fix });

function whole(least: number, most: number) {
  return (text: string): number => {
    const n = Number(text);
    if (/^\d{1,12}$/.test(text) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

function rate(text: string): number {
  const n = Number(text);
  if (/^\d{1,6}(\.\d{1,6})?$/.test(text) && n > 0 && n <= 100_000) return n;
  throw new InvalidArgumentError('It must be a number above 0, and at most 100000.');
}

function price(text: string): Price {
  const [, amount, currency] = /^(\d{1,6}(?:\.\d{1,6})?) ?([A-Z]{3})$/.exec(text) ?? [];
  if (amount !== undefined && currency !== undefined) return { amount: Number(amount), currency };
  throw new InvalidArgumentError('It must be an amount and a currency, such as 0.045CNY.');
}

/** @returns seconds */
function span(text: string): number {
  const [, n, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const seconds = Number(n) * (HOURS[unit as keyof typeof HOURS] ?? Number.NaN) * HOUR_SECONDS;
  if (seconds >= 60) return seconds;
  throw new InvalidArgumentError('It must be a time such as 90m, 24h or 2d.');
}
