import { control } from '../../src/cli/launch.ts';
import { spentOnSms, verdict } from './limits.ts';
import { HOLDS_WITHIN_MS, inSeconds, pause, type Scale, type Verdict } from './promise.ts';
import type { Published, Stage } from './stage.ts';

/** A single message is through within. Milliseconds. */
const SINGLE_WITHIN_MS = 10_000;
/** So long the routine announcement has been sent before others come: processes that have just started are slow. */
const UNDER_WAY_MS = 10_000;
/** What a slow gateway takes to answer; it takes the message at once. Milliseconds. */
const SLOW_MS = 3_000;

/** An urgent announcement, and single messages, while a routine one is sent to very many. */
export async function order(stage: Stage, scale: Scale): Promise<Verdict[]> {
  const [many, few] = [await stage.crowd({ sms: scale.routine }), await stage.crowd({ sms: scale.urgent })];
  const routine = await stage.publish({ topic: many, urgency: 'routine' });
  await stage.until(routine.id, 'the routine announcement', (taken) => taken.length > 0);
  await pause(UNDER_WAY_MS);
  await stage.arrivals(routine.id);
  const overtakes = await overtake(stage, few, scale, routine);
  const fast = await singles(stage);
  await control(stage.herald.sandboxUrl, { twilio: { latencyMs: SLOW_MS } });
  // Until every connection of every worker waits for an answer.
  await pause(2 * SLOW_MS);
  const slow = await singles(stage);
  const cancelled = await cancel(stage, routine, 'cancel-slow-gateway');
  await control(stage.herald.sandboxUrl, { twilio: { latencyMs: 0 } });
  await stage.quiet();
  return [
    ...overtakes,
    {
      name: 'single',
      promised:
        'a single message is taken within 10 s while a routine announcement is sent, also by a slow gateway',
      measured: `${inSeconds(fast)} at most of five; ${inSeconds(slow)} with a gateway that answers after ${inSeconds(SLOW_MS)}`,
      ok: Math.max(fast, slow) <= SINGLE_WITHIN_MS,
      figures: { fastMs: fast, slowMs: slow },
    },
    cancelled,
  ];
}

async function overtake(stage: Stage, topic: string, scale: Scale, routine: Published): Promise<Verdict[]> {
  const recipients = scale.urgent;
  const { id, approvedMs } = await stage.publish({ topic, urgency: 'urgent' });
  const taken = await stage.until(id, 'the urgent announcement', (t) => t.length >= recipients, 120_000);
  const segments = taken.reduce((sum, { cost }) => sum + cost, 0);
  const times = taken.map(({ atMs }) => atMs - approvedMs);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const most = HOLDS_WITHIN_MS + (1.1 * segments * 1_000) / stage.rates.sms;
  const urgent = await spentOnSms(stage, id);
  const timed = { stoodStillMs: stage.stoodStillMs() };
  const others = await spentOnSms(stage, routine.id);
  // From a while before the urgent come until they are through: both have turns of the one limit.
  const until = Math.max(...urgent.map(({ at }) => at));
  const from = Math.min(...urgent.map(({ at }) => at)) - UNDER_WAY_MS / 2;
  const both = [...urgent, ...others].filter(({ at }) => at >= from && at <= until);
  const overtakes: Verdict = {
    name: 'urgent-overtakes',
    promised: `with a routine one under way for ${inSeconds(UNDER_WAY_MS)}: first of ${recipients} taken ≤ 2 s after approval, last ≤ 2 s + 1.1 × segments ÷ limit = ${inSeconds(most)}`,
    measured: `first ${inSeconds(first)}, last ${inSeconds(last)} (${segments} segments at ${stage.rates.sms}/s)`,
    ok: first <= HOLDS_WITHIN_MS && last <= most,
    figures: { firstMs: first, lastMs: last, mostMs: most, segments },
  };
  return [overtakes, verdict('limit-overtaken', stage.rates.sms, 'segments', both, scale, timed)];
}

/** @returns the longest of five, in milliseconds */
async function singles({ herald, admin, outbox }: Stage): Promise<number> {
  const waits: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const began = Date.now();
    const { announcementId } = await herald.app.messenger.send(
      {
        channel: 'sms',
        to: `+1415555${String(1_000 + Math.floor(Math.random() * 7_999))}`,
        template: 'test-message',
        fields: { note: 'Still here?' },
      },
      admin,
    );
    let wait = Number.POSITIVE_INFINITY;
    while (wait === Number.POSITIVE_INFINITY && Date.now() - began < 2 * SINGLE_WITHIN_MS) {
      await pause(50);
      const [taken] = await outbox.of(announcementId);
      if (taken) wait = taken.atMs - began;
    }
    waits.push(wait);
  }
  return Math.max(...waits);
}

/** Cancels what is being sent, and watches. */
export async function cancel(stage: Stage, { id }: Published, name = 'cancel'): Promise<Verdict> {
  await stage.herald.app.announce.cancel(id, stage.approver, 'measured');
  const committedMs = Date.now();
  await pause(2 * HOLDS_WITHIN_MS);
  return stops(name, 'cancellation', committedMs, await stage.outbox.of(id));
}

/** Pauses, resumes, and lets an announcement run to its end; then cancels another one. */
export async function pauseAndCancel(stage: Stage, scale: Scale): Promise<Verdict[]> {
  const { app } = stage.herald;
  const topic = await stage.crowd({ sms: scale.whole });
  const whole = await stage.publish({ topic });
  await stage.until(whole.id, 'a third', (taken) => taken.length >= scale.whole / 3);
  await app.announce.pause(whole.id, stage.approver, 'measured');
  const pausedMs = Date.now();
  await pause(2 * HOLDS_WITHIN_MS);
  const paused = stops('pause', 'pause', pausedMs, await stage.outbox.of(whole.id));
  const before = (await stage.outbox.of(whole.id)).length;
  await app.announce.resume(whole.id, stage.approver);
  const resumedMs = Date.now();
  await stage.until(whole.id, 'all after the pause', (taken) => taken.length >= scale.whole, 60_000);
  await pause(500);
  const taken = await stage.outbox.of(whole.id);
  const once = new Set(taken.map(({ n }) => n)).size;
  const again = (taken[before]?.atMs ?? Number.NaN) - resumedMs;

  const other = await stage.publish({ topic });
  await stage.until(other.id, 'a third', (t) => t.length >= scale.whole / 3);
  return [
    paused,
    {
      name: 'resume',
      promised: 'continues where it stopped: nobody twice, nobody missing',
      measured: `${before} before, ${taken.length - before} after; ${scale.whole - once} missing, ${taken.length - once} twice; goes on after ${inSeconds(again)}`,
      ok: once === scale.whole && taken.length === once,
      figures: {
        before,
        after: taken.length - before,
        missing: scale.whole - once,
        twice: taken.length - once,
      },
    },
    await cancel(stage, other),
  ];
}

/** Nothing later than two seconds after an act. */
export function stops(
  name: string,
  act: string,
  committedMs: number,
  taken: readonly { readonly atMs: number }[],
): Verdict {
  const after = taken.map(({ atMs }) => atMs - committedMs).filter((ms) => ms > 0);
  const last = Math.max(0, ...after);
  const late = after.filter((ms) => ms > HOLDS_WITHIN_MS).length;
  return {
    name,
    promised: `nothing is taken later than 2 s after the ${act}`,
    measured: `${taken.length} taken in all, ${after.length} of them after it, the last ${inSeconds(last)} after it`,
    ok: taken.length > 0 && late === 0,
    figures: { lastMs: last, late },
  };
}
