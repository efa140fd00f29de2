import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { HeraldError } from '../../src/domain/errors.ts';
import type { RenderContext, TemplateBundle, TemplatePart } from '../../src/domain/template.ts';

const PARTS: Record<TemplatePart, string> = {
  sms: '{{headline}}',
  'email.subject': '{{headline}}',
  'email.text': '{{headline}}',
  'email.html': '<p>{{headline}}</p>',
  webhook: '{{headline}}',
};

/** A template with the fields headline and body, and the given sources in place of the simplest ones. */
export function bundleOf(
  sources: Partial<Record<TemplatePart, string>> = {},
  rest: { partials?: Record<string, string>; signature?: Record<string, string>; locales?: string[] } = {},
): TemplateBundle {
  return {
    manifest: {
      name: 'tiny',
      fields: [
        { name: 'headline', required: true, maxLength: 60 },
        { name: 'body', required: false, maxLength: 20_000 },
      ],
    },
    locales: Object.fromEntries((rest.locales ?? ['en']).map((locale) => [locale, { ...PARTS, ...sources }])),
    partials: rest.partials ?? {},
    defaultLocale: rest.locales?.[0] ?? 'en',
    signature: rest.signature ?? {},
    officeName: 'Police',
  };
}

/** A notice with the given fields in each of the locales. */
export function contextOf(
  fields: Record<string, string> = {},
  announcement: Partial<RenderContext['announcement']> = {},
  locales: string[] = ['en'],
): RenderContext {
  return {
    announcement: {
      id: 'ann_1',
      kind: 'notice',
      urgency: 'normal',
      exercise: false,
      supersedes: null,
      ...announcement,
    },
    case: { reference: 'DL-2026-0117', title: 'Refund frauds' },
    office: { name: 'Binjiang Police' },
    content: Object.fromEntries(locales.map((locale) => [locale, { headline: 'News', body: '', ...fields }])),
  };
}

/** Writes files below a new folder and returns it. */
export async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'herald-templates-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  const folder = join(made, 'templates');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** The files of a small template that loads. */
export function filesOf(name: string, changes: Record<string, string> = {}): Record<string, string> {
  const manifest = { name, fields: [{ name: 'headline', required: true, maxLength: 60 }] };
  const parts = Object.entries(PARTS).map(([part, source]) => [`${name}/en/${part}.hbs`, source]);
  return { [`${name}/template.json`]: JSON.stringify(manifest), ...Object.fromEntries(parts), ...changes };
}

/** The HeraldError that something throws; anything else fails the test. */
export async function errorOf(act: () => unknown): Promise<HeraldError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof HeraldError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
