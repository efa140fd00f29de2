import type { FastifyRequest } from 'fastify';
import { idParams } from '../api/common.ts';
import type { WebApp } from '../web-app.ts';
import type { View } from './view.ts';

/** What pages about announcements need beside them: people's names, addresses, the lists' names, fields' labels. */
export async function announcementFacts(app: WebApp, view: View) {
  const [users, topics, districts] = await Promise.all([
    app.users.list(),
    app.lists.list('topics', { archived: true }),
    app.lists.list('districts', { archived: true }),
  ]);
  const lists = { topics, districts };
  const names = new Map(users.map(({ id, name }) => [id, name]));
  return {
    users,
    lists,
    nameOf: (id: number | null): string => (id === null ? '—' : (names.get(id) ?? '—')),
    pageOf: (id: number): string => `/console/announcements/${app.ids.encode('announcement', id)}`,
    listName: (list: 'topics' | 'districts', code: string): string => {
      const entry = lists[list].find((one) => one.code === code);
      return entry?.names[view.locale] ?? Object.values(entry?.names ?? {})[0] ?? code;
    },
    /** A language's texts in the order of the template: the database keeps none. */
    inOrder: (template: string) => (fields: Readonly<Record<string, string>>) => {
      const found = app.templates.list().find(({ manifest }) => manifest.name === template);
      const order = found?.manifest.fields.map(({ name }) => name) ?? [];
      return Object.entries(fields).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
    },
    /** Of a template's field, in the visitor's language. */
    labelOf: (template: string) => (locale: string, field: string) => {
      const found = app.templates.list().find(({ manifest }) => manifest.name === template);
      const label = found?.manifest.fields.find(({ name }) => name === field)?.label;
      return label?.[view.locale] ?? label?.[locale] ?? field;
    },
  };
}

/** @throws HeraldError `bad-id` */
export const announcementIn = (app: WebApp, request: FastifyRequest): number =>
  app.ids.decode('announcement', idParams.parse(request.params).id).id;
