import { z } from 'zod';
import { localeSchema } from '../domain/template.ts';
import { normaliseEmail, normalisePhone } from './address.ts';

/** Columns of the file, in any order; all but `name`, `topics` and `districts`, and one of `phone` and `email`, must be there. */
export const COLUMNS = [
  'name',
  'phone',
  'email',
  'locale',
  'topics',
  'districts',
  'consent_at',
  'consent_source',
] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED: readonly Column[] = ['locale', 'consent_at', 'consent_source'];

/** A row that can be taken, with normalised addresses and ids of topics and districts. */
export interface ImportRow {
  readonly line: number;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly locale: string;
  readonly topics: readonly number[];
  readonly districts: readonly number[];
  readonly consentAt: Date;
  readonly consentSource: string;
}

/** The columns of a header line, or what is wrong with it. */
export function readHeader(fields: readonly string[]): readonly Column[] | string {
  const names = fields.map((field) => field.trim().toLowerCase());
  const isColumn = (name: string): name is Column => (COLUMNS as readonly string[]).includes(name);
  const unknown = names.find((name) => !isColumn(name));
  if (unknown !== undefined)
    return `line 1 is no header: there is no column ${JSON.stringify(unknown.slice(0, 40))}`;
  const columns = names.filter(isColumn);
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice) return `the header names the column ${twice} twice`;
  const missing = REQUIRED.find((name) => !columns.includes(name));
  if (missing) return `the header lacks the column ${missing}`;
  if (!columns.includes('phone') && !columns.includes('email'))
    return 'the header lacks both phone and email';
  return columns;
}

/** The code of a refusal, by the column that is wrong. */
const CODES: Readonly<Record<Column, string>> = {
  name: 'bad-name',
  phone: 'bad-phone',
  email: 'bad-mailbox',
  locale: 'bad-locale',
  topics: 'unknown-topic',
  districts: 'unknown-district',
  consent_at: 'no-consent',
  consent_source: 'no-consent',
};

export type RowCheck = (
  line: number,
  record: Readonly<Record<string, string>>,
) => ImportRow | { readonly line: number; readonly code: string; readonly message: string };

/** Checks rows against the office's lists. @param now milliseconds since the epoch; a consent cannot lie in the future */
export function rowChecker(
  lists: { readonly topics: ReadonlyMap<string, number>; readonly districts: ReadonlyMap<string, number> },
  now: () => number = Date.now,
): RowCheck {
  const schema = rowSchema(lists, now);
  return (line, record) => {
    const { success, data, error } = schema.safeParse(record);
    if (success) {
      const {
        name,
        phone,
        email,
        locale,
        topics,
        districts,
        consent_at: consentAt,
        consent_source: consentSource,
      } = data;
      return { line, name, phone, email, locale, topics, districts, consentAt, consentSource };
    }
    const column = error.issues[0]?.path[0] as Column | undefined;
    const code = column ? CODES[column] : 'missing-contact';
    return { line, code, message: error.issues.map((issue) => issue.message).join('; ') };
  };
}

/** C0 and C1 controls: never part of a name, and PostgreSQL takes no NUL. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
/** No citizen gave a consent to be alerted before; in milliseconds since the epoch. */
export const EARLIEST_CONSENT = Date.UTC(2000, 0, 1);
/** A consent dated today may lie ahead of UTC by the office's offset. */
const DAY_MS = 86_400_000;
const MOST_REMEMBERED = 1_000;
const consentDate = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

function rowSchema(lists: Parameters<typeof rowChecker>[0], now: () => number) {
  const address = (normalise: (text: string) => string | undefined, message: string) =>
    z
      .string()
      .default('')
      .transform((text, context) => {
        if (text.trim() === '') return null;
        const address = normalise(text);
        if (address !== undefined) return address;
        context.issues.push({ code: 'custom', input: text, message });
        return z.NEVER;
      });
  const codes = (ids: ReadonlyMap<string, number>, noun: string) => {
    // A file of a million rows has a few hundred different choices.
    const read = new Map<string, readonly number[]>();
    return z
      .string()
      .default('')
      .transform((text, context) => {
        const known = read.get(text);
        if (known) return known;
        const wanted = text.split(';').flatMap((code) => code.trim() || []);
        const unknown = wanted.filter((code) => !ids.has(code));
        if (unknown.length > 0) {
          const named = unknown.slice(0, 3).map((code) => JSON.stringify(code.slice(0, 64)));
          context.issues.push({
            code: 'custom',
            input: text,
            message: `there is no ${noun} ${named.join(', ')}`,
          });
          return z.NEVER;
        }
        const chosen = [...new Set(wanted.flatMap((code) => ids.get(code) ?? []))].sort((a, b) => a - b);
        if (read.size < MOST_REMEMBERED) read.set(text, chosen);
        return chosen;
      });
  };
  return z
    .object({
      name: z
        .string()
        .default('')
        .transform((text) => text.trim().normalize('NFC'))
        .refine(
          (text) => text.length <= 200 && !CONTROLS.test(text),
          'its name is too long or has control characters',
        )
        .transform((text) => text || null),
      phone: address(normalisePhone, 'its phone is not a number that can get an SMS'),
      email: address(normaliseEmail, 'its email is not a mailbox'),
      locale: z.string().trim().pipe(localeSchema),
      topics: codes(lists.topics, 'topic'),
      districts: codes(lists.districts, 'district'),
      consent_at: z.string().transform((text, context) => {
        const date = consentDate.safeParse(text.trim());
        const at = date.success ? Date.parse(date.data) : Number.NaN;
        if (at >= EARLIEST_CONSENT && at <= now() + DAY_MS) return new Date(at);
        const message =
          text.trim() === '' ? 'has no consent' : 'its consent_at is no past date such as 2026-01-31';
        context.issues.push({ code: 'custom', input: text, message });
        return z.NEVER;
      }),
      consent_source: z
        .string()
        .trim()
        .refine((text) => text !== '', 'does not say where the consent was given')
        .refine(
          (text) => text.length <= 500 && !CONTROLS.test(text),
          'its consent_source is too long or has control characters',
        ),
    })
    .refine((row) => row.phone !== null || row.email !== null, 'has neither phone nor email');
}
