import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { type Person, person } from './visitor.ts';

let herald: Herald;
let approver: Person;
beforeAll(async () => {
  herald = await startHerald();
  approver = await person(herald, 'approver', '王强<svg onload=alert(1)>');
  await herald.app.identity.accounts.change(approver.id, { phone: '+14155550100', locale: 'en' }, undefined);
});
afterAll(() => herald.close());

const WEEK = '/console/admin/rota?week=2026-07-22';
const duty = (from: string, until: string) => ({
  user: approver.userId,
  from,
  until,
  position: '1',
  week: '2026-07-20',
});

test('a week says who is on duty, and in words when nobody is', async () => {
  const visitor = await approver.visit();
  const empty = await visitor.get(WEEK);
  expect(empty.body).toContain('00:00–24:00: nobody');
  const { status, location } = await visitor.post(
    '/console/admin/rota',
    duty('2026-07-20T08:00', '2026-07-26T20:00'),
  );
  expect([status, location]).toEqual([303, '/console/admin/rota?week=2026-07-20&done=added']);
  const { body } = await visitor.get(location);
  expect(body).toContain('00:00–08:00: nobody');
  expect(body).toContain('20:00–24:00: nobody');
  expect(body.match(/: nobody/g)).toHaveLength(2);
  expect(body).toContain('08:00–24:00');
  expect(body).not.toContain('<svg onload');
  // Whoever cannot be called fills no gap.
  await herald.app.identity.accounts.change(approver.id, { phone: null }, undefined);
  expect((await visitor.get(WEEK)).body.match(/00:00–24:00: nobody/g)).toHaveLength(7);
  await herald.app.identity.accounts.change(approver.id, { phone: '+14155550100' }, undefined);

  const id = /name="id" value="(\d+)"/.exec(body)?.[1] ?? '';
  await visitor.post('/console/admin/rota/remove', { id });
  expect((await visitor.get(WEEK)).body.match(/00:00–24:00: nobody/g)).toHaveLength(7);
});

test.each([
  [{ until: '2026-07-19T20:00' }, 'It must end after it starts'],
  [{ until: '2027-07-26T20:00' }, 'within 31 days'],
  [{ user: 'usr_00000000000000000000000000' }, 'nobody who may approve'],
  [{ from: 'yesterday' }, 'error'],
  [{ from: '2026-13-40T99:99' }, 'error'],
  [{ position: '0' }, 'error'],
])('a duty with %j is shown again with what is wrong', async (change, words) => {
  const visitor = await approver.visit();
  const fields = { ...duty('2026-07-20T08:00', '2026-07-20T20:00'), ...change };
  const { status, body } = await visitor.post('/console/admin/rota', fields);
  expect([status, body.includes(words)]).toEqual([422, true]);
});

test('an author sees the week, and may not change it; a week that is none is this one', async () => {
  const visitor = await (await person(herald, 'author')).visit();
  const { body, status } = await visitor.get('/console/admin/rota?week=%3Cb%3E&done=nonsense');
  expect([status, body.includes('action="/console/admin/rota"')]).toEqual([200, false]);
});
