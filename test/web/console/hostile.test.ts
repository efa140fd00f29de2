import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Herald, startHerald } from '../herald.ts';
import { callsOf } from './calls.ts';
import { type Person, person } from './visitor.ts';

let herald: Herald;
let admin: Person;
beforeAll(async () => {
  herald = await startHerald();
  admin = await person(herald, 'admin');
});
afterAll(() => herald.close());

const ODD = [
  '',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  '{"a":1}',
  '-1',
  '9'.repeat(30),
  'usr_0',
  '<svg onload=1>',
];

const newest = async () => (await herald.app.audit.list({ limit: 1 }))[0]?.id ?? 0;
/** What was done since; that somebody was refused, or shown a page again, is not. */
const doneSince = async (id: number) =>
  (await herald.app.audit.list({ limit: 50 })).filter(
    (row) => row.id > id && !['refuse', 'look-up'].includes(row.act),
  );

test('whatever one field of a good form holds, the answer is a page, and what is refused is not done', {
  timeout: 120_000,
}, async () => {
  let asked = 0;
  for (const [route, prepare] of Object.entries(callsOf(herald, admin))) {
    const { by, url, fields = {} } = await prepare();
    for (const name of [...Object.keys(fields), 'a name that no form has']) {
      const before = await newest();
      let taken = false;
      for (const text of name in fields ? ODD : ODD.slice(-1)) {
        await herald.app.pool.query('DELETE FROM sign_in_attempts');
        const { status, body } = await by.post(url, { ...fields, [name]: text });
        asked += 1;
        expect([route, name, text, status, status < 500]).toEqual([route, name, text, status, true]);
        expect(body).not.toContain('<svg onload');
        taken ||= status < 400;
      }
      if (!taken) expect([route, name, await doneSince(before)]).toEqual([route, name, []]);
    }
  }
  expect(asked).toBeGreaterThan(500);
});
