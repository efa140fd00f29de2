import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Office, openOffice } from './herald.ts';

let office: Office;
let admin: string;
beforeAll(async () => {
  office = await openOffice();
  admin = await office.user('admin');
});
afterAll(() => office.close());

const message = (...more: string[]) =>
  office.run('message', '--channel', 'sms', '--to', '+14155550100', '--template', 'test-message', ...more);

test('an admin tries a channel: the message waits for the workers, and is no announcement', async () => {
  const sent = await message('--user', admin, '--field', 'note=a=b', '--expires', '5', '--json');
  expect(sent).toMatchObject({ code: 0, err: '' });
  expect(sent.json()).toEqual({
    id: expect.stringMatching(/^ann_/),
    delivery: expect.stringMatching(/^dlv_/),
  });
  const { rows } = await office.database.pool.query(
    `SELECT address_key, status, r.draft -> 'content' -> 'en' AS fields, extract(epoch FROM expires_at - approved_at)::int AS seconds
     FROM deliveries d JOIN announcements a ON a.id = d.announcement_id JOIN revisions r ON r.announcement_id = a.id`,
  );
  expect(rows).toEqual([
    { address_key: '+14155550100', status: 'queued', fields: { note: 'a=b' }, seconds: 300 },
  ]);
  expect((await office.run('status')).out).toContain('no announcements yet');
});

test('says what to look at', async () => {
  expect((await message('--user', admin)).out).toMatch(
    /^dlv_\w+ {2}on its way\n.*GET \/v1\/deliveries\/dlv_/,
  );
});

test.each([
  ['a field that is no pair', ['--field', 'note'], 2, 'no pair'],
  ['a field that there is not', ['--field', 'text=x'], 2, 'has no field "text"; it has note'],
  ['an unknown option', ['--colour', 'red'], 2, 'unknown option'],
])('%s is wrong usage', async (_, options, code, text) => {
  const answer = await message('--user', admin, ...options);
  expect([answer.code, answer.err]).toEqual([code, expect.stringContaining(text)]);
});

test('nobody else may', async () => {
  const answer = await message('--user', await office.user('approver'));
  expect([answer.code, answer.err]).toEqual([1, expect.stringContaining('this needs the role admin')]);
});
