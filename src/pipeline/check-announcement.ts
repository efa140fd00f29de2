import { type Draft, draftIssues, draftSchema } from '../domain/announcement.ts';
import { HeraldError, type Issue } from '../domain/errors.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type { AnnouncementStore } from './stores.ts';

/**
 * Reads an announcement as somebody sent it.
 * @throws HeraldError `invalid-announcement` naming every field that is wrong
 */
export function parseDraft(input: unknown): Draft {
  const parsed = draftSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw refuse(
    parsed.error.issues.map((i) => ({
      path: i.path.join('.'),
      // Of a key, zod's own message says only that it is invalid; the reason lies below.
      message: (i.code === 'invalid_key' && i.issues[0]?.message) || i.message,
    })),
  );
}

/**
 * Everything that can be wrong with a draft beyond its shape: times, the template's fields, languages, topics.
 * @param now the database's clock, milliseconds since the epoch
 * @throws HeraldError `invalid-announcement`
 */
export async function checkAnnouncement(
  draft: Draft,
  bundle: TemplateBundle,
  store: Pick<AnnouncementStore, 'unknownCodes'>,
  now: number,
): Promise<void> {
  const issues = [...draftIssues(draft, now), ...contentIssues(draft, bundle)];
  for (const list of ['topics', 'districts'] as const) {
    for (const code of await store.unknownCodes(list, draft.audience[list])) {
      issues.push({ path: `audience.${list}`, message: `there is no ${list.slice(0, -1)} "${code}"` });
    }
  }
  if (issues.length > 0) throw refuse(issues);
}

/**
 * The same for what only time can have made wrong since the draft was submitted.
 * @throws HeraldError `invalid-announcement`
 */
export function checkTimes(draft: Draft, now: number): void {
  const issues = draftIssues(draft, now);
  if (issues.length > 0) throw refuse(issues);
}

function* contentIssues(draft: Draft, bundle: TemplateBundle): Generator<Issue> {
  const { manifest, locales, defaultLocale } = bundle;
  if (!Object.hasOwn(draft.content, defaultLocale)) {
    yield {
      path: 'content',
      message: `needs ${defaultLocale}, which everybody else's language falls back to`,
    };
  }
  for (const [locale, fields] of Object.entries(draft.content)) {
    if (!Object.hasOwn(locales, locale)) {
      yield {
        path: `content.${locale}`,
        message: `template "${manifest.name}" has no language ${locale}; it has ${Object.keys(locales).join(', ')}`,
      };
      continue;
    }
    for (const name of Object.keys(fields)) {
      if (!manifest.fields.some((f) => f.name === name)) {
        yield {
          path: `content.${locale}.${name}`,
          message: `template "${manifest.name}" has no field "${name}"; it has ${manifest.fields.map((f) => f.name).join(', ')}`,
        };
      }
    }
    for (const field of manifest.fields) {
      const text = fields[field.name]?.trim() ?? '';
      const path = `content.${locale}.${field.name}`;
      const length = [...text].length;
      if (field.required && length === 0) yield { path, message: 'is required and empty' };
      if (length > field.maxLength)
        yield { path, message: `has ${length} characters; at most ${field.maxLength} are taken` };
    }
  }
}

function refuse(issues: readonly Issue[]): HeraldError {
  const named = issues.map((i) => `${i.path || 'announcement'}: ${i.message}`).join('; ');
  return new HeraldError('invalid', 'invalid-announcement', `the announcement cannot be taken: ${named}`, {
    issues,
  });
}
