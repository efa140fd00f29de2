import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Herald, startHerald } from './herald.ts';

const HEADER = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
const GOOD = '2026-01-05,counter';
const CSV = { 'content-type': 'text/csv; charset=utf-8' };
let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

const post = (csv: string, headers = {}) =>
  herald.as('approver').send('POST', '/v1/imports', csv, { ...CSV, ...headers });
const count = async () =>
  (await herald.app.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM subscribers')).rows[0]?.n;

test('answers what it took and why it refused the rest, page by page', async () => {
  const bad = Array.from({ length: 510 }, (_, i) =>
    `P,123,,en,,,${GOOD},${i}`.slice(0, -String(i).length - 1),
  );
  const answer = await post([HEADER, `A,13800000001,,en,,,${GOOD}`, ...bad].join('\n'));
  expect(answer).toMatchObject({
    status: 201,
    body: { id: expect.stringMatching(/^imp_/), state: 'done', rowsRead: 511, taken: 1, refused: 510 },
  });
  expect(answer.body.refusals.items).toHaveLength(500);
  expect(answer.body.refusals.items[0]).toEqual({ line: 3, code: 'bad-phone', message: expect.any(String) });
  const rest = await herald
    .as('approver')
    .get(`/v1/imports/${answer.body.id}?cursor=${answer.body.refusals.nextCursor}`);
  expect(rest.body.refusals).toMatchObject({ items: { length: 10 }, nextCursor: null });
  expect(rest.body.refusals.items[0].line).toBe(503);
  expect((await herald.as('approver').get('/v1/imports')).body.items[0].id).toBe(answer.body.id);
});

test('an import that is sent twice under one key is done once', async () => {
  const csv = `${HEADER}\nB,13800000002,,en,,,${GOOD}\n`;
  const key = { 'idempotency-key': 'import-1' };
  const [first, second] = [await post(csv, key), await post(csv, key)];
  expect(first).toMatchObject({ status: 201, body: { taken: 1 } });
  expect(second.body).toEqual(first.body);
  expect(second.headers['idempotency-replayed']).toBe('true');
  const other = csv.replace('13800000002', '13800000003');
  expect(await post(other, key)).toMatchObject({ status: 409, body: { code: 'idempotency-key-reused' } });
});

test('a refused file gives its key back, so that the corrected one can be sent under it', async () => {
  const key = { 'idempotency-key': 'import-2' };
  expect(await post('nonsense\n', key)).toMatchObject({
    status: 400,
    body: { code: 'bad-header', fix: expect.stringContaining(HEADER) },
  });
  expect((await post(`${HEADER}\nC,13800000004,,en,,,${GOOD}\n`, key)).status).toBe(201);
});

test('JSON, and no body, are refused', async () => {
  const approver = herald.as('approver');
  expect(await approver.send('POST', '/v1/imports', { rows: [] })).toMatchObject({
    status: 415,
    body: { code: 'unsupported-media-type', fix: expect.stringContaining('text/csv') },
  });
  expect(await approver.send('POST', '/v1/imports')).toMatchObject({
    status: 400,
    body: { code: 'empty-file' },
  });
  expect(await post('')).toMatchObject({ status: 400 });
});

test('100 MB are refused at the door when they announce themselves, and on the way when they do not', async () => {
  const before = await count();
  const port = await listen();
  const line = Buffer.from(`P,123,,en,,,${GOOD}\n`.repeat(3_000));
  const declared = await upload(port, { 'content-length': '100000000' }, []);
  expect(declared).toMatchObject({ status: 413, body: { code: 'too-large' } });
  expect(
    (await herald.as('approver').get('/v1/imports')).body.items.filter(
      (i: { state: string }) => i.state === 'failed',
    ),
  ).toEqual([]);

  const wrong = await upload(
    port,
    { 'transfer-encoding': 'chunked' },
    Array.from({ length: 1_000 }, () => line),
  );
  expect(wrong).toMatchObject({ status: 400, body: { code: 'too-many-refusals' } });

  const endless = Array.from({ length: 1_530 }, () => Buffer.alloc(65_536, 'x'));
  const long = await upload(port, { 'transfer-encoding': 'chunked' }, endless);
  expect(long).toMatchObject({ status: 413, body: { code: 'too-large' } });
  expect(await count()).toBe(before);
});

test('an upload that breaks off leaves a failed import', async () => {
  const port = await listen();
  const approver = herald.as('approver');
  const newest = async () => (await approver.get('/v1/imports')).body.items[0];
  const headers = { ...CSV, authorization: `Bearer ${approver.key}`, 'transfer-encoding': 'chunked' };
  const sending = request({ port, method: 'POST', path: '/v1/imports', headers });
  const closed = new Promise((resolve) => sending.on('error', () => undefined).on('close', resolve));
  sending.write(`${HEADER}\nD,13800000009,,en,,,${GOOD}\n`);
  await expect.poll(newest, { timeout: 10_000 }).toMatchObject({ state: 'running' });
  sending.destroy();
  await closed;
  await expect
    .poll(newest, { timeout: 10_000 })
    .toMatchObject({ state: 'failed', taken: 0, error: expect.stringMatching(/broke off/) });
});

async function listen(): Promise<number> {
  if (!herald.server.server.listening) await herald.server.listen({ host: '127.0.0.1', port: 0 });
  return (herald.server.server.address() as AddressInfo).port;
}

/** Sends chunks as fast as they are taken, and stops when the answer comes. */
function upload(
  port: number,
  headers: Record<string, string>,
  chunks: readonly Buffer[],
): Promise<{ status: number | undefined; body: unknown }> {
  const { key } = herald.as('approver');
  return new Promise((resolve, reject) => {
    let answered = false;
    const sending = request(
      {
        port,
        method: 'POST',
        path: '/v1/imports',
        headers: { ...CSV, authorization: `Bearer ${key}`, ...headers },
      },
      (response) => {
        answered = true;
        let text = '';
        response.on('data', (data) => {
          text += data;
        });
        response.on('end', () => {
          sending.destroy();
          resolve({ status: response.statusCode, body: JSON.parse(text) });
        });
      },
    );
    // The server may close while we are still sending; what counts is that it answered.
    sending.on('error', (error) => answered || reject(error));
    if (chunks.length === 0) return void sending.flushHeaders();
    const next = (i: number): void => {
      const chunk = chunks[i];
      if (answered || sending.destroyed) return;
      if (!chunk) return void sending.end();
      if (sending.write(`${i === 0 ? `${HEADER}\n` : ''}${chunk}`)) setImmediate(next, i + 1);
      else sending.once('drain', () => next(i + 1));
    };
    next(0);
  });
}
