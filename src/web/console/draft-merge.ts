import { type DraftForm, fieldName, reasonName } from './draft-form.ts';

const SINGLE = [
  'caseReference',
  'caseTitle',
  'kind',
  'supersedes',
  'urgency',
  'mode',
  'template',
  'scheduledAt',
  'expiresAt',
  'basis',
] as const satisfies readonly (keyof DraftForm)[];
const LISTS = ['channels', 'topics', 'districts'] as const satisfies readonly (keyof DraftForm)[];

/** A form as it is sent. */
export const fieldsIn = (form: DraftForm): readonly (readonly [name: string, value: string])[] => [
  ...SINGLE.map((name) => [name, form[name]] as const),
  ...LISTS.flatMap((name) => form[name].map((one) => [name, one] as const)),
  ...Object.entries(form.content).flatMap(([locale, fields]) =>
    Object.entries(fields).map(([field, text]) => [fieldName(locale, field), text] as const),
  ),
  ...Object.entries(form.reasons).map(([key, reason]) => [reasonName(key), reason] as const),
];

/** Where two versions of a draft differ: each field with what stands in either. */
export function differences(
  one: DraftForm,
  other: DraftForm,
): readonly { readonly name: string; readonly texts: readonly [string, string] }[] {
  const [first, second] = [texts(one), texts(other)];
  return [...new Set([...first.keys(), ...second.keys()])].flatMap((name) => {
    const [a, b] = [first.get(name) ?? '', second.get(name) ?? ''];
    return a === b ? [] : [{ name, texts: [a, b] as const }];
  });
}

/** By name; what comes more than once is one text. */
function texts(form: DraftForm): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of fieldsIn(form)) {
    const known = all.get(name);
    all.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return all;
}

/** One's own version, but for the fields that are taken from the other. */
export function merged(mine: DraftForm, theirs: DraftForm, taken: ReadonlySet<string>): DraftForm {
  const from = (name: string) => (taken.has(name) ? theirs : mine);
  const locales = new Set([...Object.keys(mine.content), ...Object.keys(theirs.content)]);
  const keys = new Set([...Object.keys(mine.reasons), ...Object.keys(theirs.reasons)]);
  return {
    ...mine,
    ...(Object.fromEntries([...SINGLE, ...LISTS].map((name) => [name, from(name)[name]])) as Pick<
      DraftForm,
      (typeof SINGLE)[number] | (typeof LISTS)[number]
    >),
    content: Object.fromEntries(
      [...locales].map((locale) => {
        const fields = [mine, theirs].flatMap(({ content }) => Object.keys(content[locale] ?? {}));
        return [
          locale,
          Object.fromEntries(
            [...new Set(fields)].map((field) => [
              field,
              from(fieldName(locale, field)).content[locale]?.[field] ?? '',
            ]),
          ),
        ];
      }),
    ),
    reasons: Object.fromEntries(
      [...keys].flatMap((key) => {
        const reason = from(reasonName(key)).reasons[key];
        return reason === undefined ? [] : [[key, reason]];
      }),
    ),
  };
}
