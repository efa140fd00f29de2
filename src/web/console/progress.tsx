import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { idParams } from '../api/common.ts';
import { actorOf, stillSignedIn } from '../session.ts';
import { announcementFacts } from './announcement-facts.ts';
import type { ConsolePages } from './console-pages.ts';
import { h } from './jsx.ts';
import { createLive } from './live.ts';
import { type ProgressFacts, progressLooker } from './progress-facts.ts';
import { ProgressNews, ProgressPage } from './progress-pages.tsx';
import { goTo, show, viewOf } from './view.ts';

const query = z.object({ done: z.string().max(40).optional() }).loose();

/** Watching an announcement while it is being sent, its report afterwards, and stopping it. */
export const progressPages: ConsolePages = (server, app) => {
  const { announce, ids } = app;
  const look = progressLooker(app);
  const live = createLive<ProgressFacts>(server, 'progress', look, ({ over }) => over);
  const numberOf = (request: FastifyRequest) =>
    ids.decode('announcement', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `/console/announcements/${ids.encode('announcement', id)}`;
  const config = { access: 'author' } as const;

  server.get('/announcements/:id/progress', {
    config,
    schema: { params: idParams, querystring: query },
    handler: async (request, reply) => {
      const id = numberOf(request);
      const view = viewOf(request, app);
      const [facts, { nameOf }] = await Promise.all([look(id), announcementFacts(app, view)]);
      return show(
        reply,
        <ProgressPage
          view={view}
          facts={facts}
          nameOf={nameOf}
          page={pageOf(id)}
          done={request.query.done}
        />,
      );
    },
  });

  server.get('/announcements/:id/events', {
    config: { ...config, quiet: true },
    schema: { params: idParams },
    handler: async (request, reply) => {
      const { id } = await announce.get(numberOf(request));
      const view = viewOf(request, app);
      return live.stream(
        reply,
        id,
        (facts) => String(<ProgressNews view={view} facts={facts} page={pageOf(id)} />),
        () => stillSignedIn(request, app),
      );
    },
  });

  const acts = [
    ['pause', announce.pause, 'approver'],
    ['resume', announce.resume, 'approver'],
    // A draft is its author's to discard; the domain checks whose it is.
    ['cancel', announce.cancel, 'author'],
  ] as const;
  for (const [act, perform, access] of acts) {
    server.post(`/announcements/:id/${act}`, {
      config: { access },
      schema: { params: idParams },
      handler: async (request, reply) => {
        const id = numberOf(request);
        const { approvedAt } = await perform(id, actorOf(request));
        return goTo(reply, `${pageOf(id)}${approvedAt ? '/progress' : ''}?done=${act}`);
      },
    });
  }
};
