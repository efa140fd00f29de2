import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { idParams } from '../api/common.ts';
import { actorOf, stillSignedIn } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { h } from './jsx.ts';
import { createLive } from './live.ts';
import { isOver, type ProgressFacts, progressLooker } from './progress-facts.ts';
import { ProgressPage, ProgressPart } from './progress-pages.tsx';
import { goTo, show, viewOf } from './view.ts';

const query = z.object({ done: z.string().max(40).optional() }).loose();

/** Watching an announcement while it is being sent, its report afterwards, and stopping it. */
export const progressPages: ConsolePages = (server, app) => {
  const { announce, ids } = app;
  const look = progressLooker(app);
  const live = createLive<ProgressFacts>(server, 'progress', look, isOver);
  const numberOf = (request: FastifyRequest) =>
    ids.decode('announcement', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `/console/announcements/${ids.encode('announcement', id)}`;
  const config = { access: 'author' } as const;

  server.get('/announcements/:id/progress', {
    config,
    schema: { params: idParams, querystring: query },
    handler: async (request, reply) => {
      const id = numberOf(request);
      return show(
        reply,
        <ProgressPage
          view={viewOf(request, app)}
          facts={await look(id)}
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
        (facts) => String(<ProgressPart view={view} facts={facts} page={pageOf(id)} />),
        () => stillSignedIn(request, app),
      );
    },
  });

  const acts = { pause: announce.pause, resume: announce.resume, cancel: announce.cancel };
  for (const [act, perform] of Object.entries(acts)) {
    server.post(`/announcements/:id/${act}`, {
      config: { access: 'approver' },
      schema: { params: idParams },
      handler: async (request, reply) => {
        const id = numberOf(request);
        await perform(id, actorOf(request));
        return goTo(reply, `${pageOf(id)}/progress?done=${act}`);
      },
    });
  }
};
