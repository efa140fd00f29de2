import { z } from 'zod';
import type { App } from '../../app.ts';
import { draftSchema, text as printable, type Role, STATES } from '../../domain/announcement.ts';
import { HeraldError } from '../../domain/errors.ts';
import { localeSchema } from '../../domain/template.ts';
import { holderOf, type KeyHolder } from '../access.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import {
  type AnnouncementApp,
  announcementSchema,
  readAnnouncement,
  summarySchema,
  summaryView,
} from './announcement-view.ts';
import { idParams, type ZodServer } from './common.ts';
import { previewSchema, previewView } from './preview-view.ts';

interface ActInput {
  readonly reason?: string | undefined;
  readonly sha256?: string | undefined;
}

interface ActRoute {
  readonly name: string;
  readonly access: Role;
  readonly summary: string;
  readonly run: (
    announce: App['announce'],
    id: number,
    actor: KeyHolder,
    input: ActInput,
  ) => Promise<unknown>;
}

/** The acts on an announcement, each a POST. Who may do what in which state is decided in src/pipeline/announce.ts. */
const ACTS: readonly ActRoute[] = [
  {
    name: 'submit',
    access: 'author',
    summary: 'Ask for approval; freezes content and templates',
    run: (a, id, actor) => a.submit(id, actor),
  },
  {
    name: 'look',
    access: 'approver',
    summary: 'Say that one looks at it: the next approver is not called for a quarter of an hour',
    run: (a, id, actor) => a.look(id, actor),
  },
  {
    name: 'approve',
    access: 'approver',
    summary: 'Approve, as somebody who wrote none of it; sending starts, or is scheduled',
    run: (a, id, actor, { sha256 }) => a.approve(id, actor, { sha256 }),
  },
  {
    name: 'break-glass',
    access: 'admin',
    summary:
      'Approve what one wrote part of, with a reason, because every approver was called and none answered; marked for ever',
    run: (a, id, actor, { sha256, reason }) => a.approve(id, actor, { sha256, breakGlass: reason ?? '' }),
  },
  {
    name: 'return',
    access: 'approver',
    summary: 'Back to the author, with a reason',
    run: (a, id, actor, { reason }) => a.returnToAuthor(id, actor, reason ?? ''),
  },
  {
    name: 'reject',
    access: 'approver',
    summary: 'Refuse for good, with a reason',
    run: (a, id, actor, { reason }) => a.reject(id, actor, reason ?? ''),
  },
  {
    name: 'pause',
    access: 'approver',
    summary: 'Stop sending within two seconds',
    run: (a, id, actor, { reason }) => a.pause(id, actor, reason),
  },
  {
    name: 'resume',
    access: 'approver',
    summary: 'Go on; nobody is written to twice',
    run: (a, id, actor) => a.resume(id, actor),
  },
  {
    name: 'cancel',
    access: 'author',
    summary: 'Stop for good',
    run: (a, id, actor, { reason }) => a.cancel(id, actor, reason),
  },
];

const actBody = z
  .strictObject({
    reason: printable()
      .max(2_000)
      .optional()
      .describe('Required to return, to reject and to break the glass'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('To approve: refused when this is not the revision that would be sent'),
  })
  .nullish();

export function announcementRoutes(server: ZodServer, app: AnnouncementApp): void {
  const { announce, ids } = app;
  const tags = ['announcements'];
  const idOf = (id: string) => ids.decode('announcement', id).id;

  const read = (id: number) => readAnnouncement(app, id);

  server.get('/v1/announcements', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'Announcements, newest first',
      querystring: pageQuery.extend({ state: z.enum(STATES).optional() }),
      response: { 200: pageOf(summarySchema) },
    },
    handler: async ({ query: { cursor, limit, state } }) => {
      const before = readCursor(ids, 'announcement', cursor)?.id;
      const rows = await announce.list({
        limit: limit + 1,
        ...(before !== undefined && { before }),
        ...(state !== undefined && { state }),
      });
      return pageFrom(
        rows,
        limit,
        (row) => summaryView(ids, row),
        (last) => ids.encode('announcement', last.id),
      );
    },
  });

  server.post('/v1/announcements', {
    config: { access: 'author', invalidCode: 'invalid-announcement' },
    schema: { tags, summary: 'Write a draft', body: draftSchema, response: { 201: announcementSchema } },
    handler: async (request, reply) => {
      const { id } = await announce.create(request.body, holderOf(request));
      return reply.code(201).send(await read(id));
    },
  });

  server.get('/v1/announcements/:id', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'State, counts and timings',
      params: idParams,
      response: { 200: announcementSchema },
    },
    handler: (request) => read(idOf(request.params.id)),
  });

  server.patch('/v1/announcements/:id', {
    config: { access: 'author', invalidCode: 'invalid-announcement' },
    schema: {
      tags,
      summary: 'A new revision of a draft',
      description: 'The whole draft, not a part of it: the revision before stays on record.',
      params: idParams,
      body: draftSchema,
      response: { 200: announcementSchema },
    },
    handler: async (request) => {
      const { id } = await announce.edit(idOf(request.params.id), request.body, holderOf(request));
      return read(id);
    },
  });

  for (const act of ACTS) {
    server.post(`/v1/announcements/:id/${act.name}`, {
      config: { access: act.access },
      schema: {
        tags,
        summary: act.summary,
        params: idParams,
        body: actBody,
        response: { 200: announcementSchema },
      },
      handler: async (request) => {
        const id = idOf(request.params.id);
        await act.run(announce, id, holderOf(request), request.body ?? {});
        return read(id);
      },
    });
  }

  server.get('/v1/announcements/:id/preview', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'Every channel rendered, SMS segments, audience and estimated time',
      params: idParams,
      querystring: z.object({ locale: localeSchema.optional().describe('This language only') }),
      response: { 200: previewSchema },
    },
    handler: async ({ params, query: { locale } }) => {
      const preview = await announce.preview(await announce.get(idOf(params.id)));
      const view = previewView(preview, locale);
      if (view.locales.length === 0) {
        throw new HeraldError('invalid', 'unknown-locale', `the announcement has no text in ${locale}`, {
          fix: `choose one of ${preview.locales.map((rendered) => rendered.locale).join(', ')}`,
        });
      }
      return view;
    },
  });
}
