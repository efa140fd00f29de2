import { CHANNELS, type Channel } from '../../domain/channel.ts';
import {
  type Progress,
  progressOf,
  RATE_WINDOW_MS,
  rateOf,
  type Sample,
  secondsLeft,
  type Troubles,
} from '../../domain/progress.ts';
import type { ChannelReport } from '../../pipeline/report-store.ts';
import type { WebApp } from '../web-app.ts';

export interface ChannelFacts extends Progress {
  readonly channel: Channel;
  readonly report: ChannelReport;
  readonly perSecond: number | null;
  /** Until all have left; null: it cannot be told. */
  readonly secondsLeft: number | null;
  /** Of an exercise: how long what was sent would take at the real provider's limit; null: there is none. */
  readonly inEarnest: number | null;
}

/** What the page of an announcement that is, or was, being sent shows. */
export interface ProgressFacts {
  readonly record: Awaited<ReturnType<WebApp['announce']['get']>>;
  readonly expanded: boolean;
  /** Nothing of it moves any more, but for receipts that are late. */
  readonly over: boolean;
  readonly channels: readonly ChannelFacts[];
  readonly troubles: Troubles;
  readonly at: Date;
}

/** Reasons are looked up again after so long; they cost more than counts. Milliseconds. */
const TROUBLES_KEEP_MS = 5_000;
/** Announcements whose samples and reasons are kept. */
const KEPT = 200;
const ENDED = ['completed', 'rejected', 'cancelled', 'expired'];
/** For so long after the end receipts of SMS are waited for; most come within minutes. Milliseconds. */
const RECEIPTS_MS = 3_600_000;

function isOver({ state, endedAt }: ProgressFacts['record'], sms: ChannelReport | undefined): boolean {
  const awaited = sms !== undefined && (sms.counts.sent ?? 0) > sms.withoutReceipt;
  const late = endedAt === null || Date.now() - endedAt.getTime() > RECEIPTS_MS;
  return ENDED.includes(state) && (!awaited || late);
}

/** @returns looks at one announcement; the rate is known from the second look on */
export function progressLooker(
  app: Pick<WebApp, 'announce' | 'reports' | 'config'>,
): (id: number) => Promise<ProgressFacts> {
  const { announce, reports, config } = app;
  const kept = new Map<
    number,
    {
      readonly samples: Map<Channel, Sample[]>;
      readonly troubles: { readonly atMs: number; readonly found: Troubles };
    }
  >();

  return async (id) => {
    const [record, byChannel, expanded] = await Promise.all([
      announce.get(id),
      reports.channels(id),
      reports.expanded(id),
    ]);
    const now = performance.now();
    const known = kept.get(id);
    const over = isOver(record, byChannel.sms);
    const fresh = known && now - known.troubles.atMs < TROUBLES_KEEP_MS;
    const troubles = fresh ? known.troubles : { atMs: now, found: await reports.troubles(id, !over) };
    const samples = known?.samples ?? new Map<Channel, Sample[]>();
    kept.delete(id);
    kept.set(id, { samples, troubles });
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }

    const limits = config.rates[record.gateway ?? 'sandbox'];
    const real = record.mode === 'exercise' ? config.rates.live : null;
    const channels = CHANNELS.flatMap((channel): ChannelFacts[] => {
      const report = byChannel[channel];
      if (!report) return [];
      const progress = progressOf(report.counts);
      const seen = (samples.get(channel) ?? []).filter(({ atMs }) => now - atMs <= RATE_WINDOW_MS);
      seen.push({ atMs: now, left: progress.done + progress.fates.doubtful });
      samples.set(channel, seen);
      const perSecond = record.state === 'sending' ? rateOf(seen) : null;
      const each = progress.beyondRecall > 0 ? Math.max(1, report.segments / progress.beyondRecall) : 1;
      const limit = channel === 'webhook' ? null : limits[channel] / (channel === 'sms' ? each : 1);
      return [
        {
          channel,
          ...progress,
          report,
          perSecond,
          secondsLeft: secondsLeft(progress, perSecond, limit),
          inEarnest:
            real === null || channel === 'webhook'
              ? null
              : (channel === 'sms' ? report.segments : progress.beyondRecall) / real[channel],
        },
      ];
    });
    return { record, expanded, over, channels, troubles: troubles.found, at: new Date() };
  };
}
