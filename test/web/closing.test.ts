import fastify from 'fastify';
import { Agent, request } from 'undici';
import { expect, test } from 'vitest';
import { closeSoon } from '../../src/web/closing.ts';

test('a server that is told to close ends when its last answer is given, and not when its connections are old', async () => {
  const server = fastify({ forceCloseConnections: 'idle', keepAliveTimeout: 60_000 });
  closeSoon(server);
  let answer = () => {};
  const asked = new Promise<void>((heard) => {
    server.get('/', () => {
      heard();
      return new Promise((resolve) => {
        answer = () => resolve('done');
      });
    });
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAliveTimeout: 60_000 });
  const sent = request(url, { dispatcher: agent });
  await asked;
  const closed = server.close();
  answer();
  expect(await (await sent).body.text()).toBe('done');
  const began = performance.now();
  await closed;
  expect(performance.now() - began).toBeLessThan(10_000);
  await agent.close();
});
