import { STOPPABLE } from '../../domain/announcement.ts';
import { FATES, type Fate } from '../../domain/progress.ts';
import { AnnouncementPage, Badges, StateBadge } from './announcement-frame.tsx';
import { Curves } from './components/curves.tsx';
import { Act, ButtonLink } from './components/form.tsx';
import { Empty, Notice, type Tone } from './components/notice.tsx';
import { Shares } from './components/shares.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { duration, number, percent, Time, timeOfDay } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import type { ChannelFacts, ProgressFacts } from './progress-facts.ts';
import type { View } from './view.ts';
import { progress } from './words/progress.ts';
import { reasonFor } from './words/reasons.ts';

const FATE_TONES: Readonly<Record<Fate, Tone>> = {
  confirmed: 'good',
  accepted: 'info',
  waiting: 'neutral',
  doubtful: 'warning',
  failed: 'danger',
  notSent: 'warning',
};

interface Props {
  readonly view: View;
  readonly facts: ProgressFacts;
  /** The announcement's own address. */
  readonly page: string;
}

const DONE = { pause: 'donePause', resume: 'doneResume', cancel: 'doneCancel' } as const;

export const ProgressPage = (
  props: Props & { readonly done?: string | undefined; readonly nameOf: (id: number | null) => string },
): Markup => {
  const { view, facts, page, done, nameOf } = props;
  const t = progress[view.locale];
  const { record, over } = facts;
  const notice = Object.hasOwn(DONE, done ?? '') ? DONE[done as keyof typeof DONE] : undefined;
  const moving = over
    ? {}
    : { 'hx-ext': 'sse', 'sse-connect': `${page}/events`, 'sse-swap': 'progress', 'sse-close': 'over' };
  return (
    <AnnouncementPage
      view={view}
      record={record}
      page={page}
      current="/progress"
      nameOf={nameOf}
      scripts={over ? [] : ['sse.js']}
      actions={!over && <ButtonLink href={`${page}/progress`}>{t.refresh}</ButtonLink>}
    >
      {record.replacedBy.length > 0 && <Notice kind="warning">{t.superseded}</Notice>}
      {notice && <Notice kind="good">{t[notice]}</Notice>}
      <div {...moving}>
        <ProgressPart view={view} facts={facts} page={page} />
      </div>
      <Acts {...props} />
    </AnnouncementPage>
  );
};

/** What moves, and what stands elsewhere on the page and changes with it; an open question stays open. */
export const ProgressNews = (props: Props): Markup => (
  <>
    <ProgressPart {...props} />
    <Badges view={props.view} record={props.facts.record} moved />
    <Acts {...props} moved />
    {mayAct(props.view) && STOPPABLE.includes(props.facts.record.state) && <StopText {...props} moved />}
  </>
);

/** What moves. */
const ProgressPart = ({ view, facts }: Props): Markup => {
  const t = progress[view.locale];
  const { record, channels, expanded, over } = facts;
  return (
    <>
      <p class="lead">
        <StateBadge view={view} state={record.state} /> {inShort(view, facts)}
      </p>
      {record.state === 'paused' && (
        <Notice kind="warning">{record.reason ? t.pausedBecause(record.reason) : t.paused}</Notice>
      )}
      {channels.length === 0 &&
        (over || expanded ? <Empty title={t.noRecipients} /> : <Empty title={t.listing} />)}
      {channels.map((channel) => (
        <ChannelSection view={view} channel={channel} moves={record.state === 'sending'} />
      ))}
      {channels.some(({ report }) => report.sentBy.length > 0) && <SentSection view={view} facts={facts} />}
      {channels.length > 0 && <TroubleSection view={view} facts={facts} />}
      <Section id="facts" title={t.state}>
        <Facts
          facts={[
            [t.case, `${record.case.reference} · ${record.case.title}`],
            ...(record.submittedAt && record.approvedAt
              ? [
                  [
                    t.waitedForApproval,
                    duration(view, (record.approvedAt.getTime() - record.submittedAt.getTime()) / 1_000),
                  ] as const,
                ]
              : []),
            ...(
              [
                [t.approvedAt, record.approvedAt],
                [t.scheduledAt, record.scheduledAt],
                [t.firstSentAt, record.firstSentAt],
                [t.expiresAt, record.expiresAt],
                [t.endedAt, record.endedAt],
              ] as const
            ).flatMap(([name, at]) => (at ? [[name, <Time view={view} at={at} />] as const] : [])),
          ]}
        />
      </Section>
    </>
  );
};

/** The whole in a sentence: shares of what is done, and when all will have left. */
function inShort(view: View, { record, channels, at }: ProgressFacts): string {
  const t = progress[view.locale];
  const total = channels.reduce((sum, one) => sum + one.total, 0);
  if (total === 0) return '';
  const of = (fate: Fate) => channels.reduce((sum, one) => sum + one.fates[fate], 0);
  const says = {
    confirmed: t.deliveredShare,
    accepted: t.acceptedShare,
    failed: t.failedShare,
    doubtful: t.doubtfulShare,
    notSent: t.notSentShare,
  };
  const parts = (Object.keys(says) as (keyof typeof says)[]).flatMap((fate) =>
    of(fate) > 0 ? [says[fate](percent(view, of(fate) / total))] : [],
  );
  const left = channels.map((one) => one.secondsLeft);
  const slowest = Math.max(...channels.map((one) => one.report.max ?? 0));
  if (of('waiting') === 0) {
    if (slowest > 0) parts.push(t.lastSentAfter(duration(view, slowest)));
  } else if (record.state === 'sending' && left.every((seconds) => seconds !== null)) {
    const end = new Date(at.getTime() + Math.max(...left.map((seconds) => seconds ?? 0)) * 1_000);
    parts.push(t.allSentBy(timeOfDay(view, end)));
  }
  return parts.join(view.locale === 'en' ? ', ' : '，');
}

const ChannelSection = ({
  view,
  channel: one,
  moves,
}: {
  readonly view: View;
  readonly channel: ChannelFacts;
  readonly moves: boolean;
}): Markup => {
  const t = progress[view.locale];
  const { channel, total, done, fates, report, beyondRecall, perSecond, inEarnest } = one;
  const inSeconds = (seconds: number | null) => (seconds === null ? '—' : duration(view, seconds));
  return (
    <Section id={`channel-${channel}`} title={t[channel]}>
      <p class="shares-done">{t.of(number(view, done), number(view, total))}</p>
      <Shares
        shares={FATES.map((fate) => ({
          label: t[fate],
          n: fates[fate],
          text: number(view, fates[fate]),
          tone: FATE_TONES[fate],
        }))}
      />
      <Facts
        facts={[
          ...(moves && perSecond !== null
            ? [[t.live, t.perSecond(number(view, Math.round(perSecond)))] as const]
            : []),
          [
            t.timeToSend,
            `${t.half} ${inSeconds(report.p50)} · ${t.nearlyAll} ${inSeconds(report.p95)} · ${t.slowest} ${inSeconds(report.max)}`,
          ],
          [t.beyondRecall, number(view, beyondRecall)],
          ...(inEarnest === null ? [] : [[t.inEarnest, duration(view, inEarnest)] as const]),
          ...(report.withoutReceipt > 0 ? [[t.noReceipt, number(view, report.withoutReceipt)] as const] : []),
        ]}
      />
    </Section>
  );
};

/** Of what was sent. */
const PARTS = [0.1, 0.5, 0.9, 1];

/** How fast it went out, drawn and in figures. */
const SentSection = ({ view, facts }: { readonly view: View; readonly facts: ProgressFacts }): Markup => {
  const t = progress[view.locale];
  const sent = facts.channels.filter(({ report }) => report.sentBy.length > 0);
  const most = Math.max(...sent.map(({ report }) => report.sentBy.at(-1)?.n ?? 0));
  const last = Math.max(...sent.map(({ report }) => report.max ?? 0));
  const reached = ({ report: { sentBy } }: ChannelFacts, part: number) => {
    const all = sentBy.at(-1)?.n ?? 0;
    return sentBy.find(({ n }) => n >= part * all)?.seconds ?? last;
  };
  return (
    <Section id="sent" title={t.sentOverTime}>
      {last > 0 && (
        <Curves
          curves={sent.map(({ channel, report }) => ({
            label: t[channel],
            points: report.sentBy.map(({ seconds, n }) => ({ x: seconds, y: n })),
          }))}
          top={t.messages(number(view, most))}
          ends={[t.start, duration(view, last)]}
        />
      )}
      <Table
        caption={t.sentOverTime}
        columns={[
          { label: t.channel },
          ...PARTS.map((part) => ({ label: percent(view, part), numeric: true })),
        ]}
        rows={sent.map((one) => [t[one.channel], ...PARTS.map((part) => duration(view, reached(one, part)))])}
      />
    </Section>
  );
};

const TroubleSection = ({ view, facts }: { readonly view: View; readonly facts: ProgressFacts }): Markup => {
  const t = progress[view.locale];
  const { groups, share } = facts.troubles;
  // Codes that mean the same to a press office stand together.
  const rows = new Map<
    string,
    { why: string; whatToDo: string; channel: string; n: number; codes: Set<string> }
  >();
  for (const { channel, status, code, n } of groups) {
    const { index, why, whatToDo } = reasonFor(view.locale, channel, code || status);
    const key = `${channel} ${index}`;
    const row = rows.get(key) ?? { why, whatToDo, channel: t[channel], n: 0, codes: new Set<string>() };
    row.n += n;
    row.codes.add(code || status);
    rows.set(key, row);
  }
  return (
    <Section id="troubles" title={t.troubles} {...(share < 1 && { intro: t.sampled(percent(view, share)) })}>
      {rows.size === 0 ? (
        <Empty title={t.troublesNone} />
      ) : (
        <Table
          caption={t.troubles}
          columns={[
            { label: t.reason },
            { label: t.channel },
            { label: t.count, numeric: true },
            { label: t.what },
            { label: t.code },
          ]}
          rows={[...rows.values()].map(({ why, whatToDo, channel, n, codes }) => [
            why,
            channel,
            number(view, n),
            whatToDo,
            [...codes].slice(0, 5).join(', '),
          ])}
        />
      )}
    </Section>
  );
};

const mayAct = (view: View): boolean => view.session?.role !== 'author';

/** Each asks once; only whoever may approve sees them, and the domain checks again. */
const Acts = ({ view, facts, page, moved = false }: Props & { readonly moved?: boolean }): Markup => {
  const t = progress[view.locale];
  const { record } = facts;
  const offered = [
    ['pause', ['approved', 'sending'], t.pause, t.pauseConfirm, t.pauseNow, 'primary'],
    ['resume', ['paused'], t.resume, t.resumeConfirm, t.resumeNow, 'primary'],
    ['cancel', STOPPABLE, t.stop, null, t.stopNow, 'danger'],
  ] as const;
  return (
    <div class="acts" id="acts" data-key={record.state} {...(moved && { 'hx-swap-oob': 'true' })}>
      {mayAct(view) &&
        offered.map(
          ([act, states, label, text, now, look]) =>
            (states as readonly string[]).includes(record.state) && (
              <details class="confirm">
                <summary class="button button-plain">{label}</summary>
                <div>
                  {text === null ? <StopText view={view} facts={facts} page={page} /> : <p>{text}</p>}
                  <Act view={view} action={`${page}/${act}`} look={look}>
                    {now}
                  </Act>
                </div>
              </details>
            ),
        )}
    </div>
  );
};

/** What stopping comes to, as of now. */
const StopText = ({ view, facts, moved = false }: Props & { readonly moved?: boolean }): Markup => {
  const sum = (pick: (one: ChannelFacts) => number) =>
    number(
      view,
      facts.channels.reduce((total, one) => total + pick(one), 0),
    );
  return (
    <p id="stop-text" {...(moved && { 'hx-swap-oob': 'true' })}>
      {progress[view.locale].stopConfirm(
        sum((one) => one.fates.waiting),
        sum((one) => one.beyondRecall),
      )}
    </p>
  );
};
