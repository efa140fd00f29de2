import { COLD_S } from './limits.ts';
import { HOLDS_WITHIN_MS, inSeconds, pause, type Scale, type Verdict } from './promise.ts';
import type { Stage } from './stage.ts';
import { compliance, holds } from './windows.ts';

/** Requests a second to one endpoint (src/worker.ts). */
const PER_SECOND = 10;

/** So many announcements to one outlet at a time; one of them goes to another outlet as well. */
export async function endpoints(stage: Stage, scale: Scale): Promise<Verdict[]> {
  const { app } = stage.herald;
  const [mine, others] = [await stage.crowd({}), await stage.crowd({})];
  const listen = async (outlet: string, topics: readonly string[]) => {
    const url = `${stage.herald.sandboxUrl}/hooks/${outlet}`;
    await app.endpoints.create({ outlet, url, topics: [...topics], districts: [] });
    return url;
  };
  const flooded = await listen(`flooded-${mine}`, [mine, others]);
  const other = await listen(`other-${mine}`, [others]);
  for (let i = 0; i < scale.announcements; i += 1)
    await stage.publish({ topic: mine, channels: ['webhook'] });
  const both = await stage.publish({ topic: others, channels: ['webhook'] });
  const [toOther] = await stage.until(both.id, 'the other outlet', (t) =>
    t.some(({ address }) => address === other),
  );
  const toFlooded = async () => (await stage.outbox.read()).filter(({ address }) => address === flooded);
  const until = Date.now() + scale.announcements * 1_000;
  while ((await toFlooded()).length <= scale.announcements && Date.now() < until) await pause(200);
  const taken = await toFlooded();
  const spent = taken.map(({ clockMs }) => ({ at: clockMs, cost: 1 }));
  const began = Math.min(...spent.map(({ at }) => at)) + COLD_S * 1_000;
  const [all, seen] = [
    compliance(spent, PER_SECOND),
    compliance(
      spent.filter(({ at }) => at >= began),
      PER_SECOND,
    ),
  ];
  const wait = (toOther?.atMs ?? Number.NaN) - both.approvedMs;
  const rows = new Set(taken.map(({ announcement }) => announcement)).size;
  return [
    {
      name: 'webhook',
      promised: `${PER_SECOND} requests/s to one endpoint, whatever is announced; it holds up no other endpoint`,
      measured: `${rows} of ${scale.announcements + 1} announcements taken, ${(all.total / all.seconds).toFixed(1)}/s; holds from ${seen.holdsFromMs.toFixed(1)} ms on (${all.holdsFromMs.toFixed(1)} ms with the first ${COLD_S} s); the other outlet after ${inSeconds(wait)}`,
      ok: rows === scale.announcements + 1 && holds(seen, scale.judgedFromMs) && wait <= HOLDS_WITHIN_MS,
      figures: { warm: seen, all, otherMs: wait },
    },
  ];
}
