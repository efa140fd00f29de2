import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ROLES } from '../../domain/announcement.ts';
import { idParams } from '../api/common.ts';
import { actorOf, requireFreshSecondFactor } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { nameField } from './contact.ts';
import { NOTHING_TYPED, readForm } from './forms.ts';
import { h } from './jsx.ts';
import { LinkPage, NewUserPage, UserPage, UsersPage } from './users-pages.tsx';
import { goTo, show, viewOf } from './view.ts';
import { account as words } from './words/account.ts';

const HOME = '/console/admin/users';
const query = z.object({ done: z.string().max(40).optional() }).loose();
const newUser = z.object({ name: nameField, role: z.enum(ROLES) });
const roleForm = z.object({ role: z.enum(ROLES) });
const sessionForm = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });

/** What is done to somebody → what its button says. */
const LABELS = {
  role: 'changeRole',
  disable: 'disableNow',
  enable: 'enable',
  sessions: 'endSessions',
} as const;

/** The office's people: who they are, what they may do, and that they can no longer. */
export const userPages: ConsolePages = (server, app) => {
  const { identity, ids, users } = app;
  const config = { access: 'admin' } as const;
  const numberOf = (request: FastifyRequest) => ids.decode('user', idParams.parse(request.params).id).id;
  const pageOf = (id: number) => `${HOME}/${ids.encode('user', id)}`;

  /** @param act as its button says it, in somebody's language */
  const requireFactor = async (
    request: FastifyRequest,
    id: number,
    act: (t: (typeof words)['en']) => string,
  ) => {
    const { name } = await identity.accounts.get(id);
    requireFreshSecondFactor(request, `${act(words[viewOf(request, app).locale])}: ${name}`, pageOf(id));
  };

  server.get('/admin/users', {
    config,
    handler: async (request, reply) =>
      show(
        reply,
        <UsersPage view={viewOf(request, app)} accounts={await identity.accounts.list()} pageOf={pageOf} />,
      ),
  });

  server.get('/admin/users/new', {
    config,
    handler: (request, reply) =>
      show(reply, <NewUserPage view={viewOf(request, app)} typed={NOTHING_TYPED} />),
  });

  server.post('/admin/users', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      requireFreshSecondFactor(request, words[view.locale].makeLink, `${HOME}/new`);
      const { data, typed } = readForm(view, newUser, request.body);
      if (!data) return show(reply, <NewUserPage view={view} typed={typed} />, 422);
      const { id } = await users.add(data, actorOf(request));
      return showLink(request, reply, id);
    },
  });

  server.get('/admin/users/:id', {
    config,
    schema: { params: idParams, querystring: query },
    handler: async (request, reply) => {
      const id = numberOf(request);
      const [one, sessions] = await Promise.all([identity.accounts.get(id), identity.sessions.list(id)]);
      const view = viewOf(request, app);
      return show(
        reply,
        <UserPage
          view={view}
          account={one}
          sessions={sessions}
          page={pageOf(id)}
          done={request.query.done}
        />,
      );
    },
  });

  /** The new link, this once. */
  const showLink = async (request: FastifyRequest, reply: FastifyReply, id: number) => {
    const { url, expiresAt } = await identity.invite(id, actorOf(request));
    const { name } = await identity.accounts.get(id);
    return show(
      reply,
      <LinkPage view={viewOf(request, app)} name={name} link={url} expiresAt={expiresAt} page={pageOf(id)} />,
    );
  };

  /** Path → what is done to the user; each asks for a fresh second factor. */
  const acts: Readonly<Record<string, (id: number, request: FastifyRequest) => Promise<unknown>>> = {
    role: (id, request) => identity.accounts.setRole(id, roleForm.parse(request.body).role, actorOf(request)),
    disable: (id, request) => users.disable(id, actorOf(request)),
    enable: (id, request) => identity.accounts.enable(id, actorOf(request)),
    sessions: (id, request) =>
      identity.sessions.end(id, sessionForm.safeParse(request.body).data ?? {}, actorOf(request)),
  };
  for (const [act, perform] of Object.entries(acts)) {
    server.post(`/admin/users/:id/${act}`, {
      config,
      schema: { params: idParams },
      handler: async (request, reply) => {
        const id = numberOf(request);
        await requireFactor(request, id, (t) => t[LABELS[act as keyof typeof LABELS]]);
        await perform(id, request);
        return goTo(reply, `${pageOf(id)}?done=${act}`);
      },
    });
  }

  server.post('/admin/users/:id/invite', {
    config,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const id = numberOf(request);
      await requireFactor(request, id, (t) => t.invite);
      return showLink(request, reply, id);
    },
  });
};
