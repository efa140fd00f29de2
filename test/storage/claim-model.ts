import type { ReceiptStatus } from '../../src/domain/delivery.ts';
import type { AttemptRecord, ClaimedDelivery } from '../../src/pipeline/stores.ts';
import {
  FATES,
  type Fate,
  type RowNow,
  type Stage,
  type Tables,
  type Worker,
  type World,
} from './claim-world.ts';

/** One thing that can happen. It changes the database and says what the world is then. */
export interface Act {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<World>;
}

/** What is promised. */
function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const inShard = (claim: { fromN: number; toN: number; retry: boolean }, row: RowNow, stage: Stage) =>
  row.n >= claim.fromN &&
  row.n <= claim.toN &&
  (stage.channel !== 'webhook' || claim.retry || row.attempt === 0);
const isIdle = (w: Worker) => !w.claim && w.unsent.length === 0 && w.unwritten.length === 0 && !w.written;
const same = (a: AttemptRecord, b: AttemptRecord) => a.n === b.n && a.dedupe === b.dedupe;

/** What the exhaustive search leaves to the random one, to get deeper. */
export const RARE =
  /expires|hour|pauses|resumes|opted out|refused|stopping|1 undelivered|2 delivered|tells . sent/;

/** Whatever can happen now, in a fixed order. */
export function possible(stage: Stage, world: World, now: Tables): Act[] {
  const acts: Act[] = [];
  const add = (name: string, run: (s: Stage) => Promise<World>) => void acts.push({ name, run });
  const does = (name: string, run: (s: Stage) => Promise<unknown>) =>
    add(name, async (s) => {
      await run(s);
      return world;
    });

  world.workers.forEach((worker, i) => {
    // Until somebody has done something, one worker is like the other.
    if (i > 0 && world.workers.every(isIdle) && now.shards.every((s) => s.claimedBy === null)) return;
    for (const act of workerActs(stage, world, now, worker, i)) acts.push(act);
  });

  const silent = silentOnes(world, now);
  const forgotten = forgottenOnes(world, now);
  if (
    silent.length > 0 ||
    forgotten.length > 0 ||
    now.shards.some((s) => s.claimedBy && now.ended.includes(s.claimedBy))
  )
    does('the sweeper buries', (s) => s.bury(silent, forgotten));
  does('the sweeper turns', async (s) => {
    await s.sweeps.stopRows();
    await s.sweeps.enqueueDue();
    const finished = await s.sweeps.finish();
    must(
      finished.every(({ miscounted }) => miscounted.length === 0),
      'counts had to be put right',
    );
  });
  if (now.rows.some((r) => r.later) || now.shards.some((s) => s.due === 'later' || s.told === 'now'))
    does('time passes', (s) => s.pass());

  const running = ['sending', 'paused'].includes(now.state);
  if (!world.left)
    add('recipient 1 leaves', async (s) => {
      await s.leave();
      return { ...world, left: true };
    });
  if (running) does('the office cancels', (s) => s.move('cancel', 'cancelled'));
  if (now.state === 'sending') does('the office pauses', (s) => s.move('pause', 'paused'));
  if (now.state === 'paused') does('the office resumes', (s) => s.move('resume', 'sending'));
  if (running && !now.expired) does('it expires', (s) => s.expire());
  if (now.expired) does('an hour is over', (s) => s.giveUp());

  if (stage.channel !== 'webhook')
    for (const n of new Set(world.taken.map((message) => message.n)))
      for (const receipt of ['delivered', 'undelivered', 'sent'] satisfies ReceiptStatus[])
        add(`the gateway tells ${n} ${receipt}`, async (s) => {
          await s.tell(n, receipt);
          const key = `${n}:${receipt}`;
          return world.told.includes(key) ? world : { ...world, told: [...world.told, key].sort() };
        });
  return acts;
}

const silentOnes = (world: World, now: Tables): number[] => {
  const held = now.shards.flatMap((s) => (s.claimedBy === null ? [] : [s.claimedBy]));
  const awake = world.workers.filter((w) => !w.frozen).map((w) => w.id);
  const gone = [...held, ...world.workers.map((w) => w.id)].filter((id) => !awake.includes(id));
  return [...new Set(gone)].filter((id) => !now.ended.includes(id));
};

/** Shards whose claim a living worker never heard of. */
const forgottenOnes = (world: World, now: Tables): number[] =>
  now.shards
    .filter(({ id, claimedBy }) =>
      world.workers.some((w) => !w.frozen && w.id === claimedBy && w.claim?.shardId !== id),
    )
    .map((s) => s.id);

function workerActs(stage: Stage, world: World, now: Tables, worker: Worker, i: number): Act[] {
  const acts: Act[] = [];
  const name = `worker ${i + 1}`;
  const becomes = (change: Partial<Worker>, more: Partial<World> = {}): World => ({
    ...world,
    ...more,
    workers: (i === 0
      ? [{ ...worker, ...change }, world.workers[1]]
      : [world.workers[0], { ...worker, ...change }]) as World['workers'],
  });
  const add = (what: string, run: (s: Stage) => Promise<World>) =>
    void acts.push({ name: `${name} ${what}`, run });
  const { claim, frozen, unsent, unwritten, written } = worker;

  if (!claim && !frozen)
    for (const shard of now.shards.filter((s) => s.told !== 'not')) {
      const take = async (s: Stage) => {
        const taken = await s.deliveries.claimShard(shard.id, shard.generation, worker.id);
        must(
          (taken === null) === (shard.claimedBy !== null || (shard.due === 'never' && !shard.asks)),
          'two hold one shard',
        );
        return taken;
      };
      add(`claims shard ${now.shards.indexOf(shard) + 1}`, async (s) => becomes({ claim: await take(s) }));
      if (shard.claimedBy === null && (shard.due !== 'never' || shard.asks))
        add('claims a shard, answer lost', async (s) => {
          await take(s);
          return world;
        });
    }

  if (claim) {
    const rows = async (s: Stage, limit: number) => {
      const claimed = await s.deliveries.claimRows(claim, limit, worker.id);
      for (const row of claimed) {
        must(!(world.left && row.n === 1), 'a row was claimed for somebody who had left');
        must(now.state === 'sending', `a row was claimed of what is ${now.state}`);
        must(!now.expired || s.channel === 'webhook', 'a row was claimed of what has expired');
      }
      return claimed;
    };
    const open = now.rows.filter(
      (r) =>
        inShard(claim, r, stage) &&
        (r.status === 'queued' || (r.status === 'unknown' && stage.channel !== 'sms')),
    );
    const holds = async (s: Stage, limit: number) =>
      becomes({ unsent: [...unsent, ...(await rows(s, limit))].sort((a, b) => a.n - b.n) });
    if (open.some((r) => !r.later)) {
      const late = frozen ? ', late' : '';
      if (open.length > 1) add(`claims one${late}`, (s) => holds(s, 1));
      add(`claims all${late}`, (s) => holds(s, 2));
      add(`claims all, answer lost${late}`, async (s) => {
        await rows(s, 2);
        return world;
      });
    }
    if (unsent.length === 0) {
      add('puts its shard back', async (s) => {
        // Of receipts the gateway knows nothing; that is asked once.
        await s.deliveries.releaseShard(claim, worker.id, null);
        return becomes({ claim: null });
      });
    }
    if (
      stage.channel === 'sms' &&
      !frozen &&
      now.rows.some((r) => r.status === 'unknown' && !r.later && inShard(claim, r, stage))
    )
      add('asks the gateway', async (s) => {
        const heard = await s.asked(claim, world.taken);
        return becomes({
          unwritten: [...unwritten, ...heard.filter((h) => !unwritten.some((u) => same(u, h)))],
        });
      });
    for (const row of unsent) {
      const rest = { unsent: unsent.filter((u) => u !== row) };
      add(`gives ${row.n} back${frozen ? '' : ', stopping'}`, async (s) =>
        becomes({ ...rest, unwritten: [...unwritten, s.givenBack(claim, row, 'stopping')] }),
      );
      if (!frozen)
        for (const fate of Object.keys(FATES) as Fate[])
          add(`sends ${row.n}: ${fate}`, async (s) => {
            const { taken } = FATES[fate];
            if (taken) mayBeTaken(s, world, row);
            return becomes(
              { ...rest, unwritten: [...unwritten, s.judged(claim, row, fate)] },
              taken ? { taken: [...world.taken, { n: row.n, attempt: row.attempt }] } : {},
            );
          });
    }
  }
  for (const record of unwritten)
    add(`writes ${record.dedupe} of ${record.n}`, async (s) => {
      await s.deliveries.record([record], worker.id);
      return becomes({ unwritten: unwritten.filter((u) => u !== record), written: record });
    });
  if (written)
    add(`writes ${written.dedupe} of ${written.n} again`, async (s) => {
      await s.deliveries.record([written], worker.id);
      return becomes({ written: null });
    });
  const holds = now.shards.some((s) => s.claimedBy === worker.id);
  if (!isIdle(worker) || holds || frozen) {
    if (!frozen) add('freezes', async () => becomes({ frozen: true }));
    add('dies', async (s) => becomes(await s.newWorker()));
  }
  return acts;
}

/** Once; and by e-mail and webhook again only after the gateway's answer to each earlier one was in doubt. */
function mayBeTaken(stage: Stage, world: World, row: ClaimedDelivery): void {
  const before = world.taken.filter((message) => message.n === row.n);
  if (stage.channel === 'sms') must(before.length === 0, `SMS ${row.n} was sent twice`);
  for (const { n, attempt } of before)
    must(world.doubted.includes(`${n}:${attempt}`), `${n} was sent again without having been in doubt`);
}

const RANK = ['queued', 'sending', 'unknown', 'sent', 'failed', 'undelivered', 'delivered'];
/** What may move a row down or aside, by the act's name. */
const EXCEPTIONS: readonly (readonly [from: string, to: string, by: RegExp])[] = [
  ['queued unknown', 'sending', /claims (one|all)/],
  ['sending unknown', 'queued', /writes a\d+:(retry|given-back|not-found2) of/],
  ['queued', 'suppressed', /leaves|claims (shard|a shard)/],
  ['queued', 'cancelled expired', /turns/],
  ['sending unknown', 'suppressed expired', /writes a\d+:(suppressed|expired) of/],
  ['cancelled expired', 'delivered', /tells \d delivered/],
];

/** Compares two looks at the tables with what happened between them. @returns the world, with what was in doubt noted */
export function judgeStep(stage: Stage, act: string, before: Tables, after: Tables, world: World): World {
  after.rows.forEach((row, i) => {
    const old = before.rows[i];
    must(old !== undefined, 'there are more rows');
    const claimed = /claims (one|all)/.test(act) && row.attempt === old.attempt + 1;
    must(row.attempt === old.attempt || claimed, `${row.n}: attempt ${old.attempt} became ${row.attempt}`);
    if (row.status === old.status) return;
    const up =
      RANK.indexOf(row.status) > RANK.indexOf(old.status) &&
      RANK.includes(old.status) &&
      row.status !== 'sending';
    const excepted = EXCEPTIONS.some(
      ([from, to, by]) =>
        from.split(' ').includes(old.status) && to.split(' ').includes(row.status) && by.test(act),
    );
    must(up || excepted, `${row.n} went from ${old.status} to ${row.status}`);
    const written = /writes a(\d+):\S+ of (\d+)/.exec(act);
    if (written) {
      must(Number(written[2]) === row.n, `${row.n} was moved by a result of ${written[2]}`);
      must(Number(written[1]) === row.attempt, `${row.n} was moved by a result of attempt ${written[1]}`);
    }
  });
  must(after.miscounted.length === 0, `counts differ from rows: ${after.miscounted}`);
  const holders = world.workers.filter((w) => w.claim && !w.frozen).map((w) => w.claim?.shardId);
  must(new Set(holders).size === holders.length, 'two workers send from one shard');
  const doubted = after.rows.filter((r) => r.status === 'unknown').map((r) => `${r.n}:${r.attempt}`);
  const news = doubted.filter((d) => !world.doubted.includes(d));
  const known = news.length > 0 ? { ...world, doubted: [...world.doubted, ...news].sort() } : world;
  for (const row of after.rows) judgeRow(stage, row, known, after);
  return known;
}

/** What a row says of the gateway. */
function judgeRow(stage: Stage, row: RowNow, world: World, now: Tables): void {
  const taken = world.taken.filter((message) => message.n === row.n);
  const said = (receipt: string) => world.told.includes(`${row.n}:${receipt}`);
  switch (row.status) {
    case 'sent':
    case 'delivered':
    case 'undelivered':
      must(taken.length > 0, `${row.n} is ${row.status}, and the gateway has nothing`);
      must(
        row.status !== 'delivered' || said('delivered') || stage.channel === 'webhook',
        `${row.n}: no proof`,
      );
      break;
    case 'failed':
    case 'suppressed':
    case 'cancelled':
    case 'expired':
    case 'queued': {
      // A refusal for good is an answer to a newsroom or a mailbox, whatever became of an earlier attempt.
      const answered = stage.channel !== 'sms' && ['failed', 'suppressed'].includes(row.status);
      const theirs = answered ? taken.filter((m) => m.attempt === row.attempt) : taken;
      must(theirs.length === 0, `${row.n} is ${row.status}, and the gateway has it`);
    }
  }
  if (now.state === 'completed')
    must(
      // One past its bound may be found not to have been sent: the sweeper's next turn stops it.
      !['queued', 'sending', 'unknown'].includes(row.status) || (row.status !== 'sending' && now.givenUp),
      `${row.n} is ${row.status} in what is completed`,
    );
}

/** Nothing can be under way any more. */
export function judgeEnd(stage: Stage, world: World, now: Tables): void {
  for (const row of now.rows) {
    must(!['queued', 'sending'].includes(row.status), `${row.n} is missed: it ends ${row.status}`);
    // An e-mail cannot be asked for; in doubt, it is sent again, unless it may not be.
    const stopped = now.state === 'cancelled' || now.expired || (world.left && row.n === 1);
    const rests = now.givenUp || (stopped && stage.channel !== 'sms');
    must(row.status !== 'unknown' || rests, `${row.n} ends unknown`);
  }
  const over = ['completed', 'cancelled', 'expired'].includes(now.state);
  must(over || now.rows.some((row) => row.status === 'unknown'), `it ends ${now.state}`);
}

/** What two states have in common when the same can happen from them. */
export function fingerprint(world: World, now: Tables): string {
  const who = (id: number | null) => {
    if (id === null) return '';
    const i = world.workers.findIndex((w) => w.id === id);
    return i >= 0 ? `w${i}${now.ended.includes(id) ? 'x' : ''}` : now.ended.includes(id) ? 'x' : 'dead';
  };
  return JSON.stringify([
    now.state,
    now.expired,
    now.givenUp,
    now.rows.map((r) => [
      r.status,
      r.attempt,
      r.status === 'sending' && who(r.worker),
      r.later,
      r.status === 'unknown' && r.asked,
    ]),
    now.shards.map((s) => [s.from, s.to, s.retry, s.due, s.told, s.asks, who(s.claimedBy)]),
    world.left,
    world.taken.map((m) => `${m.n}:${m.attempt}`).sort(),
    world.doubted,
    world.told,
    world.workers.map((w) => [
      w.frozen,
      now.ended.includes(w.id),
      now.shards.findIndex((s) => s.id === w.claim?.shardId),
      w.unsent.map((r) => [r.n, r.attempt]),
      w.unwritten.map((r) => [r.n, r.dedupe]).sort(),
      w.written && [w.written.n, w.written.dedupe],
    ]),
  ]);
}
