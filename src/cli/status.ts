import type { Command } from 'commander';
import type { App } from '../app.ts';
import { CHANNELS } from '../domain/channel.ts';
import { DELIVERY_STATUSES } from '../domain/delivery.ts';
import { readAnnouncement, summaryView } from '../web/api/announcement-view.ts';
import type { Context } from './context.ts';
import { count } from './deliveries.ts';
import { findingsText, type Printing, print, printable, table } from './output.ts';

type One = Awaited<ReturnType<typeof readAnnouncement>>;
type Health = Awaited<ReturnType<App['reports']['health']>>;

export function register(program: Command, { io, withApp }: Context): void {
  program
    .command('status [id]')
    .description(
      'one announcement: state, counts and timings; without an id: the newest ones, workers and breakers',
    )
    .option('--limit <n>', 'announcements that are listed', count, 20)
    .option('--json', 'print what GET /v1/announcements/:id answers, or {announcements, health}')
    .action((id: string | undefined, options: Printing & { limit: number }) =>
      withApp(async (app) => {
        if (id !== undefined) {
          const one = await readAnnouncement(app, app.ids.decode('announcement', id).id);
          print(io, options, one, () => describe(one));
          return;
        }
        const [records, health] = await Promise.all([
          app.announce.list({ limit: options.limit }),
          app.reports.health(),
        ]);
        const announcements = records.map((record) => summaryView(app.ids, record));
        print(
          io,
          options,
          { announcements, health },
          () => `${listed(announcements)}\n\n${healthText(health, app.config.mode)}`,
        );
      }),
    );
}

const listed = (announcements: readonly ReturnType<typeof summaryView>[]): string =>
  announcements.length === 0
    ? 'no announcements yet'
    : table(
        ['id', 'state', 'kind', 'mode', 'urgency', 'case', 'title'],
        announcements.map((a) => [
          a.id,
          a.state,
          a.kind,
          a.gateway === 'sandbox' ? `${a.mode}, sandbox` : a.mode,
          a.urgency,
          a.case.reference,
          a.case.title,
        ]),
      );

function describe(one: One): string {
  const { timings } = one;
  const facts = [
    ['state', one.reason ? `${one.state} (${one.reason})` : one.state],
    ['case', `${one.case.reference} ${one.case.title}`],
    [
      'kind',
      [
        one.kind,
        one.urgency,
        one.mode,
        ...(one.gateway === 'sandbox' ? ['through the sandbox: nothing leaves this machine'] : []),
      ].join(', '),
    ],
    ['revision', one.sha256 ? `${one.revision}, sha256 ${one.sha256}` : String(one.revision)],
    ['supersedes', one.supersedes],
    ['superseded by', one.supersededBy.join(', ')],
    ['scheduled', one.scheduledAt],
    ...Object.entries(one.heldUntil).map(([channel, end]) => [
      `${channel} waits`,
      `for the end of quiet hours, ${end}`,
    ]),
    ['approved', timings.approvedAt],
    ['first sent', timings.firstSentAt],
    ['expires', one.expiresAt],
    ['ended', one.endedAt],
  ].filter(([, value]) => value);
  const parts = [facts.map(([name, value]) => `${name?.padEnd(14)} ${value}`).join('\n')];
  if (one.findings.length > 0) parts.push(printable(findingsText(one.findings)));
  if (one.approvedAt)
    parts.push(countsTable(one), one.expanded ? '' : '(its recipients are still being listed)');
  return parts.filter(Boolean).join('\n\n');
}

/** Channel × status, with those statuses that occur, and seconds from approval to sent. */
function countsTable({ counts, totals, withoutReceipt, timings, segments }: One): string {
  const channels = CHANNELS.filter((channel) => totals[channel] !== undefined);
  if (channels.length === 0) return 'no deliveries yet';
  const statuses = DELIVERY_STATUSES.filter((status) =>
    channels.some((channel) => counts[channel]?.[status]),
  );
  const seconds = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(1) : '');
  const silent = channels.some((channel) => withoutReceipt[channel]);
  const rows = channels.map((channel) => {
    const { p50, p95, max } = timings.seconds[channel] ?? {};
    return [
      channel,
      ...statuses.map((s) => counts[channel]?.[s] ?? 0),
      totals[channel] ?? 0,
      ...(silent ? [withoutReceipt[channel] ?? 0] : []),
      seconds(p50),
      seconds(p95),
      seconds(max),
    ];
  });
  const sent = segments > 0 ? `\n${segments} SMS segments` : '';
  return `${table(['channel', ...statuses, 'total', ...(silent ? ['no receipt'] : []), 'p50 s', 'p95 s', 'max s'], rows)}${sent}`;
}

function healthText(
  { workers, breakers, setApart, shardsDue, oldestDueSeconds }: Health,
  mode: string,
): string {
  const due = CHANNELS.flatMap((channel) =>
    shardsDue[channel] ? [`${channel} ${shardsDue[channel]}`] : [],
  ).join(', ');
  const lines = [
    `mode      ${mode}`,
    `due       ${due ? `${due} shards, the oldest for ${oldestDueSeconds.toFixed(1)} s` : 'nothing waits'}`,
    ...breakers.map(
      (b) =>
        `stopped   ${b.channel} (${b.gateway}) since ${b.openedAt.toISOString()}: ${b.message} (${b.code})`,
    ),
    ...setApart.map(
      (s) =>
        `set apart ${s.channel}, shard ${s.shardId}: ${s.deaths} workers died over it, so its ${s.rows} rows go one by one`,
    ),
  ];
  const running = table(
    ['worker', 'host', 'pid', 'heard of'],
    workers.map((w) => [w.kind, w.host, w.pid, `${(w.silentMs / 1000).toFixed(0)} s ago`]),
  );
  return `${lines.join('\n')}\n\n${workers.length > 0 ? running : 'no workers: nothing is sent until `herald start` or `herald work` runs'}`;
}
