import { CASE, type ReasonedFinding } from '../../domain/privacy-lint.ts';
import type { FieldSpec } from '../../domain/template.ts';
import { fieldName, reasonName } from './draft-form.ts';
import { languageName } from './format.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import { announcements } from './words/announcements.ts';
import { common } from './words/common.ts';
import { write } from './words/write.ts';
import { Part } from './write-part.tsx';
import type { Writing } from './writing.ts';

/** What a field of the form is called, by its name: `中文（中国） · 标题`. */
export function fieldLabel(
  view: Writing['view'],
  { manifest }: Pick<Writing['template'], 'manifest'>,
  name: string,
): string {
  const t = write[view.locale];
  const a = announcements[view.locale];
  const [of, locale = '', field] = name.split('.');
  if (of === 'content') {
    const label = manifest.fields.find((one) => one.name === field)?.label;
    const called = label?.[view.locale] ?? label?.[locale] ?? field;
    return called ? `${languageName(view, locale)} · ${called}` : languageName(view, locale);
  }
  const labels: Readonly<Record<string, string>> = {
    caseReference: t.caseReference,
    caseTitle: t.caseTitle,
    kind: t.kind,
    supersedes: t.supersedes,
    urgency: a.urgency,
    mode: t.mode,
    template: t.template,
    channels: t.channels,
    topics: t.topics,
    districts: t.districts,
    scheduledAt: t.scheduledAt,
    expiresAt: t.expiresAt,
    basis: t.why,
    reason: t.lintReason,
  };
  return labels[of ?? ''] ?? name;
}

/** Longer texts get room for more than a line. */
const ONE_LINE = 80;

/** One field of the template, in one language. */
export const TextField = (
  props: Pick<Writing, 'view' | 'form' | 'errors' | 'findings'> & {
    readonly locale: string;
    readonly spec: FieldSpec;
    readonly required: boolean;
  },
): Markup => {
  const { view, form, errors, locale, spec, required } = props;
  const t = write[view.locale];
  const name = fieldName(locale, spec.name);
  const text = form.content[locale]?.[spec.name] ?? '';
  const error = errors[name];
  const used = [...text.trim()].length;
  const shared = {
    id: name,
    name,
    lang: locale,
    spellcheck: 'true',
    'aria-describedby': [`${name}-used`, error && `${name}-error`].filter(Boolean).join(' '),
    'aria-invalid': error ? 'true' : undefined,
  } as const;
  return (
    <div class={['field', error && 'field-wrong']}>
      <div class="field-head">
        <label for={name}>
          {spec.label?.[view.locale] ?? spec.label?.[locale] ?? spec.name}
          {!required && <span class="optional"> {common[view.locale].optional}</span>}
        </label>
        <span
          id={`${name}-used`}
          class={['used', used > spec.maxLength && 'over']}
          title={t.used}
          data-used-of={name}
          data-max={spec.maxLength}
        >{`${used} / ${spec.maxLength}`}</span>
      </div>
      {error && (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      )}
      {spec.maxLength <= ONE_LINE && !text.includes('\n') ? (
        <input type="text" value={text} {...shared} />
      ) : (
        // The first line end in a textarea is not part of its text.
        <textarea rows={spec.maxLength > 500 ? '6' : '3'} {...shared}>{`\n${text}`}</textarea>
      )}
      <Found {...props} field={spec.name} text={text} again={false} />
    </div>
  );
};

const foundId = (locale: string, field: string): string => `found-${locale}-${field}`;

/** What the lint found in a field: marked where it stands, with a place for the reason of each. */
export const Found = (
  props: Pick<Writing, 'view' | 'form' | 'errors' | 'findings'> & {
    readonly locale: string;
    readonly field: string;
    readonly text: string;
    readonly again: boolean;
  },
): Markup => {
  const { view, form, errors, locale, field, text, again } = props;
  const t = write[view.locale];
  const findings = props.findings.filter((one) => one.locale === locale && one.field === field);
  const byKey = new Map(findings.map((one) => [one.key, one]));
  return (
    <Part
      id={foundId(locale, field)}
      again={again}
      class={findings.length > 0 ? 'found' : ''}
      // Not of what is typed as a reason: it stays while one types it.
      shows={findings.length === 0 ? '' : JSON.stringify([text, [...byKey.keys()], view.locale])}
    >
      {findings.length > 0 && (
        <Fragment>
          <p class="marked" lang={locale === CASE ? undefined : locale}>
            <Marked text={text} findings={findings} />
          </p>
          {[...byKey.values()].map(({ key, kind, excerpt }) => {
            const name = reasonName(key);
            const error = errors[name];
            return (
              <div class={['field', error && 'field-wrong']}>
                <label for={name}>
                  <mark lang={locale === CASE ? undefined : locale}>{excerpt}</mark> {t.lintReason}
                </label>
                <p class="hint" id={`${name}-hint`}>
                  {t[`lint-${kind}`]}
                </p>
                {error && (
                  <p class="error" id={`${name}-error`}>
                    {error}
                  </p>
                )}
                <textarea
                  id={name}
                  name={name}
                  rows="1"
                  maxlength="500"
                  aria-describedby={`${name}-hint${error ? ` ${name}-error` : ''}`}
                  aria-invalid={error ? 'true' : undefined}
                >{`\n${form.reasons[key] ?? ''}`}</textarea>
              </div>
            );
          })}
        </Fragment>
      )}
    </Part>
  );
};

/** Text that is shown around what was found. UTF-16 units. */
const AROUND = 24;

/** The text near what was found, with it marked; what lies far from anything is left out. */
const Marked = ({
  text,
  findings,
}: {
  readonly text: string;
  readonly findings: readonly ReasonedFinding[];
}): Markup => {
  let shown = 0;
  const parts = findings.map(({ start, end, excerpt }, i) => {
    const from = Math.max(shown, start - AROUND);
    const until = Math.min(text.length, end + AROUND, findings[i + 1]?.start ?? text.length);
    const gap = from > shown;
    shown = until;
    return (
      <Fragment>
        {gap && '…'}
        {text.slice(from, start)}
        <mark>{excerpt}</mark>
        {text.slice(end, until)}
      </Fragment>
    );
  });
  return (
    <Fragment>
      {parts}
      {shown < text.length && '…'}
    </Fragment>
  );
};
