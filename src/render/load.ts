import { join } from 'node:path';
import { canonicalSha256 } from '../domain/announcement.ts';
import { HeraldError, type Issue } from '../domain/errors.ts';
import {
  localeSchema,
  type OfficeStyle,
  partsOf,
  TEMPLATE_PARTS,
  type TemplateBundle,
  type TemplateManifest,
  type TemplatePart,
  templateManifestSchema,
} from '../domain/template.ts';
import { checkTemplate, type SourceNames } from './check.ts';
import { templateError } from './errors.ts';
import { type FolderReader, openFolder, type Source, type Sources } from './folder.ts';
import { compileTemplate, parseBundle } from './renderer.ts';
import { isReservedName, sampleContext } from './view.ts';

const PARTIALS = 'partials';

/** A template that can be used, and the languages that it speaks. */
export interface TemplateInfo {
  readonly manifest: TemplateManifest;
  readonly locales: readonly string[];
}

/** The templates as they were when they were loaded; later changes of the files change nothing. */
export interface TemplateLibrary {
  /** In order of name. */
  list(): readonly TemplateInfo[];
  /**
   * Everything that a revision is rendered with, as plain frozen data.
   * @param options.purpose templates of the other purpose are unknown; `announcement` by default
   * @throws HeraldError `unknown-template` (invalid) naming those that there are
   */
  bundle(name: string, options: OfficeStyle & { readonly purpose?: Purpose }): TemplateBundle;
}

type Purpose = 'announcement' | 'message';
const purposeOf = (manifest: TemplateManifest): Purpose => manifest.for ?? 'announcement';

interface Loaded {
  readonly manifest: TemplateManifest;
  readonly locales: Record<string, Record<TemplatePart, string>>;
  readonly partials: Sources;
  /** The folder as errors name it. */
  readonly file: string;
}

/**
 * Reads templates from folders; see docs/templates.md. A later folder adds templates, and replaces whole ones and
 * shared partials by name. Every template is checked and rendered once, so that what is wrong shows at start-up.
 *
 * @param folders absolute paths
 * @throws HeraldError `template-error` (invalid) naming file and line
 */
export async function loadTemplates(
  folders: readonly string[],
  options: { readonly defaultLocale: string },
): Promise<TemplateLibrary> {
  const loaded = new Map<string, Loaded>();
  const shared: Sources = new Map();
  for (const folder of folders) {
    const reader = await openFolder(folder);
    for (const [name, source] of await reader.sources(PARTIALS)) shared.set(name, source);
    for (const name of await reader.folders('')) {
      if (name !== PARTIALS) loaded.set(name, await readTemplate(reader, name));
    }
  }
  const bundles = new Map<string, TemplateBundle>();
  for (const [name, template] of loaded)
    bundles.set(name, makeBundle(template, shared, options.defaultLocale));
  const known = [...bundles.keys()].sort();
  return {
    list: () =>
      known.flatMap((name) => {
        const bundle = bundles.get(name);
        return bundle ? { manifest: bundle.manifest, locales: Object.keys(bundle.locales) } : [];
      }),
    bundle(name, { purpose = 'announcement', ...style }) {
      const fitting = [...bundles.values()]
        .map(({ manifest }) => manifest)
        .filter((m) => purposeOf(m) === purpose);
      const bundle = fitting.some((manifest) => manifest.name === name) ? bundles.get(name) : undefined;
      if (!bundle) {
        const names = fitting.map((manifest) => manifest.name).sort();
        throw new HeraldError(
          'invalid',
          'unknown-template',
          `there is no template "${name}" for ${purpose}s`,
          {
            fix: names.length > 0 ? `use one of: ${names.join(', ')}` : 'add one; docs/templates.md says how',
            issues: [{ path: 'template', message: 'unknown' }],
          },
        );
      }
      if (!Object.hasOwn(bundle.locales, style.defaultLocale))
        throw withoutDefault(name, name, style.defaultLocale);
      return deepFreeze({ ...bundle, ...structuredClone(style) });
    },
  };
}

async function readTemplate(reader: FolderReader, name: string): Promise<Loaded> {
  const file = reader.name(name);
  const manifest = parseManifest(await reader.file(join(name, 'template.json')), name);
  const parts = partsOf(manifest);
  const issues: Issue[] = [];
  const locales: Loaded['locales'] = {};
  for (const locale of await reader.folders(name)) {
    if (locale === PARTIALS) continue;
    const at = reader.name(join(name, locale));
    if (!localeSchema.safeParse(locale).success) {
      issues.push({ path: at, message: 'the folder is not named by a language tag such as "zh-CN" or "en"' });
      continue;
    }
    const sources = await reader.sources(join(name, locale));
    for (const part of sources.keys()) {
      if ((parts as readonly string[]).includes(part)) continue;
      issues.push({
        path: `${at}/${part}.hbs`,
        message: `not a part; the parts are ${parts.join(', ')}`,
      });
    }
    const missing = parts.filter((part) => !sources.has(part));
    for (const part of missing) issues.push({ path: `${at}/${part}.hbs`, message: 'is missing' });
    const text = (part: TemplatePart) => sources.get(part)?.text ?? '';
    locales[locale] = Object.fromEntries(TEMPLATE_PARTS.map((part) => [part, text(part)])) as Record<
      TemplatePart,
      string
    >;
  }
  if (issues.length > 0) throw templateError(name, issues);
  return { manifest, locales, partials: await reader.sources(join(name, PARTIALS)), file };
}

function parseManifest(source: Source, name: string): TemplateManifest {
  let json: unknown;
  try {
    json = JSON.parse(source.text);
  } catch (error) {
    throw templateError(name, [{ path: source.file, message: `is not JSON: ${(error as Error).message}` }]);
  }
  const result = templateManifestSchema.safeParse(json);
  if (!result.success) {
    throw templateError(
      name,
      result.error.issues.map(({ path, message }) => ({
        path: `${source.file} ${path.join('.')}`.trim(),
        message,
      })),
    );
  }
  const manifest = result.data;
  const fields = manifest.fields.map((field) => field.name);
  const issues: Issue[] = [
    ...fields
      .filter((field, i) => isReservedName(field) || fields.indexOf(field) !== i)
      .map((field) => ({ path: source.file, message: `the field name "${field}" is taken` })),
    ...(manifest.name === name
      ? []
      : [{ path: source.file, message: `"name" is "${manifest.name}" but the folder is "${name}"` }]),
  ];
  if (issues.length > 0) throw templateError(name, issues);
  return manifest;
}

/** Checks a template and keeps of the partials only those that it uses. */
function makeBundle(template: Loaded, shared: Sources, defaultLocale: string): TemplateBundle {
  const { manifest, locales, file } = template;
  if (!Object.hasOwn(locales, defaultLocale)) throw withoutDefault(manifest.name, file, defaultLocale);
  const partials = new Map([...shared, ...template.partials]);
  const texts = (names: Iterable<string>) =>
    Object.fromEntries([...names].sort().map((name) => [name, partials.get(name)?.text ?? '']));
  const names: SourceNames = {
    part: (locale, part) => `${file}/${locale}/${part}.hbs`,
    partial: (name) => partials.get(name)?.file ?? name,
  };
  const all = {
    manifest,
    locales,
    partials: texts(partials.keys()),
    defaultLocale,
    signature: {},
    officeName: '',
  };
  const bundle = deepFreeze({ ...all, partials: texts(checkTemplate(all, names).partials) });
  compileTemplate(bundle, sampleContext(manifest, Object.keys(locales)), parseBundle(all, names), names);
  return bundle;
}

function withoutDefault(name: string, file: string, defaultLocale: string): HeraldError {
  return templateError(name, [
    { path: `${file}/${defaultLocale}`, message: 'is missing, and it is the default language' },
  ]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

/** Over the templates themselves, without what an installation adds to them. */
export function sha256OfLibrary(templates: TemplateLibrary, defaultLocale: string): Buffer {
  const bare = { defaultLocale, signature: {}, officeName: '' };
  return canonicalSha256(
    templates
      .list()
      .map(({ manifest }) => templates.bundle(manifest.name, { ...bare, purpose: purposeOf(manifest) })),
  );
}
