import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import type { Field } from './field.ts';
import { type hire, type PARTS, publish } from './population.ts';
import type { Random } from './random.ts';
import { GRACE_MS, type Pause } from './rows.ts';
import { killLister } from './strikes.ts';
import { pause, waitFor } from './wait.ts';

/** Repeats what somebody does until the servers, which are being struck, let it happen. */
export async function persist<T>(step: () => Promise<T>): Promise<T> {
  let done: { readonly value: T } | undefined;
  const tried = async () => {
    done = { value: await step() };
    return true;
  };
  if (!(await waitFor(tried, 60_000, 250)) || !done) throw new Error('a step failed for a minute');
  return done.value;
}

/** The announcements that people write meanwhile. */
export type Follower = 'correction' | 'retraction';

/** What people did, for the verdict. */
export interface Interventions {
  readonly followers: Readonly<Record<Follower, number>>;
  readonly pause: Pause;
  /** Rows of the main announcement that waited when the pause ended. */
  readonly heldByPause: number;
  /** Who left while their message waited. */
  readonly left: number;
  /** Workers that were killed while they turned an announcement into rows. */
  readonly listersKilled: number;
}

/** How long the main announcement rests: what leaves after the grace is judged. Milliseconds. */
export const PAUSE_MS = GRACE_MS + 4_000;
export const LEAVERS = 2;

/**
 * What people do while everything is struck: pause and resume, cancel, two leave, a correction and a retraction are
 * approved.
 * @param lastsMs how long the strikes take, about
 */
export async function intervene(
  field: Field,
  office: Awaited<ReturnType<typeof hire>>,
  announcements: Readonly<Record<(typeof PARTS)[number], number>>,
  random: Random,
  lastsMs: number,
): Promise<Interventions> {
  const { herald, gateways } = field;
  const { app } = herald;
  const { approver } = office;
  const { main } = announcements;
  /** Done already, when only its answer was lost. */
  const move = (id: number, act: 'pause' | 'resume' | 'cancel', state: string) =>
    persist(async () => {
      if ((await app.announce.get(id)).state !== state) await app.announce[act](id, approver);
    });
  await pause(lastsMs / 5);
  // While nobody listens nothing would be sent anyway.
  await waitFor(async () => gateways.state() === 'open' && (await waiting(herald, main)) > 0, 120_000, 50);
  const leavers = new Set<number>();
  const oneLeaves = async () => {
    const contact = await persist(() => leave(herald, main, [...leavers], random));
    if (contact !== undefined) leavers.add(contact);
  };
  // While it is being sent, and while it rests.
  await oneLeaves();
  await move(main, 'pause', 'paused');
  const from = Date.now();
  while (leavers.size < LEAVERS && (await persist(() => waiting(herald, main))) > 1) await oneLeaves();
  await pause(PAUSE_MS);
  const heldByPause = await persist(() => waiting(herald, main));
  const until = Date.now();
  await move(main, 'resume', 'sending');
  await pause(lastsMs / 5);
  await move(announcements.cancelled, 'cancel', 'cancelled');
  const caught = killLister(field);
  const correction = await publish(herald, office, 'corrected', {
    persist,
    supersedes: { id: announcements.corrected, kind: 'correction' },
  });
  const retraction = await publish(herald, office, 'retracted', {
    persist,
    supersedes: { id: announcements.retracted, kind: 'retraction' },
  });
  return {
    followers: { correction, retraction },
    pause: { from, until },
    heldByPause,
    left: leavers.size,
    listersKilled: (await caught) ? 1 : 0,
  };
}

async function waiting({ app }: Field['herald'], announcement: number): Promise<number> {
  const { rows } = await app.pool.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM deliveries WHERE announcement_id = $1 AND status = 'queued'",
    [announcement],
  );
  return rows[0]?.n ?? 0;
}

/** Somebody whose message has not left yet, and never may. @returns their contact, unless nobody's waits */
async function leave(
  { app }: Field['herald'],
  announcement: number,
  others: readonly number[],
  random: Random,
): Promise<number | undefined> {
  const { rows } = await app.pool.query<{ id: number }>(
    `SELECT contact_id AS id FROM deliveries
     WHERE announcement_id = $1 AND status = 'queued' AND channel <> 'webhook' AND contact_id <> ALL ($2)
     ORDER BY n LIMIT 50`,
    [announcement, others],
  );
  const id = random.pick(rows)?.id;
  if (id !== undefined)
    await app.receive.leave(leaveToken(purposeKey(app.config.secret, 'leave'), id), 'one-click');
  return id;
}
