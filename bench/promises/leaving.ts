import { control } from '../../src/cli/launch.ts';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import { stops } from './order.ts';
import { HOLDS_WITHIN_MS, inSeconds, pause, type Scale, type Verdict } from './promise.ts';
import type { Stage } from './stage.ts';

interface Citizen {
  readonly n: number;
  readonly address: string;
  readonly contactId: number;
  readonly subscriberId: number;
}

/** Three ways to leave, for people whose turn would come in the next seconds; and an announcement that expires. */
export async function leaving(stage: Stage, scale: Scale): Promise<Verdict[]> {
  const { app, config, sandboxUrl } = stage.herald;
  const topic = await stage.crowd({ sms: scale.whole });
  const { id } = await stage.publish({ topic });
  await stage.until(id, 'a fifth', (taken) => taken.length >= scale.whole / 5);
  const key = purposeKey(app.config.secret, 'leave');
  const ways: Readonly<Record<string, (who: Citizen) => Promise<unknown>>> = {
    STOP: ({ address }) => control(sandboxUrl, { from: address, body: 'STOP' }, 'inbound'),
    'one-click': async ({ contactId }) => {
      const answer = await fetch(`${config.publicUrl}/u/${leaveToken(key, contactId)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'List-Unsubscribe=One-Click',
      });
      if (!answer.ok) throw new Error(`one-click: ${answer.status}`);
    },
    DELETE: ({ subscriberId }) =>
      stage.api('DELETE', `/v1/subscribers/${app.ids.encode('subscriber', subscriberId)}`),
  };
  const left: (Citizen & { readonly way: string; readonly leftMs: number })[] = [];
  // Some are next, some have seconds to go.
  const rows = await nextInTurn(stage, id, 5 * Object.keys(ways).length, Math.ceil(scale.whole / 20));
  await Promise.all(
    rows.map(async (who, i) => {
      const [way, leave] = Object.entries(ways)[i % Object.keys(ways).length] ?? [];
      if (!way || !leave) return;
      await leave(who);
      left.push({ ...who, way, leftMs: Date.now() });
    }),
  );
  const gone = new Set(left.map(({ n }) => n));
  await stage.until(
    id,
    'all others',
    (taken) => new Set([...taken.map(({ n }) => n), ...gone]).size >= scale.whole,
    60_000,
  );
  await pause(500);
  const taken = await stage.outbox.of(id);
  const late = left.flatMap((who) =>
    taken.filter(({ n }) => n === who.n).map(({ atMs }) => ({ way: who.way, ms: atMs - who.leftMs })),
  );
  const worst = Math.max(0, ...late.map(({ ms }) => ms));
  return [
    {
      name: 'leave',
      promised: 'STOP, one-click POST and DELETE: nothing for them later than 2 s after',
      measured: `${left.length} left with their turn to come, ${late.filter(({ ms }) => ms > 0).length} were written to afterwards${worst > 0 ? `, the last ${inSeconds(worst)} after` : ''}`,
      ok: left.length > 0 && worst <= HOLDS_WITHIN_MS,
      figures: { left: left.length, worstMs: worst },
    },
    await expiry(stage, scale),
  ];
}

/** Rows that are still queued, `step` apart, beginning with the next one. */
async function nextInTurn({ herald }: Stage, id: number, count: number, step: number): Promise<Citizen[]> {
  const { rows } = await herald.app.pool.query<Citizen>(
    `SELECT n, address, "contactId", "subscriberId" FROM (
       SELECT d.n, d.address_key AS address, d.contact_id AS "contactId", k.subscriber_id AS "subscriberId",
         row_number() OVER (ORDER BY d.n) - 1 AS place
       FROM deliveries d JOIN contacts k ON k.id = d.contact_id WHERE d.announcement_id = $1 AND d.status = 'queued'
     ) x WHERE place % $3 = 0 ORDER BY n LIMIT $2`,
    [id, count, step],
  );
  return rows;
}

async function expiry(stage: Stage, scale: Scale): Promise<Verdict> {
  const topic = await stage.crowd({ sms: scale.whole * 10 });
  const expiresMs = Date.now() + 6_000;
  const { id } = await stage.publish({ topic, change: { expiresAt: new Date(expiresMs).toISOString() } });
  await pause(expiresMs - Date.now() + 2 * HOLDS_WITHIN_MS);
  return stops('expiry', 'expiry', expiresMs, await stage.outbox.of(id));
}
