import { z } from 'zod';
import type { App } from '../../app.ts';
import { localeSchema } from '../../domain/template.ts';
import { EARLIEST_CONSENT } from '../../pipeline/import-row.ts';
import { holderOf } from '../access.ts';
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
export function subscriberRoutes(server: ZodServer, app: Pick<App, 'subscribers' | 'audit' | 'ids'>): void {
  const { subscribers, audit, ids } = app;
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
    handler: async (request) => {
      const { cursor, limit } = request.query;
      const after = readCursor(ids, 'subscriber', cursor)?.id ?? 0;
      const rows = await subscribers.list({ after, limit: limit + 1 });
      const seen = rows.slice(0, limit);
      await audit.note({
        by: holderOf(request),
        act: 'look-up',
        subjectType: 'subscriber',
        details: {
          count: String(seen.length),
          from: seen.at(0)?.id.toString(),
          to: seen.at(-1)?.id.toString(),
        },
      });
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
      const input = { ...request.body, consentAt: new Date(request.body.consentAt) };
      const added = await subscribers.add(input, holderOf(request));
      return reply.code(201).send(view(added));
    },
  });

  server.get('/v1/subscribers/:id', {
    config,
    schema: { tags, summary: 'One subscriber', params: idParams, response: { 200: subscriberSchema } },
    handler: async (request) => {
      const found = await subscribers.get(idOf(request.params.id));
      await audit.note({
        by: holderOf(request),
        act: 'look-up',
        subjectType: 'subscriber',
        subjectId: found.id,
      });
      return view(found);
    },
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
      const id = idOf(request.params.id);
      const input = { ...change, ...(consentAt && { consentAt: new Date(consentAt) }) };
      return view(await subscribers.update(id, input, holderOf(request)));
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
      await subscribers.remove(idOf(request.params.id), 'api', holderOf(request));
      return reply.code(204).send(undefined);
    },
  });
}
