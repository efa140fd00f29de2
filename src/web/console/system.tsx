import { CHANNELS, type Channel } from '../../domain/channel.ts';
import { deadKinds, SILENT_MS } from '../../domain/health.ts';
import type { WebApp } from '../web-app.ts';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { dateTime, duration, money, number, offsetAt } from './format.tsx';
import { type Children, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { home } from './words/home.ts';
import { quietHours as quietWords } from './words/quiet-hours.ts';
import { system as words } from './words/system.ts';

type Config = WebApp['config'];
type Health = Awaited<ReturnType<WebApp['reports']['health']>>;
type Hours = Awaited<ReturnType<WebApp['quietHours']['list']>>[number];

/** Who carries messages, how fast, and whether all is well. */
export const systemPages: ConsolePages = (server, app) => {
  const { reports, quietHours, ids, config } = app;
  server.get('/admin/system', {
    config: { access: 'author' },
    handler: async (request, reply) => {
      const [health, hours] = await Promise.all([reports.health(), quietHours.list()]);
      return show(
        reply,
        <SystemPage
          view={viewOf(request, app)}
          config={config}
          health={health}
          hours={hours}
          pageOf={(id) => `/console/announcements/${ids.encode('announcement', id)}`}
        />,
      );
    },
  });
};

interface Props {
  readonly view: View;
  readonly config: Config;
  readonly health: Health;
  readonly hours: readonly Hours[];
  readonly pageOf: (announcementId: number) => string;
}

const SystemPage = (props: Props): Markup => {
  const { view, health } = props;
  const t = words[view.locale];
  const dead = deadKinds(health);
  const well = health.breakers.length === 0 && dead.length === 0 && health.setApart.length === 0;
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      <p class="intro">{t.intro}</p>
      {well && <Notice kind="good">{t.well}</Notice>}
      {health.workers.length === 0 ? (
        <Notice kind="danger">{t.noWorkers}</Notice>
      ) : (
        dead.map((kind) => <Notice kind="danger">{home[view.locale].noWorkers(t[kind])}</Notice>)
      )}
      {CHANNELS.map((channel) => (
        <Carrier {...props} channel={channel} />
      ))}
      <Queue {...props} />
      <Workers {...props} />
    </Page>
  );
};

/** Without the account's name and password. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '?');

/** Who carries a channel, in words; nothing of it is secret. */
function providerOf({ config, view }: Props, channel: Channel): readonly (readonly [string, Children])[] {
  const t = words[view.locale];
  const name = (live: string | undefined): Children =>
    live ?? (
      <span>
        {config.mode === 'trial' ? t.sandboxOnly : t.none} <span class="hint">{t.noneMeans}</span>
      </span>
    );
  switch (channel) {
    case 'sms': {
      const sender = config.twilio?.sender;
      return [
        [t.provider, name(config.twilio && 'Twilio')],
        ...(sender ? [[t.sender, 'from' in sender ? sender.from : sender.messagingServiceSid] as const] : []),
        [
          t.price,
          config.smsPrice
            ? t.perSegment(money(view, config.smsPrice.perSegment, config.smsPrice.currency))
            : t.noPrice,
        ],
      ];
    }
    case 'email':
      return [
        [t.provider, name(config.smtp && `SMTP ${hostOf(config.smtp.url)}`)],
        ...(config.smtp ? [[t.sender, config.smtp.from] as const] : []),
        ...(config.bounceAddress ? [[t.bounces, config.bounceAddress] as const] : []),
      ];
    case 'webhook':
      return [[t.provider, 'HTTPS']];
  }
}

function limitOf({ config, view }: Props, channel: Channel): string {
  const t = words[view.locale];
  const rates = config.rates[config.mode === 'live' ? 'live' : 'sandbox'];
  const n = (of: number) => number(view, of);
  switch (channel) {
    case 'sms':
      return `${t.segmentsPerSecond(n(rates.sms))} · ${t.perHour(n(rates.sms * 3_600))}`;
    case 'email':
      return `${t.mailsPerSecond(n(rates.email))} · ${t.perHour(n(rates.email * 3_600))}`;
    case 'webhook':
      return t.requestsPerSecond(n(config.webhooksPerSecond));
  }
}

const Carrier = (props: Props & { readonly channel: Channel }): Markup => {
  const { view, health, hours, channel } = props;
  const t = words[view.locale];
  const open = health.breakers.filter((one) => one.channel === channel);
  const quiet = hours.find((one) => one.channel === channel);
  return (
    <Section
      id={channel}
      title={t[channel]}
      aside={<Badge tone={open.length > 0 ? 'danger' : 'good'}>{open.length > 0 ? t.open : t.closed}</Badge>}
    >
      {open.map(({ gateway, code, message, openedAt }) => (
        <Notice kind="danger" title={`${t.open} (${t[gateway]})`}>
          <p>
            {t.openSince} {dateTime(view, openedAt)} {offsetAt(view, openedAt)} · {t.openWhy}:{' '}
            <code>{code}</code> <span lang="en">{message}</span>
          </p>
          <p>{t.openDo}</p>
        </Notice>
      ))}
      <Facts
        facts={[
          ...providerOf(props, channel),
          [t.limit, limitOf(props, channel)],
          [
            t.quiet,
            <a href="/console/admin/quiet-hours">
              {quiet ? `${quiet.from}–${quiet.until}` : quietWords[view.locale].none}
            </a>,
          ],
        ]}
      />
    </Section>
  );
};

const Queue = ({ view, config, health, pageOf }: Props): Markup => {
  const t = words[view.locale];
  const due = CHANNELS.filter((channel) => (health.shardsDue[channel] ?? 0) > 0);
  return (
    <Section id="queue" title={t.queue}>
      <Facts
        facts={[
          ...(due.length === 0
            ? [[t.state, t.queueEmpty] as const]
            : due.map(
                (channel) =>
                  [t[channel], t.queueWaiting(number(view, health.shardsDue[channel] ?? 0))] as const,
              )),
          ...(due.length > 0 ? [[t.oldest, duration(view, health.oldestDueSeconds)] as const] : []),
          [t.backend, config.redisUrl ? t.redis : t.postgres],
        ]}
      />
      {health.setApart.length > 0 && (
        <div>
          <Notice kind="warning" title={t.setApart}>
            {t.setApartText(number(view, health.setApart.length))}
          </Notice>
          <Table
            caption={t.setApart}
            columns={[
              { label: t.announcement },
              { label: t.rows, numeric: true },
              { label: t.tries, numeric: true },
            ]}
            rows={health.setApart.map((one) => [
              <a href={pageOf(one.announcementId)}>{t[one.channel]}</a>,
              number(view, one.rows),
              number(view, one.deaths),
            ])}
          />
        </div>
      )}
    </Section>
  );
};

const Workers = ({ view, health }: Props): Markup => {
  const t = words[view.locale];
  return (
    <Section id="workers" title={t.workers}>
      {health.workers.length === 0 ? (
        <Empty title={t.noWorkers} />
      ) : (
        <Table
          caption={t.workers}
          columns={[{ label: t.worker }, { label: t.state }, { label: t.heard }, { label: t.host }]}
          rows={health.workers.map(({ kind, host, pid, silentMs }) => [
            Object.hasOwn(t, kind) ? String(t[kind as Channel]) : kind,
            <Badge tone={silentMs > SILENT_MS ? 'danger' : 'good'}>
              {silentMs > SILENT_MS ? t.silent : t.alive}
            </Badge>,
            t.ago(duration(view, Math.max(0, silentMs) / 1_000)),
            `${host} · ${pid}`,
          ])}
        />
      )}
    </Section>
  );
};
