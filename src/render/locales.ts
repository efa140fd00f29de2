import { HeraldError } from '../domain/errors.ts';
import type { RenderContext, TemplateBundle } from '../domain/template.ts';

/** The languages that the announcement is written in; each must be one of the template's, and one the default. */
export function usableLocales(bundle: TemplateBundle, context: RenderContext): string[] {
  const written = Object.keys(context.content);
  const known = Object.keys(bundle.locales);
  const unknown = written.find((locale) => !known.includes(locale));
  if (unknown !== undefined) {
    throw new HeraldError(
      'invalid',
      'unknown-locale',
      `the template ${bundle.manifest.name} has no language "${unknown}"; it has ${known.join(', ')}`,
      { issues: [{ path: `content.${unknown}`, message: 'not a language of the template' }] },
    );
  }
  if (!written.includes(bundle.defaultLocale)) {
    throw new HeraldError(
      'invalid',
      'missing-default-locale',
      `the announcement has no text in ${bundle.defaultLocale}, which everybody gets whose language is missing`,
      { issues: [{ path: `content.${bundle.defaultLocale}`, message: 'is missing' }] },
    );
  }
  return written.sort();
}

/** The wanted locale, one of the same language (the default first), or the default: only that is a fallback. */
export function resolveLocale(wanted: string, locales: readonly string[], defaultLocale: string) {
  const language = (tag: string) => tag.toLowerCase().split('-')[0];
  const match =
    locales.find((locale) => locale.toLowerCase() === wanted.toLowerCase()) ??
    [defaultLocale, ...locales].find((locale) => language(locale) === language(wanted));
  return match === undefined ? { locale: defaultLocale, fallback: true } : { locale: match, fallback: false };
}
