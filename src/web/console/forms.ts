import type { z } from 'zod';
import type { View } from './view.ts';
import { problems } from './words/problems.ts';

/** What somebody typed, field by field, and what is wrong with it. */
export interface Typed {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}
export const NOTHING_TYPED: Typed = { values: {}, errors: {} };

/** The fields of a form as they were sent; of one that came twice, all of them. */
export const fieldsOf = (body: unknown): Readonly<Record<string, string | readonly string[]>> =>
  Object.fromEntries(
    Object.entries((body ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
      name === '_csrf' || !(typeof value === 'string' || Array.isArray(value))
        ? []
        : [[name, typeof value === 'string' ? value : value.map(String)]],
    ),
  );

/** Fields that are never given back. */
export const SECRET: readonly string[] = [
  'password',
  'passwordAgain',
  'oldPassword',
  'code',
  'recoveryCode',
  'answer',
];

/**
 * Reads a form by a schema.
 * @returns its data, or what is to be shown in the form again: passwords and codes are never given back
 */
export function readForm<S extends z.ZodType>(
  view: Pick<View, 'locale'>,
  schema: S,
  body: unknown,
):
  | { readonly data: z.output<S>; readonly typed: Typed }
  | { readonly data: undefined; readonly typed: Typed } {
  const fields = fieldsOf(body);
  const values = Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'string' && !SECRET.includes(name) ? [[name, value]] : [],
    ),
  );
  const { success, data, error } = schema.safeParse(fields);
  if (success) return { data, typed: { values, errors: {} } };
  const errors: Record<string, string> = {};
  for (const issue of error.issues) {
    const field = issue.path.join('.');
    errors[field] ??= messageFor(view, issue, values[field]);
  }
  return { data: undefined, typed: { values, errors } };
}

/** A form to be shown again because of one of its fields. */
export const withError = (typed: Typed, field: string, message: string): Typed => ({
  ...typed,
  errors: { ...typed.errors, [field]: message },
});

function messageFor(
  { locale }: Pick<View, 'locale'>,
  issue: z.core.$ZodIssue,
  value: string | undefined,
): string {
  const say = problems[locale];
  if (value === undefined || value.trim() === '') {
    if (issue.code === 'too_small' && Number(issue.minimum) > 1 && value === undefined)
      return say.tooShort(String(issue.minimum));
    return say.missing;
  }
  if (issue.code === 'too_small') return say.tooShort(String(issue.minimum));
  if (issue.code === 'too_big') return say.tooLong(String(issue.maximum));
  return say.wrong;
}
