import { REQUEST_TIMEOUT_MS } from '../../src/adapters.ts';
import { CHANNELS, type Channel } from '../../src/domain/channel.ts';
import { type Field, note } from './field.ts';
import { claims, running, signal } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import { cutOff, freeze, freezeSweeper, isListing, stumble } from './standstill.ts';
import { pause, waitFor } from './wait.ts';

/** What was done to Herald, for the verdict. */
export interface Strikes {
  /** SIGKILLs whose victim held claimed rows at that moment. */
  readonly kills: number;
  /** Workers that held claimed rows, stood still for longer than they count as alive, and woke. */
  readonly freezes: number;
  readonly others: readonly string[];
  /** Strikes that were due and could not be carried out. */
  readonly failed: readonly string[];
  readonly outages: readonly Outage[];
}

/** When answers of the gateways or of PostgreSQL got lost whoever waited for them, until the last of it was found out. */
export interface Outage {
  readonly from: Date;
  readonly until: Date;
  readonly channels: readonly Channel[];
  /** Who may have found it out, as events name their source; absent: anybody, the workers themselves too. */
  readonly sources?: readonly string[];
}

interface Special {
  /** Does it. False, or an error: not yet. */
  readonly run: () => Promise<boolean>;
  readonly times: number;
  /** It takes long: the others go on meanwhile. It tries again by itself. */
  readonly aside?: boolean;
}

/** One kill takes about this long, waiting for a victim with claimed rows included. Milliseconds. */
export const PER_KILL_MS = 4_000;
/** A result that PostgreSQL lost is missed when its shard is put back. Milliseconds. */
const FOUND_OUT_MS = 60_000;
/** After the gateways' outage a request may still run into its time-out, and be written down a little later. Milliseconds. */
const TIMED_OUT_MS = Math.max(REQUEST_TIMEOUT_MS.sms, REQUEST_TIMEOUT_MS.webhook) + 5_000;
/** Kills from which on a campaign is a long one. */
const LONG = 20;
export const isShort = (kills: number): boolean => kills < LONG;
/** The gateways' outage: first nobody listens, then they answer with 503. Milliseconds. */
export const outageMs = (kills: number): number => (isShort(kills) ? 20_000 : 90_000);
const REDIS_AWAY = 'take Redis away from all';
/** Workers claim rows again within. Milliseconds. */
const GOES_ON_MS = 60_000;
/** So long Redis is away from all at once; then it comes back empty. Milliseconds. */
const withoutRedisMs = (kills: number): number => (isShort(kills) ? 15_000 : 60_000);
/** Who is to die: SMS workers nearly always hold rows, webhooks are soon out. */
const VICTIMS = ['sms', 'sms', 'sms', 'email', 'email', 'webhook'] as const;

/**
 * Kills, freezes and empties, in the order that the seed decides, while the main announcement is being sent.
 * @param announce publishes one more announcement, when the gateways are away; returns its number
 */
export async function strike(
  field: Field,
  seed: number,
  kills: number,
  announce: () => Promise<number>,
): Promise<Strikes> {
  const { say, isOpen } = field;
  const random = createRandom(seed, 'strikes');
  const outages: Outage[] = [];
  const specials = specialStrikes(field, seed, kills, announce, outages);
  const schedule = spread(specials, kills, random);
  const done = new Map<string, number>();
  const aside: Promise<void>[] = [];
  const carryOut = async (name: string, { run, aside: byItself }: Special) => {
    say(`strike: ${name}`);
    const happened = byItself ? await run() : await waitFor(run, 30_000, 250);
    if (happened) done.set(name, (done.get(name) ?? 0) + 1);
    else say(`could not: ${name}`);
  };

  // Before all others: they wait for workers that claim rows, and without a queue nobody does.
  const withoutRedis = field.queue && (await takeRedisAway(field, kills));
  let killed = 0;
  for (let misses = 0; killed < kills && misses < kills * 3; ) {
    for (const name of schedule.get(killed) ?? []) {
      const special = specials[name];
      if (!special) continue;
      if (special.aside) aside.push(carryOut(name, special));
      else await carryOut(name, special);
    }
    schedule.delete(killed);
    if (await killHolder(field, random)) killed += 1;
    else if (await isOpen().catch(() => true)) misses += 1;
    else break;
    await pause(random.between(300, 3_000));
  }
  await Promise.all(aside);
  return {
    kills: killed,
    freezes: done.get('freeze a worker') ?? 0,
    outages,
    others: [
      ...(withoutRedis ? [REDIS_AWAY] : []),
      ...[...done].map(([name, times]) => (times > 1 ? `${name} (${times}×)` : name)),
    ],
    failed: [
      ...(withoutRedis === false ? [REDIS_AWAY] : []),
      ...(killed < kills ? [`${killed} of ${kills} kills`] : []),
      ...Object.entries(specials).flatMap(([name, { times }]) =>
        (done.get(name) ?? 0) < times ? [`${name}: ${done.get(name) ?? 0} of ${times}`] : [],
      ),
    ],
  };
}

/**
 * Redis is away from all processes at once for a while, and comes back empty.
 * @returns whether Herald said meanwhile that it is not ready, and workers claim rows again
 */
async function takeRedisAway(
  { herald, servers, queue, isOpen, say }: Field,
  kills: number,
): Promise<boolean> {
  const isSending = async () => (await claims(herald)).size > 0;
  if (!queue || !servers.redis || !(await waitFor(isSending, 60_000, 5))) return false;
  say(`strike: ${REDIS_AWAY}`);
  let wasReady = true;
  try {
    await queue.set('refused');
    await servers.redis.kill();
    await pause(withoutRedisMs(kills));
    wasReady = (await herald.app.ready()).ready;
  } finally {
    await queue.set('open');
  }
  const goesOn = await waitFor(async () => (await isSending()) || !(await isOpen()), GOES_ON_MS, 50);
  return !wasReady && goesOn;
}

function specialStrikes(
  field: Field,
  seed: number,
  kills: number,
  announce: () => Promise<number>,
  outages: Outage[],
): Readonly<Record<string, Special>> {
  const { herald, servers, gateways } = field;
  const { pool } = herald.app;
  const often = 1 + Math.floor(kills / LONG);
  const did = async (act: Promise<void>) => {
    await act;
    return true;
  };
  const during = async <T>(
    where: Pick<Outage, 'channels' | 'sources'>,
    foundOutMs: number,
    act: () => Promise<T>,
  ) => {
    const from = new Date();
    try {
      return await act();
    } finally {
      outages.push({ ...where, from, until: new Date(Date.now() + foundOutMs) });
    }
  };
  const randomFor = (purpose: string) => createRandom(seed, purpose);
  const [freezing, stumbling] = [randomFor('freeze'), randomFor('stumble')];
  const [cutting, sweepers] = [randomFor('cut'), randomFor('sweepers')];
  return {
    'freeze a worker': { times: 1, aside: true, run: () => freeze(field, freezing) },
    'stop a worker for six seconds': { times: Math.min(3, often), run: () => stumble(field, stumbling) },
    'freeze a sweeper': { times: 1, aside: true, run: () => freezeSweeper(field, sweepers) },
    'cut a worker off from PostgreSQL': {
      times: 1,
      aside: true,
      run: () => cutOff(field, cutting, 'PostgreSQL'),
    },
    'take the gateways away': {
      times: 1,
      aside: true,
      async run() {
        // When nothing is under way, nothing is learnt.
        await waitFor(async () => (await claims(herald)).size > 0, 60_000, 5);
        const before = gateways.answered();
        // The relay for mail is not taken away.
        return during({ channels: ['sms', 'webhook'] }, TIMED_OUT_MS, async () => {
          await gateways.set('refused');
          const id = await announce();
          await pause(outageMs(kills) / 4);
          await gateways.set('unavailable');
          // Other strikes may have brought all sending to a stop, and workers that died meanwhile wait to be started again.
          const felt = await waitFor(
            async () => gateways.answered() > before && (await isRefused(herald, id)),
            180_000,
            50,
          );
          await pause((outageMs(kills) * 3) / 4);
          await gateways.set('open');
          return felt;
        });
      },
    },
    'kill PostgreSQL': {
      times: 1,
      // A worker's own answers are written when it is back: what it lost is found out when its shard is put back, or by the sweeper.
      run: () =>
        during({ channels: CHANNELS, sources: ['deliver', 'sweep'] }, FOUND_OUT_MS, () =>
          did(servers.killPostgres(pool)),
        ),
    },
    'empty the queue': { times: 1, run: () => did(servers.emptyQueue(pool)) },
    ...(servers.redis && {
      'kill Redis': { times: 1, run: () => did(servers.redis?.kill() ?? Promise.reject()) },
      'cut a worker off from Redis': { times: 1, aside: true, run: () => cutOff(field, cutting, 'Redis') },
    }),
    'kill the web server': { times: 1 + often, run: async () => killOne(field, /^web$/, sweepers) },
    'kill a sweeper': { times: 1 + often, run: async () => killOne(field, /^worker sweep$/, sweepers) },
    'kill the worker that lists': {
      times: often,
      run: async () => killOne(field, /^worker expand$/, sweepers),
    },
  };
}

/** Whether an SMS of an announcement was refused, and is to be tried again. */
async function isRefused({ app }: Field['herald'], announcement: number): Promise<boolean> {
  const { rows } = await app.pool.query(
    `SELECT FROM deliveries d JOIN delivery_events e USING (announcement_id, n)
     WHERE announcement_id = $1 AND d.channel = 'sms' AND e.type = 'retry' LIMIT 1`,
    [announcement],
  );
  return rows.length > 0;
}

/** A SIGKILL that counts: of a worker of a channel that held claimed rows, and left them so. */
async function killHolder(field: Field, random: Random): Promise<boolean> {
  const { herald, workers, reserved } = field;
  const kind = random.pick(VICTIMS) ?? 'sms';
  const kill = (name: RegExp) => async () => {
    const holders = await claims(herald);
    const victim = random.pick(running(workers, name, reserved).filter((pid) => holders.has(pid)));
    if (victim === undefined || !signal(victim, 'SIGKILL')) return false;
    note(field, victim);
    // What it was just writing down is written down, and nothing is in doubt then.
    await pause(20);
    return (await claims(herald)).has(victim);
  };
  return (
    (await waitFor(kill(new RegExp(`^worker ${kind}$`)), 2_000, 5)) ||
    (await waitFor(kill(/^worker (sms|email|webhook)$/), 5_000, 5))
  );
}

function killOne(field: Field, name: RegExp, random: Random): boolean {
  const victim = random.pick(running(field.workers, name, field.reserved));
  if (victim !== undefined) note(field, victim);
  return victim !== undefined && signal(victim, 'SIGKILL');
}

/**
 * Kills the worker that turns announcements into rows while it does so.
 * @returns whether it was caught at it
 */
export async function killLister(field: Field): Promise<boolean> {
  const { workers, reserved } = field;
  // Whichever of them it is.
  const caught = async () => {
    if (!(await isListing(field))) return false;
    const killed = running(workers, /^worker expand$/, reserved).filter((pid) => signal(pid, 'SIGKILL'));
    for (const pid of killed) note(field, pid);
    return killed.length > 0;
  };
  return waitFor(caught, 5_000, 1);
}

/**
 * Which special strikes come before which kill (0: the first): all of them, however few the kills are. What takes long
 * begins early, and before what brings all sending to a stop.
 */
export function spread(
  specials: Readonly<Record<string, Pick<Special, 'times' | 'aside'>>>,
  kills: number,
  random: Random,
): Map<number, string[]> {
  const schedule = new Map<number, string[]>();
  for (const [name, { times, aside }] of Object.entries(specials)) {
    for (let i = 0; i < times; i += 1) {
      const at = aside
        ? random.between(0, Math.floor((kills - 1) / 4))
        : random.between(Math.min(1, kills - 1), kills - 1);
      schedule.set(at, [...(schedule.get(at) ?? []), name]);
    }
  }
  return schedule;
}
