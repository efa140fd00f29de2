import { diffWords } from 'diff';
import type { Draft } from '../../../domain/announcement.ts';
import { h, type Markup } from '../jsx.ts';
import type { View } from '../view.ts';
import { approve } from '../words/approve.ts';
import { Table } from './table.tsx';

type Content = Draft['content'];

/** The fields that differ, word by word. */
export const TextDiff = ({
  view,
  before,
  after,
  labelOf,
}: {
  readonly view: View;
  readonly before: Content;
  readonly after: Content;
  /** A field's label, by locale and name. */
  readonly labelOf: (locale: string, field: string) => string;
}): Markup => {
  const t = approve[view.locale];
  return (
    <Table
      caption={t.changes}
      columns={[{ label: t.where }, { label: t.changes }]}
      rows={changed(before, after).map(({ locale, field, old, now }) => [
        `${labelOf(locale, field)} (${locale})`,
        <p class="diff" lang={locale}>
          {diffWords(old, now, {
            intlSegmenter: new Intl.Segmenter(locale, { granularity: 'word' }),
          }).map(({ added, removed, value }) =>
            added ? (
              <ins>
                <span class="visually-hidden">{t.added} </span>
                {value}
              </ins>
            ) : removed ? (
              <del>
                <span class="visually-hidden">{t.removed} </span>
                {value}
              </del>
            ) : (
              value
            ),
          )}
        </p>,
      ])}
    />
  );
};

/** Each field of each language that is not the same. */
const changed = (before: Content, after: Content) =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((locale) =>
    [...new Set([before, after].flatMap((content) => Object.keys(content[locale] ?? {})))].flatMap(
      (field) => {
        const [old, now] = [before[locale]?.[field] ?? '', after[locale]?.[field] ?? ''];
        return old === now ? [] : [{ locale, field, old, now }];
      },
    ),
  );
