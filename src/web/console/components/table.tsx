import { type Children, Fragment, h, type Markup, type PropsWithChildren } from '../jsx.ts';
import type { View } from '../view.ts';
import { common } from '../words/common.ts';

export interface Column {
  readonly label: string;
  /** Numbers stand to the right. */
  readonly numeric?: boolean;
}

/**
 * Rows under headings; cards on narrow screens, where each cell says its heading itself. The roles are said because the
 * cards' `display` would take them away. The first cell is the row's name.
 * @param caption what the table is, for everybody who comes to it without seeing the page
 */
export const Table = ({
  caption,
  columns,
  rows,
}: {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Children[])[];
}): Markup => (
  <table class="table" role="table">
    <caption class="visually-hidden">{caption}</caption>
    <thead role="rowgroup">
      <tr role="row">
        {columns.map(({ label, numeric }) => (
          <th scope="col" role="columnheader" class={numeric ? 'numeric' : undefined}>
            {label}
          </th>
        ))}
      </tr>
    </thead>
    <tbody role="rowgroup">
      {rows.map((cells) => (
        <tr role="row">
          {cells.map((cell, i) =>
            i === 0 ? (
              <th scope="row" role="rowheader">
                {cell}
              </th>
            ) : (
              <td
                role="cell"
                data-label={columns[i]?.label}
                class={columns[i]?.numeric ? 'numeric' : undefined}
              >
                {cell}
              </td>
            ),
          )}
        </tr>
      ))}
    </tbody>
  </table>
);

/** Names and what they are. */
export const Facts = ({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: Children])[];
}): Markup => (
  <dl class="facts">
    {facts.map(([name, value]) => (
      <div>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/** To the page before and after this one. */
export const Pager = ({
  view,
  earlier,
  later,
}: {
  readonly view: View;
  readonly earlier?: string | undefined;
  readonly later?: string | undefined;
}): Markup => {
  const t = common[view.locale];
  if (!earlier && !later) return <Fragment />;
  return (
    <nav class="pager" aria-label={`${t.earlier} / ${t.later}`}>
      {earlier && (
        <a href={earlier} rel="prev" class="button button-plain">
          ← {t.earlier}
        </a>
      )}
      {later && (
        <a href={later} rel="next" class="button button-plain">
          {t.later} →
        </a>
      )}
    </nav>
  );
};

/** Pages that belong together. */
export const Tabs = ({
  label,
  tabs,
  current,
}: {
  readonly label: string;
  readonly tabs: readonly (readonly [href: string, label: string])[];
  readonly current: string;
}): Markup => (
  <nav class="tabs" aria-label={label}>
    <ul>
      {tabs.map(([href, name]) => (
        <li>
          <a href={href} aria-current={href === current ? 'page' : undefined}>
            {name}
          </a>
        </li>
      ))}
    </ul>
  </nav>
);

/** A part of a page, with a heading of its own. */
export const Section = ({
  id,
  title,
  intro,
  aside,
  children,
}: PropsWithChildren<{
  readonly id: string;
  readonly title: string;
  readonly intro?: Children;
  /** Beside the heading: an act, a state. */
  readonly aside?: Children;
}>): Markup => (
  <section class="section" aria-labelledby={id}>
    <div class="section-head">
      <h2 id={id}>{title}</h2>
      {aside}
    </div>
    {intro && <p class="intro">{intro}</p>}
    {children}
  </section>
);
