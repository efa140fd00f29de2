import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { callsOf, NOT_HERE } from './calls.ts';
import { type Person, person, Visitor } from './visitor.ts';

let herald: Herald;
let admin: Person;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin');
});
afterAll(() => herald.close());

const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0]?.id ?? 0;

// As many requests as there are routes, most by somebody who signs in for it.
test('every route that changes something leaves a row in the name of who called it, without their words', {
  timeout: 90_000,
}, async () => {
  const posts = herald.server.accessRules
    .filter(({ method, url }) => url.startsWith('/console') && !['GET', 'HEAD'].includes(method))
    .map(({ url }) => url);
  const calls = callsOf(herald, admin);
  expect(posts.sort()).toEqual([...Object.keys(calls), ...NOT_HERE].sort());
  for (const [route, prepare] of Object.entries(calls)) {
    const { by, url, fields, file, actor } = await prepare();
    if (by.csrf === '') await by.get('/console/sign-in');
    const before = await newest();
    const { status } = await (file ? by.upload(url, file) : by.post(url, fields));
    expect([route, status < 400]).toEqual([route, true]);
    const rows = (await herald.app.audit.list({ limit: 20 })).filter((row) => row.id > before);
    expect([route, rows.map((row) => row.actor)]).toEqual([route, expect.arrayContaining([actor])]);
    expect(JSON.stringify(rows)).not.toMatch(/New name|13800138000|example\.org|herons|Somebody/);
  }
  expect(await herald.app.audit.verify([])).toMatchObject({ broken: null });
});

test('a refused attempt is told of whom, and nothing of what was typed', async () => {
  const { id, login } = await person(herald, 'author');
  const before = await newest();
  await new Visitor(herald).post('/console/sign-in', { login, password: 'not the one' });
  await new Visitor(herald).post('/console/sign-in', { login: 'nobody', password: 'not the one' });
  const rows = (await herald.app.audit.list({ limit: 20 })).filter((row) => row.id > before);
  expect(rows.map(({ actor, act, subjectId, details }) => [actor, act, subjectId, details])).toEqual([
    [null, 'refuse', null, { what: 'password' }],
    [null, 'refuse', String(id), { what: 'password' }],
  ]);
});
