import { z } from 'zod';
import type { App } from '../../app.ts';
import type { Role } from '../../domain/announcement.ts';
import { CHANNELS } from '../../domain/channel.ts';
import { DELIVERY_STATUSES } from '../../domain/delivery.ts';
import { maskAddress } from '../../pipeline/address.ts';
import { holderOf } from '../access.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import { idParams, iso, isoOrNull, time, timeOrNull, type ZodServer } from './common.ts';

const deliverySchema = z.object({
  id: z.string(),
  announcementId: z.string(),
  channel: z.enum(CHANNELS),
  status: z.enum(DELIVERY_STATUSES),
  attempt: z.int().describe('How often it was tried'),
  address: z.string().describe("Masked for authors; an endpoint's id for webhooks"),
  locale: z.string(),
  segments: z.int().nullable(),
  providerMessageId: z.string().nullable(),
  code: z
    .string()
    .nullable()
    .describe(
      "The provider's, or Herald's, reason for the status; `no-receipt` for a sent one whose end the provider does not know",
    ),
  dueAt: timeOrNull.describe('When it will be tried, or asked about, again'),
});
const eventSchema = z.object({
  type: z.string(),
  attempt: z.int().nullable(),
  source: z.string(),
  code: z.string().nullable(),
  detail: z.string().nullable(),
  at: time,
});

/** For the audit log: who saw which part of an announcement's addresses. */
export const lookUpOf = (
  by: Parameters<App['audit']['note']>[0]['by'],
  announcementId: number,
  rows: readonly { readonly n: number }[],
) => ({
  by,
  act: 'look-up',
  subjectType: 'announcement',
  subjectId: announcementId,
  details: {
    deliveries: String(rows.length),
    fromDelivery: rows.at(0)?.n.toString(),
    toDelivery: rows.at(-1)?.n.toString(),
  },
});

/** Who got it, and who did not. */
export function deliveryRoutes(
  server: ZodServer,
  app: Pick<App, 'announce' | 'reports' | 'audit' | 'ids'>,
): void {
  const { announce, reports, audit, ids } = app;
  const tags = ['deliveries'];
  type Row = Awaited<ReturnType<App['reports']['deliveries']>>[number];
  const addressFor = (role: Role, { channel, address }: Row) => {
    if (channel === 'webhook') return ids.encode('endpoint', Number(address));
    return role === 'author' ? maskAddress(channel, address) : address;
  };
  const view = (row: Row, role: Role) => ({
    id: ids.encode('delivery', row.announcementId, row.n),
    announcementId: ids.encode('announcement', row.announcementId),
    channel: row.channel,
    status: row.status,
    attempt: row.attempt,
    address: addressFor(role, row),
    locale: row.locale,
    segments: row.segments,
    providerMessageId: row.providerMessageId,
    code: row.code,
    dueAt: isoOrNull(row.dueAt),
  });

  server.get('/v1/announcements/:id/deliveries', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'Deliveries of an announcement',
      params: idParams,
      querystring: pageQuery.extend({
        channel: z.enum(CHANNELS).optional(),
        status: z.enum(DELIVERY_STATUSES).optional(),
      }),
      response: { 200: pageOf(deliverySchema) },
    },
    handler: async (request) => {
      const { cursor, limit, channel, status } = request.query;
      const by = holderOf(request);
      const { role } = by;
      const { id } = await announce.get(ids.decode('announcement', request.params.id).id);
      const rows = await reports.deliveries(id, {
        after: readCursor(ids, 'delivery', cursor)?.n ?? 0,
        limit: limit + 1,
        ...(channel !== undefined && { channel }),
        ...(status !== undefined && { status }),
      });
      // Masked, they tell nobody who it is.
      if (role !== 'author') await audit.note(lookUpOf(by, id, rows.slice(0, limit)));
      return pageFrom(
        rows,
        limit,
        (row) => view(row, role),
        (last) => ids.encode('delivery', id, last.n),
      );
    },
  });

  server.get('/v1/deliveries/:id', {
    config: { access: 'author' },
    schema: {
      tags,
      summary: 'One delivery, with everything that is known of it',
      params: idParams,
      response: { 200: deliverySchema.extend({ events: z.array(eventSchema) }) },
    },
    handler: async (request) => {
      const { id, n } = ids.decode('delivery', request.params.id);
      const by = holderOf(request);
      const delivery = await reports.delivery(id, n);
      await audit.note({ by, act: 'look-up', subjectType: 'delivery', subjectId: `${id}/${n}` });
      return {
        ...view(delivery, by.role),
        events: delivery.events.map((event) => ({
          ...event,
          // Servers name mailboxes in their answers.
          detail: by.role === 'author' ? null : event.detail,
          at: iso(event.at),
        })),
      };
    },
  });
}
