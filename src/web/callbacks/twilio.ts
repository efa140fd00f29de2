import formbody from '@fastify/formbody';
import { z } from 'zod';
import type { App } from '../../app.ts';
import type { ZodServer } from '../api/common.ts';

type SignedRequest = Parameters<App['receive']['smsStatus']>[0];

/** Twilio sends a kilobyte or two. */
const BODY_LIMIT = 64 * 1024;

/**
 * Twilio's callbacks. They are answered only after what they say is written; a 5xx makes Twilio try again.
 * No limit per address: a broadcast's receipts come from a few of them, and each must carry a signature.
 */
export async function twilioCallbacks(
  server: ZodServer,
  app: Pick<App, 'receive' | 'config'>,
): Promise<void> {
  await server.register(formbody, { bodyLimit: BODY_LIMIT });
  const config = { access: 'provider', rateLimit: false } as const;
  const query = z.record(z.string(), z.unknown());
  const signed = (request: {
    url: string;
    body: unknown;
    query: unknown;
    headers: Record<string, unknown>;
  }): SignedRequest => {
    const { 'x-twilio-signature': signature } = request.headers;
    return {
      // As Twilio knows it: behind a proxy our own host and protocol are others.
      url: `${app.config.publicUrl}${request.url}`,
      // All that came, unchecked: Twilio signs fields that we have never heard of.
      params: { ...(request.body as SignedRequest['params']) },
      query: { ...(request.query as SignedRequest['query']) },
      signature: typeof signature === 'string' ? signature : undefined,
    };
  };

  server.post('/callbacks/twilio/status', {
    config,
    bodyLimit: BODY_LIMIT,
    schema: { hide: true, querystring: query },
    handler: async (request, reply) => {
      await app.receive.smsStatus(signed(request));
      return reply.code(204).send();
    },
  });

  server.post('/callbacks/twilio/inbound', {
    config,
    bodyLimit: BODY_LIMIT,
    schema: { hide: true, querystring: query },
    handler: async (request, reply) => {
      const { twiml } = await app.receive.smsInbound(signed(request));
      return reply.type('text/xml; charset=utf-8').send(twiml);
    },
  });
}
