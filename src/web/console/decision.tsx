import type { Draft } from '../../domain/announcement.ts';
import { reasonedFindings } from '../../domain/privacy-lint.ts';
import type { Preview } from '../../pipeline/preview.ts';
import type { ApproveProps } from './approve-props.ts';
import { Act, Button, Form, TextArea } from './components/form.tsx';
import { Empty, Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import { TextDiff } from './components/text-diff.tsx';
import { reasonName } from './draft-form.ts';
import { dateTime, number, Time } from './format.tsx';
import { NOTHING_TYPED } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import type { View } from './view.ts';
import { approve } from './words/approve.ts';
import { write } from './words/write.ts';

/** Who was asked to approve it, and what they said. */
export const Calls = ({ view, record, calls }: ApproveProps): Markup => {
  const t = approve[view.locale];
  if (calls.length === 0) return <Fragment />;
  const unanswered = record.nobodyLeftAt && calls.every(({ answeredAt }) => answeredAt === null);
  return (
    <Section id="calls" title={t.calls} {...(unanswered && { intro: t.nobodyLeft })}>
      <Table
        caption={t.calls}
        columns={[{ label: t.whom }, { label: t.calledAt }, { label: t.answeredAt }]}
        rows={calls.map(({ name, calledAt, channels, answeredAt }) => [
          name,
          calledAt ? (
            <>
              <Time view={view} at={calledAt} />{' '}
              {channels.length > 0 ? channels.map((channel) => t[channel]).join(' · ') : t.notReachable}
            </>
          ) : (
            t.cameAlone
          ),
          answeredAt ? <Time view={view} at={answeredAt} /> : '—',
        ])}
      />
    </Section>
  );
};

/** What approvers would change, each with what whoever wrote it can do about it. */
export const Suggestions = (props: ApproveProps): Markup => {
  const { view, record, suggestions, nameOf, labelOf, page } = props;
  const t = approve[view.locale];
  const w = write[view.locale];
  const waiting = suggestions.filter(
    ({ decision, revision }) => decision === null && revision === record.revision,
  );
  if (record.state !== 'submitted' || waiting.length === 0) return <Fragment />;
  /** What the lint finds in it that nobody has given a reason for. */
  const open = (content: Draft['content']) => [
    ...new Map(
      reasonedFindings({ ...record.draft, content }).flatMap((one) =>
        one.reason === null ? [[one.key, one] as const] : [],
      ),
    ).values(),
  ];
  return (
    <Section id="suggestions" title={t.suggestions} intro={t.suggestionsIntro}>
      {waiting.map(({ id, userId, content, note }) => (
        <article class="suggestion">
          <h3>{t.suggestedBy(nameOf(userId))}</h3>
          {note && <p class="written">{note}</p>}
          <TextDiff view={view} before={record.draft.content} after={content} labelOf={labelOf} />
          <div class="acts">
            {userId !== props.userId && (
              <Form view={view} action={`${page}/suggestions/accepted`} typed={NOTHING_TYPED}>
                <input type="hidden" name="id" value={String(id)} />
                {open(content).map(({ key, kind, excerpt }) => (
                  <TextArea
                    view={view}
                    typed={props.typed}
                    name={reasonName(key)}
                    label={`${excerpt}: ${w.lintReason}`}
                    hint={w[`lint-${kind}`]}
                    maxlength={500}
                    rows={1}
                  />
                ))}
                {props.typed.errors.reasons && <p class="error">{props.typed.errors.reasons}</p>}
                <Button>{t.accept}</Button>
              </Form>
            )}
            <Act view={view} action={`${page}/suggestions/declined`} fields={{ id: String(id) }}>
              {userId === props.userId ? t.withdraw : t.decline}
            </Act>
          </div>
          {userId !== props.userId && <p class="hint">{t.acceptHint}</p>}
          {userId === props.userId && open(content).length > 0 && (
            <Notice kind="warning">{t.suggestionFound(open(content).map(({ excerpt }) => excerpt))}</Notice>
          )}
        </article>
      ))}
    </Section>
  );
};

/** The dangerous button says what it does, and stands at the end of all that there is to read. */
export const Decision = (props: ApproveProps): Markup => {
  const { view, record, page, may, live, typed } = props;
  const t = approve[view.locale];
  if (record.state !== 'submitted') return <Fragment />;
  if (may === 'not') return <Notice kind="warning">{t.notApprover}</Notice>;
  if (may === 'own') return <BreakGlass {...props} />;
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
          fields={{ sha256: record.sha256 ?? '', does: sendLabel(props) }}
        >
          {sendLabel(props)}
        </Act>
        <Act view={view} action={`${page}/look`}>
          {t.look}
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
        <SuggestForm {...props} />
      </div>
    </Section>
  );
};

/** How many citizens and outlets it reaches, each once, whatever their channels. */
export function readers(view: View, { citizens, channels }: Preview['audience']): string {
  const t = approve[view.locale];
  const outlets = channels.webhook ?? 0;
  return [
    ...(citizens > 0 || outlets === 0 ? [t.people(number(view, citizens))] : []),
    ...(outlets > 0 ? [t.outlets(number(view, outlets))] : []),
  ].join(t.and);
}

function sendLabel({ view, record, preview, live, now }: ApproveProps): string {
  const t = approve[view.locale];
  const whom = readers(view, preview.audience);
  const { scheduledAt } = record.draft;
  if (record.mode === 'exercise') return t.sendExercise(whom);
  if (!live) return t.sendTrial(whom);
  const at = scheduledAt && new Date(scheduledAt);
  return at && at > now ? t.sendScheduled(whom, dateTime(view, at)) : t.send(whom);
}

/** A typo is mended without costing the right to approve. */
const SuggestForm = ({ view, record, page, labelOf, typed }: ApproveProps): Markup => {
  const t = approve[view.locale];
  return (
    <details class="confirm" open={typed.errors.note !== undefined}>
      <summary class="button button-plain">{t.suggest}</summary>
      <Form view={view} action={`${page}/suggest`} typed={typed}>
        <p>{t.suggestHint}</p>
        <input type="hidden" name="sha256" value={record.sha256 ?? ''} />
        {Object.entries(record.draft.content).flatMap(([locale, fields]) =>
          Object.entries(fields).map(([field, text]) => (
            <TextArea
              view={view}
              typed={typed}
              name={`content.${locale}.${field}`}
              label={`${labelOf(locale, field)} (${locale})`}
              value={text}
              rows={text.length > 80 ? 6 : 2}
              optional
            />
          )),
        )}
        <TextArea view={view} typed={typed} name="note" label={t.note} rows={2} maxlength={2000} optional />
        <Button look="primary">{t.suggestNow}</Button>
      </Form>
    </details>
  );
};

/** Who wrote part of it may not approve it, but for an admin whom nobody answers. */
const BreakGlass = (props: ApproveProps): Markup => {
  const { view, record, page, typed } = props;
  const t = approve[view.locale];
  const may = view.session?.role === 'admin' && record.nobodyLeftAt !== null;
  return (
    <Section id="decide" title={t.decide}>
      <Notice kind="warning">{t.own}</Notice>
      {may ? (
        <details class="confirm" open={typed.errors.reason !== undefined}>
          <summary class="button button-plain">{t.breakGlass}</summary>
          <Form view={view} action={`${page}/break-glass`} typed={typed}>
            <p>{t.breakGlassHint}</p>
            <input type="hidden" name="sha256" value={record.sha256 ?? ''} />
            <input type="hidden" name="does" value={sendLabel(props)} />
            <TextArea view={view} typed={typed} name="reason" label={t.why} maxlength={2000} rows={3} />
            <Button look="danger">{sendLabel(props)}</Button>
          </Form>
        </details>
      ) : (
        view.session?.role === 'admin' && <Empty title={t.breakGlassNotYet} />
      )}
    </Section>
  );
};
