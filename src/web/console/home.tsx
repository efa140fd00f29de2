import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AnnouncementState } from '../../domain/announcement.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { progressOf } from '../../domain/progress.ts';
import type { AnnouncementRecord } from '../../pipeline/stores.ts';
import { sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { headlineOf } from './announcement-frame.tsx';
import { ButtonLink } from './components/form.tsx';
import { Badge, Empty, Notice, Progress } from './components/notice.tsx';
import { Section } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { duration, number, Time } from './format.tsx';
import { type Children, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { show, type View, viewOf } from './view.ts';
import { home } from './words/home.ts';
import { progress } from './words/progress.ts';

const query = z.object({ done: z.string().max(40).optional() }).loose();
/** Of each kind. */
const SHOWN = 20;
const ENDED_SHOWN = 5;
/** Due messages that wait longer are said to. Seconds. */
const LATE_S = 60;

interface HomeFacts {
  readonly of: Readonly<
    Record<
      'draft' | 'submitted' | 'approved' | 'sending' | 'paused' | 'completed',
      readonly AnnouncementRecord[]
    >
  >;
  /** Announcements of which the visitor wrote a part. */
  readonly own: ReadonlySet<number>;
  readonly shares: ReadonlyMap<number, { readonly done: number; readonly total: number }>;
  readonly health: Awaited<ReturnType<WebApp['reports']['health']>>;
  /** Nobody is left to be called for them. */
  readonly unanswered: Awaited<ReturnType<WebApp['approverCalls']['unanswered']>>;
}

/** What is waiting, what is being sent, what is wrong. */
export const homePages: ConsolePages = (server, app) => {
  const { announce, reports, ids } = app;
  const pageOf = ({ id }: AnnouncementRecord, page: string) =>
    `/console/announcements/${ids.encode('announcement', id)}/${page}`;

  const look = async (request: FastifyRequest): Promise<HomeFacts> => {
    const list = (state: AnnouncementState, limit = SHOWN) => announce.list({ state, limit });
    const [draft, submitted, approved, sending, paused, completed, health, unanswered] = await Promise.all([
      list('draft'),
      list('submitted'),
      list('approved'),
      list('sending'),
      list('paused'),
      list('completed', ENDED_SHOWN),
      reports.health(),
      app.approverCalls.unanswered(),
    ]);
    const { userId } = sessionOf(request);
    const acts = await Promise.all(submitted.map(async ({ id }) => [id, await announce.acts(id)] as const));
    const own = acts.flatMap(([id, all]) =>
      all.some((act) => act.userId === userId && ['create', 'edit'].includes(act.act)) ? [id] : [],
    );
    const shares = await Promise.all(
      [...sending, ...paused].map(async ({ id }) => {
        const all = Object.values(await reports.channels(id)).map(({ counts }) => progressOf(counts));
        const sum = (pick: 'done' | 'total') => all.reduce((n, one) => n + one[pick], 0);
        return [id, { done: sum('done'), total: sum('total') }] as const;
      }),
    );
    return {
      of: { draft, submitted, approved, sending, paused, completed },
      own: new Set(own),
      shares: new Map(shares),
      health,
      unanswered,
    };
  };

  server.get('/', {
    config: { access: 'author' },
    schema: { querystring: query },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const t = home[view.locale];
      const facts = await look(request);
      const { of } = facts;
      const wrong = wrongs(view, facts, pageOf);
      return show(
        reply,
        <Page
          view={view}
          title={t.hello(view.session?.name ?? '')}
          place="home"
          actions={
            <ButtonLink href="/console/announcements/new" look="primary">
              {t.write}
            </ButtonLink>
          }
        >
          {request.query.done === 'declined' && <Notice kind="good">{t.declined}</Notice>}
          {facts.unanswered.map(({ title, since }) => (
            <Notice kind="danger" title={t.nobodyLeft(title)}>
              {t.nobodyLeftText} <Time view={view} at={since} />
            </Notice>
          ))}
          <Section id="waiting" title={t.toApprove}>
            {of.submitted.length === 0 ? (
              <Empty title={t.nothingToApprove} />
            ) : (
              <ul class="cards">
                {of.submitted.map((one) => (
                  <Card
                    view={view}
                    one={one}
                    href={pageOf(one, 'approve')}
                    {...(facts.own.has(one.id) && { note: t.mine })}
                    at={one.submittedAt}
                  />
                ))}
              </ul>
            )}
          </Section>
          <Section id="sending" title={t.sending}>
            {of.sending.length === 0 ? (
              <Empty title={t.nothingSending} />
            ) : (
              <ul class="cards">
                {of.sending.map((one) => (
                  <Card view={view} one={one} href={pageOf(one, 'progress')} at={one.approvedAt}>
                    <Share view={view} facts={facts} id={one.id} />
                  </Card>
                ))}
              </ul>
            )}
          </Section>
          <Section id="wrong" title={t.wrong}>
            {wrong.length === 0 ? <Notice kind="good">{t.allWell}</Notice> : wrong}
          </Section>
          {(
            [
              [of.approved, t.scheduled, 'progress', (one: AnnouncementRecord) => one.scheduledAt],
              [of.draft, t.drafts, 'edit', (one: AnnouncementRecord) => one.createdAt],
              [of.completed, t.ended, 'progress', (one: AnnouncementRecord) => one.endedAt],
            ] as const
          ).map(
            ([list, title, page, at]) =>
              list.length > 0 && (
                <Section id={`list-${page}-${list[0]?.state}`} title={title}>
                  <ul class="cards">
                    {list.map((one) => (
                      <Card
                        view={view}
                        one={one}
                        href={pageOf(one, page)}
                        at={at(one)}
                        {...(one.state === 'draft' && one.reason && { note: t.returned(one.reason) })}
                      />
                    ))}
                  </ul>
                </Section>
              ),
          )}
        </Page>,
      );
    },
  });
};

/** What went wrong and what is about to, in words. */
function wrongs(
  view: View,
  { of, health }: HomeFacts,
  pageOf: (one: AnnouncementRecord, page: string) => string,
): readonly Children[] {
  const t = home[view.locale];
  const p = progress[view.locale];
  const silent = CHANNELS.filter(
    (channel) => (health.shardsDue[channel] ?? 0) > 0 && !health.workers.some(({ kind }) => kind === channel),
  );
  return [
    ...health.breakers.map(({ channel }) => <Notice kind="danger">{t.breaker(p[channel])}</Notice>),
    ...silent.map((channel) => <Notice kind="danger">{t.noWorkers(p[channel])}</Notice>),
    ...(health.setApart.length > 0
      ? [<Notice kind="warning">{t.setApart(number(view, health.setApart.length))}</Notice>]
      : []),
    ...(health.oldestDueSeconds > LATE_S
      ? [<Notice kind="warning">{t.late(duration(view, health.oldestDueSeconds))}</Notice>]
      : []),
    ...of.paused.map((one) => (
      <Notice kind="warning" title={<a href={pageOf(one, 'progress')}>{headlineOf(view, one)}</a>}>
        {one.reason ? t.paused(one.reason) : t.pausedByHand}
      </Notice>
    )),
  ];
}

const Share = ({
  view,
  facts,
  id,
}: {
  readonly view: View;
  readonly facts: HomeFacts;
  readonly id: number;
}): Markup => {
  const p = progress[view.locale];
  const { done, total } = facts.shares.get(id) ?? { done: 0, total: 0 };
  return (
    <Progress
      label={p.title}
      share={total === 0 ? 0 : done / total}
      text={p.of(number(view, done), number(view, total))}
      tone="good"
    />
  );
};

/** An announcement in a list. */
const Card = ({
  view,
  one,
  href,
  at,
  note,
  children,
}: {
  readonly view: View;
  readonly one: AnnouncementRecord;
  readonly href: string;
  readonly at: Date | null;
  readonly note?: string;
  readonly children?: Children;
}): Markup => {
  const t = home[view.locale];
  const p = progress[view.locale];
  return (
    <li>
      <p class="card-title">
        <a href={href}>{headlineOf(view, one)}</a>{' '}
        {one.urgency === 'urgent' && <Badge tone="danger">{t.urgent}</Badge>}{' '}
        {one.mode === 'exercise' && <Badge tone="info">{p.exerciseShort}</Badge>}
      </p>
      <p class="hint">
        {one.case.reference}
        {at && (
          <span>
            {' · '}
            <Time view={view} at={at} />
          </span>
        )}
        {note && ` · ${note}`}
      </p>
      {children}
    </li>
  );
};
