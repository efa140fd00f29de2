import { diffWords } from 'diff';
import { CHANNELS } from '../../domain/channel.ts';
import type { Preview } from '../../pipeline/preview.ts';
import type { AnnouncementRecord } from '../../pipeline/stores.ts';
import { AnnouncementPage, headlineOf } from './announcement-frame.tsx';
import { Act, Button, Form, TextArea } from './components/form.tsx';
import { Json, Mail, Sms } from './components/message.tsx';
import { Empty, Notice } from './components/notice.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { dateTime, duration, money, number, Time, timeOfDay } from './format.tsx';
import type { Typed } from './forms.ts';
import { type Children, Fragment, h, type Markup } from './jsx.ts';
import type { View } from './view.ts';
import { approve } from './words/approve.ts';

export interface ApproveProps {
  readonly view: View;
  /** The announcement's own address. */
  readonly page: string;
  readonly record: AnnouncementRecord;
  readonly superseded: AnnouncementRecord | null;
  readonly preview: Preview;
  readonly authors: readonly string[];
  readonly nameOf: (id: number | null) => string;
  /** Whether the visitor may approve it, wrote part of it, or has no such role. */
  readonly may: 'yes' | 'own' | 'not';
  /** It would really go out. */
  readonly live: boolean;
  readonly price: { readonly perSegment: number; readonly currency: string } | undefined;
  readonly now: Date;
  readonly typed: Typed;
  /** It was changed between looking at it and approving it. */
  readonly changed: boolean;
}

export const ApprovePage = (props: ApproveProps): Markup => {
  const { view, record, changed, preview, page, superseded, nameOf } = props;
  const t = approve[view.locale];
  return (
    <AnnouncementPage view={view} record={record} page={page} current="/approve" nameOf={nameOf}>
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
      {superseded && <Changes view={view} record={record} superseded={superseded} />}
      {preview.locales.map(({ locale, sms, smsWithoutLinks, email }) => (
        <Section id={`text-${locale}`} title={t.writtenIn(locale)}>
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
      <Findings view={view} preview={preview} />
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
  const begins = Math.max(
    now.getTime(),
    ...(record.draft.scheduledAt ? [Date.parse(record.draft.scheduledAt)] : []),
    ...Object.values(heldUntil).map((end) => Date.parse(end)),
  );
  const end = new Date(begins + Math.max(0, ...Object.values(seconds)) * 1_000);
  const { topics, districts } = record.draft.audience;
  const facts: (readonly [string, Children])[] = [
    [t.recipients, `${number(view, audience.total)} (${perChannel.join(' · ')})`],
    ...(segments > 0 ? [[t.segments, number(view, segments)] as const] : []),
    ...(price && segments > 0
      ? [[t.cost, money(view, segments * price.perSegment, price.currency)] as const]
      : []),
    [t.allSentBy, timeOfDay(view, end)],
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
    ...(topics.length > 0 ? [[t.topics, topics.join(', ')] as const] : []),
    ...(districts.length > 0 ? [[t.districts, districts.join(', ')] as const] : []),
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
        <Notice kind="warning">{t.fallback(number(view, count), wanted, gets)}</Notice>
      ))}
    </Section>
  );
};

/** What was written anew, word by word, in the fields that differ. */
const Changes = ({
  view,
  record,
  superseded,
}: {
  readonly view: View;
  readonly record: AnnouncementRecord;
  readonly superseded: AnnouncementRecord;
}): Markup => {
  const t = approve[view.locale];
  const before = superseded.draft.content;
  const changed = Object.entries(record.draft.content).flatMap(([locale, fields]) =>
    [...new Set([...Object.keys(before[locale] ?? {}), ...Object.keys(fields)])].flatMap((field) => {
      const [old, now] = [before[locale]?.[field] ?? '', fields[field] ?? ''];
      return old === now ? [] : [{ locale, field, old, now }];
    }),
  );
  return (
    <Section id="changes" title={t.changes} intro={headlineOf(view, superseded)}>
      <Table
        caption={t.changes}
        columns={[{ label: t.where }, { label: t.changes }]}
        rows={changed.map(({ locale, field, old, now }) => [
          `${locale} · ${field}`,
          <p class="diff" lang={locale}>
            {diffWords(old, now, {
              intlSegmenter: new Intl.Segmenter(locale, { granularity: 'word' }),
            }).map(({ added, removed, value }) =>
              added ? (
                <ins>
                  <span class="visually-hidden">{t.added} </span>
                  {value}
                </ins>
              ) : removed ? (
                <del>
                  <span class="visually-hidden">{t.removed} </span>
                  {value}
                </del>
              ) : (
                value
              ),
            )}
          </p>,
        ])}
      />
    </Section>
  );
};

const Findings = ({ view, preview }: Pick<ApproveProps, 'view' | 'preview'>): Markup => {
  const t = approve[view.locale];
  return (
    <Section id="findings" title={t.findings}>
      {preview.findings.length === 0 ? (
        <Empty title={t.findingsNone} />
      ) : (
        <Table
          caption={t.findings}
          columns={[{ label: t.finding }, { label: t.where }, { label: t.reason }]}
          rows={preview.findings.map(({ excerpt, message, locale, field, reason }) => [
            <>
              <mark>{excerpt}</mark> {message}
            </>,
            `${locale} · ${field}`,
            reason ?? t.noReason,
          ])}
        />
      )}
    </Section>
  );
};

/** The dangerous button says what it does, and stands at the end of all that there is to read. */
const Decision = ({ view, record, preview, page, may, live, typed }: ApproveProps): Markup => {
  const t = approve[view.locale];
  if (record.state !== 'submitted') return <Fragment />;
  if (may !== 'yes') return <Notice kind="warning">{may === 'own' ? t.own : t.notApprover}</Notice>;
  const people = number(view, preview.audience.total);
  const { scheduledAt } = record.draft;
  const label =
    record.mode === 'exercise'
      ? t.sendExercise(people)
      : !live
        ? t.sendTrial(people)
        : scheduledAt
          ? t.sendScheduled(people, dateTime(view, new Date(scheduledAt)))
          : t.send(people);
  return (
    <Section
      id="decide"
      title={t.decide}
      {...(live && { intro: `${t.cannotBeUndone} ${t.secondFactorAgain}` })}
    >
      <div class="decision">
        <Act
          view={view}
          action={`${page}/approve`}
          look={live ? 'danger' : 'primary'}
          fields={{ sha256: record.sha256 ?? '' }}
        >
          {label}
        </Act>
        <details class="confirm" open={typed.errors.reason !== undefined}>
          <summary class="button button-plain">{`${t.returnIt} / ${t.rejectIt}`}</summary>
          <Form view={view} action={`${page}/return`} typed={typed}>
            <TextArea
              view={view}
              typed={typed}
              name="reason"
              label={t.why}
              hint={t.whyHint}
              maxlength={2000}
              rows={3}
            />
            <div class="acts">
              <Button look="plain">{t.returnIt}</Button>
              <Button look="danger" formaction={`${page}/reject`}>
                {t.rejectIt}
              </Button>
            </div>
          </Form>
        </details>
      </div>
    </Section>
  );
};
