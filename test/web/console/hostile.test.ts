import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { type Call, callsOf, NOT_HERE } from './calls.ts';
import { type Person, person } from './visitor.ts';

let herald: Herald;
let admin: Person;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin');
});
afterAll(() => herald.close());

/** What no field takes comes first: a form that is taken is not sent a second time. */
const ODD = [
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  '',
  'usr_0',
  '-1',
  '{"a":1}',
  '<svg onload=1>',
  '9'.repeat(30),
];

const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0]?.id ?? 0;
/** What was done since; that somebody was refused, or shown a page again, is not. */
const doneSince = async (id: number) =>
  (await herald.app.audit.list({ limit: 50 })).filter(
    (row) => row.id > id && !['refuse', 'look-up'].includes(row.act),
  );

/** Fields that some page somewhere reads, sent where they do not belong. */
const ELSEWHERE = ['id', 'name', 'code', 'recoveryCode', 'answer', 'next', 'does'];

test('whatever one field of a good form holds, the answer is a page, and what is refused is not done', {
  timeout: 180_000,
}, async () => {
  const post = async (
    route: string,
    { by, url, fields = {} }: Call,
    odd: Readonly<Record<string, string>>,
  ) => {
    await herald.app.pool.query('DELETE FROM sign_in_attempts');
    const before = await newest();
    const { status, body } = await by.post(url, { ...fields, ...odd });
    expect([route, odd, status, status < 500]).toEqual([route, odd, status, true]);
    expect(body).not.toContain('<svg onload');
    if (status >= 400) expect([route, odd, await doneSince(before)]).toEqual([route, odd, []]);
    return status < 400;
  };
  let refused = 0;
  for (const [route, prepare] of Object.entries(callsOf(herald, admin))) {
    let call = await prepare();
    for (const name of Object.keys(call.fields ?? {})) {
      for (const text of ODD) {
        if (await post(route, call, { [name]: text })) {
          call = await prepare();
          break;
        }
        refused += 1;
      }
    }
    await post(route, call, Object.fromEntries(ELSEWHERE.map((name) => [name, '<svg onload=1>'])));
    // The form itself was good, all the while.
    call = await prepare();
    if (call.file === undefined)
      expect([route, await post(route, call, { 'a name that no form has': '\u0000' })]).toEqual([
        route,
        true,
      ]);
  }
  expect(refused).toBeGreaterThan(200);
  const visitor = await admin.visit();
  for (const url of NOT_HERE)
    for (const text of ODD)
      await post(
        url,
        { by: visitor, actor: admin.id, url },
        Object.fromEntries(ELSEWHERE.map((name) => [name, text])),
      );
});

test('what leads nowhere takes no second factor', async () => {
  const visitor = await admin.visit();
  const before = await newest();
  const { status } = await visitor.post('/console/nothing', { _csrf: '', secondFactor: '1', code: '000000' });
  expect([status, await newest()]).toEqual([404, before]);
});
