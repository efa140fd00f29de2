/// <reference types="@kitajs/html/htmx.js" />
import { escapeHtml, isVoidElement } from '@kitajs/html';

/**
 * Text that is HTML already. Only `h`, `raw` and `doctype` make it, so whatever else comes into a page is escaped.
 */
export class Markup {
  readonly #html: string;
  constructor(html: string) {
    this.#html = html;
  }
  toString(): string {
    return this.#html;
  }
}

/** What may stand between two tags. Strings are text and are escaped; `false`, `null` and `undefined` are nothing. */
export type Children = Markup | string | number | boolean | null | undefined | readonly Children[];
export type PropsWithChildren<P = object> = P & { readonly children?: Children };
type Component<P> = (props: P) => Markup;
type Attributes = Readonly<Record<string, unknown>>;

/** HTML that was made elsewhere and is known to be safe. Never for what people wrote. */
export const raw = (html: string): Markup => new Markup(html);

/** A whole document. */
export const doctype = (html: Markup): string => `<!doctype html>\n${html}\n`;

const text = (child: Children): string => {
  if (child instanceof Markup) return child.toString();
  if (Array.isArray(child)) return child.map(text).join('');
  if (child === null || child === undefined || typeof child === 'boolean') return '';
  return escapeHtml(String(child));
};

/** `true` is an attribute without value; `false`, `null` and `undefined` leave it out; lists are joined by spaces. */
const attribute = ([name, value]: [string, unknown]): string => {
  if (value === false || value === null || value === undefined || name === 'children') return '';
  if (value === true) return ` ${name}`;
  const whole = Array.isArray(value) ? value.filter(Boolean).join(' ') : String(value);
  return ` ${name}="${escapeHtml(whole)}"`;
};

/** What JSX becomes (tsconfig: jsxFactory). Text and attributes are escaped always; there is no way round but `raw`. */
export function h<P>(
  tag: string | Component<P>,
  props: (P & Attributes) | null,
  ...children: Children[]
): Markup {
  if (typeof tag === 'function') return tag({ ...(props as P), ...(children.length > 0 && { children }) });
  const attributes = Object.entries(props ?? {})
    .map(attribute)
    .join('');
  return new Markup(
    isVoidElement(tag) ? `<${tag}${attributes}>` : `<${tag}${attributes}>${text(children)}</${tag}>`,
  );
}

export const Fragment = ({ children }: PropsWithChildren): Markup => new Markup(text(children));

type Known = globalThis.JSX.IntrinsicElements;
type Tag<P> = Omit<P, 'children' | 'style' | 'safe' | 'of'> & {
  readonly children?: Children;
  readonly [data: `data-${string}` | `aria-${string}`]: string | number | boolean | undefined;
};

export declare namespace h {
  namespace JSX {
    type Element = Markup;
    type IntrinsicElements = { readonly [T in keyof Known]: Tag<Known[T]> };
    interface ElementChildrenAttribute {
      readonly children?: Children;
    }
  }
}
