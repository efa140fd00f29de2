import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KINDS, versionOf } from '../../domain/announcement.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { HeraldError } from '../../domain/errors.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { actorOf, sessionOf } from '../session.ts';
import { announcementIn } from './announcement-facts.ts';
import type { ConsolePages } from './console-pages.ts';
import {
  type DraftForm,
  draftOf,
  errorsOf,
  type FormErrors,
  type FormTemplate,
  formOf,
  readDraftForm,
} from './draft-form.ts';
import { merged } from './draft-merge.ts';
import { followUp, RETRACTION_REASONS, retractionOf } from './follow-up.ts';
import { fieldsOf } from './forms.ts';
import { h } from './jsx.ts';
import { goTo, show, type View, viewOf } from './view.ts';
import { write } from './words/write.ts';
import { ConflictPage, pickName } from './write-conflict.tsx';
import { otherWriting, writeFacts } from './write-facts.ts';
import { fieldLabel } from './write-fields.tsx';
import { type Autosaved, AutosavedParts, WritePage } from './write-pages.tsx';
import { PreviewParts } from './write-preview.tsx';
import type { Writing } from './writing.ts';

const newQuery = z.object({
  from: z.string().max(64).optional().catch(undefined),
  kind: z.enum(KINDS).catch('notice'),
  reason: z.enum(RETRACTION_REASONS).catch('other'),
});
const editQuery = z.object({
  check: z.string().max(10).optional().catch(undefined),
  done: z.string().max(40).optional().catch(undefined),
});
const config = { access: 'author' } as const;

/** What became of a form that was to be kept. */
type Kept =
  | { readonly kind: 'kept'; readonly record: AnnouncementRecord }
  | { readonly kind: 'refused'; readonly errors: FormErrors }
  /** Somebody else saved it since. */
  | { readonly kind: 'changed' }
  /** It is no draft any more. */
  | { readonly kind: 'gone' };

/** Writing announcements: the form, what it says beside it, and that nothing of it is lost. */
export const writePages: ConsolePages = (server, app) => {
  const { announce, ids } = app;
  const { officeTimezone, defaultLocale } = app.config;
  const facts = writeFacts(app);
  const pageOf = (id: string) => `/console/announcements/${id}`;
  const idOf = ({ id }: AnnouncementRecord) => ids.encode('announcement', id);

  /** The form as it was sent. */
  const read = async (request: FastifyRequest) => {
    const fields = fieldsOf(request.body);
    const one = (name: string) => {
      const value = fields[name] ?? '';
      return (typeof value === 'string' ? value : (value[0] ?? '')).slice(0, 100);
    };
    const typed = await facts.titled(readDraftForm(request.body, facts.templateOf));
    const form = await chosen(typed, one('id'), one('version'), fields);
    return { view: viewOf(request, app), form, id: one('id'), version: one('version'), act: one('act') };
  };
  /** After a conflict: with what was taken from the other version, as far as that is still the newest. */
  const chosen = async (
    mine: DraftForm,
    id: string,
    version: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<DraftForm> => {
    const taken = Object.keys(fields).filter(
      (name) => name.startsWith(pickName('')) && fields[name] === 'theirs',
    );
    const known = taken.length > 0 && ids.tryDecode('announcement', id);
    if (!known) return mine;
    const record = await announce.get(known.id);
    if (versionOf(record) !== version) return mine;
    const names = new Set(taken.map((name) => name.slice(pickName('').length)));
    return merged(mine, formOf(record.draft, officeTimezone), names);
  };
  type Typed = Awaited<ReturnType<typeof read>>;

  const keep = async (request: FastifyRequest, { view, form, id, version }: Typed): Promise<Kept> => {
    const known = id === '' ? null : ids.decode('announcement', id).id;
    try {
      const draft = draftOf(form, officeTimezone, defaultLocale);
      return { kind: 'kept', record: await announce.save(known, draft, actorOf(request), version) };
    } catch (error) {
      if (!(error instanceof HeraldError)) throw error;
      if (error.code === 'draft-changed') return { kind: 'changed' };
      if (error.code === 'illegal-transition') return { kind: 'gone' };
      const ofForm =
        error.kind === 'invalid' ||
        ['not-published', 'already-superseded', 'mode-differs', 'no-such-announcement'].includes(error.code);
      if (!ofForm) throw error;
      return { kind: 'refused', errors: errorsOf(view, [error], form, facts.templateOf(form.template)) };
    }
  };

  const page = async (
    view: View,
    typed: { readonly id: string; readonly version: string; readonly form: DraftForm },
    more: Partial<
      Pick<Writing, 'saved' | 'other' | 'notice' | 'costsApproval' | 'returned' | 'checked' | 'errors'>
    > = {},
  ) => {
    const template = facts.templateOf(typed.form.template);
    const [sketch, choices] = await Promise.all([
      facts.sketch(view, typed, template, more.errors),
      facts.choices(view, typed.form),
    ]);
    return (
      <WritePage
        {...sketch}
        choices={choices}
        saved={more.saved}
        other={more.other}
        notice={more.notice}
        returned={more.returned}
        costsApproval={more.costsApproval ?? false}
        checked={more.checked ?? false}
      />
    );
  };

  /** Both versions, when somebody else has saved theirs meanwhile. */
  const conflict = async ({ view, form, id }: Typed, userId: number) => {
    const known = ids.decode('announcement', id).id;
    const [record, last] = await Promise.all([announce.get(known), facts.lastSaved(known)]);
    return (
      <ConflictPage
        view={view}
        id={id}
        version={versionOf(record)}
        mine={form}
        theirs={formOf(record.draft, officeTimezone)}
        template={facts.templateOf(form.template)}
        name={last.name}
        at={last.at}
        own={last.userId === userId}
      />
    );
  };

  server.get('/announcements/new', {
    config,
    schema: { querystring: newQuery },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { from, kind, reason } = request.query;
      if (from === undefined || kind === 'notice')
        return show(reply, await page(view, { id: '', version: '', form: emptyForm(facts.templateOf('')) }));
      const record = await announce.get(ids.decode('announcement', from).id);
      const follow = followUp(record, from, kind, officeTimezone);
      const template = facts.templateOf(follow.template);
      const form = kind === 'retraction' ? retractionOf(follow, reason, template, view.locale) : follow;
      const notice = { kind: 'info', text: write[view.locale].prefilled } as const;
      return show(reply, await page(view, { id: '', version: '', form }, { notice }));
    },
  });

  server.get('/announcements/:id/edit', {
    config,
    schema: { querystring: editQuery },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const number = announcementIn(app, request);
      const record = await announce.get(number);
      const id = idOf(record);
      if (record.state !== 'draft') return goTo(reply, pageOf(id));
      const form = formOf(record.draft, officeTimezone);
      const checked = request.query.check !== undefined;
      const errors = checked
        ? errorsOf(view, await announce.check(number), form, facts.templateOf(form.template))
        : {};
      const { userId, role } = sessionOf(request);
      const last = await facts.lastSaved(number);
      const other = otherWriting(last, userId);
      const done = request.query.done === 'saved';
      return show(
        reply,
        await page(
          view,
          { id, version: versionOf(record), form },
          {
            errors,
            checked,
            other,
            saved: record.draft,
            returned: record.reason ?? undefined,
            costsApproval: role !== 'author' && !last.authors.has(userId),
            ...(done && { notice: { kind: 'good', text: write[view.locale].savedDone } as const }),
          },
        ),
      );
    },
  });

  server.post('/announcements/save', {
    config,
    handler: async (request, reply) => {
      const typed = await read(request);
      const kept = await keep(request, typed);
      switch (kept.kind) {
        case 'changed':
          return show(reply, await conflict(typed, sessionOf(request).userId), 409);
        case 'refused':
          return show(reply, await page(typed.view, typed, { errors: kept.errors }), 422);
        case 'gone': {
          const notice = { kind: 'danger', text: write[typed.view.locale].gone } as const;
          return show(reply, await page(typed.view, typed, { notice }), 409);
        }
        case 'kept': {
          const to = pageOf(idOf(kept.record));
          if (typed.act !== 'submit') return goTo(reply, `${to}/edit?done=saved`);
          if ((await announce.check(kept.record.id)).length > 0) return goTo(reply, `${to}/edit?check=1`);
          await announce.submit(kept.record.id, actorOf(request));
          return goTo(reply, `${to}?done=submitted`);
        }
      }
    },
  });

  server.post('/announcements/autosave', {
    config,
    handler: async (request, reply) => {
      const typed = await read(request);
      const { view, form } = typed;
      const template = facts.templateOf(form.template);
      const answer = (result: Autosaved, record?: AnnouncementRecord) =>
        show(
          reply,
          <AutosavedParts
            {...{ view, template, defaultLocale, result }}
            id={record ? idOf(record) : typed.id}
            version={record ? versionOf(record) : typed.version}
            saved={record?.draft}
          />,
        );
      if (form.caseReference === '' || form.caseTitle === '' || form.channels.length === 0)
        return answer({ kind: 'waits' });
      const kept = await keep(request, typed);
      switch (kept.kind) {
        case 'kept':
          // Whoever loads it again comes back to what was saved.
          if (typed.id === '') reply.header('hx-replace-url', `${pageOf(idOf(kept.record))}/edit`);
          return answer({ kind: 'saved', at: new Date() }, kept.record);
        case 'refused': {
          const problems = Object.entries(kept.errors).map(
            ([name, problem]) => `${fieldLabel(view, template, name)}: ${problem}`,
          );
          return answer({ kind: 'refused', problems });
        }
        case 'gone':
          return answer({ kind: 'gone' });
        case 'changed': {
          const { name, at } = await facts.lastSaved(ids.decode('announcement', typed.id).id);
          return answer({ kind: 'changed', name, at });
        }
      }
    },
  });

  server.post('/announcements/preview', {
    config: { ...config, quiet: true },
    handler: async (request, reply) => {
      const typed = await read(request);
      const { view, form, id } = typed;
      if (request.headers['hx-request'] === 'true')
        return show(
          reply,
          <PreviewParts {...(await facts.sketch(view, typed, facts.templateOf(form.template)))} />,
        );
      const saved = id === '' ? undefined : await announce.get(ids.decode('announcement', id).id);
      return show(reply, await page(view, typed, { saved: saved?.draft }));
    },
  });
};

/** A notice to everybody, by every channel. */
const emptyForm = ({ manifest, locales }: FormTemplate): DraftForm => ({
  caseReference: '',
  caseTitle: '',
  kind: 'notice',
  supersedes: '',
  urgency: '',
  mode: 'live',
  template: manifest.name,
  channels: CHANNELS,
  topics: [],
  districts: [],
  scheduledAt: '',
  expiresAt: '',
  basis: '',
  content: Object.fromEntries(locales.map((locale) => [locale, {}])),
  reasons: {},
});
