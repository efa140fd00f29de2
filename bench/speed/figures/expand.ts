import { populate } from '../audience.ts';
import type { Figure } from '../goals.ts';
import type { Ground } from '../ground.ts';
import { openHerald } from '../herald.ts';
import { median } from '../measure.ts';

const TOPIC = 'bench-expand';
/** Everything that an expansion writes. */
const WRITTEN = 'deliveries, shards, delivery_counts, delivery_events, send_latencies';

const BARE = `
  INSERT INTO bench_bare (announcement_id, n, channel, contact_id, address_key, locale)
  SELECT $1, row_number() OVER (ORDER BY k.id), k.channel, k.id, k.address, s.locale
  FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id`;

/** The expansion alone, with nobody who sends: slices, shards, counters and cursor against one bare statement. */
export async function measureExpand(ground: Ground): Promise<readonly Figure[]> {
  const { pool, options } = ground;
  const herald = await openHerald(ground);
  const { expansions } = herald.app.engine;
  const expand = async () => {
    const [id = 0] = await herald.prepare('sms', TOPIC);
    await herald.approve(id);
    const { rows } = await pool.query<{ generation: number }>(
      'SELECT generation FROM expansions WHERE announcement_id = $1',
      [id],
    );
    const generation = rows[0]?.generation ?? 0;
    await pool.query('CHECKPOINT');
    const began = performance.now();
    while ((await expansions.slice(id, generation)) === 'more');
    const ms = performance.now() - began;
    const { rows: counted } = await pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM deliveries WHERE announcement_id = $1',
      [id],
    );
    if (counted[0]?.n !== options.recipients)
      throw new Error(`expanded to ${counted[0]?.n}, not ${options.recipients}`);
    await herald.cancel(id);
    await pool.query(`TRUNCATE ${WRITTEN}`);
    return ms;
  };
  const insert = async () => {
    await pool.query('TRUNCATE bench_bare');
    await pool.query('CHECKPOINT');
    const began = performance.now();
    await pool.query(BARE, [1]);
    return performance.now() - began;
  };
  try {
    await populate(ground, herald.app, 'sms', [{ topic: TOPIC, first: options.recipients }]);
    await pool.query(
      'DROP TABLE IF EXISTS bench_bare; CREATE TABLE bench_bare (LIKE deliveries INCLUDING ALL) WITH (fillfactor = 70)',
    );
    const taken = { insert: [] as number[], expand: [] as number[] };
    await insert();
    for (let i = 0; i < options.rounds; i += 1) {
      taken.insert.push(await insert());
      taken.expand.push(await expand());
      ground.say(
        `expand: ${Math.round(taken.expand.at(-1) ?? 0)} ms, bare ${Math.round(taken.insert.at(-1) ?? 0)} ms`,
      );
    }
    await pool.query('DROP TABLE bench_bare');
    const [expandMs, insertMs] = [median(taken.expand), median(taken.insert)];
    return [
      {
        name: 'expand/insert',
        value: expandMs / insertMs,
        detail: { expandMs, insertMs, recipients: options.recipients },
      },
    ];
  } finally {
    await herald.stop();
  }
}
