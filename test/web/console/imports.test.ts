import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

const HOME = '/console/imports';
const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
const good = (n: number) => `P,1380000${String(n).padStart(4, '0')},,en,,,2026-01-05,desk`;
let herald: Herald;
let approver: Person;
let theirs: Visitor;
beforeAll(async () => {
  herald = await startHerald();
  approver = await person(herald, 'approver', '王强');
  theirs = await approver.visit();
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
  await theirs.get(HOME);
});
afterAll(() => herald.close());

describe('a list as a file', () => {
  test('is taken; its page tells every refused line, and so does its CSV', async () => {
    const file = [
      HEADER,
      good(1),
      'Q,123,,en,,,2026-01-05,desk',
      good(1),
      '=cmd|calc,,q@example.org,en,"=1+1",,2026-01-05,desk',
      '',
    ].join('\r\n');
    const { status, location } = await theirs.upload(HOME, file);
    expect([status, location.startsWith(`${HOME}/imp_`)]).toEqual([303, true]);
    const { body } = await theirs.get(location);
    for (const text of [
      '王强',
      'Done',
      'No good phone number',
      'Subscribed already, or on an earlier line',
      'No such topic',
    ])
      expect(body).toContain(text);
    expect(body.match(/role="rowheader">Line \d/g)?.map((cell) => cell.at(-1))).toEqual(['3', '4', '5']);
    const csv = await theirs.get(`${location}/refusals.csv`);
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.body.split('\r\n')[1]).toMatch(/^3,bad-phone,No good phone number,/);
    expect(csv.body).not.toMatch(/(^|,|\n)"?[=+@]/m);
    expect((await theirs.get(HOME)).body).toContain(location);
  });

  test('with many refused lines is shown in pages', async () => {
    const bad = Array.from({ length: 60 }, () => 'Q,123,,en,,,2026-01-05,desk');
    const { location } = await theirs.upload(HOME, [HEADER, ...bad].join('\n'));
    const { body } = await theirs.get(location);
    expect(body).toContain(`${location}?after=51`);
    expect((await theirs.get(`${location}?after=51`)).body).toContain('>Line 61<');
    expect((await theirs.get(`${location}?after=x`)).status).toBe(200);
  });

  test.each([
    ['', 'Line 1 must name the columns'],
    ['name,telephone\n', 'Line 1 must name the columns'],
    [`${HEADER}x\n`, 'there is no column'],
    ['<svg onload=alert(1)>,b\n', 'there is no column'],
  ])('that is none is refused on the page: %j', async (content, words) => {
    const { status, body } = await theirs.upload(HOME, content);
    expect([status, body.includes(words), body.includes('<svg onload')]).toEqual([422, true, false]);
  });

  test('must be there', async () => {
    const { status, body } = await theirs.post(`${HOME}?_csrf=${theirs.csrf}`);
    expect([status, body.includes('Choose a CSV file.')]).toEqual([422, true]);
  });

  test.each(['', 'multipart/form-data', 'multipart/form-data; boundary='])(
    'in a body that is none (%j) is answered with words',
    async (type) => {
      const answer = await theirs.post(`${HOME}?_csrf=${theirs.csrf}`, {}, { 'content-type': type });
      expect(answer.status).toBeLessThan(500);
      expect(answer.body).toContain('<!doctype html>');
    },
  );

  test('wants the token in its address', async () => {
    const csrf = theirs.csrf;
    theirs.csrf = 'x'.repeat(43);
    expect((await theirs.upload(HOME, HEADER)).status).toBe(403);
    theirs.csrf = csrf;
  });

  test('shows how far it has come while it is sent, and says so when it breaks off', async () => {
    await herald.server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = herald.server.server.address() as AddressInfo;
    const sending = request({
      port,
      host: '127.0.0.1',
      path: `${HOME}?_csrf=${theirs.csrf}`,
      method: 'POST',
      headers: {
        'content-type': 'multipart/form-data; boundary=edge',
        cookie: [...theirs.cookies].map((pair) => pair.join('=')).join('; '),
      },
    });
    sending.on('error', () => undefined);
    sending.write(
      '--edge\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n',
    );
    sending.write([HEADER, ...Array.from({ length: 5_001 }, (_, i) => good(i + 2)), ''].join('\n'));
    await eventually(async () =>
      expect((await theirs.get(`${HOME}/mine`)).body).toContain('5,000 lines read'),
    );
    const [running] = await herald.app.imports.list({ limit: 1 });
    const page = `${HOME}/${herald.app.ids.encode('import', running?.id ?? 0)}`;
    expect((await theirs.get(page)).body).toContain(`hx-get="${page}/state"`);
    sending.destroy();
    await eventually(async () =>
      expect((await herald.app.imports.get(running?.id ?? 0)).state).toBe('failed'),
    );
    const { body } = await theirs.get(page);
    expect(body).toContain('the upload broke off');
    expect(body).not.toContain(`${page}/state`);
    const part = await theirs.get(`${page}/state`, { 'hx-request': 'true' });
    expect([part.status, part.headers['hx-refresh']]).toEqual([204, 'true']);
  });
});
