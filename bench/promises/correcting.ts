import { HOLDS_WITHIN_MS, inSeconds, pause, type Scale, type Verdict } from './promise.ts';
import type { Stage } from './stage.ts';

interface View {
  readonly id: string;
  readonly supersedes: string | null;
  readonly supersededBy: readonly string[];
}

/** A correction while the wrong text is being sent: two who got it leave, two have moved to another number. */
export async function correcting(stage: Stage, scale: Scale): Promise<Verdict[]> {
  const { app } = stage.herald;
  const topic = await stage.crowd({ sms: scale.whole });
  const old = await stage.publish({ topic });
  const early = await stage.until(old.id, 'a third', (taken) => taken.length >= scale.whole / 3);
  const subscriberOf = async (address: string) => {
    const { rows } = await app.pool.query<{ id: number }>(
      `SELECT subscriber_id AS id FROM contacts WHERE channel = 'sms' AND address = $1`,
      [address],
    );
    return `/v1/subscribers/${app.ids.encode('subscriber', rows[0]?.id ?? 0)}`;
  };
  const [left, moved] = [early.slice(0, 2), early.slice(2, 4)];
  for (const { address } of left) await stage.api('DELETE', await subscriberOf(address));
  const present = new Map(moved.map(({ address }) => [address, address.replace(/^\+1\d{3}/, '+1989')]));
  for (const [address, phone] of present) await stage.api('PATCH', await subscriberOf(address), { phone });

  const change = { kind: 'correction', supersedes: app.ids.encode('announcement', old.id) };
  const correction = await stage.publish({ topic, urgency: 'urgent', length: 35, change });
  const wanted = scale.whole - left.length;
  const taken = await stage.until(correction.id, 'the correction', (t) => t.length >= wanted, 60_000);
  await pause(HOLDS_WITHIN_MS);
  const wrong = await stage.outbox.of(old.id);
  const lastWrong = Math.max(...wrong.map(({ atMs }) => atMs - correction.approvedMs));

  const { rows: audience } = await app.pool.query<{ address: string }>(
    `SELECT k.address FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
     WHERE s.topics = ARRAY[(SELECT id FROM topics WHERE code = $1)]`,
    [topic],
  );
  const readers = new Set(audience.map(({ address }) => address));
  const got = (await stage.outbox.of(correction.id)).map(({ address }) => address);
  const missed = [...readers].filter((address) => !got.includes(address)).length;
  const stray = got.filter((address) => !readers.has(address)).length;
  const twice = got.length - new Set(got).size;
  const both = [old.id, correction.id].map((id) =>
    stage.api<View>('GET', `/v1/announcements/${app.ids.encode('announcement', id)}`),
  );
  const [first, second] = await Promise.all(both);
  const isChain = first?.supersededBy.includes(second?.id ?? '') === true && second?.supersedes === first.id;
  return [
    {
      name: 'correction-stops',
      promised: 'approval of a correction to the last old text taken ≤ 2 s',
      measured: `${wrong.length} had the old text, the last ${inSeconds(Math.max(0, lastWrong))} after approval`,
      ok: lastWrong <= HOLDS_WITHIN_MS && wrong.length < scale.whole,
      figures: { lastMs: lastWrong },
    },
    {
      name: 'correction-reaches',
      promised:
        'those who got the old text and the rest, at their present address, without those who left; the chain reads both ways',
      measured: `${taken.length} of ${wanted} taken; ${missed} missed, ${twice} twice, ${stray} at an old address or after leaving; chain ${isChain ? 'reads both ways' : 'IS BROKEN'}`,
      ok: missed === 0 && stray === 0 && twice === 0 && isChain && readers.size === wanted,
      figures: { missed, stray, twice },
    },
  ];
}
