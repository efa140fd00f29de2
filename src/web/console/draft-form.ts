import { type Draft, KINDS, type Kind, MODES, URGENCIES } from '../../domain/announcement.ts';
import { CHANNELS, type Channel } from '../../domain/channel.ts';
import type { HeraldError, Issue } from '../../domain/errors.ts';
import { type Linted, reasonedFindings } from '../../domain/privacy-lint.ts';
import type { FieldSpec, TemplateManifest } from '../../domain/template.ts';
import { fieldsOf } from './forms.ts';
import type { View } from './view.ts';
import { problems } from './words/problems.ts';
import { write } from './words/write.ts';
import { fromLocal, toLocal } from './zoned-time.ts';

/** A draft as its form holds it. Times are the office's. */
export interface DraftForm {
  readonly caseReference: string;
  readonly caseTitle: string;
  readonly kind: Kind;
  /** An opaque id, or nothing. */
  readonly supersedes: string;
  /** Nothing: as its kind wants it. */
  readonly urgency: string;
  readonly mode: Draft['mode'];
  readonly template: string;
  readonly channels: readonly Channel[];
  readonly topics: readonly string[];
  readonly districts: readonly string[];
  readonly scheduledAt: string;
  readonly expiresAt: string;
  readonly basis: string;
  readonly content: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By the finding's key. */
  readonly reasons: Readonly<Record<string, string>>;
}

/** A template as the form needs it. */
export interface FormTemplate {
  readonly manifest: TemplateManifest;
  readonly locales: readonly string[];
}

export const fieldName = (locale: string, field: string): string => `content.${locale}.${field}`;
export const reasonName = (key: string): string => `reason.${key}`;

const oneOf = <T extends string>(all: readonly T[], value: string, otherwise: T): T =>
  all.find((one) => one === value) ?? otherwise;

/** What was sent from the form; what it has no place for is left out. */
export function readDraftForm(body: unknown, template: (name: string) => FormTemplate): DraftForm {
  const fields = fieldsOf(body);
  const one = (name: string) => {
    const value = fields[name];
    // Browsers send line ends as CR LF; a text has one form, wherever it was typed.
    return (typeof value === 'string' ? value : (value?.[0] ?? '')).replaceAll('\r\n', '\n');
  };
  const all = (name: string) => {
    const value = fields[name] ?? [];
    return typeof value === 'string' ? [value] : value;
  };
  const { manifest, locales } = template(one('template'));
  const sent = new Set(all('channels'));
  return {
    caseReference: one('caseReference').trim(),
    caseTitle: one('caseTitle').trim(),
    kind: oneOf(KINDS, one('kind'), 'notice'),
    supersedes: one('supersedes'),
    urgency: one('urgency'),
    mode: oneOf(MODES, one('mode'), 'live'),
    template: manifest.name,
    channels: CHANNELS.filter((channel) => sent.has(channel)),
    topics: all('topics'),
    districts: all('districts'),
    scheduledAt: one('scheduledAt'),
    expiresAt: one('expiresAt'),
    basis: one('basis').trim(),
    content: Object.fromEntries(
      locales.map((locale) => [
        locale,
        Object.fromEntries(manifest.fields.map(({ name }) => [name, one(fieldName(locale, name))])),
      ]),
    ),
    reasons: reasonsIn(body),
  };
}

/** Why findings of the privacy lint may be published, by their keys. */
export const reasonsIn = (body: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(fieldsOf(body)).flatMap(([name, value]) => {
      const reason = String(value).replaceAll('\r\n', '\n').trim();
      return name.startsWith(reasonName('')) && reason ? [[name.slice(reasonName('').length), reason]] : [];
    }),
  );

/** What of it the privacy lint looks at. */
export const lintedOf = ({ caseTitle, content, reasons }: DraftForm): Linted => ({
  case: { title: caseTitle },
  content,
  lintReasons: reasons,
});

/** The form of a draft that is kept. */
export const formOf = (draft: Draft, timezone: string): DraftForm => ({
  caseReference: draft.case.reference,
  caseTitle: draft.case.title,
  kind: draft.kind,
  supersedes: draft.supersedes ?? '',
  urgency: draft.urgency ?? '',
  mode: draft.mode,
  template: draft.template,
  channels: draft.channels,
  topics: draft.audience.topics,
  districts: draft.audience.districts,
  scheduledAt: draft.scheduledAt ? toLocal(new Date(draft.scheduledAt), timezone) : '',
  expiresAt: draft.expiresAt ? toLocal(new Date(draft.expiresAt), timezone) : '',
  basis: draft.basis ?? '',
  content: draft.content,
  reasons: draft.lintReasons ?? {},
});

/** What is taken as a draft; a language of which nothing was written is left out, but for the one that must be there. */
export function draftOf(form: DraftForm, timezone: string, defaultLocale: string): object {
  const time = (local: string) => (local ? (fromLocal(local, timezone)?.toISOString() ?? local) : undefined);
  const written = Object.entries(form.content).flatMap(([locale, fields]) => {
    const texts = Object.entries(fields).filter(([, text]) => text.trim() !== '');
    return texts.length > 0 || locale === defaultLocale ? [[locale, Object.fromEntries(texts)]] : [];
  });
  return {
    case: { reference: form.caseReference, title: form.caseTitle },
    kind: form.kind,
    ...(form.kind !== 'notice' && form.supersedes && { supersedes: form.supersedes }),
    ...(form.urgency && { urgency: oneOf(URGENCIES, form.urgency, 'normal') }),
    mode: form.mode,
    template: form.template,
    content: Object.fromEntries(written),
    ...(form.basis && { basis: form.basis }),
    ...(Object.keys(form.reasons).length > 0 && { lintReasons: form.reasons }),
    audience: { topics: form.topics, districts: form.districts },
    channels: form.channels,
    ...(form.scheduledAt && { scheduledAt: time(form.scheduledAt) }),
    ...(form.expiresAt && { expiresAt: time(form.expiresAt) }),
  };
}

/** The same as far as it can be shown before it is finished. */
export const sketchOf = (form: DraftForm, timezone: string, defaultLocale: string): object =>
  draftOf(
    {
      ...form,
      caseReference: form.caseReference.slice(0, 64) || '—',
      caseTitle: form.caseTitle.slice(0, 200) || '—',
      kind: form.supersedes ? form.kind : 'notice',
      scheduledAt: fromLocal(form.scheduledAt, timezone) ? form.scheduledAt : '',
      expiresAt: fromLocal(form.expiresAt, timezone) ? form.expiresAt : '',
      basis: '',
      reasons: {},
    },
    timezone,
    defaultLocale,
  );

const NAMES: readonly (readonly [path: RegExp, name: string])[] = [
  [/^case\.reference$/, 'caseReference'],
  [/^case\.title$/, 'caseTitle'],
  [/^audience\.topics/, 'topics'],
  [/^audience\.districts/, 'districts'],
  [/^lintReasons\./, 'reason.'],
];
const nameOf = (path: string): string => {
  const found = NAMES.find(([pattern]) => pattern.test(path));
  if (found?.[1] === 'reason.') return reasonName(path.slice('lintReasons.'.length));
  return (
    found?.[1] ??
    path
      .split('.')
      .slice(0, path.startsWith('content.') ? 3 : 1)
      .join('.')
  );
};

/** What is wrong with the form, by its fields and in the visitor's language. */
export type FormErrors = Readonly<Record<string, string>>;

function issueErrors(
  { locale }: Pick<View, 'locale'>,
  issues: readonly Issue[],
  form: DraftForm,
  { manifest }: Pick<FormTemplate, 'manifest'>,
): FormErrors {
  const say = problems[locale];
  const t = write[locale];
  const ofText = (path: string): string => {
    const [, language = '', name = ''] = path.split('.');
    const text = form.content[language]?.[name]?.trim() ?? '';
    const spec: FieldSpec | undefined = manifest.fields.find((field) => field.name === name);
    if (spec === undefined) return t.languageNeeded;
    if ([...text].length > spec.maxLength) return say.tooLong(String(spec.maxLength));
    return text === '' ? say.missing : say.wrong;
  };
  const says: FormErrors = {
    caseReference: form.caseReference ? say.wrong : say.missing,
    caseTitle: form.caseTitle ? say.wrong : say.missing,
    supersedes: form.kind === 'notice' ? t.noticeSupersedesNothing : t.chooseSuperseded,
    channels: t.chooseChannel,
    scheduledAt: t.timeWrong,
    expiresAt: t.expiryWrong,
    topics: t.listWrong,
    districts: t.listWrong,
  };
  const errors: Record<string, string> = {};
  for (const { path } of issues) {
    const name = nameOf(path);
    errors[name] ??= path.startsWith('content.') ? ofText(path) : (says[name] ?? say.wrong);
  }
  return errors;
}

/** What a draft was, or would be, refused for. */
export function errorsOf(
  view: Pick<View, 'locale'>,
  refusals: readonly HeraldError[],
  form: DraftForm,
  template: Pick<FormTemplate, 'manifest'>,
): FormErrors {
  const t = write[view.locale];
  /** What has words of its own, by its code. */
  const byCode: Readonly<Record<string, (error: HeraldError) => FormErrors>> = {
    'link-not-allowed': ({ issues }) => ({ [issues[0]?.path ?? '']: t.linkNotAllowed }),
    'too-many-segments': ({ issues }) => ({ [issues[0]?.path ?? '']: t.tooManySegments }),
    'unknown-template': () => ({ template: t.templateGone }),
    'not-published': () => ({ supersedes: t.notPublished }),
    'already-superseded': () => ({ supersedes: t.alreadySuperseded }),
    'mode-differs': () => ({ supersedes: t.modeDiffers }),
    'no-such-announcement': () => ({ supersedes: t.chooseSuperseded }),
    'lint-reason-required': () =>
      Object.fromEntries(
        reasonedFindings(lintedOf(form)).flatMap(({ key, reason }) =>
          reason === null ? [[reasonName(key), t.lintNeeds]] : [],
        ),
      ),
  };
  return Object.assign(
    {},
    ...refusals.map(
      (error) => byCode[error.code]?.(error) ?? issueErrors(view, error.issues, form, template),
    ),
  ) as FormErrors;
}
