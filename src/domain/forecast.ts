import { DEFAULT_EXPIRY_HOURS } from './announcement.ts';
import { CHANNELS, type Channel } from './channel.ts';

/** How a channel will come through, at today's limits. */
export interface ChannelForecast {
  readonly channel: Channel;
  readonly count: number;
  readonly startsAt: Date;
  readonly endsAt: Date;
  /** Citizens whose turn would come after the expiry only. */
  readonly unreached: number;
}

/**
 * When each channel would begin and end if it were approved now. Newsrooms are not held up: they are reached at once.
 * @param plan.seconds that the channel takes, without pauses
 * @param plan.heldUntil the end of quiet hours, for the channels that they hold
 * @param now milliseconds since the epoch
 */
export function forecast(
  plan: {
    readonly counts: Readonly<Partial<Record<Channel, number>>>;
    readonly seconds: Readonly<Partial<Record<Channel, number>>>;
    readonly heldUntil: Readonly<Partial<Record<Channel, string>>>;
    readonly scheduledAt?: string | undefined;
    readonly expiresAt?: string | undefined;
  },
  now: number,
): readonly ChannelForecast[] {
  const begins = Math.max(now, plan.scheduledAt ? Date.parse(plan.scheduledAt) : now);
  const startOf = (channel: Channel) => Math.max(begins, Date.parse(plan.heldUntil[channel] ?? '') || 0);
  const latest = Math.max(begins, ...CHANNELS.map(startOf));
  const expires = plan.expiresAt ? Date.parse(plan.expiresAt) : latest + DEFAULT_EXPIRY_HOURS * 3_600_000;
  return CHANNELS.flatMap((channel) => {
    const count = plan.counts[channel];
    if (count === undefined) return [];
    const ms = (plan.seconds[channel] ?? 0) * 1_000;
    const starts = startOf(channel);
    const share = ms === 0 ? 1 : Math.min(1, Math.max(0, expires - starts) / ms);
    const unreached = channel === 'webhook' ? 0 : Math.ceil(count * (1 - share));
    return [{ channel, count, startsAt: new Date(starts), endsAt: new Date(starts + ms), unreached }];
  });
}
