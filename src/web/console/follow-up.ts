import type { Kind } from '../../domain/announcement.ts';
import type { Content } from '../../domain/template.ts';
import type { ConsoleLocale } from '../../pipeline/account-store.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { type DraftForm, type FormTemplate, formOf } from './draft-form.ts';
import { write } from './words/write.ts';

/** Why something is retracted; `other` is not said to readers. */
export const RETRACTION_REASONS = ['facts', 'person', 'early', 'privacy', 'other'] as const;
export type RetractionReason = (typeof RETRACTION_REASONS)[number];

/**
 * What readers are told, by language: neither the case's title nor anything of the old text is repeated, for it may
 * name somebody.
 */
const RETRACTIONS: Readonly<
  Record<
    string,
    {
      readonly headline: string;
      readonly text: (reference: string, why: string) => string;
      readonly because: Readonly<Record<RetractionReason, string>>;
    }
  >
> = {
  zh: {
    headline: '此前一则通告已撤回',
    text: (reference, why) =>
      `我单位此前就案件 ${reference} 发布的通告现予撤回${why}。请勿再转发或引用。后续情况以我单位发布的为准。`,
    because: {
      facts: '，原因是其中内容与事实不符',
      person: '，原因是其中内容可能使无关的人被误认',
      early: '，原因是发布过早',
      privacy: '，原因是其中含有不应公开的信息',
      other: '',
    },
  },
  en: {
    headline: 'An earlier announcement is withdrawn',
    text: (reference, why) =>
      `We retract our earlier announcement on case ${reference}${why}. Please do not pass it on or quote it. Only what we publish counts.`,
    because: {
      facts: ', because what it said is not so',
      person: ', because people who have nothing to do with it may be mistaken for others',
      early: ', because it came too early',
      privacy: ', because it had details that must not be public',
      other: '',
    },
  },
};

/** A new draft that supersedes an announcement, filled in from it. @param supersedes its opaque id */
export function followUp(
  { draft }: Pick<AnnouncementRecord, 'draft'>,
  supersedes: string,
  kind: Exclude<Kind, 'notice'>,
  timezone: string,
): DraftForm {
  return {
    ...formOf(draft, timezone),
    kind,
    supersedes,
    urgency: '',
    scheduledAt: '',
    expiresAt: '',
  };
}

/** The same for a retraction, whose text is prepared in each language of its template. */
export function retractionOf(
  form: DraftForm,
  reason: RetractionReason,
  { manifest: { fields }, locales }: FormTemplate,
  locale: ConsoleLocale,
): DraftForm {
  const cut = (text: string, length: number) => [...text].slice(0, length).join('');
  const required = fields.filter((field) => field.required);
  const content: Content = Object.fromEntries(
    locales.flatMap((language) => {
      const words = RETRACTIONS[language.split('-')[0] ?? ''];
      if (!words) return [];
      const text = words.text(form.caseReference, words.because[reason]);
      return [
        [
          language,
          Object.fromEntries(
            required.map(({ name, maxLength, format }, i) => [
              name,
              format === 'url'
                ? (form.content[language]?.[name] ?? '')
                : cut(i === 0 && required.length > 1 ? words.headline : text, maxLength),
            ]),
          ),
        ],
      ];
    }),
  );
  // Newsrooms get the case's title, which may name somebody, with every message.
  const caseTitle = form.caseReference;
  return {
    ...form,
    kind: 'retraction',
    caseTitle,
    content,
    reasons: {},
    basis: write[locale][`why-${reason}`],
  };
}
