import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { purposeKey } from '../../src/config.ts';
import { leaveToken } from '../../src/domain/leave-token.ts';
import { html, page } from '../../src/web/public/html.ts';
import { buildServer } from '../../src/web/server.ts';
import { type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

/** A subscriber's leave link, by mailbox. */
async function linkOf(email: string): Promise<string> {
  await herald.app.subscribers.add({
    locale: 'en',
    email,
    topics: [],
    districts: [],
    consentAt: new Date(),
    consentSource: 'test',
  });
  const { rows } = await herald.app.pool.query<{ id: number }>('SELECT id FROM contacts WHERE address = $1', [
    email,
  ]);
  return `/u/${leaveToken(purposeKey(herald.secret, 'leave'), rows[0]?.id ?? 0)}`;
}
const reasonOf = async (email: string) =>
  (await herald.app.pool.query('SELECT reason, source FROM suppressions WHERE address = $1', [email]))
    .rows[0];

describe('leaving', () => {
  test('GET shows a button and changes nothing, however often a scanner comes', async () => {
    const url = await linkOf('scanned@example.org');
    for (const method of ['GET', 'HEAD', 'GET'] as const) {
      const answer = await herald.server.inject({ method, url });
      expect(answer.statusCode).toBe(200);
      if (method === 'GET')
        expect(answer.payload).toMatch(
          /<form method="post">[\s\S]*<button type="submit">退订 <span lang="en">· Unsubscribe/,
        );
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(await reasonOf('scanned@example.org')).toBeUndefined();
  });

  test.each([
    ['one click', 'application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click', 'one-click'],
    [
      'one click, multipart',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
      'one-click',
    ],
    ['the page’s button', 'application/x-www-form-urlencoded', 'confirm=yes', 'leave-page'],
    ['nothing at all', undefined, undefined, 'leave-page'],
  ])('POST leaves: %s', async (what, type, payload, source) => {
    const email = `${what.replace(/\W/g, '')}@example.org`;
    const url = await linkOf(email);
    const answer = await herald.server.inject({
      method: 'POST',
      url,
      headers: type ? { 'content-type': type } : {},
      ...(payload !== undefined && { payload }),
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.payload).toContain('You have unsubscribed');
    expect(answer.payload).not.toContain(email);
    expect(await reasonOf(email)).toEqual({ reason: 'left', source });
    const again = await herald.server.inject({ url });
    expect(again.payload).toContain('You have unsubscribed');
    expect((await herald.server.inject({ method: 'POST', url })).statusCode).toBe(200);
  });

  test.each([
    ['an unknown token', 'x', undefined, ''],
    ['a broken JSON body', 'x', 'application/json', '{'],
    ['a large body', 'x', 'text/plain', 'y'.repeat(20_000)],
  ])('whatever is wrong is a page: %s', async (_, token, type, payload) => {
    const answer = await herald.server.inject({
      method: 'POST',
      url: `/u/${token}`,
      payload,
      headers: type ? { 'content-type': type } : {},
    });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).toContain('This link does not work');
  });

  test('an unknown link is a friendly page; the token is in no log', async () => {
    const url = await linkOf('logged@example.org');
    const forged = `${url.slice(0, 13)}${url[13] === 'x' ? 'y' : 'x'}${url.slice(14)}`;
    for (const bad of [forged, '/u/x', `/u/${'y'.repeat(150)}`]) {
      for (const method of ['GET', 'POST'] as const) {
        const answer = await herald.server.inject({ method, url: bad });
        expect(answer.statusCode).toBe(404);
        expect(answer.headers['content-type']).toMatch(/^text\/html/);
        expect(answer.payload).toContain('This link does not work');
      }
    }
    await herald.server.inject({ url });
    await herald.server.inject({ method: 'POST', url });
    await herald.server.inject({ url: `${url}/nothing` });
    expect(herald.logged()).toContain('"route":"/u/:token"');
    expect(herald.logged()).not.toContain(url.slice(3));
    expect(herald.logged()).not.toContain('logged@example.org');
  });
});

describe('pages', () => {
  test('say that this is a trial; nothing is inline', async () => {
    for (const url of ['/', await linkOf('pages@example.org'), '/u/unknown']) {
      const { payload } = await herald.server.inject({ url });
      expect(payload).toContain('试运行 · trial');
      expect(payload).toMatch(/^<!doctype html>\n<html lang="zh-CN">/);
      expect(payload).not.toMatch(/<script|<style|style=|onclick=|href="http/);
    }
    const live = await buildServer({ ...herald.app, config: { ...herald.app.config, mode: 'live' } });
    expect((await live.inject({ url: '/' })).payload).not.toContain('trial');
    await live.close();
    expect((await herald.server.inject({ url: '/style.css' })).headers['content-type']).toMatch(/^text\/css/);
  });

  test('what is put into a page is escaped', () => {
    const evil = '<script>alert("1")</script>';
    const text = page({
      title: evil,
      lang: 'en',
      mode: 'live',
      body: html`<p title="${`" x='`}">${evil}${html`<b>${1}</b>`}</p>`,
    });
    expect(text).not.toContain('<script>');
    expect(text).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;<b>1</b>');
    expect(text).toContain('title="&quot; x=&#39;"');
  });

  test('the schema of the webhook is public', async () => {
    const answer = await herald.server.inject({ url: '/schemas/announcement.v1.json' });
    expect(answer.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/schema\+json/),
      'access-control-allow-origin': '*',
    });
    expect(answer.json()).toMatchObject({ $id: '/schemas/announcement.v1.json', type: 'object' });
  });
});

describe('operations', () => {
  test('health, readiness and metrics', async () => {
    expect((await herald.server.inject({ url: '/healthz' })).json()).toEqual({ ok: true });
    const ready = await herald.server.inject({ url: '/readyz' });
    expect([ready.statusCode, ready.json()]).toEqual([
      200,
      { ready: true, checks: { database: 'ok', schema: 'ok', queue: 'ok' } },
    ]);
    const { payload, headers } = await herald.server.inject({ url: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(payload).toContain('herald_database_up 1');
    expect(payload).toContain('herald_oldest_due_seconds 0');
    expect(payload).toMatch(
      /herald_http_request_duration_seconds_count\{method="GET",route="\/readyz",status="200"\} \d/,
    );
    expect(payload).toContain('process_resident_memory_bytes');
  });

  test('not ready: which check says no; metrics go on without the database', async () => {
    const checks = { database: 'connection refused', schema: 'ok', queue: 'ok' };
    const reports = { ...herald.app.reports, health: () => Promise.reject(new Error('away')) };
    const server = await buildServer({
      ...herald.app,
      reports,
      ready: async () => ({ ready: false, checks }),
    });
    const answer = await server.inject({ url: '/readyz' });
    expect([answer.statusCode, answer.json()]).toEqual([503, { ready: false, checks }]);
    expect((await server.inject({ url: '/metrics' })).payload).toContain('herald_database_up 0');
    await server.close();
  });
});

describe('the reference', () => {
  test('OpenAPI 3.1 knows every route of the API, its role and its problems', async () => {
    const document = (await herald.server.inject({ url: '/openapi.json' })).json();
    expect(document.openapi).toBe('3.1.0');
    const names: string[] = [];
    for (const { method, url, access } of herald.server.accessRules) {
      if (!url.startsWith('/v1/') || method === 'HEAD') continue;
      const operation = document.paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(operation, `${method} ${url}`).toMatchObject({
        summary: expect.any(String),
        security: [{ key: [] }],
      });
      expect(operation.description).toContain(access);
      names.push(operation.operationId);
      expect(operation.responses.default.content['application/problem+json']).toBeDefined();
    }
    expect(names).toContain('postAnnouncementsIdApprove');
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^(get|post|put|patch|delete)[A-Z][A-Za-z]+$/);
    expect(Object.keys(document.components.schemas.Preview.properties)).toEqual(
      expect.arrayContaining(['locales', 'webhook', 'audience', 'segments', 'seconds', 'heldUntil']),
    );
    expect(document.components.schemas.Problem).toBeDefined();
    expect(document.paths['/v1/imports'].post.requestBody.content).toHaveProperty('text/csv');
    expect(
      Object.keys(document.paths).filter((path) => path.startsWith('/callbacks') || path.startsWith('/u/')),
    ).toEqual([]);
  });

  test('the page needs nothing from elsewhere', async () => {
    const { payload, headers } = await herald.server.inject({ url: '/docs/' });
    expect(headers['content-security-policy']).toMatch(/script-src 'self'; style-src 'self'/);
    const assets = [...payload.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset ?? '');
    expect(assets.length).toBeGreaterThan(4);
    for (const asset of assets) {
      expect(asset).not.toMatch(/^https?:/);
      expect(
        (await herald.server.inject({ url: new URL(asset, 'http://x/docs/').pathname })).statusCode,
        asset,
      ).toBe(200);
    }
    expect((await herald.server.inject({ url: '/docs/json' })).json().openapi).toBe('3.1.0');
  });
});
