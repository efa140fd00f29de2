import type { EmailContent, EmailInPieces, Recipient, SmsContent } from '../domain/message.ts';
import { downgradeTypography, segmentSms } from '../domain/segments.ts';
import type { RenderContext, TemplateBundle, TemplatePart } from '../domain/template.ts';
import { containsUrl } from '../domain/urls.ts';
import type { CompiledTemplate, Renderer } from '../pipeline/ports.ts';
import { checkTemplate, type SourceNames } from './check.ts';
import { compileParts, escapeFor, type RenderPart } from './engine.ts';
import { templateError } from './errors.ts';
import { resolveLocale, usableLocales } from './locales.ts';
import { splice } from './splice.ts';
import { cleanPersonal, cutSubject, tidyLine, tidyLines } from './tidy.ts';
import { fieldsOf, type PersonalValues, smsPrefix, viewOf } from './view.ts';
import { envelopeWriter } from './webhook.ts';

/** What is done to a whole part after the template. */
const TIDY: Readonly<Record<TemplatePart, (text: string) => string>> = {
  sms: tidyLines,
  'email.subject': tidyLine,
  'email.text': (text) => `${tidyLines(text)}\n`,
  'email.html': (text) => `${text.trim()}\n`,
  webhook: tidyLines,
};

/**
 * Renders with Handlebars. Bundles are parsed once, and a bundle with a context is compiled once, for as long as
 * somebody holds the two objects.
 */
export function createRenderer(): Renderer {
  const parsed = new WeakMap<TemplateBundle, RenderPart>();
  const compiled = new WeakMap<RenderContext, WeakMap<TemplateBundle, CompiledTemplate>>();
  return {
    compile(bundle, context) {
      const known = compiled.get(context)?.get(bundle);
      if (known) return known;
      const render = parsed.get(bundle) ?? parseBundle(bundle);
      parsed.set(bundle, render);
      const template = compileTemplate(bundle, context, render);
      if (!compiled.has(context)) compiled.set(context, new WeakMap());
      compiled.get(context)?.set(bundle, template);
      return template;
    },
  };
}

/**
 * Checks and parses every source of a bundle.
 * @throws HeraldError `template-error` with every finding and where it is
 */
export function parseBundle(bundle: TemplateBundle, names: SourceNames = namesIn(bundle)): RenderPart {
  const { issues } = checkTemplate(bundle, names);
  if (issues.length > 0) throw templateError(bundle.manifest.name, issues);
  return compileParts(bundle);
}

/** A frozen bundle has no files any more; its sources keep the names that their files had. */
function namesIn({ manifest: { name } }: TemplateBundle): SourceNames {
  return {
    part: (locale, part) => `${name}/${locale}/${part}.hbs`,
    partial: (partial) => `${name}/partials/${partial}.hbs`,
  };
}

/** Renders one part for given personal values by calling the template: what a spliced text must be equal to. */
export function renderWhole(
  bundle: TemplateBundle,
  context: RenderContext,
  render: RenderPart,
): (locale: string, part: TemplatePart, values: PersonalValues) => string {
  return (locale, part, values) => TIDY[part](render(locale, part, viewOf(bundle, context, locale, values)));
}

export function compileTemplate(
  bundle: TemplateBundle,
  context: RenderContext,
  render: RenderPart,
  names: SourceNames = namesIn(bundle),
): CompiledTemplate {
  const locales = usableLocales(bundle, context);
  const whole = renderWhole(bundle, context, render);
  const spliced = (locale: string, part: TemplatePart) =>
    splice(
      (values) => whole(locale, part, values),
      (value) => escapeFor(part, value),
    );
  const texts = new Map(
    locales.map((locale) => [
      locale,
      {
        sms: smsWriter(bundle, locale, spliced(locale, 'sms')),
        subject: spliced(locale, 'email.subject'),
        text: spliced(locale, 'email.text'),
        html: spliced(locale, 'email.html'),
      },
    ]),
  );
  const textsIn = (locale: string) => {
    const found = texts.get(locale);
    if (!found)
      throw new RangeError(`the announcement has no text in ${locale}; resolveLocale says which to ask for`);
    return found;
  };
  for (const locale of locales) checkLinkFree(bundle, context, locale, textsIn(locale).sms, names);
  const outletText = (locale: string) => ({
    ...fieldsOf(bundle.manifest, context, locale),
    text: whole(locale, 'webhook', { name: '', leaveUrl: '' }),
  });
  const webhook =
    bundle.manifest.for === 'message'
      ? noWebhook
      : envelopeWriter(context, Object.fromEntries(locales.map((locale) => [locale, outletText(locale)])));
  return {
    resolveLocale: (wanted) => resolveLocale(wanted, locales, bundle.defaultLocale),
    sms: (locale, recipient) => textsIn(locale).sms(personal(recipient)),
    email(locale, recipient): EmailContent {
      const { subject, text, html } = textsIn(locale);
      const values = personal(recipient);
      return {
        channel: 'email',
        subject: cutSubject(subject(values)),
        text: text(values),
        html: html(values),
        locale,
      };
    },
    emailInPieces(locale, recipient): EmailInPieces {
      const { text, html } = textsIn(locale);
      const values = personal(recipient);
      const pieces = { text: text.pieces(values), html: html.pieces(values) };
      return { ...this.email(locale, recipient), pieces };
    },
    webhook,
  };
}

function noWebhook(): never {
  throw new RangeError('a single message has no webhook');
}

function personal({ name, leaveUrl }: Recipient): PersonalValues {
  return { name: cleanPersonal(name ?? ''), leaveUrl: cleanPersonal(leaveUrl ?? '') };
}

function smsWriter(
  bundle: TemplateBundle,
  locale: string,
  text: ReturnType<typeof splice>,
): (values: PersonalValues) => SmsContent {
  const prefix = smsPrefix(bundle.signature[locale] ?? '', locale);
  const write = (values: PersonalValues): SmsContent => {
    const body = downgradeTypography(prefix + text(values));
    return { channel: 'sms', body, segments: segmentSms(body) };
  };
  const shared = new Map<string, SmsContent>();
  return (values) => {
    if (!text.isConstant(values)) return write(values);
    const form = `${values.name === ''}/${values.leaveUrl === ''}`;
    const known = shared.get(form) ?? Object.freeze(write(values));
    shared.set(form, known);
    return known;
  };
}

/** A route without links gets the text without `leaveUrl`; a link in it may come from the author, never from the template. */
function checkLinkFree(
  bundle: TemplateBundle,
  context: RenderContext,
  locale: string,
  sms: (values: PersonalValues) => SmsContent,
  names: SourceNames,
): void {
  const ours = [
    ...Object.values(fieldsOf(bundle.manifest, context, locale)),
    context.case.reference,
    context.case.title,
    context.office.name,
    bundle.signature[locale] ?? '',
  ];
  if (ours.some(containsUrl) || !containsUrl(sms({ name: '', leaveUrl: '' }).body)) return;
  throw templateError(bundle.manifest.name, [
    {
      path: names.part(locale, 'sms'),
      message: 'has a link even without leaveUrl; routes that allow no links would refuse every message',
    },
  ]);
}
