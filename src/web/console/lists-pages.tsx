import type { WebApp } from '../web-app.ts';
import { Act, Button, ButtonLink, Field, Form } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import { languageName } from './format.tsx';
import type { Typed } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { entryName } from './list-choices.tsx';
import type { View } from './view.ts';
import { common } from './words/common.ts';
import { lists as words } from './words/lists.ts';

export const HOME = '/console/admin/lists';
export const LIST_NAMES = ['topics', 'districts'] as const;
export type ListName = (typeof LIST_NAMES)[number];
type Entry = Awaited<ReturnType<WebApp['lists']['list']>>[number];

const DONE = { added: 'added', saved: 'saved', archive: 'archivedDone', restore: 'restored' } as const;

const trailOf = (view: View) =>
  [
    ['/console/admin', common[view.locale].admin],
    [HOME, words[view.locale].title],
  ] as const;

const Names = (props: {
  readonly view: View;
  readonly locales: readonly string[];
  readonly typed: Typed;
  readonly names?: Readonly<Record<string, string>>;
}): Markup => (
  <Fragment>
    {props.locales.map((locale) => (
      <Field
        view={props.view}
        typed={props.typed}
        name={`name-${locale}`}
        label={words[props.view.locale].nameIn(languageName(props.view, locale))}
        value={props.names?.[locale] ?? null}
        autocomplete="off"
        maxlength={200}
        optional
      />
    ))}
  </Fragment>
);

export const ListsPage = (props: {
  readonly view: View;
  readonly entries: Readonly<Record<ListName, readonly Entry[]>>;
  readonly mayChange: boolean;
  readonly done: keyof typeof DONE | undefined;
}): Markup => {
  const { view, entries, mayChange, done } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      {done && <Notice kind="good">{t[DONE[done]]}</Notice>}
      <p class="intro">{t.intro}</p>
      {LIST_NAMES.map((list) => (
        <Section
          id={list}
          title={t[list]}
          aside={
            mayChange && (
              <ButtonLink href={`${HOME}/${list}`}>
                {list === 'topics' ? t.addTopic : t.addDistrict}
              </ButtonLink>
            )
          }
        >
          {entries[list].length === 0 ? (
            <Empty title={list === 'topics' ? t.noTopics : t.noDistricts} />
          ) : (
            <Table
              caption={t[list]}
              columns={[{ label: t.name }, { label: t.code }, { label: t.state }]}
              rows={entries[list].map((entry) => [
                mayChange ? (
                  <a href={`${HOME}/${list}/${entry.code}`}>{entryName(view, entry)}</a>
                ) : (
                  entryName(view, entry)
                ),
                <code>{entry.code}</code>,
                <Badge tone={entry.archivedAt ? 'neutral' : 'good'}>
                  {entry.archivedAt ? t.archived : t.inUse}
                </Badge>,
              ])}
            />
          )}
        </Section>
      ))}
    </Page>
  );
};

export const AddPage = (props: {
  readonly view: View;
  readonly list: ListName;
  readonly locales: readonly string[];
  readonly typed: Typed;
}): Markup => {
  const { view, list, locales, typed } = props;
  const t = words[view.locale];
  return (
    <Page
      view={view}
      title={list === 'topics' ? t.addTopic : t.addDistrict}
      place="admin"
      trail={trailOf(view)}
    >
      <Form view={view} action={`${HOME}/${list}`} typed={typed} class="pairs">
        <Field
          view={view}
          typed={typed}
          name="code"
          label={t.code}
          hint={t.codeHint}
          autocomplete="off"
          maxlength={64}
        />
        <Names view={view} locales={locales} typed={typed} />
        <Button>{t.add}</Button>
      </Form>
    </Page>
  );
};

export const EntryPage = (props: {
  readonly view: View;
  readonly list: ListName;
  readonly entry: Entry;
  readonly locales: readonly string[];
  readonly typed: Typed;
  readonly page: string;
}): Markup => {
  const { view, list, entry, locales, typed, page } = props;
  const t = words[view.locale];
  const act = entry.archivedAt ? 'restore' : 'archive';
  return (
    <Page view={view} title={entryName(view, entry)} place="admin" trail={trailOf(view)}>
      <p class="intro">
        {t[list]} · {t.code} <code>{entry.code}</code>
      </p>
      <Form view={view} action={page} typed={typed} class="pairs">
        <Names view={view} locales={locales} typed={typed} names={entry.names} />
        <Button>{common[view.locale].save}</Button>
      </Form>
      <Section id="archive" title={t[act]} intro={!entry.archivedAt && t.archiveIntro}>
        <Act view={view} action={`${page}/${act}`}>
          {t[act]}
        </Act>
      </Section>
    </Page>
  );
};
