import type { ReadyConfig } from '../../src/config.ts';
import { HOLDS_WITHIN_MS, inSeconds, pause, type Verdict } from './promise.ts';
import { type Rates, raise, type Stage } from './stage.ts';

const RECIPIENTS = 20;
const at = (ms: number) => new Date(ms).toISOString();

/** A scheduled announcement starts in time. */
export async function onTime(stage: Stage): Promise<Verdict> {
  const topic = await stage.crowd({ sms: RECIPIENTS });
  const scheduledMs = Date.now() + 4_000;
  const { id } = await stage.publish({ topic, change: { scheduledAt: at(scheduledMs) } });
  const [first] = await stage.until(id, 'the scheduled announcement', (taken) => taken.length > 0);
  const wait = (first?.atMs ?? Number.NaN) - scheduledMs;
  return {
    name: 'schedule',
    promised: 'starts within 2 s of its time, and not before it',
    measured: `first taken ${inSeconds(wait)} after its time`,
    ok: wait >= 0 && wait <= HOLDS_WITHIN_MS,
    figures: { waitMs: wait },
  };
}

/**
 * Two whose time comes while Herald is down, one of which expires there. Stops the stage.
 * @returns the stage that was started in its place
 */
export async function whileDown(
  stage: Stage,
  base: ReadyConfig,
  rates: Rates,
): Promise<{ readonly stage: Stage; readonly verdicts: Verdict[] }> {
  const topic = await stage.crowd({ sms: RECIPIENTS });
  const scheduledMs = Date.now() + 10_000;
  const scheduledAt = at(scheduledMs);
  const expiresMs = scheduledMs + 1_000;
  const kept = await stage.publish({ topic, change: { scheduledAt } });
  const expired = await stage.publish({ topic, change: { scheduledAt, expiresAt: at(expiresMs) } });
  await stage.stop();
  const stoppedMs = Date.now();
  await pause(expiresMs - stoppedMs + 500);
  const again = await raise(base, rates);
  const readyMs = Date.now();
  const taken = await again.until(kept.id, 'what was due meanwhile', (t) => t.length >= RECIPIENTS);
  await pause(HOLDS_WITHIN_MS);
  const wait = Math.max(0, (taken[0]?.atMs ?? Number.NaN) - readyMs);
  const stale = (await again.outbox.of(expired.id)).length;
  const { state } = await again.herald.app.announce.get(expired.id);
  return {
    stage: again,
    verdicts: [
      {
        name: 'schedule-down',
        promised: 'its time came while Herald was down: starts within 2 s of its start',
        measured: `first taken ${inSeconds(wait)} after it was up again, ${taken.length} of ${RECIPIENTS}`,
        ok: stoppedMs < scheduledMs && wait <= HOLDS_WITHIN_MS,
        figures: { waitMs: wait },
      },
      {
        name: 'schedule-expired',
        promised: 'it expired while Herald was down: nothing is sent',
        measured: `${stale} taken; ${state}`,
        ok: stoppedMs < scheduledMs && stale === 0,
        figures: { taken: stale },
      },
    ],
  };
}
