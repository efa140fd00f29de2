import { randomBytes } from 'node:crypto';
import type { PersonalValues } from './view.ts';

/** Renders a text with the given personal values in it. */
export type Rendered = (values: PersonalValues) => string;

type Chunk = string | { readonly slot: keyof PersonalValues };

/**
 * Renders the parts of a text that are the same for everybody once, and then only joins in what is personal.
 *
 * A checked template can do two things with a personal value: print it, and ask whether it is there. So a text
 * has at most four forms (name or none, link or none), each of them constant but for the places where a value
 * stands; these are found by rendering with random marks as values. `render` must print a mark as it is
 * (letters and digits) and treat it like any other value.
 *
 * @param render the whole text for given values
 * @param escapeValue what printing does to a value
 */
export function splice(
  render: Rendered,
  escapeValue: (value: string) => string,
): Rendered & { isConstant(values: PersonalValues): boolean } {
  const marks = { name: mark(), leaveUrl: mark() };
  /** Rendered when somebody needs them. */
  const forms: Chunk[][] = [];
  const formOf = ({ name, leaveUrl }: PersonalValues) => {
    const form = (name === '' ? 0 : 1) + (leaveUrl === '' ? 0 : 2);
    forms[form] ??= chunks(render({ name: name && marks.name, leaveUrl: leaveUrl && marks.leaveUrl }), marks);
    return forms[form];
  };
  const rendered = (values: PersonalValues) => {
    let text = '';
    for (const chunk of formOf(values))
      text += typeof chunk === 'string' ? chunk : escapeValue(values[chunk.slot]);
    return text;
  };
  return Object.assign(rendered, {
    /** Whether everybody with the same values present gets this very text. */
    isConstant: (values: PersonalValues) => formOf(values).every((chunk) => typeof chunk === 'string'),
  });
}

function mark(): string {
  return `x${randomBytes(16).toString('hex')}x`;
}

function chunks(text: string, marks: PersonalValues): Chunk[] {
  return text
    .split(new RegExp(`(${marks.name}|${marks.leaveUrl})`))
    .filter((chunk) => chunk !== '')
    .map((chunk) =>
      chunk === marks.name ? { slot: 'name' } : chunk === marks.leaveUrl ? { slot: 'leaveUrl' } : chunk,
    );
}
