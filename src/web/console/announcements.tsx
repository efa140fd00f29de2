import { z } from 'zod';
import { type AnnouncementState, SEEN } from '../../domain/announcement.ts';
import { HeraldError } from '../../domain/errors.ts';
import { actorOf } from '../session.ts';
import { announcementFacts, announcementIn } from './announcement-facts.ts';
import { isState } from './announcement-frame.tsx';
import { HubPage } from './announcement-hub.tsx';
import { AnnouncementsPage } from './announcements-pages.tsx';
import type { ConsolePages } from './console-pages.ts';
import { h } from './jsx.ts';
import { goTo, show, viewOf } from './view.ts';
import { recallOf } from './write-facts.ts';

const PAGE = 25;
const GROUPS: Readonly<Record<string, readonly AnnouncementState[]>> = {
  open: ['draft', 'submitted', 'approved', 'sending', 'paused'],
  closed: ['completed', 'rejected', 'cancelled', 'expired'],
};
const query = z.object({
  state: z.string().max(20).optional().catch(undefined),
  search: z.string().max(200).optional().catch(undefined),
  before: z.string().max(64).optional().catch(undefined),
});
const doneQuery = z.object({ done: z.string().max(40).optional().catch(undefined) });
const config = { access: 'author' } as const;

/** All announcements, and the page of each. */
export const announcementPages: ConsolePages = (server, app) => {
  const { announce, ids } = app;

  server.get('/announcements', {
    config,
    schema: { querystring: query },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { state = '', search = '', before } = request.query;
      const states = isState(state) ? [state] : Object.hasOwn(GROUPS, state) ? GROUPS[state] : undefined;
      const rows = await announce.list({
        limit: PAGE + 1,
        search: search.trim(),
        ...(before !== undefined && { before: ids.decode('announcement', before).id }),
        ...(states && { states }),
      });
      const records = rows.slice(0, PAGE);
      const [sums, facts] = await Promise.all([
        app.reports.sums(records.map(({ id }) => id)),
        announcementFacts(app, view),
      ]);
      const address = (more: Record<string, string>) =>
        `/console/announcements?${new URLSearchParams({ ...(state && { state }), ...(search && { search }), ...more })}`;
      const last = records.at(-1);
      return show(
        reply,
        <AnnouncementsPage
          view={view}
          {...facts}
          {...{ records, sums, search, state: states ? state : '' }}
          first={before === undefined ? undefined : address({})}
          later={
            rows.length > PAGE && last ? address({ before: ids.encode('announcement', last.id) }) : undefined
          }
        />,
      );
    },
  });

  server.get('/announcements/:id', {
    config,
    schema: { querystring: doneQuery },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const id = announcementIn(app, request);
      const [record, acts, facts] = await Promise.all([
        announce.get(id),
        announce.acts(id),
        announcementFacts(app, view),
      ]);
      const wasSeen = SEEN.includes(record.state) && record.approvedAt !== null;
      return show(
        reply,
        <HubPage
          view={view}
          record={facts.inOrder(record)}
          acts={acts}
          {...facts}
          labelOf={facts.labelOf(record.draft.template)}
          done={request.query.done}
          recall={wasSeen ? await recallOf(app, id) : undefined}
        />,
      );
    },
  });

  server.post('/announcements/:id/submit', {
    config,
    handler: async (request, reply) => {
      const id = announcementIn(app, request);
      const page = `/console/announcements/${ids.encode('announcement', id)}`;
      try {
        await announce.submit(id, actorOf(request));
      } catch (error) {
        // What is missing is shown where it is written.
        if (!(error instanceof HeraldError)) throw error;
        if (error.kind !== 'invalid' && error.code !== 'already-superseded') throw error;
        return goTo(reply, `${page}/edit?check=1`);
      }
      return goTo(reply, `${page}?done=submitted`);
    },
  });
};
