import type pg from 'pg';
import type { Channel } from '../domain/channel.ts';
import type { By } from '../pipeline/audit-store.ts';

/** Local times of the office (`HH:MM`) between which only urgent messages leave; `from` after `until` spans midnight. */
export interface QuietHours {
  readonly channel: Channel;
  readonly from: string;
  readonly until: string;
}

const SHOWN = `channel, to_char(starts, 'HH24:MI') AS from, to_char(ends, 'HH24:MI') AS until`;

/** What holds announcements that are not urgent, by channel. Takes hold, and ends, within two seconds. */
export class QuietHoursStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async list(): Promise<readonly QuietHours[]> {
    return (await this.#pool.query<QuietHours>(`SELECT ${SHOWN} FROM quiet_hours ORDER BY channel`)).rows;
  }

  /** @param hours `from` and `until` must differ */
  async set(hours: QuietHours, by?: By): Promise<void> {
    await this.#pool.query(
      `WITH changed AS (
         INSERT INTO quiet_hours (channel, starts, ends) VALUES ($1, $2, $3)
         ON CONFLICT (channel) DO UPDATE SET starts = excluded.starts, ends = excluded.ends RETURNING *)
       INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
       SELECT $4, 'set', 'quiet-hours', channel::text,
         jsonb_build_object('from', to_char(starts, 'HH24:MI'), 'until', to_char(ends, 'HH24:MI')) FROM changed`,
      [hours.channel, hours.from, hours.until, by?.id ?? null],
    );
  }

  async clear(channel: Channel, by?: By): Promise<void> {
    await this.#pool.query(
      `WITH cleared AS (DELETE FROM quiet_hours WHERE channel = $1 RETURNING channel)
       INSERT INTO audit_notes (actor, act, subject_type, subject_id)
       SELECT $2, 'clear', 'quiet-hours', channel::text FROM cleared`,
      [channel, by?.id ?? null],
    );
  }

  heldUntil(
    channels: readonly Channel[],
    at: Date | null = null,
  ): Promise<Readonly<Partial<Record<Channel, Date>>>> {
    return heldUntil(this.#pool, channels, at);
  }
}

/** When the quiet hours end that these channels are in, now or at an instant; a channel that is in none is absent. */
export async function heldUntil(
  db: Pick<pg.Pool, 'query'>,
  channels: readonly Channel[],
  at: Date | null,
): Promise<Readonly<Partial<Record<Channel, Date>>>> {
  const { rows } = await db.query<{ channel: Channel; ends: Date }>(
    `SELECT channel, ends FROM unnest($1::channel[]) AS channel, quiet_until(channel, coalesce($2, now())) AS ends
     WHERE ends IS NOT NULL`,
    [channels, at],
  );
  return Object.fromEntries(rows.map(({ channel, ends }) => [channel, ends]));
}
