import type { ConsoleLocale } from '../../../pipeline/account-store.ts';

/** Texts, and texts with something in them. */
type Entries = Readonly<Record<string, string | ((...values: never[]) => string)>>;

/** One page family's texts in every language; a key that one of them lacks does not compile. */
export const words = <T extends Entries>(texts: {
  readonly 'zh-CN': T;
  readonly en: NoInfer<T>;
}): Readonly<Record<ConsoleLocale, T>> => texts;
