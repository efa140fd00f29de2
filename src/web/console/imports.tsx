import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { importCsv } from '../../pipeline/import.ts';
import { COLUMNS } from '../../pipeline/import-row.ts';
import { idParams, type ZodServer } from '../api/common.ts';
import { actorOf } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { BOM, csvLine } from './csv.ts';
import { NOTHING_TYPED, type Typed, withError } from './forms.ts';
import { HOME, ImportPage, ImportsPage, reasonOf, StatePart, UploadPart } from './imports-pages.tsx';
import { h } from './jsx.ts';
import { uploadedFile } from './uploads.ts';
import { goTo, show, viewOf } from './view.ts';
import { imports as words } from './words/imports.ts';

const PAGE = 50;
const CSV_PAGE = 1_000;
/** Among these the visitor's own import is looked for. */
const RECENT = 20;

const listQuery = z.object({ before: z.string().max(64).optional().catch(undefined) }).loose();
const oneQuery = z.object({ after: z.coerce.number().int().min(0).max(0x7fff_ffff).catch(0) }).loose();

/** Errors that concern the file, which its sender can mend. */
const OF_THE_FILE = ['bad-header', 'not-utf-8', 'too-large', 'too-many-refusals', 'upload-broken'] as const;
const EXAMPLE = [
  ['王芳', '13800138000', 'wang@example.org', 'zh-CN', '', '', '2026-01-05', '政务大厅登记表'],
  ['Li Jing', '', 'li@example.org', 'en', '', '', '2026-01-06T09:30:00+08:00', 'web form'],
];

/** Lists of citizens as files. */
export const importPages: ConsolePages = (server, app) => {
  const { imports, lists, users, ids } = app;
  const config = { access: 'approver' } as const;
  const pageOf = (id: number) => `${HOME}/${ids.encode('import', id)}`;
  const recordOf = (request: FastifyRequest) =>
    imports.get(ids.decode('import', idParams.parse(request.params).id).id);
  const namesOf = async () => {
    const names = new Map((await users.list()).map(({ id, name }) => [id, name]));
    return (id: number | null) => (id === null ? '—' : (names.get(id) ?? '—'));
  };

  const page = async (request: FastifyRequest, typed: Typed, detail?: string) => {
    const { before } = listQuery.parse(request.query);
    const from = ids.tryDecode('import', before ?? '')?.id;
    const [found, nameOf] = await Promise.all([
      imports.list({ limit: PAGE + 1, ...(from !== undefined && { before: from }) }),
      namesOf(),
    ]);
    const records = found.slice(0, PAGE);
    return (
      <ImportsPage
        view={viewOf(request, app)}
        records={records}
        nameOf={nameOf}
        pageOf={pageOf}
        typed={typed}
        detail={detail}
        earlier={from === undefined ? undefined : HOME}
        later={
          found.length > PAGE ? `${HOME}?before=${ids.encode('import', records.at(-1)?.id ?? 0)}` : undefined
        }
      />
    );
  };

  server.get('/imports', {
    config,
    schema: { querystring: listQuery },
    handler: async (request, reply) => show(reply, await page(request, NOTHING_TYPED)),
  });

  server.get('/imports/example.csv', {
    config,
    handler: (_request, reply) =>
      reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="herald-example.csv"')
        .send(BOM + [COLUMNS, ...EXAMPLE].map((line) => csvLine(line)).join('')),
  });

  server.get('/imports/mine', {
    config: { ...config, quiet: true },
    handler: async (request, reply) => {
      const { id } = actorOf(request);
      const recent = await imports.list({ limit: RECENT });
      const record = recent.find(({ createdBy, state }) => createdBy === id && state === 'running');
      return show(reply, <UploadPart view={viewOf(request, app)} record={record} sending />);
    },
  });

  // The body is a stream here, and only here.
  server.register(async (scope: ZodServer) => {
    scope.addContentTypeParser('multipart/form-data', (_request, payload, done) => done(null, payload));
    scope.post('/imports', {
      config: { ...config, streamed: true },
      handler: async (request, reply) => {
        const view = viewOf(request, app);
        const refuse = async (word: 'noFile' | (typeof OF_THE_FILE)[number], detail?: string) =>
          show(
            reply,
            await page(request, withError(NOTHING_TYPED, 'file', words[view.locale][word]), detail),
            422,
          );
        if (!(request.body instanceof Readable)) return refuse('noFile');
        let importId: number | undefined;
        const sink = {
          create: async (userId: number | null) => {
            importId = await imports.create(userId);
            return importId;
          },
          commit: imports.commit.bind(imports),
          finish: imports.finish.bind(imports),
        };
        try {
          const file = await uploadedFile(request);
          if (!file) return await refuse('noFile');
          try {
            const stream = file.iterator({ destroyOnReturn: false });
            const { id } = await importCsv(stream, { imports: sink, lists, userId: actorOf(request).id });
            return goTo(reply, pageOf(id));
          } finally {
            file.resume();
          }
        } catch (error) {
          const known = error instanceof HeraldError && OF_THE_FILE.find((code) => code === error.code);
          if (!known) throw error;
          // What was taken stays, and its page says how far it came and why no further.
          return importId === undefined ? await refuse(known, error.message) : goTo(reply, pageOf(importId));
        }
      },
    });
  });

  server.get('/imports/:id', {
    config,
    schema: { params: idParams, querystring: oneQuery },
    handler: async (request, reply) => {
      const { after } = request.query as z.output<typeof oneQuery>;
      const record = await recordOf(request);
      const [found, nameOf] = await Promise.all([
        imports.refusals(record.id, { after, limit: PAGE + 1 }),
        namesOf(),
      ]);
      const refusals = found.slice(0, PAGE);
      return show(
        reply,
        <ImportPage
          view={viewOf(request, app)}
          record={record}
          refusals={refusals}
          page={pageOf(record.id)}
          nameOf={nameOf}
          earlier={after > 0 ? pageOf(record.id) : undefined}
          later={found.length > PAGE ? `${pageOf(record.id)}?after=${refusals.at(-1)?.line ?? 0}` : undefined}
        />,
      );
    },
  });

  server.get('/imports/:id/state', {
    config: { ...config, quiet: true },
    schema: { params: idParams },
    handler: async (request, reply) => {
      const record = await recordOf(request);
      // What it has refused is on the page itself, which is drawn anew when it is over.
      if (record.state !== 'running' && request.headers['hx-request'] === 'true')
        return reply.code(204).header('hx-refresh', 'true').send();
      return show(
        reply,
        <StatePart
          view={viewOf(request, app)}
          record={record}
          page={pageOf(record.id)}
          nameOf={await namesOf()}
        />,
      );
    },
  });

  server.get('/imports/:id/refusals.csv', {
    config,
    schema: { params: idParams },
    handler: async (request, reply) => {
      const { id } = await recordOf(request);
      const view = viewOf(request, app);
      async function* lines() {
        yield BOM + csvLine(['line', 'code', 'reason', 'detail']);
        for (let after = 0; ; ) {
          const rows = await imports.refusals(id, { after, limit: CSV_PAGE });
          yield rows
            .map(({ line, code, message }) => csvLine([line, code, reasonOf(view, code), message]))
            .join('');
          const last = rows.at(-1);
          if (!last || rows.length < CSV_PAGE) return;
          after = last.line;
        }
      }
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${ids.encode('import', id)}-refused.csv"`)
        .send(Readable.from(lines()));
    },
  });
};
