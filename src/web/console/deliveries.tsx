import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CHANNELS } from '../../domain/channel.ts';
import { DELIVERY_STATUSES } from '../../domain/delivery.ts';
import { HeraldError } from '../../domain/errors.ts';
import { maskAddress, normaliseEmail, normalisePhone } from '../../pipeline/address.ts';
import type { DeliveryRow } from '../../pipeline/report-store.ts';
import { idParams } from '../api/common.ts';
import { lookUpOf } from '../api/deliveries.ts';
import { actorOf, sessionOf } from '../session.ts';
import { announcementFacts } from './announcement-facts.ts';
import type { ConsolePages } from './console-pages.ts';
import { BOM, csvLine } from './csv.ts';
import { DeliveriesPage, DeliveryPage } from './deliveries-pages.tsx';
import { h } from './jsx.ts';
import { sendMailFrame } from './mail-frame.ts';
import { goTo, show, viewOf } from './view.ts';

/** Rows of a page, and of one question while a CSV is written. */
const PAGE = 50;
const CSV_PAGE = 1_000;

const filters = z
  .object({
    q: z.string().max(300).default(''),
    channel: z.enum(CHANNELS).optional().catch(undefined),
    status: z.enum(DELIVERY_STATUSES).optional().catch(undefined),
    after: z.coerce.number().int().min(0).max(0x7fff_ffff).catch(0),
  })
  .loose();

/** Who got it and who did not, one by one, and what each of them got. */
export const deliveryPages: ConsolePages = (server, app) => {
  const { announce, reports, audit, ids, readMessage } = app;
  const config = { access: 'author' } as const;
  const idOf = (request: FastifyRequest) => ids.decode('announcement', idParams.parse(request.params).id).id;
  const addressFor = (request: FastifyRequest) => {
    const { role } = sessionOf(request);
    return ({ channel, address }: DeliveryRow) => {
      if (channel === 'webhook') return ids.encode('endpoint', Number(address));
      return role === 'author' ? maskAddress(channel, address) : address;
    };
  };

  server.get('/announcements/:id/deliveries', {
    config,
    schema: { params: idParams, querystring: filters },
    handler: async (request, reply) => {
      const record = await announce.get(idOf(request));
      const { q, channel, status, after } = request.query as z.output<typeof filters>;
      const wanted = q.trim();
      const asId = ids.tryDecode('delivery', wanted);
      if (asId?.id === record.id) return goTo(reply, `/console/deliveries/${wanted}`);
      const phone = normalisePhone(wanted);
      const email = normaliseEmail(wanted);
      const rows = wanted
        ? await reports.deliveriesTo(record.id, [
            ...(phone ? [{ channel: 'sms' as const, address: phone }] : []),
            ...(email ? [{ channel: 'email' as const, address: email }] : []),
          ])
        : await reports.deliveries(record.id, {
            after,
            limit: PAGE + 1,
            ...(channel && { channel }),
            ...(status && { status }),
          });
      const shown = rows.slice(0, PAGE);
      const view = viewOf(request, app);
      const { nameOf } = await announcementFacts(app, view);
      // Masked, they tell nobody who it is; asking for one address tells.
      if (sessionOf(request).role !== 'author' || wanted)
        await audit.note(lookUpOf(actorOf(request), record.id, shown));
      return show(
        reply,
        <DeliveriesPage
          view={view}
          record={record}
          nameOf={nameOf}
          rows={shown}
          filters={{ q: wanted, channel, status }}
          last={rows.length > PAGE ? shown.at(-1)?.n : undefined}
          after={after}
          page={`/console/announcements/${ids.encode('announcement', record.id)}`}
          pageOf={(row) => `/console/deliveries/${ids.encode('delivery', row.announcementId, row.n)}`}
          addressOf={addressFor(request)}
        />,
      );
    },
  });

  server.get('/announcements/:id/deliveries.csv', {
    config,
    schema: { params: idParams, querystring: filters },
    handler: async (request, reply) => {
      const { id } = await announce.get(idOf(request));
      const { channel, status } = request.query as z.output<typeof filters>;
      const addressOf = addressFor(request);
      await audit.note({
        by: actorOf(request),
        act: 'export',
        subjectType: 'announcement',
        subjectId: id,
        details: { ...(channel && { channel }), ...(status && { status }) },
      });
      async function* lines() {
        yield BOM + csvLine(['id', 'channel', 'status', 'address', 'locale', 'attempts', 'segments', 'code']);
        for (let after = 0; ; ) {
          const rows = await reports.deliveries(id, {
            after,
            limit: CSV_PAGE,
            ...(channel && { channel }),
            ...(status && { status }),
          });
          yield rows
            .map((row) =>
              csvLine([
                ids.encode('delivery', id, row.n),
                row.channel,
                row.status,
                addressOf(row),
                row.locale,
                row.attempt,
                row.segments,
                row.code,
              ]),
            )
            .join('');
          const last = rows.at(-1);
          if (!last || rows.length < CSV_PAGE) return;
          after = last.n;
        }
      }
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${ids.encode('announcement', id)}.csv"`)
        .send(Readable.from(lines()));
    },
  });

  server.get('/deliveries/:id', {
    config,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const { id, n } = ids.decode('delivery', request.params.id);
      const [delivery, record] = await Promise.all([reports.delivery(id, n), announce.get(id)]);
      await audit.note({
        by: actorOf(request),
        act: 'look-up',
        subjectType: 'delivery',
        subjectId: `${id}/${n}`,
      });
      const view = viewOf(request, app);
      const { nameOf } = await announcementFacts(app, view);
      // A citizen's name and link to leave are not for everybody who writes.
      const mayRead = delivery.channel === 'webhook' || sessionOf(request).role !== 'author';
      const message = mayRead
        ? await readMessage(id, n).catch((error: unknown) => {
            if (error instanceof HeraldError) return null;
            throw error;
          })
        : undefined;
      return show(
        reply,
        <DeliveryPage
          view={view}
          record={record}
          nameOf={nameOf}
          delivery={delivery}
          message={message}
          id={request.params.id}
          page={`/console/announcements/${ids.encode('announcement', id)}`}
          address={addressFor(request)(delivery)}
        />,
      );
    },
  });

  server.get('/deliveries/:id/mail', {
    config: { access: 'approver' },
    schema: { params: idParams },
    handler: async (request, reply) => {
      const { id, n } = ids.decode('delivery', request.params.id);
      const message = await readMessage(id, n);
      if (message.channel !== 'email')
        throw new HeraldError('not-found', 'no-such-delivery', 'this delivery is not a mail');
      return sendMailFrame(reply, message.html);
    },
  });
};
