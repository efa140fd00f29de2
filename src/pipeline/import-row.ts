import { z } from 'zod';
import { localeSchema } from '../domain/template.ts';
import { normaliseEmail, normalisePhone } from './address.ts';
import type { ImportRow } from './import-store.ts';

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
export type Column = (typeof COLUMNS)[number];
const REQUIRED: readonly Column[] = ['locale', 'consent_at', 'consent_source'];

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

/** @param fields as many as the header has columns */
export type RowCheck = (
  line: number,
  fields: readonly string[],
) => ImportRow | { readonly line: number; readonly code: string; readonly message: string };

interface Lists {
  readonly topics: ReadonlyMap<string, number>;
  readonly districts: ReadonlyMap<string, number>;
}

/**
 * Checks rows against the office's lists. What is plainly good is taken at once; {@link rowSchema} decides on the rest
 * and says what is wrong with it.
 * @param now milliseconds since the epoch; a consent cannot lie in the future
 */
export function rowChecker(lists: Lists, columns: readonly Column[], now: () => number = Date.now): RowCheck {
  const readers = readersOf(lists, now);
  const takePlain = plainRows(readers, columns);
  const check = rowSchemaCheck(readers, columns);
  return (line, fields) => takePlain(line, fields) ?? check(line, fields);
}

/** The rule alone; slower. */
export function thoroughRowChecker(
  lists: Lists,
  columns: readonly Column[],
  now: () => number = Date.now,
): RowCheck {
  return rowSchemaCheck(readersOf(lists, now), columns);
}

function rowSchemaCheck(readers: Readers, columns: readonly Column[]): RowCheck {
  const schema = rowSchema(readers);
  return (line, fields) => {
    const record = Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? '']));
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

/** Of a text that is remembered, in characters. */
const MOST_KEPT = 200;

/** A file of a million rows has a few hundred different choices, days and locales; the wrong file has one mistake. */
function remembering<T>(read: (text: string) => T | undefined): (text: string) => T | undefined {
  const known = new Map<string, T | undefined>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined || known.has(text)) return before;
    const value = read(text);
    if (text.length <= MOST_KEPT && known.size < MOST_REMEMBERED) known.set(text, value);
    return value;
  };
}

/** What single columns mean; `undefined`: nothing. */
interface Readers {
  readonly topics: (text: string) => readonly number[] | undefined;
  readonly districts: (text: string) => readonly number[] | undefined;
  readonly consentAt: (text: string) => Date | undefined;
  readonly locale: (text: string) => string | undefined;
  readonly lists: Lists;
}

function readersOf(lists: Lists, now: () => number): Readers {
  const codes = (ids: ReadonlyMap<string, number>) =>
    remembering((text) => {
      const wanted = codesOf(text);
      if (wanted.some((code) => !ids.has(code))) return undefined;
      return [...new Set(wanted.flatMap((code) => ids.get(code) ?? []))].sort((a, b) => a - b);
    });
  const date = remembering((text) => {
    const { success, data } = consentDate.safeParse(text.trim());
    const at = success ? Date.parse(data) : Number.NaN;
    return at >= EARLIEST_CONSENT ? new Date(at) : undefined;
  });
  return {
    topics: codes(lists.topics),
    districts: codes(lists.districts),
    consentAt: (text) => {
      const at = date(text);
      return at && at.getTime() <= now() + DAY_MS ? at : undefined;
    },
    locale: remembering((text) => localeSchema.safeParse(text.trim()).data),
    lists,
  };
}

const codesOf = (text: string) => text.split(';').flatMap((code) => code.trim() || []);

/** A Chinese mobile number as libphonenumber would write it, but for those that it could take for a call-by-call code (179…). */
const PLAIN_MOBILE = /^(?:\+86)?(1(?:[3-68-9]\d|7[0-8])\d{8})$/;
const plainPhone = (text: string): string | undefined => {
  const national = PLAIN_MOBILE.exec(text)?.[1];
  return national === undefined ? normalisePhone(text) : `+86${national}`;
};

const isShort = (text: string, most: number) => text.length <= most && !CONTROLS.test(text);

/** Rows of which each column has a meaning; `undefined` for all others. What costs least is looked at first. */
function plainRows(readers: Readers, columns: readonly Column[]) {
  const at = (column: Column) => columns.indexOf(column);
  const [nameAt, phoneAt, emailAt, localeAt] = [at('name'), at('phone'), at('email'), at('locale')];
  const [topicsAt, districtsAt] = [at('topics'), at('districts')];
  const [consentAtAt, consentSourceAt] = [at('consent_at'), at('consent_source')];
  const isBlank = (text: string) => text === '' || text.trim() === '';
  return (line: number, fields: readonly string[]): ImportRow | undefined => {
    const consentAt = readers.consentAt(fields[consentAtAt] ?? '');
    const locale = readers.locale(fields[localeAt] ?? '');
    if (consentAt === undefined || locale === undefined) return undefined;
    const topics = readers.topics(fields[topicsAt] ?? '');
    const districts = readers.districts(fields[districtsAt] ?? '');
    if (topics === undefined || districts === undefined) return undefined;
    const name = (fields[nameAt] ?? '').trim().normalize('NFC');
    const consentSource = (fields[consentSourceAt] ?? '').trim();
    if (consentSource === '' || !isShort(name, MOST_NAME) || !isShort(consentSource, MOST_SOURCE))
      return undefined;
    const [phoneText = '', emailText = ''] = [fields[phoneAt], fields[emailAt]];
    const phone = isBlank(phoneText) ? null : plainPhone(phoneText);
    const email = isBlank(emailText) ? null : normaliseEmail(emailText);
    if (phone === undefined || email === undefined || (phone === null && email === null)) return undefined;
    return { line, name: name || null, phone, email, locale, topics, districts, consentAt, consentSource };
  };
}

const MOST_NAME = 200;
const MOST_SOURCE = 500;

function rowSchema({ lists, ...readers }: Readers) {
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
  const codes = (list: 'topics' | 'districts', noun: string) =>
    z
      .string()
      .default('')
      .transform((text, context) => {
        const chosen = readers[list](text);
        if (chosen) return chosen;
        const unknown = codesOf(text).filter((code) => !lists[list].has(code));
        const named = unknown.slice(0, 3).map((code) => JSON.stringify(code.slice(0, 64)));
        context.issues.push({
          code: 'custom',
          input: text,
          message: `there is no ${noun} ${named.join(', ')}`,
        });
        return z.NEVER;
      });
  return z
    .object({
      name: z
        .string()
        .default('')
        .transform((text) => text.trim().normalize('NFC'))
        .refine((text) => isShort(text, MOST_NAME), 'its name is too long or has control characters')
        .transform((text) => text || null),
      phone: address(normalisePhone, 'its phone is not a number that can get an SMS'),
      email: address(normaliseEmail, 'its email is not a mailbox'),
      locale: z.string().trim().pipe(localeSchema),
      topics: codes('topics', 'topic'),
      districts: codes('districts', 'district'),
      consent_at: z.string().transform((text, context) => {
        const at = readers.consentAt(text);
        if (at) return at;
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
          (text) => isShort(text, MOST_SOURCE),
          'its consent_source is too long or has control characters',
        ),
    })
    .refine((row) => row.phone !== null || row.email !== null, 'has neither phone nor email');
}
