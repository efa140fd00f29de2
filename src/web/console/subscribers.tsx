import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { maskAddress, normaliseEmail, normalisePhone } from '../../pipeline/address.ts';
import type { Address } from '../../pipeline/citizen-store.ts';
import { idParams } from '../api/common.ts';
import { actorOf, sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { codesIn, type Lists, listsOf } from './list-choices.tsx';
import { inOurWords, SubscriberFormPage, subscriberForm, wordsFor } from './subscriber-form.tsx';
import { HOME, type Shown, SubscriberPage, SubscribersPage } from './subscribers-pages.tsx';
import { goTo, show, viewOf } from './view.ts';

const PAGE = 50;
const HISTORY_PAGE = 25;

const listQuery = z
  .object({
    q: z.string().max(300).catch('').default(''),
    after: z.string().max(64).optional().catch(undefined),
    done: z.enum(['removed']).optional().catch(undefined),
  })
  .loose();
const personQuery = z
  .object({
    before: z.string().max(64).optional().catch(undefined),
    done: z.enum(['added', 'saved']).optional().catch(undefined),
  })
  .loose();

type SubscriberInput = Parameters<WebApp['subscribers']['add']>[0];

/** Normalised addresses that a text may be meant for. */
export const addressesIn = (text: string): readonly Address[] => {
  const phone = normalisePhone(text);
  const email = normaliseEmail(text);
  return [
    ...(phone ? [{ channel: 'sms' as const, address: phone }] : []),
    ...(email ? [{ channel: 'email' as const, address: email }] : []),
  ];
};

/** For whoever does not need to know them: enough to tell one from another. */
const masked = (one: Shown): Shown => ({
  ...one,
  name: one.name && `${[...one.name][0]}**`,
  phone: one.phone && maskAddress('sms', one.phone),
  email: one.email && maskAddress('email', one.email),
});

/**
 * What differs, so that the audit log names it, and an address that has left stands in the way of nothing else. A new
 * consent is one for the addresses too.
 */
function changesOf(one: Shown, input: SubscriberInput): Partial<SubscriberInput> {
  const before: Readonly<Record<string, unknown>> = { ...one };
  const sameMinute = Math.abs(Number(input.consentAt) - Number(one.consentAt)) < 60_000;
  const changed = Object.entries({
    ...input,
    consentAt: sameMinute ? one.consentAt : input.consentAt,
  }).filter(
    ([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(before[name]) ||
      (!sameMinute && ['phone', 'email'].includes(name)),
  );
  return Object.fromEntries(changed);
}

/** Languages that announcements are written in here. */
const localesOf = ({ templates, config }: WebApp): readonly string[] => [
  ...new Set([config.defaultLocale, ...templates.list().flatMap(({ locales }) => locales)]),
];

/** Citizens: who they are, what they were sent, and that they are no longer. */
export const subscriberPages: ConsolePages = (server, app) => {
  const { subscribers, audit, ids, administration } = app;
  const may = { access: 'approver' } as const;
  const idOf = (request: FastifyRequest) => ids.decode('subscriber', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `${HOME}/${ids.encode('subscriber', id)}`;
  const mayChange = (request: FastifyRequest) => sessionOf(request).role !== 'author';
  const shownTo = (request: FastifyRequest) => (mayChange(request) ? (one: Shown) => one : masked);
  const noteLookUp = (request: FastifyRequest, id: number) =>
    audit.note({ by: actorOf(request), act: 'look-up', subjectType: 'subscriber', subjectId: id });

  server.get('/subscribers', {
    config: { access: 'author' },
    schema: { querystring: listQuery },
    handler: async (request, reply) => {
      const { q, after, done } = request.query as z.output<typeof listQuery>;
      const wanted = q.trim();
      const asId = ids.tryDecode('subscriber', wanted);
      if (asId) return goTo(reply, pageOf(asId.id));
      const from = { after: ids.tryDecode('subscriber', after ?? '')?.id ?? 0, limit: PAGE + 1 };
      const [found, lists] = await Promise.all([
        wanted
          ? subscribers.find({ name: wanted, addresses: addressesIn(wanted) }, from)
          : subscribers.list(from),
        listsOf(app),
      ]);
      const rows = found.slice(0, PAGE);
      const seen = rows.map(({ id }) => String(id));
      await audit.note({
        by: actorOf(request),
        act: 'look-up',
        subjectType: 'subscriber',
        ...(seen.length === 1 && { subjectId: seen[0] }),
        details: {
          count: String(seen.length),
          // A page of the whole list leaves nobody out; what a search finds is strewn over it.
          ...(wanted ? { found: seen.join(' ') || undefined } : { from: seen.at(0), to: seen.at(-1) }),
        },
      });
      const query = (more: Record<string, string>) => {
        const params = new URLSearchParams({ ...(wanted && { q: wanted }), ...more }).toString();
        return params ? `${HOME}?${params}` : HOME;
      };
      return show(
        reply,
        <SubscribersPage
          view={viewOf(request, app)}
          rows={rows.map(shownTo(request))}
          lists={lists}
          q={wanted}
          mayChange={mayChange(request)}
          done={done}
          earlier={from.after > 0 ? query({}) : undefined}
          later={
            found.length > PAGE ? query({ after: ids.encode('subscriber', rows.at(-1)?.id ?? 0) }) : undefined
          }
          pageOf={pageOf}
        />,
      );
    },
  });

  const form = async (
    request: FastifyRequest,
    typed: Typed,
    chosen: Readonly<Record<keyof Lists, readonly string[]>>,
    one?: Shown,
  ) => (
    <SubscriberFormPage
      view={viewOf(request, app)}
      typed={typed}
      lists={await listsOf(app)}
      locales={localesOf(app)}
      one={one}
      id={one ? ids.encode('subscriber', one.id) : ''}
      chosen={chosen}
    />
  );

  /** Reads the form and writes it down; what is wrong is shown beside its field. */
  const take = async (
    request: FastifyRequest,
    reply: FastifyReply,
    one: Shown | undefined,
    write: (input: SubscriberInput) => Promise<{ readonly id: number }>,
  ) => {
    const view = viewOf(request, app);
    const chosen = {
      topics: codesIn(request.body, 'topics'),
      districts: codesIn(request.body, 'districts'),
    };
    const { data, typed } = readForm(view, subscriberForm(app.config.officeTimezone), request.body);
    if (!data) return show(reply, await form(request, inOurWords(view, typed), chosen, one), 422);
    try {
      const { id } = await write({ ...data, ...chosen });
      return goTo(reply, `${pageOf(id)}?done=${one ? 'saved' : 'added'}`);
    } catch (error) {
      const said = error instanceof HeraldError ? wordsFor(view, error) : undefined;
      if (!said) throw error;
      return show(reply, await form(request, withError(typed, ...said), chosen, one), 422);
    }
  };

  server.get('/subscribers/new', {
    config: may,
    handler: async (request, reply) =>
      show(reply, await form(request, NOTHING_TYPED, { topics: [], districts: [] })),
  });

  server.post('/subscribers/new', {
    config: may,
    handler: (request, reply) =>
      take(request, reply, undefined, (input) => subscribers.add(input, actorOf(request))),
  });

  server.get('/subscribers/:id', {
    config: { access: 'author' },
    schema: { params: idParams, querystring: personQuery },
    handler: async (request, reply) => {
      const { before, done } = request.query as z.output<typeof personQuery>;
      const one = await subscribers.get(idOf(request));
      const from = ids.tryDecode('delivery', before ?? '');
      const [lists, suppressions, found] = await Promise.all([
        listsOf(app),
        administration.suppressions.of([
          ...(one.phone ? [{ channel: 'sms' as const, address: one.phone }] : []),
          ...(one.email ? [{ channel: 'email' as const, address: one.email }] : []),
        ]),
        administration.history.of(one.id, {
          limit: HISTORY_PAGE + 1,
          before: from && { announcementId: from.id, n: from.n },
        }),
      ]);
      await noteLookUp(request, one.id);
      const history = found.slice(0, HISTORY_PAGE);
      const last = history.at(-1);
      return show(
        reply,
        <SubscriberPage
          view={viewOf(request, app)}
          one={shownTo(request)(one)}
          id={ids.encode('subscriber', one.id)}
          lists={lists}
          suppressions={suppressions}
          history={history}
          mayChange={mayChange(request)}
          done={done}
          earlier={from ? pageOf(one.id) : undefined}
          later={
            last && found.length > HISTORY_PAGE
              ? `${pageOf(one.id)}?before=${ids.encode('delivery', last.announcementId, last.n)}`
              : undefined
          }
          deliveryPage={({ announcementId, n }) =>
            `/console/deliveries/${ids.encode('delivery', announcementId, n)}`
          }
        />,
      );
    },
  });

  server.get('/subscribers/:id/edit', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const one = await subscribers.get(idOf(request));
      await noteLookUp(request, one.id);
      return show(reply, await form(request, NOTHING_TYPED, one, one));
    },
  });

  server.post('/subscribers/:id/edit', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const one = await subscribers.get(idOf(request));
      return take(request, reply, one, (input) =>
        subscribers.update(one.id, changesOf(one, input), actorOf(request)),
      );
    },
  });

  server.post('/subscribers/:id/remove', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      await subscribers.remove(idOf(request), 'console', actorOf(request));
      return goTo(reply, `${HOME}?done=removed`);
    },
  });
};
