import { randomUUID } from 'node:crypto';
import { runPacers } from './pacers.ts';
import { pause, type Scale, type Verdict } from './promise.ts';
import type { Stage } from './stage.ts';
import { type Compliance, compliance, holds, INTERVALS_MS, type Spent } from './windows.ts';

/** The promise's: less may be left unused while there is a backlog. */
const USED = 0.95;
/**
 * The first messages of a worker process wait for code to be loaded and connections to be made, and reach the gateway
 * together with later ones. Shown by itself, and judged from then on. Seconds.
 */
export const COLD_S = 2;

/** What is measured and printed, and does not decide whether a limit held. */
export const LEFT_OUT = ({ judgedFromMs }: Pick<Scale, 'judgedFromMs'>): string =>
  [
    `Limits are judged in every interval from ${judgedFromMs} ms to ${INTERVALS_MS.at(-1)} ms.`,
    `Left out: the first ${COLD_S} s, in which worker processes load code and make connections;`,
    `and intervals below ${judgedFromMs} ms, which tell when a busy machine ran which process rather than what the limiter granted.`,
  ].join(' ');

const PROMISED = (rate: number, what: string, fromMs: number) =>
  `${rate} ${what}/s: in any interval T ≥ ${fromMs} ms at most 1.1 × limit × T + the largest message; ≥ ${USED} used`;

/** SMS by four processes, and e-mail by two, at the stage's limits. */
export async function limits(stage: Stage, scale: Scale, only: 'both' | 'sms'): Promise<Verdict[]> {
  const { rates, outbox } = stage;
  const { seconds } = scale;
  // A backlog to the end, whatever was taken meanwhile: one segment a message would be the most.
  const most = (rate: number) => Math.ceil(rate * seconds * 1.2) + 50;
  // At a high limit the machine, not the limiter, would be measured by short messages.
  const length = rates.sms >= 500 ? 400 : 150;
  const segments = rates.sms >= 500 ? 5 : 1;
  const topic = await stage.crowd({
    sms: Math.ceil(most(rates.sms) / segments),
    email: only === 'both' ? most(rates.email) : 0,
  });
  const channels = only === 'both' ? (['sms', 'email'] as const) : (['sms'] as const);
  const { id } = await stage.publish({ topic, channels, length });
  await stage.until(id, 'the first message', (taken) => taken.length > 0);
  await pause(COLD_S * 1_000);
  await stage.arrivals(id);
  await pause((seconds - COLD_S) * 1_000);
  const open = await stage.herald.app.pool.query<{ channel: string }>(
    `SELECT channel FROM delivery_counts WHERE announcement_id = $1 AND status = 'queued' GROUP BY channel HAVING sum(n) > 0`,
    [id],
  );
  await stage.quiet();
  const taken = await outbox.of(id);
  const sms = await spentOnSms(stage, id);
  return channels.map((channel) => {
    const spent =
      channel === 'sms'
        ? sms
        : taken.filter((one) => one.channel === channel).map(({ clockMs, cost }) => ({ at: clockMs, cost }));
    const hadBacklog = open.rows.some((row) => row.channel === channel);
    return verdict(
      `limit-${channel}-${rates[channel]}`,
      rates[channel],
      channel === 'sms' ? 'segments' : 'messages',
      spent,
      scale,
      { hadBacklog, ...(channel === 'sms' && { stoodStillMs: stage.stoodStillMs() }) },
    );
  });
}

/** The SMS of an announcement, as they came. */
export async function spentOnSms({ outbox, arrivals }: Stage, id: number): Promise<readonly Spent[]> {
  const taken = await outbox.of(id);
  const came = cameAt(await arrivals(id));
  return taken.filter(({ channel }) => channel === 'sms').map(({ n, cost }) => ({ at: came(n), cost }));
}

/** @returns a lookup of when each row came, one time after another */
function cameAt(arrivals: ReadonlyMap<number, readonly number[]>): (n: number) => number {
  const rest = new Map([...arrivals].map(([n, times]) => [n, [...times]]));
  return (n) => {
    const at = rest.get(n)?.shift();
    if (at === undefined) throw new Error(`the gateway took row ${n}, and nobody saw it come`);
    return at;
  };
}

/** Limiter and pacer alone, in four processes without a gateway. */
export async function pacers(
  stage: Pick<Stage, 'herald'>,
  ratePerSecond: number,
  scale: Scale,
): Promise<Verdict> {
  const { config } = stage.herald;
  const spent = await runPacers(4, {
    databaseUrl: config.databaseUrl,
    redisUrl: config.redisUrl,
    bucket: randomUUID(),
    ratePerSecond,
    seconds: scale.seconds,
    costs: [1, 4, 2, 8],
  });
  return verdict(`pacer-${ratePerSecond}`, ratePerSecond, 'segments', spent, scale);
}

/**
 * Whether a limit held over what was spent, and enough of it was used.
 * @param stoodStillMs the longest that the process which timed it did not look
 */
export function verdict(
  name: string,
  rate: number,
  what: string,
  spent: readonly Spent[],
  { judgedFromMs }: Pick<Scale, 'judgedFromMs'>,
  { hadBacklog = true, stoodStillMs }: { readonly hadBacklog?: boolean; readonly stoodStillMs?: number } = {},
): Verdict {
  const promised = PROMISED(rate, what, judgedFromMs);
  if (spent.length < 2) return { name, promised, measured: `${spent.length} messages`, ok: false };
  const began = Math.min(...spent.map(({ at }) => at)) + COLD_S * 1_000;
  const [all, warm] = [
    compliance(spent, rate),
    compliance(
      spent.filter(({ at }) => at >= began),
      rate,
    ),
  ];
  const ended = hadBacklog ? '' : '; THE BACKLOG ENDED TOO SOON';
  const timed =
    stoodStillMs === undefined
      ? ''
      : `; timed by a process that stood still for ${stoodStillMs.toFixed(0)} ms at most`;
  return {
    name,
    promised,
    measured: `${inWords(warm)}${ended}${timed}; with the first ${COLD_S} s: ${inWords(all)}`,
    ok: hadBacklog && holds(warm, judgedFromMs) && all.used >= USED,
    figures: { warm, all, stoodStillMs },
  };
}

const inWords = ({ worst, busiestAt, used, holdsFromMs, total, seconds, largest }: Compliance): string =>
  [
    `worst ${INTERVALS_MS.map((ms) => `${ms} ms ${worst[ms]?.toFixed(2)}`).join(', ')} of what it may be (busiest after ${busiestAt.toFixed(1)} s)`,
    holdsFromMs === 0 ? 'holds in every interval' : `holds from ${holdsFromMs.toFixed(1)} ms on`,
    `${used.toFixed(3)} used`,
    `${total} in ${seconds.toFixed(1)} s, largest message ${largest}`,
  ].join('; ');
