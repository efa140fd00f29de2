import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLink, type Link } from '../../bench/chaos/link.ts';

const server = createServer((_, response) => response.end('here'));
let link: Link;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await createLink((server.address() as AddressInfo).port, 'GET /where');
});
afterAll(async () => {
  await link.close();
  server.closeAllConnections();
  server.close();
});
const ask = async (path = '/') => {
  const answer = await fetch(`http://127.0.0.1:${link.port}${path}`);
  return `${answer.status} ${await answer.text()}`;
};
const fails = () =>
  ask().then(
    () => 'answered',
    (error: Error) => (error.cause as NodeJS.ErrnoException).code,
  );

test('passes on, and is found on the same port after it refused', async () => {
  expect(await ask()).toBe('200 here');
  await link.set('refused');
  expect(await fails()).toBe('ECONNREFUSED');
  await link.set('unavailable');
  expect(await ask()).toBe('503 ');
  expect(await ask('/where')).toBe('200 here');
  expect(link.answered()).toBe(1);
  await link.set('open');
  expect(await ask()).toBe('200 here');
});

test('what is asked while it is held is answered when it is open again', async () => {
  expect(await ask()).toBe('200 here');
  await link.set('held');
  let answered = false;
  const answers = Promise.all([ask(), ask()]).then((all) => {
    answered = true;
    return all;
  });
  const others = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(await others.text()).toBe('here');
  expect(answered).toBe(false);
  await link.set('open');
  expect(await answers).toEqual(['200 here', '200 here']);
});
