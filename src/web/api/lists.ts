import { z } from 'zod';
import type { App } from '../../app.ts';
import { localeSchema } from '../../domain/template.ts';
import { holderOf } from '../access.ts';
import { code, isoOrNull, text, timeOrNull, type ZodServer } from './common.ts';

const names = z.record(localeSchema, text(200)).describe('What citizens read, by language');
const entrySchema = z.object({ code, names: z.record(z.string(), z.string()), archivedAt: timeOrNull });
type Entry = Awaited<ReturnType<App['lists']['add']>>;
const view = (entry: Entry) => ({
  code: entry.code,
  names: { ...entry.names },
  archivedAt: isoOrNull(entry.archivedAt),
});

/** The office's topics and districts: the same three routes for each. */
export function listRoutes(server: ZodServer, app: Pick<App, 'lists'>): void {
  for (const list of ['topics', 'districts'] as const) {
    server.get(`/v1/${list}`, {
      config: { access: 'author' },
      schema: {
        tags: ['lists'],
        summary: `The office's ${list}`,
        querystring: z.object({ archived: z.stringbool().default(false).describe('Show archived ones too') }),
        response: { 200: z.object({ items: z.array(entrySchema), nextCursor: z.null() }) },
      },
      handler: async (request) => {
        const entries = await app.lists.list(list, { archived: request.query.archived });
        return { items: entries.map(view), nextCursor: null };
      },
    });

    server.post(`/v1/${list}`, {
      config: { access: 'approver' },
      schema: {
        tags: ['lists'],
        summary: 'Add one',
        body: z.strictObject({ code, names: names.default({}) }),
        response: { 201: entrySchema },
      },
      handler: async (request, reply) =>
        reply.code(201).send(view(await app.lists.add(list, request.body, holderOf(request)))),
    });

    server.patch(`/v1/${list}/:code`, {
      config: { access: 'approver' },
      schema: {
        tags: ['lists'],
        summary: 'Rename one, or move it into or out of the archive',
        params: z.object({ code: z.string().max(64) }),
        body: z.strictObject({ names: names.optional(), archived: z.boolean().optional() }),
        response: { 200: entrySchema },
      },
      handler: async (request) =>
        view(await app.lists.change(list, request.params.code, request.body, holderOf(request))),
    });
  }
}
