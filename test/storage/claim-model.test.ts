import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANNELS, type Channel } from '../../src/domain/channel.ts';
import { type Office, openOffice, stories } from '../support/office.ts';
import { type Act, fingerprint, judgeEnd, judgeStep, possible, RARE } from './claim-model.ts';
import { createStage, type Stage, type Tables, type World } from './claim-world.ts';

/** Most rounds in which everything that is left comes to its end. */
const ROUNDS = 14;

interface State {
  readonly world: World;
  readonly now: Tables;
}

const step = async (stage: Stage, { now }: State, act: Act, trail: string[]): Promise<State> => {
  trail.push(act.name);
  const next = await act.run(stage);
  const after = await stage.look();
  return { world: judgeStep(stage, act.name, now, after, next), now: after };
};

/** What brings everything to its end, each repeated while it changes something. A frozen worker has died before. */
const FINALE: readonly RegExp[] = [1, 2]
  .flatMap((i) => [
    new RegExp(`^worker ${i} asks`),
    new RegExp(`^worker ${i} sends .: answered`),
    new RegExp(`^worker ${i} writes .*[^n]$`),
    new RegExp(`^worker ${i} claims all$`),
    new RegExp(`^worker ${i} sends .: answered`),
    new RegExp(`^worker ${i} writes .*[^n]$`),
    new RegExp(`^worker ${i} puts`),
  ])
  .concat([/resumes/, /buries/, /time passes/, /turns/, /^worker 1 claims shard/]);

/**
 * Nothing bad happens any more: what is frozen dies, workers finish what they know, the sweeper turns, time passes.
 * @param fine states from which it can end well
 */
async function settleDown(stage: Stage, from: State, trail: string[], fine: Set<string>): Promise<void> {
  let state = from;
  const keys = [fingerprint(from.world, from.now)];
  const isFine = () => fine.has(keys.at(-1) ?? '');
  const doIt = async (wanted: RegExp) => {
    const act = possible(stage, state.world, state.now).find(({ name }) => wanted.test(name));
    if (!act || isFine()) return false;
    state = await step(stage, state, act, trail);
    const key = fingerprint(state.world, state.now);
    const changed = key !== keys.at(-1);
    if (changed) keys.push(key);
    return changed;
  };
  for (let round = 0; !isFine(); round++) {
    if (round === ROUNDS) throw new Error('it does not come to rest');
    const before = keys.length;
    for (const i of [0, 1]) if (state.world.workers[i]?.frozen) await doIt(new RegExp(`${i + 1} dies`));
    for (const act of FINALE) while (await doIt(act));
    if (keys.length === before) {
      judgeEnd(stage, state.world, state.now);
      break;
    }
  }
  for (const key of keys) fine.add(key);
}

/**
 * Everything that can happen, in every order, `depth` acts deep.
 * @param known what was seen with how many acts to go, and what can end well
 */
async function explore(
  stage: Stage,
  state: State,
  depth: number,
  known: { readonly seen: Map<string, number>; readonly fine: Set<string>; readonly trail: string[] },
): Promise<void> {
  const { seen, fine, trail } = known;
  const key = fingerprint(state.world, state.now);
  const before = seen.get(key);
  if (before !== undefined && before >= depth) return;
  seen.set(key, depth);
  const length = trail.length;
  const aside = async (act: () => Promise<void>) => {
    await stage.undone(depth, act, trail);
    trail.length = length;
  };
  if (before === undefined) await aside(() => settleDown(stage, state, trail, fine));
  if (depth === 0) return;
  for (const act of possible(stage, state.world, state.now)) {
    if (RARE.test(act.name)) continue;
    await aside(async () => explore(stage, await step(stage, state, act, trail), depth - 1, known));
  }
}

async function onStage<T>(
  office: Office,
  channel: Channel,
  play: (stage: Stage, start: State) => Promise<T>,
) {
  const stage = await createStage(office, channel);
  try {
    return await play(stage, { world: await stage.world(), now: await stage.look() });
  } finally {
    await stage.close();
  }
}

/** From where every order of so many acts is tried. */
const BEGINNINGS = [
  { depth: 4, acts: ['the sweeper turns', 'worker 1 claims shard 1'] },
  {
    depth: 4,
    acts: ['the sweeper turns', 'worker 1 claims shard 1', 'worker 1 claims one', 'worker 1 freezes'],
  },
  {
    depth: 3,
    acts: [
      'the sweeper turns',
      'worker 1 claims shard 1',
      'worker 1 claims one',
      'worker 1 sends 1: busy',
      'worker 1 writes a1:retry of 1',
      'time passes',
    ],
  },
  {
    depth: 3,
    acts: [
      'the sweeper turns',
      'worker 1 claims shard 1',
      'worker 1 claims one',
      'worker 1 sends 1: answered',
      'worker 1 freezes',
      'the sweeper buries',
    ],
  },
];
/** Every how manieth act of a random story may be one that stops much else. */
const SELDOM = 6;
const STOPS_MUCH = new RegExp(`${RARE.source}|leaves|cancels`);

describe('claim, record and die, in every order,', () => {
  it.for(CHANNELS)('keep their promises: %s', { timeout: 120_000 }, async (channel, { onTestFinished }) => {
    const office = await openOffice();
    onTestFinished(() => office.close());
    await onStage(office, channel, async (stage, start) => {
      const seen = new Map<string, number>();
      const fine = new Set<string>();
      for (const { depth, acts } of BEGINNINGS) {
        const trail: string[] = [];
        await stage.undone(
          depth + 1,
          async () => {
            let state = start;
            for (const name of acts) {
              const act = possible(stage, state.world, state.now).find((one) => one.name === name);
              if (!act) throw new Error(`impossible: ${name}`);
              state = await step(stage, state, act, trail);
            }
            await explore(stage, state, depth, { seen, fine, trail });
          },
          trail,
        );
      }
      expect(seen.size).toBeGreaterThan(700);
    });
  });
});

stories('claim, record and die in long random stories', (test) => {
  for (const channel of CHANNELS) {
    test(`keep their promises: ${channel}`, { timeout: 120_000 }, async ({ office }) => {
      await onStage(office, channel, (stage, start) =>
        fc.assert(
          fc.asyncProperty(
            fc.limitShrink(fc.array(fc.nat({ max: 999 }), { minLength: 1, maxLength: 60, size: 'max' }), 60),
            async (picks) => {
              const trail: string[] = [];
              await stage.undone(
                0,
                async () => {
                  let state = start;
                  for (const pick of picks) {
                    const seldom = pick % SELDOM === 0;
                    const acts = possible(stage, state.world, state.now).filter(
                      ({ name }) => seldom || !STOPS_MUCH.test(name),
                    );
                    const act = acts[Math.floor(pick / SELDOM) % acts.length];
                    if (act) state = await step(stage, state, act, trail);
                  }
                  await settleDown(stage, state, trail, new Set());
                },
                trail,
              );
            },
          ),
          { numRuns: 25 },
        ),
      );
    });
  }
});
