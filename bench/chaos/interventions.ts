import type { Launched } from '../../src/cli/launch.ts';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import { type hire, type Part, publish } from './population.ts';
import type { Random } from './random.ts';
import { waitFor } from './strikes.ts';

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

/**
 * What people do while everything is struck: pause and resume, cancel, two leave, a correction and a retraction are
 * approved.
 * @param lastsMs how long the strikes take, about
 */
export async function intervene(
  herald: Launched,
  office: Awaited<ReturnType<typeof hire>>,
  announcements: Readonly<Record<Part, number>>,
  random: Random,
  lastsMs: number,
): Promise<Readonly<Record<Follower, number>>> {
  const { app } = herald;
  const { approver } = office;
  const wait = () => new Promise((resolve) => setTimeout(resolve, lastsMs / 5));
  /** Done already, when only its answer was lost. */
  const move = (id: number, act: 'pause' | 'resume' | 'cancel', state: string) =>
    persist(async () => {
      if ((await app.announce.get(id)).state !== state) await app.announce[act](id, approver);
    });
  await wait();
  await move(announcements.main, 'pause', 'paused');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await move(announcements.main, 'resume', 'sending');
  await wait();
  await move(announcements.cancelled, 'cancel', 'cancelled');
  for (let i = 0; i < 2; i += 1) await persist(() => leave(herald, announcements.main, random));
  const correction = await publish(herald, office, 'corrected', {
    persist,
    supersedes: { id: announcements.corrected, kind: 'correction' },
  });
  const retraction = await publish(herald, office, 'retracted', {
    persist,
    supersedes: { id: announcements.retracted, kind: 'retraction' },
  });
  return { correction, retraction };
}

/** Somebody whose message has not left yet, and never may. */
async function leave({ app }: Launched, announcement: number, random: Random): Promise<void> {
  const { rows } = await app.pool.query<{ id: number }>(
    `SELECT contact_id AS id FROM deliveries
     WHERE announcement_id = $1 AND status = 'queued' AND channel <> 'webhook' OFFSET $2 LIMIT 1`,
    [announcement, random.between(0, 50)],
  );
  if (rows[0])
    await app.receive.leave(leaveToken(purposeKey(app.config.secret, 'leave'), rows[0].id), 'one-click');
}
