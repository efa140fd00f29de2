import { sessionOf } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';

/** What a browser's passkey is asked; JSON, for assets/passkey.js. */
export const passkeyRoutes: ConsolePages = (server, { identity: { passkeys } }) => {
  server.post('/passkeys/ask', {
    config: { access: 'public' },
    handler: async (_request, reply) => reply.send(await passkeys.ask()),
  });
  server.post('/passkeys/ask-mine', {
    config: { access: 'author', halfWay: true },
    handler: async (request, reply) => reply.send(await passkeys.ask(sessionOf(request).userId)),
  });
  server.post('/passkeys/ask-new', {
    config: { access: 'author', halfWay: true },
    handler: async (request, reply) => reply.send(await passkeys.askToAdd(sessionOf(request))),
  });
};
