import { z } from 'zod';
import type { App } from '../../app.ts';
import { ROLES } from '../../domain/announcement.ts';
import { holderOf } from '../access.ts';
import { idParams, iso, isoOrNull, noBody, text, time, timeOrNull, type ZodServer } from './common.ts';

const userSchema = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  createdAt: time,
  disabledAt: timeOrNull,
});
const keySchema = z.object({ id: z.string(), createdAt: time, revokedAt: timeOrNull });

/** The press office's people and their keys; for admins. */
export function userRoutes(server: ZodServer, app: Pick<App, 'users' | 'ids'>): void {
  const { users, ids } = app;
  const config = { access: 'admin' } as const;
  const tags = ['users'];
  const userId = (id: string) => ids.decode('user', id).id;
  const view = (user: Awaited<ReturnType<App['users']['get']>>) => ({
    id: ids.encode('user', user.id),
    name: user.name,
    role: user.role,
    createdAt: iso(user.createdAt),
    disabledAt: isoOrNull(user.disabledAt),
  });

  server.get('/v1/users', {
    config,
    schema: {
      tags,
      summary: 'Everybody, disabled ones too',
      response: { 200: z.object({ items: z.array(userSchema), nextCursor: z.null() }) },
    },
    handler: async () => ({ items: (await users.list()).map(view), nextCursor: null }),
  });

  server.post('/v1/users', {
    config,
    schema: {
      tags,
      summary: 'Add a user',
      body: z.strictObject({ name: text(200), role: z.enum(ROLES) }),
      response: { 201: userSchema },
    },
    handler: async (request, reply) =>
      reply.code(201).send(view(await users.add(request.body, holderOf(request)))),
  });

  server.post('/v1/users/:id/disable', {
    config,
    schema: {
      tags,
      summary: 'Their keys and sessions stop working at once, and for good',
      params: idParams,
      body: noBody,
      response: { 200: userSchema },
    },
    handler: async (request) => view(await users.disable(userId(request.params.id), holderOf(request))),
  });

  server.get('/v1/users/:id/keys', {
    config,
    schema: {
      tags,
      summary: "A user's keys; what they are is not kept",
      params: idParams,
      response: { 200: z.object({ items: z.array(keySchema), nextCursor: z.null() }) },
    },
    handler: async (request) => {
      const { id } = await users.get(userId(request.params.id));
      const keys = await users.keys(id);
      return {
        items: keys.map((key) => ({
          id: ids.encode('key', key.id),
          createdAt: iso(key.createdAt),
          revokedAt: isoOrNull(key.revokedAt),
        })),
        nextCursor: null,
      };
    },
  });

  server.post('/v1/users/:id/keys', {
    config,
    schema: {
      tags,
      summary: 'A new key; it is shown this once',
      params: idParams,
      body: noBody,
      response: { 201: z.object({ id: z.string(), key: z.string() }) },
    },
    handler: async (request, reply) => {
      const { id, key } = await users.createKey(userId(request.params.id), holderOf(request));
      return reply.code(201).send({ id: ids.encode('key', id), key });
    },
  });

  server.delete('/v1/keys/:id', {
    config,
    schema: {
      tags,
      summary: 'Revoke a key',
      params: idParams,
      response: { 204: z.undefined().describe('Revoked') },
    },
    handler: async (request, reply) => {
      await users.revokeKey(ids.decode('key', request.params.id).id, holderOf(request));
      return reply.code(204).send(undefined);
    },
  });
}
