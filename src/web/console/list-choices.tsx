import type { WebApp } from '../web-app.ts';
import { Choices } from './components/form.tsx';
import { Fragment, h, type Markup } from './jsx.ts';
import type { View } from './view.ts';

type Entry = Awaited<ReturnType<WebApp['lists']['list']>>[number];
export interface Lists {
  readonly topics: readonly Entry[];
  readonly districts: readonly Entry[];
}

/** The office's topics and districts that can be chosen. */
export async function listsOf({ lists }: Pick<WebApp, 'lists'>): Promise<Lists> {
  const [topics, districts] = await Promise.all([lists.list('topics'), lists.list('districts')]);
  return { topics, districts };
}

/** What an entry is called; its code where it has no name. */
export const entryName = (view: Pick<View, 'locale'>, { names, code }: Entry): string =>
  names[view.locale] ?? Object.values(names)[0] ?? code;

/** Names of codes as a text; `all` where there are none. */
export const namesOf = (view: View, entries: readonly Entry[], codes: readonly string[], all: string) =>
  codes
    .map((code) => {
      const entry = entries.find((one) => one.code === code);
      return entry ? entryName(view, entry) : code;
    })
    .join(view.locale === 'en' ? ', ' : '、') || all;

/** What somebody wants to hear of, as check boxes. */
export const ListChoices = (props: {
  readonly view: View;
  readonly lists: Lists;
  readonly words: Readonly<Record<keyof Lists | `${keyof Lists}Hint`, string>>;
  readonly chosen: Readonly<Record<keyof Lists, readonly string[]>>;
}): Markup => {
  const { view, lists, words, chosen } = props;
  return (
    <Fragment>
      {(['topics', 'districts'] as const).map((name) => (
        <div class="list-choices">
          <Choices
            name={name}
            type="checkbox"
            legend={words[name]}
            chosen={chosen[name]}
            options={lists[name].map((entry) => [entry.code, entryName(view, entry)])}
          />
          <p class="hint">{words[`${name}Hint`]}</p>
        </div>
      ))}
    </Fragment>
  );
};

/** Of check boxes as a form sends them: none, one or many. */
export const codesIn = (body: unknown, name: keyof Lists): readonly string[] => {
  const value = (body as Record<string, unknown> | null | undefined)?.[name];
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
};
