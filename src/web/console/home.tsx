import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AnnouncementState } from '../../domain/announcement.ts';
import { deadKinds } from '../../domain/health.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { announcementIn } from './announcement-facts.ts';
import { headlineOf } from './announcement-frame.tsx';
import { ButtonLink } from './components/form.tsx';
import { Badge, Empty, Notice, Progress } from './components/notice.tsx';
import { Section } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { duration, number, Time } from './format.tsx';
import { type Children, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { POLL, show, type View, viewOf } from './view.ts';
import { home } from './words/home.ts';
import { progress } from './words/progress.ts';
import { system } from './words/system.ts';

const query = z.object({ done: z.enum(['returned', 'rejected']).optional().catch(undefined) }).loose();
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
  /** Announcements for which somebody suggests an edit. */
  readonly suggested: ReadonlySet<number>;
  readonly shares: ReadonlyMap<number, { readonly done: number; readonly total: number }>;
  readonly health: Awaited<ReturnType<WebApp['reports']['health']>>;
  /** Nobody is left to be called for them. */
  readonly unanswered: Awaited<ReturnType<WebApp['approverCalls']['unanswered']>>;
}

/** What is waiting, what is being sent, what is wrong. */
export const homePages: ConsolePages = (server, app) => {
  const { announce, reports, ids } = app;
  const pageOf = ({ id }: Pick<AnnouncementRecord, 'id'>, page: string) =>
    `/console/announcements/${ids.encode('announcement', id)}/${page}`;

  const shareOf = async (id: number) => {
    const { total, open } = (await reports.sums([id])).get(id) ?? { total: 0, open: 0 };
    return { done: total - open, total };
  };
  const look = async (request: FastifyRequest): Promise<HomeFacts> => {
    const { userId } = sessionOf(request);
    const list = (state: AnnouncementState, limit = SHOWN) => announce.list({ state, limit });
    const [mine, drafts, submitted, approved, sending, paused, completed, health, unanswered] =
      await Promise.all([
        announce.list({ state: 'draft', limit: SHOWN, writtenBy: userId }),
        list('draft'),
        list('submitted'),
        list('approved'),
        list('sending'),
        list('paused'),
        list('completed', ENDED_SHOWN),
        reports.health(),
        app.approverCalls.unanswered(),
      ]);
    const acts = await Promise.all(submitted.map(async ({ id }) => [id, await announce.acts(id)] as const));
    const own = acts.flatMap(([id, all]) =>
      all.some((act) => act.userId === userId && ['create', 'edit'].includes(act.act)) ? [id] : [],
    );
    const suggestions = await Promise.all(
      submitted.map(async ({ id, revision }) => [id, revision, await announce.suggestions(id)] as const),
    );
    const suggested = suggestions.flatMap(([id, now, all]) =>
      all.some(({ decision, revision }) => decision === null && revision === now) ? [id] : [],
    );
    const shares = await Promise.all(sending.map(async ({ id }) => [id, await shareOf(id)] as const));
    return {
      of: {
        // One's own first, however many others write.
        draft: [...mine, ...drafts.filter(({ id }) => !mine.some((one) => one.id === id))].slice(0, SHOWN),
        submitted,
        approved,
        sending,
        paused,
        completed,
      },
      own: new Set(own),
      suggested: new Set(suggested),
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
          {request.query.done && <Notice kind="good">{t[request.query.done]}</Notice>}
          {facts.unanswered.map(({ id, title, since }) => (
            <Notice kind="danger" title={<a href={pageOf({ id }, 'approve')}>{t.nobodyLeft(title)}</a>}>
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
                    {...(facts.suggested.has(one.id)
                      ? { note: t.suggested }
                      : facts.own.has(one.id) && { note: t.mine })}
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
                    <Share view={view} address={pageOf(one, 'share')} {...facts.shares.get(one.id)} moves />
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
                        {...(one.state === 'draft' && one.reason && { note: t.returnedBecause(one.reason) })}
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

  server.get('/announcements/:id/share', {
    config: { access: 'author', quiet: true },
    handler: async (request, reply) => {
      const { id, state } = await announce.get(announcementIn(app, request));
      const view = viewOf(request, app);
      return show(
        reply,
        <Share
          view={view}
          address={pageOf({ id }, 'share')}
          {...(await shareOf(id))}
          moves={state === 'sending'}
        />,
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
  return [
    ...health.breakers.map(({ channel }) => <Notice kind="danger">{t.breaker(p[channel])}</Notice>),
    ...deadKinds(health).map((kind) => (
      <Notice kind="danger">{t.noWorkers(system[view.locale][kind])}</Notice>
    )),
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

/** Nobody's focus is in it, so it may be put anew while one reads. */
const Share = ({
  view,
  address,
  done = 0,
  total = 0,
  moves,
}: {
  readonly view: View;
  readonly address: string;
  readonly done?: number;
  readonly total?: number;
  readonly moves: boolean;
}): Markup => {
  const p = progress[view.locale];
  const ask = moves
    ? { 'hx-get': address, 'hx-trigger': 'every 3s', 'hx-swap': 'outerHTML', 'hx-request': POLL }
    : {};
  return (
    <div {...ask}>
      <Progress
        label={p.title}
        share={total === 0 ? 0 : done / total}
        text={p.of(number(view, done), number(view, total))}
        tone="good"
      />
    </div>
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
