import Handlebars from 'handlebars';
import { TEMPLATE_PARTS, type TemplateBundle, type TemplatePart } from '../domain/template.ts';
import type { View } from './view.ts';

/** Renders one part in one locale, escaped for its channel and otherwise as it stands in the template. */
export type RenderPart = (locale: string, part: TemplatePart, view: View) => string;

const OPTIONS = {
  strict: true,
  preventIndent: true,
  knownHelpers: { if: true, unless: true, each: true, paragraphs: true },
  knownHelpersOnly: true,
} as const;

/** Escapes a value as the html part does; every other part takes values as they are. */
export function escapeFor(part: TemplatePart, value: string): string {
  return part === 'email.html' ? Handlebars.escapeExpression(value) : value;
}

/** Compiles every source of a bundle that {@link checkTemplate} has no objection to. */
export function compileParts(bundle: TemplateBundle): RenderPart {
  const environments = { html: environment(bundle, false), plain: environment(bundle, true) };
  const compiled = new Map<string, Handlebars.TemplateDelegate<View>>();
  for (const [locale, parts] of Object.entries(bundle.locales)) {
    for (const part of TEMPLATE_PARTS) {
      const kind = part === 'email.html' ? 'html' : 'plain';
      const options = { ...OPTIONS, noEscape: kind === 'plain' };
      compiled.set(`${locale}/${part}`, environments[kind].compile<View>(parts[part], options));
    }
  }
  return (locale, part, view) => {
    const template = compiled.get(`${locale}/${part}`);
    if (!template) throw new RangeError(`no ${part} in ${locale}`);
    return template(view, { allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false });
  };
}

/** An environment of its own, so that neither helpers nor partials of one template reach another. */
function environment(bundle: TemplateBundle, noEscape: boolean): typeof Handlebars {
  const own = Handlebars.create();
  for (const name of ['with', 'lookup', 'log']) own.unregisterHelper(name);
  own.registerHelper('paragraphs', paragraphs);
  for (const [name, source] of Object.entries(bundle.partials)) {
    own.registerPartial(name, own.compile(source, { ...OPTIONS, noEscape }));
  }
  return own;
}

/** The lines of a text that say something: each is a paragraph to the one who reads it. */
function paragraphs(text: string): string[] {
  return text.split('\n').flatMap((line) => line.trim() || []);
}
