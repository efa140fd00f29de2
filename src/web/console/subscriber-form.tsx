import { z } from 'zod';
import { localeSchema } from '../../domain/template.ts';
import { EARLIEST_CONSENT } from '../../pipeline/import-row.ts';
import { text } from '../api/common.ts';
import { Button, Field, Form, Select } from './components/form.tsx';
import { emailField, phoneField } from './contact.ts';
import { languageName } from './format.tsx';
import type { Typed } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { ListChoices, type Lists } from './list-choices.tsx';
import { HOME, type Shown } from './subscribers-pages.tsx';
import type { View } from './view.ts';
import { common } from './words/common.ts';
import { subscribers as words } from './words/subscribers.ts';
import { fromLocal, toLocal } from './zoned-time.ts';

/** A citizen as they are typed in. @param timezone the office's, in which the time of consent is given */
export const subscriberForm = (timezone: string) =>
  z.object({
    name: z
      .string()
      .trim()
      .transform((typed) => (typed === '' ? null : typed))
      .pipe(text(200).nullable()),
    locale: localeSchema,
    phone: phoneField,
    email: emailField,
    consentAt: z
      .string()
      .max(20)
      .transform((typed, context) => {
        const at = fromLocal(typed, timezone);
        if (at && Number(at) >= EARLIEST_CONSENT && Number(at) <= Date.now() + 60_000) return at;
        context.addIssue({ code: 'custom', message: 'not a time of consent' });
        return z.NEVER;
      }),
    consentSource: text(500),
  });

/** What is wrong, in our words: error code or field → field and words. */
export function wordsFor(
  view: View,
  error: { readonly code: string; readonly issues: readonly { path: string; message: string }[] },
): readonly [field: string, message: string] | undefined {
  const t = words[view.locale];
  const path = error.issues[0]?.path ?? '';
  switch (error.code) {
    case 'missing-contact':
      return ['phone', t.missingContact];
    case 'address-taken':
      return [path, t.taken];
    case 'address-suppressed': {
      const reason = /\((.+)\)/.exec(error.issues[0]?.message ?? '')?.[1];
      if (reason === 'left' || reason === 'bounced') return [path, t.isSuppressedUntil(t[reason])];
      return [path, t.isSuppressed(reason === 'opted-out' ? t['opted-out'] : t.blocked)];
    }
    case 'unknown-topic':
    case 'unknown-district':
      return ['', t.unknownList];
    default:
      return undefined;
  }
}

/** Where a form's own message says less than ours. */
export function inOurWords(view: View, typed: Typed): Typed {
  const t = words[view.locale];
  const ours: Readonly<Record<string, string>> = {
    phone: t.badPhone,
    email: t.badEmail,
    consentAt: t.badConsent,
  };
  return {
    ...typed,
    errors: Object.fromEntries(
      Object.entries(typed.errors).map(([field, said]) => [field, ours[field] ?? said]),
    ),
  };
}

export const SubscriberFormPage = (props: {
  readonly view: View;
  readonly typed: Typed;
  readonly lists: Lists;
  /** Languages that the office's templates speak. */
  readonly locales: readonly string[];
  /** Absent: somebody new. */
  readonly one?: Shown | undefined;
  readonly id?: string;
  readonly chosen: Readonly<Record<keyof Lists, readonly string[]>>;
}): Markup => {
  const { view, typed, lists, one, id, chosen } = props;
  const t = words[view.locale];
  const name = one ? (one.name ?? t.noName) : '';
  const locales = [...new Set([...props.locales, ...(one ? [one.locale] : [])])];
  return (
    <Page
      view={view}
      title={one ? t.edit : t.add}
      place="subscribers"
      trail={[[HOME, t.title], ...(one ? [[`${HOME}/${id}`, name] as const] : [])]}
    >
      <Form view={view} action={one ? `${HOME}/${id}/edit` : `${HOME}/new`} typed={typed} class="pairs">
        <Field
          view={view}
          typed={typed}
          name="name"
          label={t.name}
          value={one?.name ?? null}
          autocomplete="off"
          maxlength={200}
          optional
        />
        <Select
          view={view}
          typed={typed}
          name="locale"
          label={t.language}
          value={one?.locale ?? locales[0] ?? ''}
          options={locales.map((locale) => [locale, languageName(view, locale)])}
        />
        <Field
          view={view}
          typed={typed}
          name="phone"
          type="tel"
          label={t.phone}
          hint={t.phoneHint}
          value={one?.phone ?? null}
          autocomplete="off"
          maxlength={64}
          optional
        />
        <Field
          view={view}
          typed={typed}
          name="email"
          type="email"
          label={t.email}
          value={one?.email ?? null}
          autocomplete="off"
          maxlength={254}
          optional
        />
        <ListChoices view={view} lists={lists} words={t} chosen={chosen} />
        <Field
          view={view}
          typed={typed}
          name="consentAt"
          type="datetime-local"
          label={t.consentAt}
          hint={t.timesHint(view.timezone)}
          value={toLocal(one?.consentAt ?? new Date(), view.timezone)}
        />
        <Field
          view={view}
          typed={typed}
          name="consentSource"
          label={t.consentSource}
          hint={t.consentSourceHint}
          value={one?.consentSource ?? null}
          autocomplete="off"
          maxlength={500}
        />
        <Button>{common[view.locale].save}</Button>
      </Form>
    </Page>
  );
};
