import { type Field, note } from './field.ts';
import { claims, factsOf, isAlive, running, signal } from './processes.ts';
import type { Random } from './random.ts';
import { pause, waitFor } from './wait.ts';

/** Longer than the lease, and than the time after which a silent worker counts as dead. Milliseconds. */
const STANDSTILL_MS = 45_000;
/** Shorter than the lease: it may go on, but with nothing that it claimed before. Milliseconds. */
const STUMBLE_MS = 6_000;
/** Who reaches its servers again claims rows again within. Milliseconds. */
const WORKS_AGAIN_MS = 60_000;
/** A call that was under way in the database when its worker stood still has ended by then. Milliseconds. */
const UNDER_WAY_MS = 200;

/**
 * A machine that stood still: others take over, and when it wakes it must send nothing from memory.
 * @returns whether an SMS worker that held claimed rows stood still all the time, and woke
 */
export const freeze = (field: Field, random: Random): Promise<boolean> =>
  standStill(field, random, STANDSTILL_MS);

/** One that nobody notices: no other takes over. */
export const stumble = (field: Field, random: Random): Promise<boolean> =>
  standStill(field, random, STUMBLE_MS);

async function standStill(field: Field, random: Random, ms: number): Promise<boolean> {
  const pid = await hold(
    field,
    random,
    'SIGSTOP',
    (one) => signal(one, 'SIGCONT'),
    async (one) => {
      if (!signal(one, 'SIGSTOP')) return false;
      return waitFor(async () => factsOf(one)?.state === 'T', 1_000, 1);
    },
  );
  if (pid === undefined) return false;
  const before = factsOf(pid);
  await pause(ms);
  const after = factsOf(pid);
  const stood = before?.startedAt === after?.startedAt && after?.state === 'T';
  const woke =
    stood && signal(pid, 'SIGCONT') && (await waitFor(async () => factsOf(pid)?.state !== 'T', 2_000, 5));
  field.say(
    woke ? `the frozen worker ${pid} wakes` : `the frozen worker ${pid} did not stand still to the end`,
  );
  field.reserved.delete(pid);
  return woke;
}

/**
 * An SMS worker that no longer reaches one of its servers, and everything else still: its connections stay open, and nothing
 * passes. Cut off from PostgreSQL, it is not seen by the database either; from Redis, it has no queue and no limits.
 * @returns whether it was cut off while it held claimed rows, lived to see the server again, and went on working: itself, or, where it
 *   was declared dead, the process that was started in its place
 */
export async function cutOff(field: Field, random: Random, from: 'PostgreSQL' | 'Redis'): Promise<boolean> {
  const { herald, remote, reserved, say, isOpen } = field;
  const link = from === 'Redis' ? remote.redis : remote.link;
  if (!link) return false;
  const pid = await hold(
    field,
    random,
    `cut off from ${from}`,
    () => link.set('open'),
    async () => {
      await link.set('held');
      return true;
    },
  );
  if (pid === undefined) return false;
  const before = factsOf(pid);
  await pause(STANDSTILL_MS);
  const lived = before !== undefined && factsOf(pid)?.startedAt === before.startedAt;
  await link.set('open');
  say(
    lived
      ? `worker ${pid} reaches ${from} again`
      : `worker ${pid} ended while it was cut off from ${from}${await declaredDead(herald, pid)}`,
  );
  const works =
    lived &&
    (await waitFor(
      async () => (await claims(herald)).has(remote.child.pid ?? pid) || !(await isOpen()),
      WORKS_AGAIN_MS,
      5,
    ));
  if (lived && !works) say(`worker ${pid}, or who came after it, has done nothing since`);
  reserved.delete(pid);
  return works;
}

/** Why a worker may have ended by itself; the database may be struck meanwhile. */
async function declaredDead({ app }: Field['herald'], pid: number): Promise<string> {
  let died = false;
  const answered = await waitFor(
    async () => {
      const { rows } = await app.pool.query<{ died: boolean }>(
        'SELECT died FROM workers WHERE pid = $1 ORDER BY id DESC LIMIT 1',
        [pid],
      );
      died = rows[0]?.died ?? false;
      return true;
    },
    30_000,
    250,
  );
  if (!answered) return ', and the database does not say why';
  return died ? ', for it was declared dead' : '';
}

/**
 * Stops a worker in the middle of its work, trying again until it holds claimed rows and, but for one without Redis, can write
 * nothing about them.
 * It stays set aside: no other strike takes it.
 */
async function hold(
  field: Field,
  random: Random,
  what: 'SIGSTOP' | 'cut off from PostgreSQL' | 'cut off from Redis',
  undo: (pid: number) => unknown,
  act: (pid: number) => Promise<boolean>,
): Promise<number | undefined> {
  const { herald, workers, remote, reserved, say, isOpen } = field;
  let held: number | undefined;
  const candidates = () =>
    what !== 'SIGSTOP'
      ? running([remote.child], /^worker sms$/, reserved)
      : running(
          workers.filter((worker) => worker !== remote.child),
          /^worker sms$/,
          reserved,
        );
  const tried = async () => {
    const holders = await claims(herald);
    const pid = random.pick(candidates().filter((one) => holders.has(one)));
    if (pid === undefined) return !(await isOpen());
    reserved.add(pid);
    try {
      if (await act(pid)) {
        await pause(UNDER_WAY_MS);
        // What a worker without Redis holds it still sends, and writes down.
        const writes = what === 'cut off from Redis';
        // A kill that was under way leaves claims behind as well.
        if ((writes || (await claims(herald)).has(pid)) && isAlive(pid)) held = pid;
        if (held !== undefined && !writes) note(field, held);
      }
    } finally {
      if (held === undefined) {
        await undo(pid);
        reserved.delete(pid);
      }
    }
    return held !== undefined;
  };
  // The other way of this worker may be cut before.
  await waitFor(tried, what === 'SIGSTOP' ? 60_000 : 60_000 + STANDSTILL_MS, 5);
  say(
    held === undefined ? `no SMS worker could be caught (${what})` : `worker ${held} stands still (${what})`,
  );
  return held;
}

/** A sweeper that stands still, whether it leads or not: the others must lead soon. @see standAside */
export const freezeSweeper = (field: Field, random: Random): Promise<boolean> =>
  standAside(field, random.pick(running(field.workers, /^worker sweep$/, field.reserved)));

/** A session that was left in a transaction for so long is not merely between two statements of it. Milliseconds. */
const LEFT_MS = 150;

/**
 * A worker that lists stands still in the middle of a slice, if it can be caught there, else at rest: the other one goes on where
 * the last slice ended, and on waking it must add nothing.
 * @returns whether one stood still all the time and woke, and whether it was caught in a slice
 */
export async function freezeLister(
  field: Field,
  random: Random,
): Promise<{ readonly stood: boolean; readonly caught: boolean }> {
  const { herald, workers, reserved } = field;
  const lister = /^worker expand$/;
  const inSlice = async () => {
    const { rows } = await herald.app.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'herald expand'
         AND state = 'idle in transaction' AND state_change < now() - $1 * interval '1 millisecond' LIMIT 1`,
      [LEFT_MS],
    );
    return rows.length > 0;
  };
  let pid: number | undefined;
  const caught = await waitFor(
    async () => {
      if (!(await isListing(field))) return false;
      pid = random.pick(running(workers, lister, reserved));
      if (pid === undefined || !signal(pid, 'SIGSTOP')) return false;
      reserved.add(pid);
      await pause(2 * LEFT_MS);
      if (await inSlice().catch(() => false)) return true;
      reserved.delete(pid);
      signal(pid, 'SIGCONT');
      return false;
    },
    20_000,
    1,
  );
  if (!caught) pid = random.pick(running(workers, lister, reserved));
  return { stood: await standAside(field, pid), caught };
}

export async function isListing({ herald, queue }: Field): Promise<boolean> {
  // Without a queue nobody is told to.
  if (queue && queue.state() !== 'open') return false;
  const { rows } = await herald.app.pool.query("SELECT FROM expansions WHERE phase <> 'done' LIMIT 1");
  return rows.length > 0;
}

/**
 * A process that claims no rows stands still.
 * @returns whether it did all the time, and woke
 */
async function standAside(field: Field, pid: number | undefined): Promise<boolean> {
  const { reserved, say } = field;
  if (pid === undefined || !signal(pid, 'SIGSTOP')) return false;
  reserved.add(pid);
  note(field, pid);
  say(`${pid} stands still, though it holds no rows`);
  const before = factsOf(pid);
  await pause(STANDSTILL_MS);
  const stood = factsOf(pid)?.state === 'T' && factsOf(pid)?.startedAt === before?.startedAt;
  reserved.delete(pid);
  return signal(pid, 'SIGCONT') && stood;
}
