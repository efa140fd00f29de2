import type { Launched } from '../../src/cli/launch.ts';
import type { Random } from './random.ts';
import type { Servers } from './servers.ts';

type Say = (line: string) => void;

/** What was done to Herald, for the verdict. */
export interface Strikes {
  /** SIGKILLs whose victim held claimed rows at that moment. */
  readonly kills: number;
  readonly others: readonly string[];
}

/** Longer than the lease, and than the time after which a silent worker counts as dead. Milliseconds. */
const FREEZE_MS = 45_000;

/** Waits for something to become true, by looking again and again; false when `until` comes first. */
export async function waitFor(
  check: () => Promise<boolean>,
  withinMs: number,
  everyMs = 50,
): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    // Striking servers makes our own questions fail too; they are asked again.
    if (await check().catch(() => false)) return true;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return false;
}

/** Kills, freezes and empties, in the order that the seed decides, while the main announcement is being sent. */
export async function strike(
  herald: Launched,
  servers: Servers,
  random: Random,
  options: { readonly kills: number; readonly announcementId: number; readonly say: Say },
): Promise<Strikes> {
  const { announcementId, say } = options;
  const { pool } = herald.app;
  const others: string[] = [];
  let kills = 0;
  let thawed = Promise.resolve();

  const isOpen = async () => {
    const { rows } = await pool.query(
      `SELECT FROM delivery_counts WHERE announcement_id = $1 AND status IN ('queued', 'sending')
       GROUP BY channel, status HAVING sum(n) > 0`,
      [announcementId],
    );
    return rows.length > 0;
  };
  const special: Record<string, () => Promise<void>> = {
    'freeze a worker': async () => {
      thawed = freeze(herald, random, say);
    },
    'kill PostgreSQL': () => servers.killPostgres(pool),
    'empty the queue': () => servers.emptyQueue(pool),
    ...(servers.redis && { 'kill Redis': servers.redis.kill }),
    'kill the web server': async () => killChild(herald, 'web'),
  };
  const schedule = spread(Object.keys(special), options.kills, random);

  for (let turn = 0; turn < options.kills * 4 && kills < options.kills; turn += 1) {
    for (const name of schedule.get(kills) ?? []) {
      say(`strike: ${name}`);
      await special[name]?.();
      others.push(name);
    }
    schedule.delete(kills);
    const victim = random.pick(
      herald.children.filter((child) => /worker (sms|email|webhook)/.test(child.name)),
    );
    const hit = await waitFor(
      async () => {
        if (!victim?.pid) return false;
        if ((await claimedBy(herald, victim.pid)) === 0) return false;
        return signal(victim.pid, 'SIGKILL');
      },
      5_000,
      5,
    );
    if (hit) kills += 1;
    else if (!(await isOpen().catch(() => true))) break;
    await new Promise((resolve) => setTimeout(resolve, random.between(100, 1_500)));
  }
  await thawed;
  return { kills, others };
}

/** Which special strikes come before which kill. */
function spread(names: readonly string[], kills: number, random: Random): Map<number, string[]> {
  const schedule = new Map<number, string[]>();
  for (const name of names) {
    const at = random.between(1, Math.max(1, kills - 1));
    schedule.set(at, [...(schedule.get(at) ?? []), name]);
  }
  return schedule;
}

async function claimedBy({ app }: Launched, pid: number): Promise<number> {
  const { rows } = await app.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM shards s JOIN workers w ON w.id = s.claimed_by
     JOIN deliveries d ON d.announcement_id = s.announcement_id AND d.n BETWEEN s.from_n AND s.to_n
       AND d.worker_id = w.id AND d.status = 'sending'
     WHERE w.pid = $1 AND w.ended_at IS NULL`,
    [pid],
  );
  return rows[0]?.n ?? 0;
}

function killChild({ children }: Launched, name: string): void {
  const pid = children.find((child) => child.name === name)?.pid;
  if (pid) signal(pid, 'SIGKILL');
}

/** A machine that stood still: others take over, and when it wakes it must send nothing from memory. */
async function freeze(herald: Launched, random: Random, say: Say): Promise<void> {
  const victim = random.pick(herald.children.filter((child) => child.name === 'worker sms'));
  const pid = victim?.pid;
  if (!pid) return;
  await waitFor(async () => (await claimedBy(herald, pid)) > 0, 5_000, 5);
  if (!signal(pid, 'SIGSTOP')) return;
  await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
  say(`the frozen worker ${pid} wakes`);
  signal(pid, 'SIGCONT');
}

/** False when the process has ended meanwhile, by another strike. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
