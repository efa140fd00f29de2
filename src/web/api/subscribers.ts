import { z } from 'zod';
import type { App } from '../../app.ts';
import { localeSchema } from '../../domain/template.ts';
import { EARLIEST_CONSENT } from '../../pipeline/import-row.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import { code, idParams, iso, text, time, type ZodServer } from './common.ts';

const subscriberSchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  locale: z.string(),
  phone: z.string().nullable().describe('E.164'),
  email: z.string().nullable(),
  topics: z.array(z.string()).describe('Empty: everything'),
  districts: z.array(z.string()).describe('Empty: everywhere'),
  consentAt: time,
  consentSource: z.string(),
  createdAt: time,
  updatedAt: time,
});
const fields = {
  name: text(200).nullable(),
  locale: localeSchema,
  phone: z.string().max(64).nullable(),
  email: z.string().max(320).nullable(),
  topics: z.array(code).max(200),
  districts: z.array(code).max(1_000),
  consentAt: z.iso
    .datetime({ offset: true })
    .refine((at) => Date.parse(at) <= Date.now() + 60_000, 'lies in the future')
    .refine((at) => Date.parse(at) >= EARLIEST_CONSENT, 'lies before the year 2000'),
  consentSource: text(500),
};

/** Citizens. */
export function subscriberRoutes(server: ZodServer, app: Pick<App, 'subscribers' | 'ids'>): void {
  const { subscribers, ids } = app;
  const config = { access: 'approver' } as const;
  const tags = ['subscribers'];
  const idOf = (id: string) => ids.decode('subscriber', id).id;
  const view = (subscriber: Awaited<ReturnType<App['subscribers']['get']>>) => ({
    ...subscriber,
    id: ids.encode('subscriber', subscriber.id),
    topics: [...subscriber.topics],
    districts: [...subscriber.districts],
    consentAt: iso(subscriber.consentAt),
    createdAt: iso(subscriber.createdAt),
    updatedAt: iso(subscriber.updatedAt),
  });

  server.get('/v1/subscribers', {
    config,
    schema: {
      tags,
      summary: 'All subscribers',
      querystring: pageQuery,
      response: { 200: pageOf(subscriberSchema) },
    },
    handler: async ({ query: { cursor, limit } }) => {
      const after = readCursor(ids, 'subscriber', cursor)?.id ?? 0;
      const rows = await subscribers.list({ after, limit: limit + 1 });
      return pageFrom(rows, limit, view, (last) => ids.encode('subscriber', last.id));
    },
  });

  server.post('/v1/subscribers', {
    config,
    schema: {
      tags,
      summary: 'Add a citizen who has agreed to be written to',
      body: z.strictObject({
        ...fields,
        name: fields.name.optional(),
        phone: fields.phone.optional(),
        email: fields.email.optional(),
        topics: fields.topics.default([]),
        districts: fields.districts.default([]),
      }),
      response: { 201: subscriberSchema },
    },
    handler: async (request, reply) => {
      const added = await subscribers.add({ ...request.body, consentAt: new Date(request.body.consentAt) });
      return reply.code(201).send(view(added));
    },
  });

  server.get('/v1/subscribers/:id', {
    config,
    schema: { tags, summary: 'One subscriber', params: idParams, response: { 200: subscriberSchema } },
    handler: async (request) => view(await subscribers.get(idOf(request.params.id))),
  });

  server.patch('/v1/subscribers/:id', {
    config,
    schema: {
      tags,
      summary: 'Change what is given; a null phone or email is given up',
      params: idParams,
      body: z.strictObject(fields).partial(),
      response: { 200: subscriberSchema },
    },
    handler: async (request) => {
      const { consentAt, ...change } = request.body;
      return view(
        await subscribers.update(idOf(request.params.id), {
          ...change,
          ...(consentAt && { consentAt: new Date(consentAt) }),
        }),
      );
    },
  });

  server.delete('/v1/subscribers/:id', {
    config,
    schema: {
      tags,
      summary: 'Forget a citizen; what is queued for them is stopped',
      params: idParams,
      response: { 204: z.undefined().describe('Forgotten') },
    },
    handler: async (request, reply) => {
      await subscribers.remove(idOf(request.params.id), 'api');
      return reply.code(204).send(undefined);
    },
  });
}
