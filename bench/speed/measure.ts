import { type Cpu, startCpuMeter } from './proc.ts';
import type { Child } from './processes.ts';

/** CPU microseconds a message; see {@link Cpu}. */
export interface Spent {
  readonly cpuMicros: number;
  /** PostgreSQL's part of them. */
  readonly databaseMicros: number;
  readonly busiestMicros: number;
  readonly queueMicros: number;
  readonly benchMicros: number;
  readonly machineMicros: number;
}

/** One round of one subject. */
export interface Round extends Spent {
  /** Messages a second. */
  readonly perSecond: number;
}

/** A round; a warm-up is shorter. */
export type Subject = (warmUp: boolean) => Promise<Round>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = low] =
    sorted.length % 2 ? [sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const roundOf = (sent: {
  readonly messages: number;
  readonly ms: number;
  readonly cpu: Cpu;
}): Round => ({
  perSecond: (sent.messages / sent.ms) * 1_000,
  cpuMicros: sent.cpu.total / sent.messages,
  databaseMicros: sent.cpu.database / sent.messages,
  busiestMicros: sent.cpu.busiest / sent.messages,
  queueMicros: sent.cpu.queue / sent.messages,
  benchMicros: sent.cpu.bench / sent.messages,
  machineMicros: sent.cpu.machine / sent.messages,
});

/**
 * Interleaves the subjects, so that what the machine does meanwhile meets them all: A B C A B C. The warm-up goes the
 * other way round, because what comes last (Herald) makes the messages that the first ones send.
 * @returns medians
 */
export async function compare<K extends string>(
  subjects: Readonly<Record<K, Subject>>,
  rounds: number,
  say: (line: string) => void,
): Promise<Readonly<Record<K, Round>>> {
  const names = Object.keys(subjects) as K[];
  const seen = Object.fromEntries(names.map((name) => [name, [] as Round[]])) as Record<K, Round[]>;
  for (const name of [...names].reverse()) await subjects[name](true);
  for (let i = 0; i < rounds; i += 1)
    for (const name of names) {
      const round = await subjects[name](false);
      say(
        `  ${name}: ${Math.round(round.perSecond)}/s, ${Math.round(round.cpuMicros)} µs CPU each, ${Math.round(round.databaseMicros)} of them PostgreSQL’s`,
      );
      seen[name].push(round);
    }
  const middle = (name: K): Round => {
    const of = (part: keyof Round) => median(seen[name].map((round) => round[part]));
    return {
      perSecond: of('perSecond'),
      cpuMicros: of('cpuMicros'),
      databaseMicros: of('databaseMicros'),
      busiestMicros: of('busiestMicros'),
      queueMicros: of('queueMicros'),
      benchMicros: of('benchMicros'),
      machineMicros: of('machineMicros'),
    };
  };
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as Record<K, Round>;
}

/** A round of a client process, with the database's part. */
export async function runClient(
  child: Child,
  postmaster: number,
  order: { readonly messages: number },
): Promise<Round> {
  const meter = startCpuMeter({ pids: [child.pid], postmaster });
  const ms = Number(await child.ask(order));
  return roundOf({ messages: order.messages, ms, cpu: meter() });
}
