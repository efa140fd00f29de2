import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { idParams } from '../api/common.ts';
import { actorOf, requireFreshSecondFactor, sessionOf } from '../session.ts';
import { announcementFacts } from './announcement-facts.ts';
import { ApprovePage, type ApproveProps } from './approve-pages.tsx';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { sendMailFrame } from './mail-frame.ts';
import { goTo, show, viewOf } from './view.ts';
import { approve as words } from './words/approve.ts';

const mailQuery = z.object({ locale: z.string().max(40) }).loose();
const approval = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });
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
    more: Pick<ApproveProps, 'typed' | 'changed'> = { typed: NOTHING_TYPED, changed: false },
  ) => {
    const view = viewOf(request, app);
    const [record, acts, preview, { users, nameOf }] = await Promise.all([
      announce.get(id),
      announce.acts(id),
      announce.preview({ id }),
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
        record={record}
        nameOf={nameOf}
        superseded={superseded}
        preview={preview}
        authors={users.flatMap(({ id: one, name }) => (authorIds.has(one) ? [name] : []))}
        may={role === 'author' ? 'not' : authorIds.has(userId) ? 'own' : 'yes'}
        live={isLive(record.mode)}
        price={config.smsPrice}
        now={new Date()}
        {...more}
      />
    );
  };

  server.get('/announcements/:id/approve', {
    ...access,
    schema: { params: idParams },
    handler: async (request, reply) => show(reply, await page(request, numberOf(request))),
  });

  server.get('/announcements/:id/mail', {
    ...access,
    schema: { params: idParams, querystring: mailQuery },
    handler: async (request, reply) => {
      const { locales } = await announce.preview({ id: numberOf(request) });
      const mail = locales.find(({ locale }) => locale === request.query.locale)?.email;
      if (!mail) throw new HeraldError('not-found', 'no-such-mail', 'there is no mail in this language');
      return sendMailFrame(reply, mail.html);
    },
  });

  server.post('/announcements/:id/approve', {
    ...toApprove,
    handler: async (request, reply) => {
      const id = numberOf(request);
      const { mode } = await announce.get(id);
      if (isLive(mode)) requireFreshSecondFactor(request, `${pageOf(id)}/approve`);
      const { data } = readForm(viewOf(request, app), approval, request.body);
      try {
        // Without the hash, nobody can say what was looked at.
        await announce.approve(id, actorOf(request), { sha256: data?.sha256 ?? '' });
      } catch (error) {
        if (!(error instanceof HeraldError && error.code === 'revision-changed')) throw error;
        return show(reply, await page(request, id, { typed: NOTHING_TYPED, changed: true }), 409);
      }
      return goTo(reply, `${pageOf(id)}/progress`);
    },
  });

  /** Sends it back with words for the author. */
  const decline =
    (perform: typeof announce.reject) => async (request: FastifyRequest, reply: FastifyReply) => {
      const id = numberOf(request);
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, decision, request.body);
      if (!data) {
        const why: Typed = withError(typed, 'reason', words[view.locale].reasonMissing);
        return show(reply, await page(request, id, { typed: why, changed: false }), 422);
      }
      await perform(id, actorOf(request), data.reason);
      return goTo(reply, '/console?done=declined');
    };
  server.post('/announcements/:id/return', { ...toApprove, handler: decline(announce.returnToAuthor) });
  server.post('/announcements/:id/reject', { ...toApprove, handler: decline(announce.reject) });
};
