import { KINDS, MODES, URGENCIES } from '../../domain/announcement.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { CASE } from '../../domain/privacy-lint.ts';
import { Button, Choices, Field, Form, Labelled, Select, TextArea } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { Section } from './components/table.tsx';
import { duration, languageName, offsetAt, timeOfDay } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { announcements } from './words/announcements.ts';
import { write } from './words/write.ts';
import { Found, TextField } from './write-fields.tsx';
import { Beside, ChannelCount, inOrder, MailFrame } from './write-preview.tsx';
import type { Writing } from './writing.ts';

/** Where one writes: the form, and beside it what becomes of it. */
export const WritePage = (props: Writing): Markup => {
  const { view, id, version, form, errors, other, notice, checked } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  const title = id === '' ? t.newTitle : t.editTitle;
  return (
    <Page
      view={view}
      title={title}
      place="announcements"
      trail={[
        ['/console/announcements', a.title],
        ...(id === '' ? [] : [[`/console/announcements/${id}`, form.caseReference || a.draft] as const]),
      ]}
      scripts={['write.js']}
      wide
    >
      {notice && <Notice kind={notice.kind}>{notice.text}</Notice>}
      {props.returned && (
        <Notice kind="warning" title={t.returned}>
          <p class="written">{props.returned}</p>
        </Notice>
      )}
      {props.costsApproval && <Notice kind="warning">{t.costsApproval}</Notice>}
      {other && (
        <Notice kind="warning">
          {t.otherWriting(other.name, duration(view, Math.max(60, other.secondsAgo)))}
        </Notice>
      )}
      {checked && Object.keys(errors).length > 0 && (
        <Notice kind="danger" title={t.checkTitle}>
          {errors[''] ?? t.checkText}
        </Notice>
      )}
      <div class="is-exercise">
        <Notice kind="warning" title={a.exercise}>
          {a.exerciseMeans}
        </Notice>
      </div>
      <div class="writing">
        <Form
          view={view}
          action="/console/announcements/save"
          id="draft"
          class="write"
          autocomplete="off"
          {...(!checked && { typed: { values: {}, errors } })}
        >
          {/* What Enter presses: the first one of a form. */}
          <Button hidden>{t.save}</Button>
          <Place id={id} version={version} again={false} />
          <Opening {...props} />
          <Texts {...props} />
          <Audience {...props} />
          <Times {...props} />
          <Bar {...props} />
        </Form>
        <Beside {...props} />
      </div>
    </Page>
  );
};

/** Which draft it is, and which version of it was gone on from. */
const Place = ({
  id,
  version,
  again,
}: {
  readonly id: string;
  readonly version: string;
  readonly again: boolean;
}): Markup => {
  const oob = again && ({ 'hx-swap-oob': 'true' } as const);
  return (
    <Fragment>
      <input type="hidden" id="draft-id" name="id" value={id} {...oob} />
      <input type="hidden" id="draft-version" name="version" value={version} {...oob} />
    </Fragment>
  );
};

const Opening = (props: Writing): Markup => {
  const { view, form, errors, choices } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  const typed = { values: {}, errors };
  return (
    <Section id="case" title={t.caseSection}>
      <div class="columns">
        <Labelled
          view={view}
          typed={typed}
          name="caseReference"
          label={t.caseReference}
          hint={t.caseReferenceHint}
        >
          <input
            type="text"
            id="caseReference"
            name="caseReference"
            list="cases"
            value={form.caseReference}
            maxlength="64"
            aria-describedby={`caseReference-hint${errors.caseReference ? ' caseReference-error' : ''}`}
            aria-invalid={errors.caseReference ? 'true' : undefined}
          />
        </Labelled>
        <datalist id="cases">
          {choices.cases.map(({ reference, title }) => (
            <option value={reference} label={title} />
          ))}
        </datalist>
        <Field
          view={view}
          typed={typed}
          name="caseTitle"
          label={t.caseTitle}
          value={form.caseTitle}
          maxlength={200}
        />
      </div>
      <Found {...props} locale={CASE} field="title" text={form.caseTitle} again={false} />
      <Choices
        name="kind"
        type="radio"
        legend={t.kind}
        class="in-a-row"
        chosen={[form.kind]}
        options={KINDS.map((kind) => [kind, a[kind]])}
      />
      <Select
        view={view}
        typed={typed}
        name="supersedes"
        label={t.supersedes}
        hint={t.supersedesHint}
        class="supersedes"
        value={form.supersedes}
        options={[['', t.nothingSuperseded], ...choices.superseded]}
      />
    </Section>
  );
};

const Texts = (props: Writing): Markup => {
  const { view, form, template, defaultLocale, choices, errors } = props;
  const t = write[view.locale];
  return (
    <Section id="texts" title={t.texts} intro={t.textsIntro}>
      {choices.templates.length > 1 ? (
        <div class="with-button">
          <Select
            view={view}
            typed={{ values: {}, errors }}
            name="template"
            label={t.template}
            value={form.template}
            options={choices.templates.map(({ manifest: { name, label } }) => [
              name,
              label?.[view.locale] ?? name,
            ])}
          />
          <Button
            look="plain"
            id="use-template"
            formaction="/console/announcements/preview"
            data-without-script
          >
            {t.switchTemplate}
          </Button>
        </div>
      ) : (
        <input type="hidden" name="template" value={form.template} />
      )}
      <div class="languages">
        {inOrder(props).map((locale) => (
          <fieldset class={['language', errors[`content.${locale}`] && 'field-wrong']}>
            <legend>{languageName(view, locale)}</legend>
            {errors[`content.${locale}`] && <p class="error">{errors[`content.${locale}`]}</p>}
            {template.manifest.fields.map((spec) => (
              <TextField
                {...props}
                locale={locale}
                spec={spec}
                required={spec.required && locale === defaultLocale}
              />
            ))}
          </fieldset>
        ))}
      </div>
    </Section>
  );
};

const Audience = (props: Writing): Markup => {
  const { view, form, errors, choices } = props;
  const t = write[view.locale];
  const a = announcements[view.locale];
  return (
    <Section id="audience" title={t.audience}>
      <Choices
        name="channels"
        type="checkbox"
        legend={t.channels}
        class="in-a-row"
        chosen={form.channels}
        error={errors.channels}
        options={CHANNELS.map((channel) => [
          channel,
          <Fragment>
            {a[channel]} <ChannelCount {...props} channel={channel} again={false} />
          </Fragment>,
        ])}
      />
      {(['topics', 'districts'] as const).map(
        (list) =>
          choices[list].length > 0 && (
            <Choices
              name={list}
              type="checkbox"
              legend={t[list]}
              hint={list === 'topics' ? t.topicsHint : t.districtsHint}
              class="many"
              chosen={form[list]}
              error={errors[list]}
              options={choices[list]}
            />
          ),
      )}
    </Section>
  );
};

const Times = ({ view, form, errors, now }: Writing): Markup => {
  const t = write[view.locale];
  const a = announcements[view.locale];
  const typed = { values: {}, errors };
  return (
    <Section id="times" title={t.times}>
      <div class="columns">
        <Select
          view={view}
          typed={typed}
          name="urgency"
          label={a.urgency}
          hint={t.urgencyHint}
          value={form.urgency}
          options={[['', t.byKind], ...URGENCIES.map((urgency) => [urgency, a[urgency]] as const)]}
        />
        <Select
          view={view}
          typed={typed}
          name="mode"
          label={t.mode}
          hint={t.modeHint}
          value={form.mode}
          options={MODES.map((mode) => [mode, t[mode]])}
        />
        {(['scheduledAt', 'expiresAt'] as const).map((name) => (
          <Field
            view={view}
            typed={typed}
            type="datetime-local"
            name={name}
            label={t[name]}
            hint={`${offsetAt(view, now)} · ${name === 'scheduledAt' ? t.scheduledHint : t.expiresHint}`}
            value={form[name]}
            optional
          />
        ))}
      </div>
      <TextArea
        view={view}
        typed={typed}
        name="basis"
        label={t.why}
        hint={t.basis}
        value={form.basis}
        maxlength={2000}
        rows={2}
        optional
      />
    </Section>
  );
};

/** Always in reach: what was saved when, and what can be done now. */
const Bar = ({ view, form }: Writing): Markup => {
  const t = write[view.locale];
  return (
    <div class="bar">
      <div
        id="saved"
        role="status"
        hx-post="/console/announcements/autosave"
        hx-include="#draft"
        // After a pause; and now and then, for whoever makes none.
        hx-trigger="input from:#draft delay:2s, input from:#draft throttle:15s"
        hx-sync="this:queue last"
      >
        <p class="hint">{form.caseReference === '' ? t.notYet : t.autosaves}</p>
      </div>
      <p id="unsaved" class="error" role="alert" hidden>
        {t.unsaved}
      </p>
      <div class="actions">
        <a class="button button-quiet to-beside" href="#beside">
          {t.preview}
        </a>
        <Button look="plain" name="act" value="save">
          {t.save}
        </Button>
        <Button look="plain" formaction="/console/announcements/preview" data-without-script>
          {t.preview}
        </Button>
        <Button name="act" value="submit">
          {t.submit}
        </Button>
      </div>
    </div>
  );
};

/** What a draft's saving itself came to, for the line that says so and the parts that hang on it. */
export type Autosaved =
  | { readonly kind: 'saved'; readonly at: Date }
  | { readonly kind: 'waits' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | { readonly kind: 'gone' }
  | { readonly kind: 'changed'; readonly name: string; readonly at: Date };

export const AutosavedParts = (
  props: Pick<Writing, 'view' | 'id' | 'version' | 'saved' | 'template' | 'defaultLocale'> & {
    readonly result: Autosaved;
  },
): Markup => {
  const { result } = props;
  return (
    <Fragment>
      <AutosavedLine {...props} />
      {result.kind === 'saved' && (
        <Fragment>
          <Place {...props} again />
          {inOrder(props).map((locale) => (
            <MailFrame {...props} locale={locale} again />
          ))}
        </Fragment>
      )}
    </Fragment>
  );
};

const AutosavedLine = ({ view, result }: Pick<Writing, 'view'> & { readonly result: Autosaved }): Markup => {
  const t = write[view.locale];
  switch (result.kind) {
    case 'saved':
      return (
        <p class="hint" data-saved="true">
          {t.saved(timeOfDay(view, result.at))}
        </p>
      );
    case 'waits':
      return <p class="hint">{t.notYet}</p>;
    case 'refused':
      return <p class="error">{`${t.notSaved}${result.problems.join(' ')}`}</p>;
    case 'gone':
      return <p class="error">{t.goneShort}</p>;
    case 'changed':
      return (
        <p class="error">
          {t.otherSaved(result.name, timeOfDay(view, result.at))}{' '}
          <Button look="plain" name="act" value="save" form="draft">
            {t.compare}
          </Button>
        </p>
      );
  }
};
