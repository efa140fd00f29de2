import { z } from 'zod';
import type { App } from '../../app.ts';
import { holderOf } from '../access.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import { code, idParams, iso, isoOrNull, noBody, text, time, timeOrNull, type ZodServer } from './common.ts';

const endpointSchema = z.object({
  id: z.string(),
  outlet: z.string(),
  url: z.string(),
  topics: z.array(z.string()),
  districts: z.array(z.string()),
  lastSequence: z.int().describe('Announcements addressed to it so far'),
  rotating: z.boolean().describe('Two secrets are valid; deliveries are signed with both'),
  createdAt: time,
  disabledAt: timeOrNull,
  disabledReason: z.string().nullable(),
});
const secret = z.string().describe('whsec_…, shown this once');
const fields = {
  outlet: text(200),
  url: z.url().max(2_000),
  topics: z.array(code).max(200),
  districts: z.array(code).max(1_000),
};

/** Media outlets' webhooks. */
export function endpointRoutes(server: ZodServer, app: Pick<App, 'endpoints' | 'ids'>): void {
  const { endpoints, ids } = app;
  const tags = ['endpoints'];
  const idOf = (id: string) => ids.decode('endpoint', id).id;
  const view = (endpoint: Awaited<ReturnType<App['endpoints']['get']>>) => ({
    id: ids.encode('endpoint', endpoint.id),
    outlet: endpoint.outlet,
    url: endpoint.url,
    topics: [...endpoint.topics],
    districts: [...endpoint.districts],
    lastSequence: endpoint.lastSequence,
    rotating: endpoint.secretCount > 1,
    createdAt: iso(endpoint.createdAt),
    disabledAt: isoOrNull(endpoint.disabledAt),
    disabledReason: endpoint.disabledReason,
  });

  server.get('/v1/endpoints', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'All endpoints',
      querystring: pageQuery,
      response: { 200: pageOf(endpointSchema) },
    },
    handler: async ({ query: { cursor, limit } }) => {
      const after = readCursor(ids, 'endpoint', cursor)?.id ?? 0;
      const rows = await endpoints.list({ after, limit: limit + 1 });
      return pageFrom(rows, limit, view, (last) => ids.encode('endpoint', last.id));
    },
  });

  server.post('/v1/endpoints', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: "Register an outlet's webhook",
      description:
        'Deliveries are signed as Standard Webhooks says. The secret is in this answer and nowhere else.',
      body: z.strictObject({
        ...fields,
        topics: fields.topics.default([]),
        districts: fields.districts.default([]),
      }),
      response: { 201: endpointSchema.extend({ secret }) },
    },
    handler: async (request, reply) => {
      const created = await endpoints.create(request.body, holderOf(request));
      return reply.code(201).send({ ...view(await endpoints.get(created.id)), secret: created.secret });
    },
  });

  server.get('/v1/endpoints/:id', {
    config: { access: 'author' },
    schema: { tags, summary: 'One endpoint', params: idParams, response: { 200: endpointSchema } },
    handler: async (request) => view(await endpoints.get(idOf(request.params.id))),
  });

  server.patch('/v1/endpoints/:id', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'Change an endpoint, or switch it off and on',
      params: idParams,
      body: z
        .strictObject({
          outlet: fields.outlet.optional(),
          url: fields.url.optional(),
          topics: fields.topics.optional(),
          districts: fields.districts.optional(),
          disabled: z.boolean().optional(),
          disabledReason: text(500).optional(),
        })
        .refine((change) => change.disabledReason === undefined || change.disabled, {
          path: ['disabledReason'],
          message: 'goes with disabled: true',
        }),
      response: { 200: endpointSchema },
    },
    handler: async (request) => {
      const by = holderOf(request);
      const { disabled, disabledReason, ...change } = request.body;
      const id = idOf(request.params.id);
      const changed = await endpoints.update(id, change, by);
      if (disabled === undefined) return view(changed);
      return view(
        disabled
          ? await endpoints.disable(id, disabledReason ?? 'switched off by the press office', by)
          : await endpoints.enable(id, by),
      );
    },
  });

  server.delete('/v1/endpoints/:id', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'Remove an endpoint; its deliveries stay on record',
      params: idParams,
      response: { 204: z.undefined().describe('Removed') },
    },
    handler: async (request, reply) => {
      await endpoints.remove(idOf(request.params.id), holderOf(request));
      return reply.code(204).send(undefined);
    },
  });

  server.post('/v1/endpoints/:id/rotate', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'A second secret; both sign until the old one is dropped',
      params: idParams,
      body: noBody,
      response: { 200: z.object({ secret }) },
    },
    handler: async (request) => endpoints.rotateSecret(idOf(request.params.id), holderOf(request)),
  });

  server.post('/v1/endpoints/:id/drop-old-secret', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'End a rotation',
      params: idParams,
      body: noBody,
      response: { 200: endpointSchema },
    },
    handler: async (request) =>
      view(await endpoints.dropOldSecret(idOf(request.params.id), holderOf(request))),
  });
}
