import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { idParams, text } from '../api/common.ts';
import { actorOf, requireFreshSecondFactor, sessionOf } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { codesIn, type Lists, listsOf } from './list-choices.tsx';
import { HOME, type Outlet, OutletFormPage, OutletPage, OutletsPage, SecretPage } from './outlets-pages.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { outlets as words } from './words/outlets.ts';

const PAGE = 50;
const DELIVERIES_PAGE = 15;
const TESTS_SHOWN = 5;

const listQuery = z
  .object({
    after: z.string().max(64).optional().catch(undefined),
    done: z.enum(['removed']).optional().catch(undefined),
  })
  .loose();
const oneQuery = z
  .object({ before: z.string().max(64).optional().catch(undefined), done: z.string().max(40).catch('') })
  .partial()
  .loose();
const outletForm = z.object({ outlet: text(200), url: z.string().trim().min(1).max(2_000) });
const disableForm = z.object({ reason: text(500) });
const againForm = z.object({ delivery: z.string().max(64) });

/** What the rules refuse, beside the field that it is about. */
function wordsFor(
  view: View,
  { code, message }: HeraldError,
): readonly [field: string, said: string] | undefined {
  const t = words[view.locale];
  switch (code) {
    case 'endpoint-url-refused':
      // Why exactly is said in English only.
      return ['url', view.locale === 'en' ? `${t.badUrl} ${message}` : t.badUrl];
    case 'endpoint-exists':
      return ['url', t.taken];
    case 'unknown-topic':
    case 'unknown-district':
      return ['', t.unknownList];
    default:
      return undefined;
  }
}

/** Newspapers and stations: where they are written to, whether it arrives, and what can be done about it. */
export const outletPages: ConsolePages = (server, app) => {
  const { endpoints, ids, users, administration } = app;
  const { outlets, outletSends } = administration;
  const may = { access: 'approver' } as const;
  const idOf = (request: FastifyRequest) => ids.decode('endpoint', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `${HOME}/${ids.encode('endpoint', id)}`;
  const mayChange = (request: FastifyRequest) => sessionOf(request).role !== 'author';

  server.get('/outlets', {
    config: { access: 'author' },
    schema: { querystring: listQuery },
    handler: async (request, reply) => {
      const { after, done } = request.query as z.output<typeof listQuery>;
      const from = ids.tryDecode('endpoint', after ?? '')?.id ?? 0;
      const [found, lists] = await Promise.all([
        endpoints.list({ after: from, limit: PAGE + 1 }),
        listsOf(app),
      ]);
      const rows = found.slice(0, PAGE);
      return show(
        reply,
        <OutletsPage
          view={viewOf(request, app)}
          rows={rows}
          last={await outlets.last(rows.map(({ id }) => id))}
          lists={lists}
          mayChange={mayChange(request)}
          removed={done === 'removed'}
          pageOf={pageOf}
          earlier={from > 0 ? HOME : undefined}
          later={
            found.length > PAGE ? `${HOME}?after=${ids.encode('endpoint', rows.at(-1)?.id ?? 0)}` : undefined
          }
        />,
      );
    },
  });

  const form = async (
    request: FastifyRequest,
    typed: Typed,
    chosen: Readonly<Record<keyof Lists, readonly string[]>>,
    one?: Outlet,
  ) => (
    <OutletFormPage
      view={viewOf(request, app)}
      typed={typed}
      lists={await listsOf(app)}
      one={one}
      page={one ? pageOf(one.id) : HOME}
      chosen={chosen}
    />
  );

  /** Reads the form and writes it down; what is wrong is shown beside its field. */
  const take = async (
    request: FastifyRequest,
    reply: FastifyReply,
    one: Outlet | undefined,
    write: (input: Parameters<typeof endpoints.create>[0]) => Promise<FastifyReply>,
  ) => {
    const view = viewOf(request, app);
    const chosen = {
      topics: codesIn(request.body, 'topics'),
      districts: codesIn(request.body, 'districts'),
    };
    const { data, typed } = readForm(view, outletForm, request.body);
    if (!data) return show(reply, await form(request, typed, chosen, one), 422);
    try {
      return await write({ ...data, ...chosen });
    } catch (error) {
      const said = error instanceof HeraldError ? wordsFor(view, error) : undefined;
      if (!said) throw error;
      return show(reply, await form(request, withError(typed, ...said), chosen, one), 422);
    }
  };

  server.get('/outlets/new', {
    config: may,
    handler: async (request, reply) =>
      show(reply, await form(request, NOTHING_TYPED, { topics: [], districts: [] })),
  });

  server.post('/outlets/new', {
    config: may,
    handler: (request, reply) =>
      take(request, reply, undefined, async (input) => {
        const { id, secret } = await endpoints.create(input, actorOf(request));
        return showSecret(request, reply, id, secret);
      }),
  });

  /** The secret, this once. */
  const showSecret = async (request: FastifyRequest, reply: FastifyReply, id: number, secret: string) => {
    const { outlet } = await endpoints.get(id);
    return show(
      reply,
      <SecretPage view={viewOf(request, app)} name={outlet} secret={secret} page={pageOf(id)} />,
    );
  };

  const page = async (request: FastifyRequest, typed: Typed) => {
    const { before, done } = oneQuery.parse(request.query);
    const one = await endpoints.get(idOf(request));
    const from = ids.tryDecode('delivery', before ?? '');
    const [lists, last, found, tests, people] = await Promise.all([
      listsOf(app),
      outlets.last([one.id]),
      outlets.deliveries(one.id, { before: from?.id, limit: DELIVERIES_PAGE + 1 }),
      outlets.tests(one.id, TESTS_SHOWN),
      users.list(),
    ]);
    const rows = found.slice(0, DELIVERIES_PAGE);
    const end = rows.at(-1);
    const deliveryId = ({ announcementId, n }: { readonly announcementId: number; readonly n: number }) =>
      ids.encode('delivery', announcementId, n);
    return (
      <OutletPage
        view={viewOf(request, app)}
        one={one}
        id={ids.encode('endpoint', one.id)}
        last={last.get(one.id)}
        lists={lists}
        rows={rows}
        tests={tests}
        nameOf={(id) => people.find((user) => user.id === id)?.name ?? '—'}
        idOf={deliveryId}
        mayChange={mayChange(request)}
        typed={typed}
        done={done}
        earlier={from ? pageOf(one.id) : undefined}
        later={
          end && found.length > DELIVERIES_PAGE ? `${pageOf(one.id)}?before=${deliveryId(end)}` : undefined
        }
      />
    );
  };

  server.get('/outlets/:id', {
    config: { access: 'author' },
    schema: { params: idParams },
    handler: async (request, reply) => show(reply, await page(request, NOTHING_TYPED)),
  });

  server.get('/outlets/:id/edit', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const one = await endpoints.get(idOf(request));
      return show(reply, await form(request, NOTHING_TYPED, one, one));
    },
  });

  server.post('/outlets/:id/edit', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const one = await endpoints.get(idOf(request));
      return take(request, reply, one, async (input) => {
        await endpoints.update(one.id, input, actorOf(request));
        return goTo(reply, `${pageOf(one.id)}?done=saved`);
      });
    },
  });

  server.post('/outlets/:id/rotate', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const id = idOf(request);
      requireFreshSecondFactor(request, words[viewOf(request, app).locale].rotateNow, pageOf(id));
      try {
        const { secret } = await endpoints.rotateSecret(id, actorOf(request));
        return await showSecret(request, reply, id, secret);
      } catch (error) {
        if (!(error instanceof HeraldError && error.code === 'rotation-under-way')) throw error;
        return goTo(reply, `${pageOf(id)}?done=rotating`);
      }
    },
  });

  server.post('/outlets/:id/disable', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const id = idOf(request);
      const { data, typed } = readForm(viewOf(request, app), disableForm, request.body);
      if (!data) return show(reply, await page(request, typed), 422);
      await endpoints.disable(id, data.reason, actorOf(request));
      return goTo(reply, `${pageOf(id)}?done=disable`);
    },
  });

  server.post('/outlets/:id/again', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const id = idOf(request);
      const { data } = againForm.safeParse(request.body);
      const { id: announcementId, n } = ids.decode('delivery', data?.delivery ?? '');
      if ((await outlets.sent(announcementId, n)).endpointId !== id)
        throw new HeraldError('not-found', 'no-such-delivery', 'it went to another outlet');
      try {
        const taken = await outletSends.again(announcementId, n, actorOf(request));
        return goTo(reply, `${pageOf(id)}?done=${taken ? 'again' : 'not-taken'}`);
      } catch (error) {
        if (!(error instanceof HeraldError && error.kind === 'conflict')) throw error;
        return goTo(reply, `${pageOf(id)}?done=may-not`);
      }
    },
  });

  server.post('/outlets/:id/remove', {
    config: may,
    schema: { params: idParams },
    handler: async (request, reply) => {
      await endpoints.remove(idOf(request), actorOf(request));
      return goTo(reply, `${HOME}?done=removed`);
    },
  });

  /** Path → what is done; there is nothing to type. */
  const acts: Readonly<Record<string, (id: number, request: FastifyRequest) => Promise<unknown>>> = {
    test: (id, request) => outletSends.test(id, actorOf(request)),
    'drop-old-secret': (id, request) => endpoints.dropOldSecret(id, actorOf(request)),
    enable: (id, request) => endpoints.enable(id, actorOf(request)),
  };
  for (const [act, perform] of Object.entries(acts)) {
    server.post(`/outlets/:id/${act}`, {
      config: may,
      schema: { params: idParams },
      handler: async (request, reply) => {
        const id = idOf(request);
        await perform(id, request);
        return goTo(reply, `${pageOf(id)}?done=${act}`);
      },
    });
  }
};
