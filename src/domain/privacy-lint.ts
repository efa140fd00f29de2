import { createHash } from 'node:crypto';
import { HeraldError, type Issue } from './errors.ts';
import { minors } from './privacy-lint/minors.ts';
import { chineseNames, englishNames } from './privacy-lint/names.ts';
import { bankCards, idCards, phones } from './privacy-lint/numbers.ts';
import { plates } from './privacy-lint/plates.ts';
import { schools } from './privacy-lint/schools.ts';
import { type Detector, fold, type Span, spansOf } from './privacy-lint/text.ts';
import type { Content } from './template.ts';

export const FINDING_KINDS = ['id-card', 'phone', 'plate', 'bank-card', 'name', 'minor', 'school'] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** Something in a text that may identify a person who must not be identified. */
export interface Finding {
  readonly kind: FindingKind;
  readonly locale: string;
  readonly field: string;
  /** Half-open, in UTF-16 code units of the field's text: `text.slice(start, end) === excerpt`. */
  readonly start: number;
  readonly end: number;
  readonly excerpt: string;
  /** What it is and what to do, in a sentence. */
  readonly message: string;
}

/** A finding with the author's reason for publishing it all the same. */
export interface ReasonedFinding extends Finding {
  /** See {@link findingKey}. */
  readonly key: string;
  readonly reason: string | null;
}

/**
 * What is looked for, in order of rank: where two overlap, the one that stands first is right. Each with what law or
 * standard it comes from.
 */
const RULES: readonly {
  readonly kind: FindingKind;
  readonly detectors: readonly Detector[];
  readonly message: string;
}[] = [
  {
    // GB 11643-1999; sensitive under the Personal Information Protection Law (PIPL), article 28.
    kind: 'id-card',
    detectors: [idCards],
    message: 'looks like an ID-card number: leave it out, or mask all but its first six digits',
  },
  {
    // ISO/IEC 7812-1; financial accounts are sensitive, PIPL 28.
    kind: 'bank-card',
    detectors: [bankCards],
    message: 'looks like a bank-card number: leave it out, or mask all but its last four digits',
  },
  {
    // ITU-T E.164 and the Chinese numbering plan.
    kind: 'phone',
    detectors: [phones],
    message:
      'looks like a telephone number: leave it out or mask it (138****1234), unless it is the office’s own',
  },
  {
    // GA 36-2018.
    kind: 'plate',
    detectors: [plates],
    message: 'looks like a licence plate: leave it out or mask it (浙A·****)',
  },
  {
    // Minors Protection Law, article 103: no school or other detail by which a child can be recognised.
    kind: 'school',
    detectors: [schools],
    message: 'looks like the name of a school, by which children can be recognised: say "a school" (某小学)',
  },
  {
    // Minors Protection Law 103; PIPL 28.
    kind: 'name',
    detectors: [chineseNames, englishNames],
    message: 'looks like a person’s full name: write 张某, or leave it out',
  },
  {
    // Minors Protection Law 103; whatever concerns a child below 14 is sensitive, PIPL 28.
    kind: 'minor',
    detectors: [minors],
    message: 'speaks of a child: nothing may be published by which the child can be recognised',
  },
];

/** In place of a language: the case, whose title newsrooms get. */
export const CASE = 'case';

/**
 * Everything in an announcement's texts that may identify somebody, by language, field and place.
 * @param title the case's; found as field `title` of {@link CASE}
 */
export function lint(content: Content, title = ''): readonly Finding[] {
  const texts = Object.entries({ [CASE]: { title }, ...content }).flatMap(([locale, fields]) =>
    Object.entries(fields).map(([field, text]) => ({ locale, field, text })),
  );
  const first = texts.flatMap((one) => lintText(one, []));
  // Whoever is named beside a word for a suspect or a victim is the same person without that word.
  const names = new Set(first.flatMap(({ kind, excerpt }) => (kind === 'name' ? [fold(excerpt)] : [])));
  return names.size === 0 ? first : texts.flatMap((one) => lintText(one, [...names]));
}

function lintText(
  { locale, field, text }: { readonly locale: string; readonly field: string; readonly text: string },
  names: readonly string[],
): readonly Finding[] {
  const folded = fold(text);
  const found: Finding[] = [];
  for (const { kind, detectors, message } of RULES) {
    const spans = detectors.flatMap((detect) => [...detect(folded, { field })]);
    if (kind === 'name') spans.push(...names.flatMap((name) => occurrences(folded, name)));
    for (const { start, end } of longestFirst(spans)) {
      if (found.some((other) => start < other.end && other.start < end)) continue;
      found.push({ kind, locale, field, start, end, excerpt: text.slice(start, end), message });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Where a name stands by itself. */
function occurrences(folded: string, name: string): readonly Span[] {
  const word = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return spansOf(folded, new RegExp(`(?<![A-Za-z])${word}(?![A-Za-z])`, 'g'));
}

const longestFirst = (spans: readonly Span[]): readonly Span[] =>
  [...spans].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);

/**
 * Under which a reason is kept: the same wherever in its field the text stands, and another as soon as it changes.
 * Its hash does not hide the text, which stands beside it.
 */
export function findingKey({ kind, locale, field, excerpt }: Finding): string {
  const hash = createHash('sha256').update(excerpt).digest('hex').slice(0, 16);
  return `${kind}:${locale}:${field}:${hash}`;
}

/** What of a draft the lint looks at and writes to. */
export interface Linted {
  readonly case?: { readonly title: string } | undefined;
  readonly content: Content;
  readonly lintReasons?: Readonly<Record<string, string>> | undefined;
}

/** The findings of a draft, each with the reason that its author gave. */
export function reasonedFindings(draft: Linted): readonly ReasonedFinding[] {
  const { content, lintReasons = {} } = draft;
  return lint(content, draft.case?.title).map((finding) => {
    const key = findingKey(finding);
    return { ...finding, key, reason: Object.hasOwn(lintReasons, key) ? (lintReasons[key] ?? null) : null };
  });
}

/**
 * The reasons to submit a draft with: those whose findings are still there.
 * @returns undefined when nothing was found
 * @throws HeraldError `lint-reason-required` (invalid) naming each finding that has none
 */
export function requireReasons(draft: Linted): Readonly<Record<string, string>> | undefined {
  const findings = reasonedFindings(draft);
  const open = findings.filter(({ reason }) => reason === null);
  if (open.length > 0) {
    throw new HeraldError(
      'invalid',
      'lint-reason-required',
      `${open.length === 1 ? 'something' : `${open.length} things`} in the text may identify a person`,
      {
        issues: open.map(issueOf),
        fix: 'change the text, or give a reason for each of them in the draft’s lintReasons, which the approver sees',
      },
    );
  }
  if (findings.length === 0) return undefined;
  return Object.fromEntries(findings.map(({ key, reason }) => [key, reason ?? '']));
}

const issueOf = (finding: ReasonedFinding): Issue => ({
  path: `${finding.locale === CASE ? '' : 'content.'}${finding.locale}.${finding.field}`,
  message: `"${masked(finding.excerpt)}" ${finding.message}; or give a reason as lintReasons["${finding.key}"]`,
});

/** Half of it, so that errors and logs do not spread what was found. */
export function masked(excerpt: string): string {
  const characters = [...excerpt];
  const hidden = Math.ceil(characters.length / 2);
  const from = Math.ceil((characters.length - hidden) / 2);
  return characters.map((char, index) => (index >= from && index < from + hidden ? '*' : char)).join('');
}
