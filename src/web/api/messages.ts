import { z } from 'zod';
import type { App } from '../../app.ts';
import { messageSchema } from '../../domain/single-message.ts';
import { holderOf } from '../access.ts';
import type { ZodServer } from './common.ts';

/** Single messages: to one person, before everything else. */
export function messageRoutes(server: ZodServer, app: Pick<App, 'messenger' | 'ids'>): void {
  const { messenger, ids } = app;

  server.post('/v1/messages', {
    config: { access: 'admin', invalidCode: 'invalid-message' },
    schema: {
      tags: ['messages'],
      summary: 'Write to one person',
      description:
        'By a template for single messages. It goes before all announcements, needs nobody’s approval, and expires soon. What became of it: `GET /v1/deliveries/:id`.',
      body: messageSchema,
      response: { 202: z.object({ id: z.string(), delivery: z.string().describe('Id of its delivery') }) },
    },
    handler: async (request, reply) => {
      const { announcementId, n } = await messenger.send(request.body, holderOf(request));
      const delivery = ids.encode('delivery', announcementId, n);
      return reply
        .code(202)
        .header('location', `/v1/deliveries/${delivery}`)
        .send({ id: ids.encode('announcement', announcementId), delivery });
    },
  });
}
