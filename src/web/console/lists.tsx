import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { code, text } from '../api/common.ts';
import { actorOf, sessionOf } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { fieldsOf, NOTHING_TYPED, readForm, withError } from './forms.ts';
import { h } from './jsx.ts';
import { AddPage, EntryPage, HOME, LIST_NAMES, type ListName, ListsPage } from './lists-pages.tsx';
import { goTo, show, viewOf } from './view.ts';
import { lists as words } from './words/lists.ts';

const DONE = ['added', 'saved', 'archive', 'restore'] as const;
const query = z.object({ done: z.enum(DONE).optional().catch(undefined) }).loose();
const listParams = z.object({ list: z.string().max(64) });
const entryParams = listParams.extend({ code: z.string().max(64) });
/** A name may be missing in a language; then another one's is shown. */
const optionalName = z
  .string()
  .trim()
  .max(200)
  .pipe(z.union([z.literal(''), text(200)]));

/** What citizens choose from. */
export const listPages: ConsolePages = (server, app) => {
  const { lists, templates, config } = app;
  const may = { access: 'approver' } as const;
  const locales = [...new Set([config.defaultLocale, ...templates.list().flatMap((one) => one.locales)])];
  const nameFields = Object.fromEntries(locales.map((locale) => [`name-${locale}`, optionalName.optional()]));
  const addForm = z.object({ code, ...nameFields });
  const renameForm = z.object(nameFields);

  const listOf = (request: FastifyRequest): ListName => {
    const { list } = listParams.parse(request.params);
    const found = LIST_NAMES.find((one) => one === list);
    if (found) return found;
    throw new HeraldError('not-found', 'no-such-list', 'there is no such list');
  };
  const entryOf = async (request: FastifyRequest) => {
    const list = listOf(request);
    const wanted = entryParams.parse(request.params).code;
    const entry = (await lists.list(list, { archived: true })).find((one) => one.code === wanted);
    if (entry) return { list, entry };
    throw new HeraldError('not-found', 'no-such-entry', 'the list has no such entry');
  };
  const pageOf = (list: ListName, entry: string) => `${HOME}/${list}/${entry}`;
  /** What a form has of names; those of languages that nobody writes here any more stay. */
  const namesIn = (body: unknown, before: Readonly<Record<string, string>> = {}) => {
    const fields = fieldsOf(body);
    const given = locales.map((locale) => [locale, String(fields[`name-${locale}`] ?? '').trim()] as const);
    return Object.fromEntries([...Object.entries(before), ...given].filter(([, name]) => name !== ''));
  };

  server.get('/admin/lists', {
    config: { access: 'author' },
    handler: async (request, reply) => {
      const [topics = [], districts = []] = await Promise.all(
        LIST_NAMES.map((list) => lists.list(list, { archived: true })),
      );
      return show(
        reply,
        <ListsPage
          view={viewOf(request, app)}
          entries={{ topics, districts }}
          mayChange={sessionOf(request).role !== 'author'}
          done={query.parse(request.query).done}
        />,
      );
    },
  });

  server.get('/admin/lists/:list', {
    config: may,
    handler: (request, reply) => {
      const list = listOf(request);
      return show(
        reply,
        <AddPage view={viewOf(request, app)} list={list} locales={locales} typed={NOTHING_TYPED} />,
      );
    },
  });

  server.post('/admin/lists/:list', {
    config: may,
    handler: async (request, reply) => {
      const list = listOf(request);
      const view = viewOf(request, app);
      const t = words[view.locale];
      const read = readForm(view, addForm, request.body);
      // Not given back by itself: elsewhere a field named so holds a secret.
      const codeTyped = fieldsOf(request.body).code;
      const typed = {
        ...read.typed,
        values: { ...read.typed.values, ...(typeof codeTyped === 'string' && { code: codeTyped }) },
      };
      if (!read.data) {
        const again = typed.errors.code ? withError(typed, 'code', t.badCode) : typed;
        return show(reply, <AddPage {...{ view, list, locales }} typed={again} />, 422);
      }
      try {
        await lists.add(list, { code: read.data.code, names: namesIn(request.body) }, actorOf(request));
      } catch (error) {
        if (!(error instanceof HeraldError && error.kind === 'conflict')) throw error;
        return show(
          reply,
          <AddPage {...{ view, list, locales }} typed={withError(typed, 'code', t.exists)} />,
          422,
        );
      }
      return goTo(reply, `${HOME}?done=added`);
    },
  });

  server.get('/admin/lists/:list/:code', {
    config: may,
    handler: async (request, reply) => {
      const { list, entry } = await entryOf(request);
      return show(
        reply,
        <EntryPage
          view={viewOf(request, app)}
          list={list}
          entry={entry}
          locales={locales}
          typed={NOTHING_TYPED}
          page={pageOf(list, entry.code)}
        />,
      );
    },
  });

  server.post('/admin/lists/:list/:code', {
    config: may,
    handler: async (request, reply) => {
      const { list, entry } = await entryOf(request);
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, renameForm, request.body);
      if (!data)
        return show(
          reply,
          <EntryPage {...{ view, list, entry, locales, typed }} page={pageOf(list, entry.code)} />,
          422,
        );
      await lists.change(list, entry.code, { names: namesIn(request.body, entry.names) }, actorOf(request));
      return goTo(reply, `${HOME}?done=saved`);
    },
  });

  for (const act of ['archive', 'restore'] as const) {
    server.post(`/admin/lists/:list/:code/${act}`, {
      config: may,
      handler: async (request, reply) => {
        const { list, entry } = await entryOf(request);
        await lists.change(list, entry.code, { archived: act === 'archive' }, actorOf(request));
        return goTo(reply, `${HOME}?done=${act}`);
      },
    });
  }
};
