import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MOST_OF_A_REASON } from '../../domain/announcement.ts';
import { HeraldError } from '../../domain/errors.ts';
import { idParams } from '../api/common.ts';
import { actorOf, requireFreshSecondFactor, sessionOf } from '../session.ts';
import { announcementFacts } from './announcement-facts.ts';
import { ApprovePage } from './approve-pages.tsx';
import { type ApproveProps, DONE } from './approve-props.ts';
import type { ConsolePages } from './console-pages.ts';
import { reasonsIn } from './draft-form.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { sendMailFrame } from './mail-frame.ts';
import { goTo, show, viewOf } from './view.ts';
import { approve as words } from './words/approve.ts';
import { problems } from './words/problems.ts';

const DONE_NAMES = Object.keys(DONE) as (keyof typeof DONE)[];
const mailQuery = z.object({ locale: z.string().max(40) }).loose();
const doneQuery = z.object({ done: z.enum(DONE_NAMES).optional().catch(undefined) }).loose();
const approval = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  does: z.string().max(300).optional(),
});
const suggestionText = z.object({ note: z.string().max(2_000).optional() });
const suggestionForm = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });
const decision = z.object({ reason: z.string().trim().min(1).max(2_000) });

/** One page with all that an approver must see, bound to the hash of what was shown; and the other ways to decide. */
export const approvePages: ConsolePages = (server, app) => {
  const { announce, config, ids } = app;
  const access = { config: { access: 'author' } as const };
  const toApprove = { config: { access: 'approver' } as const, schema: { params: idParams } };
  const numberOf = (request: FastifyRequest) =>
    ids.decode('announcement', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `/console/announcements/${ids.encode('announcement', id)}`;

  /** Whether what is approved really goes out. */
  const isLive = (mode: string) => mode === 'live' && config.mode === 'live';

  const page = async (
    request: FastifyRequest,
    id: number,
    more: Partial<Pick<ApproveProps, 'typed' | 'changed' | 'done'>> = {},
  ) => {
    const view = viewOf(request, app);
    const record = await announce.get(id);
    const [acts, preview, suggestions, calls, { users, nameOf, labelOf, listName, inOrder }] =
      await Promise.all([
        announce.acts(id),
        // Of the record itself, by whose hash it is approved.
        announce.preview(record),
        announce.suggestions(id),
        app.approverCalls.of(id),
        announcementFacts(app, view),
      ]);
    const authorIds = new Set(
      acts.flatMap(({ act, userId }) => (['create', 'edit'].includes(act) && userId ? [userId] : [])),
    );
    const superseded = record.supersedes === null ? null : await announce.get(record.supersedes);
    const { userId, role } = sessionOf(request);
    return (
      <ApprovePage
        view={view}
        page={pageOf(id)}
        record={inOrder(record)}
        nameOf={nameOf}
        labelOf={labelOf(record.draft.template)}
        listName={listName}
        suggestions={suggestions}
        calls={calls}
        userId={userId}
        superseded={superseded}
        preview={preview}
        authors={users.flatMap(({ id: one, name }) => (authorIds.has(one) ? [name] : []))}
        may={role === 'author' ? 'not' : authorIds.has(userId) ? 'own' : 'yes'}
        live={isLive(record.mode)}
        price={config.smsPrice}
        now={new Date()}
        typed={NOTHING_TYPED}
        changed={false}
        {...more}
      />
    );
  };

  server.get('/announcements/:id/approve', {
    ...access,
    schema: { params: idParams, querystring: doneQuery },
    handler: async (request, reply) =>
      show(reply, await page(request, numberOf(request), { done: request.query.done })),
  });

  server.get('/announcements/:id/mail', {
    ...access,
    schema: { params: idParams, querystring: mailQuery },
    handler: async (request, reply) => {
      const { locales } = await announce.preview(await announce.get(numberOf(request)));
      const mail = locales.find(({ locale }) => locale === request.query.locale)?.email;
      if (!mail) throw new HeraldError('not-found', 'no-such-mail', 'there is no mail in this language');
      return sendMailFrame(reply, mail.html);
    },
  });

  /** @param breakGlass why, when one who wrote part of it approves it */
  const send = async (request: FastifyRequest, reply: FastifyReply, breakGlass?: string) => {
    const id = numberOf(request);
    const { mode } = await announce.get(id);
    const view = viewOf(request, app);
    const { data } = readForm(view, approval, request.body);
    // In the words of the button that was pressed.
    if (isLive(mode))
      requireFreshSecondFactor(request, data?.does || words[view.locale].title, `${pageOf(id)}/approve`);
    try {
      // Without the hash, nobody can say what was looked at.
      await announce.approve(id, actorOf(request), { sha256: data?.sha256 ?? '', breakGlass });
    } catch (error) {
      if (!(error instanceof HeraldError && error.code === 'revision-changed')) throw error;
      return show(reply, await page(request, id, { changed: true }), 409);
    }
    return goTo(reply, `${pageOf(id)}/progress`);
  };
  /** The reason that was given; without one, the page is shown again. */
  const withReason =
    (then: (request: FastifyRequest, reply: FastifyReply, reason: string) => Promise<FastifyReply>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, decision, request.body);
      if (data) return await then(request, reply, data.reason);
      const why: Typed = withError(typed, 'reason', words[view.locale].reasonMissing);
      return show(reply, await page(request, numberOf(request), { typed: why }), 422);
    };
  /** Sends it back with words for the author. */
  const decline = (perform: typeof announce.reject, done: 'returned' | 'rejected') =>
    withReason(async (request, reply, reason) => {
      await perform(numberOf(request), actorOf(request), reason);
      return goTo(reply, `/console?done=${done}`);
    });
  server.post('/announcements/:id/approve', {
    ...toApprove,
    handler: (request, reply) => send(request, reply),
  });
  server.post('/announcements/:id/break-glass', {
    config: { access: 'admin' },
    schema: { params: idParams },
    handler: withReason(send),
  });
  server.post('/announcements/:id/return', {
    ...toApprove,
    handler: decline(announce.returnToAuthor, 'returned'),
  });
  server.post('/announcements/:id/reject', { ...toApprove, handler: decline(announce.reject, 'rejected') });

  server.post('/announcements/:id/look', {
    ...toApprove,
    handler: async (request, reply) => {
      const id = numberOf(request);
      await announce.look(id, actorOf(request));
      return goTo(reply, `${pageOf(id)}/approve?done=look`);
    },
  });

  server.post('/announcements/:id/suggest', {
    ...toApprove,
    handler: async (request, reply) => {
      const id = numberOf(request);
      const view = viewOf(request, app);
      const { draft, sha256 } = await announce.get(id);
      const { data, typed } = readForm(view, suggestionText, request.body);
      if (!data) return show(reply, await page(request, id, { typed }), 422);
      if (typed.values.sha256 !== sha256) return show(reply, await page(request, id, { changed: true }), 409);
      const content = Object.fromEntries(
        Object.entries(draft.content).map(([locale, fields]) => [
          locale,
          Object.fromEntries(
            Object.entries(fields).map(([field, text]) => [
              field,
              typed.values[`content.${locale}.${field}`]?.replaceAll('\r\n', '\n') ?? text,
            ]),
          ),
        ]),
      );
      try {
        await announce.suggest(id, actorOf(request), { content, note: data.note });
      } catch (error) {
        if (!(error instanceof HeraldError && error.kind === 'invalid')) throw error;
        const t = words[view.locale];
        const why = error.code === 'nothing-suggested' ? t.nothingSuggested : t.cannotSuggest;
        return show(reply, await page(request, id, { typed: withError(typed, 'note', why) }), 422);
      }
      return goTo(reply, `${pageOf(id)}/approve?done=suggested`);
    },
  });

  for (const taken of ['accepted', 'declined'] as const) {
    server.post(`/announcements/:id/suggestions/${taken}`, {
      ...access,
      schema: { params: idParams },
      handler: async (request, reply) => {
        const id = numberOf(request);
        const view = viewOf(request, app);
        const { data, typed } = readForm(view, suggestionForm, request.body);
        const reasons = reasonsIn(request.body);
        const again = async (why: string) =>
          show(reply, await page(request, id, { typed: withError(typed, 'reasons', why) }), 422);
        if (Object.values(reasons).some((reason) => reason.length > MOST_OF_A_REASON))
          return again(problems[view.locale].tooLong(String(MOST_OF_A_REASON)));
        try {
          await announce.decide(id, data?.id ?? 0, actorOf(request), taken, reasons);
        } catch (error) {
          if (!(error instanceof HeraldError && error.code === 'lint-reason-required')) throw error;
          return again(words[view.locale].lintReasonMissing);
        }
        return goTo(reply, `${pageOf(id)}/approve?done=${taken}`);
      },
    });
  }
};
