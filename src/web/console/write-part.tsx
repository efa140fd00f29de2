import { createHash } from 'node:crypto';
import { type Children, Fragment, h, type Markup } from './jsx.ts';

/**
 * A part of the page that is drawn again while one types. The script leaves alone what has the same key, so that nothing
 * moves without need, and nobody is thrown out of a field.
 * @param again it is an answer to htmx, which puts it in the old one's place
 * @param shows what it depends on; its own content when it is left out
 */
export const Part = (props: {
  readonly id: string;
  readonly again: boolean;
  readonly class?: string;
  readonly lang?: string;
  readonly shows?: string;
  readonly children?: Children;
}): Markup => {
  const { id, again, lang, children } = props;
  const key = createHash('sha256').update(props.shows ?? String(<Fragment>{children}</Fragment>));
  return (
    <div
      id={id}
      class={props.class}
      lang={lang}
      data-key={key.digest('base64url').slice(0, 16)}
      {...(again && { 'hx-swap-oob': 'true' as const })}
    >
      {children}
    </div>
  );
};
