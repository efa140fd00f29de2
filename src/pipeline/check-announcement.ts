import { type Draft, draftIssues, draftSchema } from '../domain/announcement.ts';
import type { Route } from '../domain/channel.ts';
import { HeraldError, type Issue } from '../domain/errors.ts';
import type { SmsContent } from '../domain/message.ts';
import type { TemplateBundle, TemplateManifest } from '../domain/template.ts';
import { containsUrl } from '../domain/urls.ts';
import type { AnnouncementStore } from './announcement-store.ts';

/**
 * Reads an announcement as somebody sent it.
 * @throws HeraldError `invalid-announcement` naming every field that is wrong
 */
export function parseDraft(input: unknown): Draft {
  const parsed = draftSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw refuse(parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })));
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
 * What may not even be kept while it is being written: whatever it cannot be shown with. The rest is asked for at submission.
 * @throws HeraldError `invalid-announcement`
 */
export function checkUnfinished(draft: Draft, bundle: TemplateBundle, now: number): void {
  const { manifest, locales, defaultLocale } = bundle;
  const fields = new Set(manifest.fields.map(({ name }) => name));
  const strange = (path: string, is: boolean) =>
    is ? [{ path, message: 'is not part of the template' }] : [];
  const issues = [
    ...draftIssues(draft, now).filter(({ path }) => path === 'supersedes'),
    ...strange(`content.${defaultLocale}`, !Object.hasOwn(draft.content, defaultLocale)),
    ...Object.entries(draft.content).flatMap(([locale, texts]) => [
      ...strange(`content.${locale}`, !Object.hasOwn(locales, locale)),
      ...Object.keys(texts).flatMap((name) => strange(`content.${locale}.${name}`, !fields.has(name))),
    ]),
  ];
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
    yield* fieldIssues(fields, manifest, `content.${locale}`);
  }
}

/** What is wrong with the fields of one language, each at `<at>.<field>`. */
export function* fieldIssues(
  fields: Readonly<Record<string, string>>,
  manifest: TemplateManifest,
  at: string,
): Generator<Issue> {
  for (const name of Object.keys(fields)) {
    if (!manifest.fields.some((f) => f.name === name)) {
      yield {
        path: `${at}.${name}`,
        message: `template "${manifest.name}" has no field "${name}"; it has ${manifest.fields.map((f) => f.name).join(', ')}`,
      };
    }
  }
  for (const field of manifest.fields) {
    const text = fields[field.name]?.trim() ?? '';
    const path = `${at}.${field.name}`;
    const length = [...text].length;
    if (field.required && !VISIBLE.test(text)) yield { path, message: 'is required and empty' };
    if (length > field.maxLength)
      yield { path, message: `has ${length} characters; at most ${field.maxLength} are taken` };
    if (field.format === 'url' && length > 0 && !WHOLE_URL.test(text))
      yield { path, message: 'is no URL that starts with https:// or http://' };
  }
}

/** Something to read: not only blanks, and what has no width. */
const VISIBLE = /[^\s\p{Cf}\p{Zs}]/u;
const WHOLE_URL = /^https?:\/\/[^\s"<>]+$/i;

/**
 * Why a route would not carry an SMS, found before anybody gets it.
 * @param whose for the message, e.g. `the SMS in en`
 * @param at the path of what was written
 * @returns `link-not-allowed` or `too-many-segments` (invalid); undefined when it is fit
 */
export function smsProblem(
  { body, segments }: SmsContent,
  { prefix, links, maxSegments = Number.POSITIVE_INFINITY }: Route,
  whose: string,
  at: string,
): HeraldError | undefined {
  const numbers = `numbers in ${prefix || 'every country'}`;
  if (!links && containsUrl(body))
    return new HeraldError(
      'invalid',
      'link-not-allowed',
      `${whose} contains a link, and ${numbers} take none`,
      {
        issues: [{ path: at, message: 'a field that the SMS uses contains a link' }],
        fix: 'leave the link out of the fields that the SMS uses',
      },
    );
  if (segments.count > maxSegments)
    return new HeraldError(
      'invalid',
      'too-many-segments',
      `${whose} has ${segments.count} segments, and ${numbers} take ${maxSegments}`,
      {
        issues: [{ path: at, message: 'the fields that the SMS uses are too long' }],
        fix: 'shorten the fields that the SMS uses',
      },
    );
  return undefined;
}

function refuse(issues: readonly Issue[]): HeraldError {
  const named = issues.map((i) => `${i.path || 'announcement'}: ${i.message}`).join('; ');
  return new HeraldError('invalid', 'invalid-announcement', `the announcement cannot be taken: ${named}`, {
    issues,
  });
}
