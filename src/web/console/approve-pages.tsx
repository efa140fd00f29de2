import { CHANNELS } from '../../domain/channel.ts';
import { forecast } from '../../domain/forecast.ts';
import { CASE } from '../../domain/privacy-lint.ts';
import { AnnouncementPage, headlineOf } from './announcement-frame.tsx';
import { type ApproveProps, DONE } from './approve-props.ts';
import { Json, Mail, Sms } from './components/message.tsx';
import { Empty, Notice } from './components/notice.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { TextDiff } from './components/text-diff.tsx';
import { Calls, Decision, readers, Suggestions } from './decision.tsx';
import { duration, languageName, money, number, Time } from './format.tsx';
import { type Children, Fragment, h, type Markup } from './jsx.ts';
import { approve } from './words/approve.ts';
import { write } from './words/write.ts';

export const ApprovePage = (props: ApproveProps): Markup => {
  const { view, record, changed, preview, page, superseded, nameOf } = props;
  const t = approve[view.locale];
  return (
    <AnnouncementPage view={view} record={record} page={page} current="/approve" nameOf={nameOf}>
      {props.done && <Notice kind="good">{t[DONE[props.done]]}</Notice>}
      {changed && (
        <Notice kind="danger" title={t.title}>
          {t.changed}
        </Notice>
      )}
      {record.state !== 'submitted' && <Notice kind="info">{t.notSubmitted}</Notice>}
      {preview.problems.map((problem) => (
        <Notice kind="danger" title={t.problems}>
          {problem}
        </Notice>
      ))}
      <InShort {...props} />
      {superseded && (
        <Section id="changes" title={t.changes} intro={headlineOf(view, superseded)}>
          <TextDiff
            view={view}
            before={superseded.draft.content}
            after={record.draft.content}
            labelOf={props.labelOf}
          />
        </Section>
      )}
      <Suggestions {...props} />
      {preview.locales.map(({ locale, sms, smsWithoutLinks, email }) => (
        <Section id={`text-${locale}`} title={t.writtenIn(languageName(view, locale))}>
          <div class="previews" lang={locale}>
            {sms && (
              <div>
                <h3>{t.sms}</h3>
                <Sms view={view} sms={sms} />
              </div>
            )}
            {smsWithoutLinks && smsWithoutLinks.body !== sms?.body && (
              <div>
                <h3>{t.smsNoLinks}</h3>
                <Sms view={view} sms={smsWithoutLinks} />
              </div>
            )}
            {email && (
              <div class="wide">
                <h3>{t.email}</h3>
                <Mail view={view} mail={email} src={`${page}/mail?locale=${encodeURIComponent(locale)}`} />
              </div>
            )}
          </div>
        </Section>
      ))}
      {preview.webhook !== undefined && (
        <Section id="webhook" title={t.webhook}>
          <details>
            <summary>JSON</summary>
            <Json value={preview.webhook} />
          </details>
        </Section>
      )}
      <Findings {...props} />
      <Calls {...props} />
      <Decision {...props} />
    </AnnouncementPage>
  );
};

const InShort = (props: ApproveProps): Markup => {
  const { view, record, preview, authors, price, now } = props;
  const t = approve[view.locale];
  const { audience, segments, seconds, heldUntil } = preview;
  const perChannel = CHANNELS.flatMap((channel) =>
    audience.channels[channel] === undefined
      ? []
      : [`${t[channel]} ${number(view, audience.channels[channel])}`],
  );
  const { scheduledAt, expiresAt } = record.draft;
  const channels = forecast(
    { counts: audience.channels, seconds, heldUntil, scheduledAt, expiresAt },
    now.getTime(),
  );
  const end = new Date(Math.max(now.getTime(), ...channels.map(({ endsAt }) => endsAt.getTime())));
  const { topics, districts } = record.draft.audience;
  const named = (list: 'topics' | 'districts', codes: readonly string[]) =>
    codes.map((code) => props.listName(list, code)).join(view.locale === 'en' ? ', ' : '、');
  const facts: (readonly [string, Children])[] = [
    [t.recipients, `${readers(view, audience)} (${perChannel.join(' · ')})`],
    ...(segments > 0 ? [[t.segments, number(view, segments)] as const] : []),
    ...(price && segments > 0
      ? [[t.cost, money(view, segments * price.perSegment, price.currency)] as const]
      : []),
    [t.allSentBy, <Time view={view} at={end} />],
    ...Object.entries(heldUntil).map(
      ([channel, until]) =>
        [
          t.heldUntil(t[channel as keyof typeof heldUntil]),
          <Time view={view} at={new Date(until)} />,
        ] as const,
    ),
    [t.case, `${record.case.reference} · ${record.case.title}`],
    [t.kind, t[record.kind]],
    [t.urgency, t[record.urgency]],
    [t.mode, t[record.mode]],
    [t.author, authors.join(view.locale === 'en' ? ', ' : '、')],
    ...(record.submittedAt
      ? [
          [
            t.waitingSince,
            <>
              <Time view={view} at={record.submittedAt} />
              {record.state === 'submitted' &&
                ` · ${t.waited(duration(view, (now.getTime() - record.submittedAt.getTime()) / 1_000))}`}
            </>,
          ] as const,
        ]
      : []),
    ...(topics.length + districts.length === 0 ? [[t.topics, t.everybody] as const] : []),
    ...(topics.length > 0 ? [[t.topics, named('topics', topics)] as const] : []),
    ...(districts.length > 0 ? [[t.districts, named('districts', districts)] as const] : []),
    ...(record.draft.scheduledAt
      ? [[t.scheduledAt, <Time view={view} at={new Date(record.draft.scheduledAt)} />] as const]
      : []),
    ...(record.draft.expiresAt
      ? [[t.expiresAt, <Time view={view} at={new Date(record.draft.expiresAt)} />] as const]
      : []),
    [t.basis, record.draft.basis || t.noBasis],
  ];
  return (
    <Section id="in-short" title={t.inShort}>
      <Facts facts={facts} />
      {audience.fallback.map(({ wanted, gets, count }) => (
        <Notice kind="warning">
          {t.fallback(number(view, count), languageName(view, wanted), languageName(view, gets))}
        </Notice>
      ))}
    </Section>
  );
};

const Findings = ({ view, preview, labelOf }: ApproveProps): Markup => {
  const t = approve[view.locale];
  return (
    <Section id="findings" title={t.findings}>
      {preview.findings.length === 0 ? (
        <Empty title={t.findingsNone} />
      ) : (
        <Table
          caption={t.findings}
          columns={[{ label: t.finding }, { label: t.where }, { label: t.reason }]}
          rows={preview.findings.map(({ excerpt, kind, locale, field, reason }) => [
            <>
              <mark>{excerpt}</mark> {write[view.locale][`lint-${kind}`]}
            </>,
            locale === CASE
              ? labelOf(locale, field)
              : `${labelOf(locale, field)} (${languageName(view, locale)})`,
            reason ?? t.noReason,
          ])}
        />
      )}
    </Section>
  );
};
