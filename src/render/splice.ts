import { randomBytes } from 'node:crypto';
import type { Pieces } from '../domain/message.ts';
import type { PersonalValues } from './view.ts';

/** Renders a text with the given personal values in it. */
export type Rendered = (values: PersonalValues) => string;

export interface Spliced extends Rendered {
  /** The same text in pieces; `fixed` is one object for all with the same values present. */
  pieces(values: PersonalValues): Pieces;
  /** Whether everybody with the same values present gets this very text. */
  isConstant(values: PersonalValues): boolean;
}

/** One more piece than there are slots: what stands before, between and after them. */
interface Form {
  readonly fixed: readonly string[];
  readonly slots: readonly (keyof PersonalValues)[];
}

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
export function splice(render: Rendered, escapeValue: (value: string) => string): Spliced {
  const marks = { name: mark(), leaveUrl: mark() };
  /** Rendered when somebody needs them. */
  const forms: Form[] = [];
  const formOf = ({ name, leaveUrl }: PersonalValues) => {
    const form = (name === '' ? 0 : 1) + (leaveUrl === '' ? 0 : 2);
    forms[form] ??= cut(render({ name: name && marks.name, leaveUrl: leaveUrl && marks.leaveUrl }), marks);
    return forms[form];
  };
  const rendered = (values: PersonalValues) => {
    const { fixed, slots } = formOf(values);
    let text = fixed[0] ?? '';
    for (const [i, slot] of slots.entries()) text += escapeValue(values[slot]) + fixed[i + 1];
    return text;
  };
  return Object.assign(rendered, {
    pieces: (values: PersonalValues) => {
      const { fixed, slots } = formOf(values);
      return { fixed, personal: slots.map((slot) => escapeValue(values[slot])) };
    },
    isConstant: (values: PersonalValues) => formOf(values).slots.length === 0,
  });
}

function mark(): string {
  return `x${randomBytes(16).toString('hex')}x`;
}

function cut(text: string, marks: PersonalValues): Form {
  const parts = text.split(new RegExp(`(${marks.name}|${marks.leaveUrl})`));
  return {
    fixed: Object.freeze(parts.filter((_, i) => i % 2 === 0)),
    slots: parts.filter((_, i) => i % 2 === 1).map((found) => (found === marks.name ? 'name' : 'leaveUrl')),
  };
}
