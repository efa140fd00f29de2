import type { RenderContext, TemplateBundle, TemplateManifest } from '../domain/template.ts';

/** What differs from recipient to recipient; `''` where it is absent. */
export interface PersonalValues {
  readonly name: string;
  readonly leaveUrl: string;
}

/** The variables that hold a {@link PersonalValues}; unknown to webhooks, which have no recipient. */
export const PERSONAL_PATHS: readonly string[] = ['recipient.name', 'leaveUrl'];

/** What a single message has not: it belongs to no case, and there is nothing to leave. */
const NOT_IN_MESSAGES: readonly string[] = ['leaveUrl', 'case.reference', 'case.title'];

/** The object that a template is rendered with. */
export type View = Readonly<Record<string, unknown>>;

/** Variables other than the fields, for one locale. Everything is text or a yes/no, so `{{#if}}` works on all. */
export function viewOf(
  bundle: TemplateBundle,
  context: RenderContext,
  locale: string,
  personal: PersonalValues,
): View {
  const { kind, urgency, exercise, id, supersedes } = context.announcement;
  return {
    ...fieldsOf(bundle.manifest, context, locale),
    announcement: {
      id,
      kind,
      urgency,
      exercise,
      supersedes: supersedes ?? '',
      // Handlebars compares nothing, and a misspelt text in a comparison would pass unseen.
      isUpdate: kind === 'update',
      isCorrection: kind === 'correction',
      isRetraction: kind === 'retraction',
      isUrgent: urgency === 'urgent',
    },
    case: { reference: context.case.reference, title: context.case.title },
    office: { name: context.office.name },
    // The office's short name in this language; its full name where it has none.
    signature: bareSignature(bundle.signature[locale] ?? '') || context.office.name,
    locale,
    dir: direction(locale),
    recipient: { name: personal.name },
    leaveUrl: personal.leaveUrl,
  };
}

/** The fields of the manifest as the author filled them in, absent ones as `''`, with `\n` as the line break. */
export function fieldsOf(
  manifest: TemplateManifest,
  context: RenderContext,
  locale: string,
): Record<string, string> {
  const written = context.content[locale] ?? {};
  return Object.fromEntries(
    manifest.fields.map(({ name }) => [name, (written[name] ?? '').replace(/\r\n?/g, '\n').trim()]),
  );
}

/** An announcement whose every field holds `x`: for the names of the variables, and to try a template. */
export function sampleContext(manifest: TemplateManifest, locales: readonly string[]): RenderContext {
  const fields = Object.fromEntries(manifest.fields.map(({ name }) => [name, 'x']));
  return {
    announcement: { id: 'x', kind: 'notice', urgency: 'normal', exercise: false, supersedes: null },
    case: { reference: 'x', title: 'x' },
    office: { name: 'x' },
    content: Object.fromEntries(locales.map((locale) => [locale, fields])),
  };
}

/** The dotted names of all variables that a template with this manifest may use. */
export function variablesOf(bundle: TemplateBundle): string[] {
  const view = viewOf(bundle, sampleContext(bundle.manifest, []), bundle.defaultLocale, {
    name: '',
    leaveUrl: '',
  });
  const names = Object.entries(view).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? Object.keys(value).map((key) => `${name}.${key}`) : [name],
  );
  return bundle.manifest.for === 'message' ? names.filter((name) => !NOT_IN_MESSAGES.includes(name)) : names;
}

const NOT_FIELDS = new Set(
  'announcement case office signature locale dir recipient leaveUrl text if unless each paragraphs this'.split(
    ' ',
  ),
);

/** Whether a field may not have this name because a variable, a helper or the envelope's `text` has it. */
export function isReservedName(name: string): boolean {
  return NOT_FIELDS.has(name) || name in Object.prototype;
}

/** What stands before an SMS: 【】 around the signature in Chinese, a colon after it elsewhere; nothing without one. */
export function smsPrefix(signature: string, locale: string): string {
  const bare = bareSignature(signature);
  if (bare === '') return '';
  const bracketed = signature.includes('【') || locale.startsWith('zh');
  return bracketed ? `【${bare}】` : `${bare}: `;
}

/** `滨江公安` of `【滨江公安】`, `Binjiang Police` of `Binjiang Police: `. */
function bareSignature(signature: string): string {
  return signature
    .trim()
    .replace(/^【(.*)】$/u, '$1')
    .replace(/[:：]$/u, '')
    .trim();
}

const RIGHT_TO_LEFT = new Set(['Arab', 'Hebr', 'Syrc', 'Thaa', 'Nkoo', 'Adlm']);

function direction(locale: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(new Intl.Locale(locale).maximize().script ?? '') ? 'rtl' : 'ltr';
}
