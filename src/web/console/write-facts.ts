import { SEEN } from '../../domain/announcement.ts';
import { HeraldError } from '../../domain/errors.ts';
import { reasonedFindings } from '../../domain/privacy-lint.ts';
import { progressOf } from '../../domain/progress.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import type { Preview } from '../../pipeline/preview.ts';
import type { WebApp } from '../web-app.ts';
import { headlineOf } from './announcement-frame.tsx';
import { type DraftForm, type FormErrors, type FormTemplate, lintedOf, sketchOf } from './draft-form.ts';
import type { Recall } from './follow-up-section.tsx';
import type { View } from './view.ts';
import { announcements } from './words/announcements.ts';
import type { Sketch, WriteChoices } from './writing.ts';

/** Of the newest announcements: cases, and what can be superseded. */
const OFFERED = 200;
/** Whoever saved a draft in the last minutes may still be at it. */
const AT_IT_MS = 15 * 60_000;

/** Over all channels. */
export async function recallOf({ reports }: Pick<WebApp, 'reports'>, id: number): Promise<Recall> {
  const all = Object.values(await reports.channels(id)).map(({ counts }) => progressOf(counts));
  return {
    waiting: all.reduce((sum, { fates }) => sum + fates.waiting, 0),
    beyondRecall: all.reduce((sum, one) => sum + one.beyondRecall, 0),
  };
}

/** What the page for writing is drawn from, beside what was typed. */
export function writeFacts(app: WebApp) {
  const { announce, config, ids } = app;
  const templates = (): readonly FormTemplate[] =>
    app.templates.list().filter(({ manifest }) => manifest.for === undefined);

  const previewOf = async (form: DraftForm): Promise<Pick<Sketch, 'preview' | 'noPreview'>> => {
    if (form.channels.length === 0) return { preview: undefined, noPreview: 'waits' };
    const draft = sketchOf(form, config.officeTimezone, config.defaultLocale);
    try {
      return { preview: await announce.preview({ draft, unfinished: true }), noPreview: undefined };
    } catch (error) {
      // Saving says what is wrong, beside its field.
      if (error instanceof HeraldError && ['invalid', 'conflict', 'not-found'].includes(error.kind))
        return { preview: undefined, noPreview: 'refused' };
      throw error;
    }
  };

  return {
    /** The template of this name, or the first: a form always has one. @throws HeraldError `no-template` */
    templateOf(name: string): FormTemplate {
      const all = templates();
      const found = all.find(({ manifest }) => manifest.name === name) ?? all[0];
      if (found) return found;
      throw new HeraldError('unavailable', 'no-template', 'there is no template for announcements', {
        fix: 'add one to HERALD_TEMPLATES_DIR',
      });
    },

    async sketch(
      view: View,
      typed: { readonly id: string; readonly version: string; readonly form: DraftForm },
      template: FormTemplate,
      errors: FormErrors = {},
    ): Promise<Sketch> {
      const { form } = typed;
      const superseded = form.kind === 'notice' ? undefined : ids.tryDecode('announcement', form.supersedes);
      const [preview, readers, recall] = await Promise.all([
        previewOf(form),
        // Whom a retraction would reach: exactly those who may have read it.
        superseded && previewOf({ ...form, kind: 'retraction' }),
        superseded && recallOf(app, superseded.id),
      ]);
      const citizens = (shown: Preview | undefined) =>
        (shown?.audience.channels.sms ?? 0) + (shown?.audience.channels.email ?? 0);
      return {
        ...typed,
        ...preview,
        view,
        template,
        errors,
        follows: recall && {
          readers: citizens(readers?.preview),
          others: Math.max(0, citizens(preview.preview) - citizens(readers?.preview)),
          beyondRecall: recall.beyondRecall,
        },
        findings: reasonedFindings(lintedOf(form)),
        defaultLocale: config.defaultLocale,
        price: config.smsPrice,
        now: new Date(),
      };
    },

    async choices(view: View, form: DraftForm): Promise<WriteChoices> {
      const [newest, seen, topics, districts] = await Promise.all([
        announce.list({ limit: OFFERED }),
        announce.list({ limit: OFFERED, states: SEEN }),
        app.lists.list('topics'),
        app.lists.list('districts'),
      ]);
      const named = (all: typeof topics) =>
        all.map(({ code, names }) => [code, names[view.locale] ?? Object.values(names)[0] ?? code] as const);
      const superseded = seen
        .filter(({ replacedBy }) => replacedBy.length === 0)
        .map((one) => [ids.encode('announcement', one.id), calledOf(view, one)] as const);
      const isOffered = form.supersedes === '' || superseded.some(([id]) => id === form.supersedes);
      return {
        templates: templates(),
        cases: [...new Map(newest.map((one) => [one.case.reference, one.case])).values()],
        // An older one that was chosen, or one that was superseded since, is not lost.
        superseded: isOffered ? superseded : [[form.supersedes, form.caseReference], ...superseded],
        topics: named(topics),
        districts: named(districts),
      };
    },

    /** Whoever saved it last, and all who wrote part of it. */
    async lastSaved(id: number): Promise<{
      readonly userId: number;
      readonly name: string;
      readonly at: Date;
      readonly authors: ReadonlySet<number | null>;
    }> {
      const [acts, users] = await Promise.all([announce.acts(id), app.users.list()]);
      const saves = acts.filter(({ act }) => ['create', 'edit'].includes(act));
      const last = saves.at(-1);
      const userId = last?.userId ?? 0;
      return {
        userId,
        name: users.find((one) => one.id === userId)?.name ?? '—',
        at: last?.at ?? new Date(),
        authors: new Set(saves.map((save) => save.userId)),
      };
    },

    /** A known case need not be named again. */
    async titled(form: DraftForm): Promise<DraftForm> {
      if (form.caseReference === '' || form.caseTitle !== '') return form;
      const found = await announce.list({ limit: OFFERED, search: form.caseReference });
      const known = found.find((one) => one.case.reference === form.caseReference);
      return { ...form, caseTitle: known?.case.title ?? '' };
    },
  };
}

/** How long ago somebody else saved it, if that is so lately that they may still be writing. Seconds. */
export function otherWriting(
  last: { readonly userId: number; readonly name: string; readonly at: Date },
  userId: number,
): { readonly name: string; readonly secondsAgo: number } | undefined {
  const ago = Date.now() - last.at.getTime();
  return last.userId === userId || ago > AT_IT_MS ? undefined : { name: last.name, secondsAgo: ago / 1_000 };
}

const calledOf = (view: View, one: AnnouncementRecord): string =>
  `${one.case.reference} · ${headlineOf(view, one)} (${announcements[view.locale][one.state]})`;
