import { setTimeout as sleep } from 'node:timers/promises';
import { MultiBar, Presets } from 'cli-progress';
import { CHANNELS, type Channel } from '../domain/channel.ts';
import { within } from './demo-client.ts';
import type { Story } from './demo-story.ts';
import { control, type Launched } from './launch.ts';

type Say = (line?: string) => void;
type Counts = Partial<Record<Channel, Record<string, number>>>;

/** What `GET /v1/announcements/:id` answers, as far as the demo needs it. */
export interface Report {
  readonly state: string;
  readonly expanded: boolean;
  readonly counts: Counts;
  readonly totals: Partial<Record<Channel, number>>;
  readonly segments: number;
  readonly timings: {
    readonly seconds: Partial<
      Record<Channel, { p50: number | null; p95: number | null; max: number | null }>
    >;
  };
}

const POLL_MS = 250;
/** A demo that takes longer than this has gone wrong. */
const GIVE_UP_MS = 180_000;
const OPEN = ['queued', 'sending', 'unknown'];
const doneOf = (counts: Record<string, number> = {}) =>
  Object.entries(counts).reduce((sum, [status, n]) => sum + (OPEN.includes(status) ? 0 : n), 0);

/** Live progress per channel until the announcement is finished and every receipt is in. */
export async function showProgress(
  { approver, announcementId }: Story,
  stopping: AbortSignal,
  say: Say,
): Promise<Report> {
  const bars = process.stderr.isTTY
    ? new MultiBar(
        { format: '  {channel} {bar} {value}/{total} {note}', hideCursor: true, clearOnComplete: false },
        Presets.shades_classic,
      )
    : undefined;
  const bar = new Map(
    CHANNELS.map((channel) => [channel, bars?.create(0, 0, { channel: channel.padEnd(7), note: '' })]),
  );
  const until = performance.now() + GIVE_UP_MS;
  let said = '';
  try {
    for (;;) {
      const report = await approver.get<Report>(`/v1/announcements/${announcementId}`);
      for (const channel of CHANNELS) {
        const note = report.counts[channel]?.unknown
          ? `${report.counts[channel].unknown} in doubt: the provider is asked`
          : '';
        bar.get(channel)?.setTotal(report.totals[channel] ?? 0);
        bar.get(channel)?.update(doneOf(report.counts[channel]), { note });
      }
      const line = CHANNELS.map((c) => `${c} ${doneOf(report.counts[c])}/${report.totals[c] ?? 0}`).join(
        '   ',
      );
      if (!bars && line !== said) say(`  ${line}`);
      said = line;
      if (report.state === 'completed') return report;
      if (performance.now() > until)
        throw new Error(`the announcement was still ${report.state} after ${GIVE_UP_MS / 1000} s: ${line}`);
      await sleep(POLL_MS, undefined, { signal: stopping });
    }
  } finally {
    bars?.stop();
  }
}

/**
 * Resolves when the sandbox owes no callback and no bounce; returns the report as it is then.
 * @throws Error when that does not come to be
 */
export async function afterReceipts(
  { approver, announcementId }: Story,
  sandboxUrl: string,
  stopping: AbortSignal,
): Promise<Report> {
  const signal = within(stopping);
  await control(sandboxUrl, {}, 'idle', signal).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
    throw new Error('the sandbox still owes callbacks or bounces', { cause });
  });
  return approver.get<Report>(`/v1/announcements/${announcementId}`);
}

export function showTable(report: Report, say: Say): void {
  const statuses = [
    'sent',
    'delivered',
    'undelivered',
    'failed',
    'suppressed',
    'unknown',
    'expired',
    'cancelled',
  ];
  const shown = statuses.filter((status) => CHANNELS.some((c) => report.counts[c]?.[status]));
  const row = (cells: (string | number)[]) =>
    cells.map((cell, i) => (i === 0 ? String(cell).padEnd(9) : String(cell).padStart(13))).join('');
  const seconds = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : `${value.toFixed(2)} s`;
  say();
  say(row(['', ...shown, 'p50', 'p95', 'max']));
  for (const channel of CHANNELS) {
    const time = report.timings.seconds[channel];
    say(
      row([
        channel,
        ...shown.map((s) => report.counts[channel]?.[s] ?? 0),
        seconds(time?.p50),
        seconds(time?.p95),
        seconds(time?.max),
      ]),
    );
  }
  say(`(seconds from approval to sent; ${report.segments} SMS segments)\n`);
}

/** One message of each channel, as its gateway got it. */
export async function showSamples({ sandboxUrl }: Launched, stopping: AbortSignal, say: Say): Promise<void> {
  const read = async <T>(url: string): Promise<T> =>
    (await (await fetch(url, { signal: within(stopping) })).json()) as T;
  for (const channel of CHANNELS) {
    const page = await read<{ entries: { id: string }[] }>(`${sandboxUrl}/outbox?channel=${channel}`);
    const id = page.entries.at(-1)?.id;
    if (!id) continue;
    const sample = await read<{ address: string; subject?: string; body: string; text?: string }>(
      `${sandboxUrl}/outbox/${id}`,
    );
    say(`── ${channel} to ${sample.address}${sample.subject ? `: ${sample.subject}` : ''}`);
    say(`${indent((sample.text ?? sample.body).slice(0, 700))}\n`);
  }
}

const indent = (text: string) => text.replace(/^/gm, '   ');
