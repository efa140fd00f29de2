/** One message at the gateway, or one send of a pacer. */
export interface Spent {
  /** Milliseconds on one clock. */
  readonly at: number;
  /** Segments, messages or requests: what the limit counts. */
  readonly cost: number;
}

/** How a run compares with a limit: in any interval T at most 1.1 × limit × T + the largest message. */
export interface Compliance {
  /** Interval in milliseconds → the most that any interval of that length had, divided by what it may have. */
  readonly worst: Readonly<Record<number, number>>;
  /** Where the busiest tenth of a second begins, in seconds after the first message. */
  readonly busiestAt: number;
  /** The longest interval that has more than it may, of those up to the longest named. Milliseconds; 0: there is none. */
  readonly holdsFromMs: number;
  /** Share of the limit that was used, from the first message to the last. */
  readonly used: number;
  readonly total: number;
  readonly seconds: number;
  readonly largest: number;
}

/** The intervals that reports name, in milliseconds. */
export const INTERVALS_MS = [1, 10, 100, 1_000, 10_000] as const;
/** The promise's slack. */
const SLACK = 1.1;
/** Intervals of every length up to the longest of {@link INTERVALS_MS} are compared. Milliseconds. */
const EVERY_LENGTH_UP_TO_MS = Math.max(...INTERVALS_MS);

/** @param spent at least two, in any order */
export function compliance(spent: readonly Spent[], ratePerSecond: number): Compliance {
  const sorted = [...spent].sort((a, b) => a.at - b.at);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (!first || !last || first === last)
    throw new Error(`${spent.length} messages say nothing about a limit`);
  const largest = Math.max(...sorted.map(({ cost }) => cost));
  const allowed = (ms: number) => (SLACK * ratePerSecond * ms) / 1_000 + largest;
  const total = sorted.reduce((sum, { cost }) => sum + cost, 0);
  const seconds = (last.at - first.at) / 1_000;
  return {
    worst: Object.fromEntries(INTERVALS_MS.map((ms) => [ms, busiest(sorted, ms).most / allowed(ms)])),
    busiestAt: (busiest(sorted, 100).from - first.at) / 1_000,
    holdsFromMs: longestExcess(sorted, allowed),
    // The last message's time begins when it leaves, so it is not in the interval.
    used: (total - last.cost) / (ratePerSecond * seconds),
    total,
    seconds,
    largest,
  };
}

/** Whether no interval of at least so many milliseconds has more than it may, up to the longest that reports name. */
export const holds = ({ holdsFromMs, worst }: Compliance, fromMs: number): boolean =>
  holdsFromMs < fromMs && INTERVALS_MS.every((ms) => ms < fromMs || (worst[ms] ?? 0) <= 1);

/** The most that an interval has, ends included. */
function busiest(sorted: readonly Spent[], ms: number): { readonly most: number; readonly from: number } {
  let [most, sum, from, since] = [0, 0, 0, 0];
  for (const { at, cost } of sorted) {
    sum += cost;
    for (let oldest = sorted[from]; oldest && at - oldest.at > ms; oldest = sorted[from]) {
      sum -= oldest.cost;
      from += 1;
    }
    if (sum <= most) continue;
    most = sum;
    since = sorted[from]?.at ?? at;
  }
  return { most, from: since };
}

/** The length of the longest interval that has more than it may; 0: there is none. */
function longestExcess(sorted: readonly Spent[], allowed: (ms: number) => number): number {
  let longest = 0;
  sorted.forEach((first, i) => {
    let sum = 0;
    for (let j = i; j < sorted.length; j += 1) {
      const { at, cost } = sorted[j] ?? first;
      if (at - first.at > EVERY_LENGTH_UP_TO_MS) break;
      sum += cost;
      if (j > i && sum > allowed(at - first.at)) longest = Math.max(longest, at - first.at, Number.MIN_VALUE);
    }
  });
  return longest;
}
