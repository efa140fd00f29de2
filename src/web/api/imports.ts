import type { Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { App } from '../../app.ts';
import { HeraldError } from '../../domain/errors.ts';
import { importCsv, MAX_IMPORT_BYTES } from '../../pipeline/import.ts';
import { COLUMNS } from '../../pipeline/import-row.ts';
import { holderOf } from '../access.ts';
import { hashOf, hold, replay } from '../idempotency.ts';
import { pageFrom, pageOf, pageQuery, readCursor } from '../paging.ts';
import { idParams, iso, isoOrNull, time, timeOrNull, type ZodServer } from './common.ts';

const importSchema = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  rowsRead: z.int(),
  taken: z.int(),
  refused: z.int(),
  error: z.string().nullable().describe('Why it failed, and how far it came'),
  createdAt: time,
  finishedAt: timeOrNull,
});
const refusalSchema = z.object({ line: z.int(), code: z.string(), message: z.string() });
const withRefusals = importSchema.extend({ refusals: pageOf(refusalSchema) });

/** CSV files of citizens. */
export function importRoutes(
  server: ZodServer,
  app: Pick<App, 'imports' | 'lists' | 'ids' | 'idempotency'>,
): void {
  const { imports, ids } = app;
  const tags = ['imports'];
  type ImportRecord = Awaited<ReturnType<App['imports']['get']>>;
  const view = (record: ImportRecord) => ({
    id: ids.encode('import', record.id),
    state: record.state,
    rowsRead: record.rowsRead,
    taken: record.taken,
    refused: record.refused,
    error: record.error,
    createdAt: iso(record.createdAt),
    finishedAt: isoOrNull(record.finishedAt),
  });
  const refusals = async (importId: number, after: number, limit: number) => {
    const rows = await imports.refusals(importId, { after, limit: limit + 1 });
    return pageFrom(
      rows,
      limit,
      ({ line, code, message }) => ({ line, code, message }),
      (last) => ids.encode('import', importId, last.line),
    );
  };

  // The only route that takes a body as a stream; it never lies in memory whole.
  server.register(async (scope: ZodServer) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload));
    scope.post('/v1/imports', {
      config: { access: 'approver', streamed: true },
      schema: {
        tags,
        summary: 'Import citizens from a CSV file',
        description:
          `Body: UTF-8 CSV below ${MAX_IMPORT_BYTES / 1_000_000} MB with the header \`${COLUMNS.join(',')}\`; \`;\` separates topics and districts, ` +
          'each line is one record. Answers when the whole file is read: what was taken, and why each other row was refused.',
        consumes: ['text/csv'],
        response: { 201: withRefusals },
      },
      handler: async (request, reply) => {
        if (!(request.body instanceof Readable)) {
          throw new HeraldError('invalid', 'empty-file', 'there is no file in the body', {
            fix: 'send it with Content-Type: text/csv',
          });
        }
        if (Number(request.headers['content-length'] ?? 0) >= MAX_IMPORT_BYTES) {
          throw new HeraldError(
            'too-large',
            'too-large',
            `the file is not smaller than ${MAX_IMPORT_BYTES / 1_000_000} MB; nothing was taken`,
            {
              fix: 'split it into several files',
            },
          );
        }
        const hash = hashOf(request);
        const body = hashing(request.body, hash);
        const stored = await hold(app, request, undefined);
        if (stored) {
          for await (const _ of body);
          app.idempotency.checkSame(stored, hash.digest());
          return replay(reply, stored);
        }
        const record = await importCsv(body, { imports, lists: app.lists, userId: holderOf(request).id });
        if (request.held) request.held.sha256 = hash.digest();
        return reply.code(201).send({ ...view(record), refusals: await refusals(record.id, 0, 500) });
      },
    });
  });

  server.get('/v1/imports', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'Imports, newest first',
      querystring: pageQuery,
      response: { 200: pageOf(importSchema) },
    },
    handler: async ({ query: { cursor, limit } }) => {
      const before = readCursor(ids, 'import', cursor)?.id;
      const rows = await imports.list({ limit: limit + 1, ...(before !== undefined && { before }) });
      return pageFrom(rows, limit, view, (last) => ids.encode('import', last.id));
    },
  });

  server.get('/v1/imports/:id', {
    config: { access: 'approver' },
    schema: {
      tags,
      summary: 'One import, with a page of the rows it refused',
      params: idParams,
      querystring: pageQuery,
      response: { 200: withRefusals },
    },
    handler: async ({ params, query: { cursor, limit } }) => {
      const record = await imports.get(ids.decode('import', params.id).id);
      const from = readCursor(ids, 'import', cursor);
      if (from && from.id !== record.id)
        throw new HeraldError('invalid', 'invalid-cursor', 'this cursor is not one of this import');
      return { ...view(record), refusals: await refusals(record.id, from?.n ?? 0, limit) };
    },
  });
}

/**
 * The body, hashed as it passes. Whoever stops reading early leaves the rest to be thrown away: a client that is
 * still sending would otherwise never read our answer, and its connection stay open.
 */
async function* hashing(stream: Readable, hash: Hash): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
  } finally {
    stream.resume();
  }
}
