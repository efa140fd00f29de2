import type { FastifyRequest } from 'fastify';
import { CASE } from '../../domain/privacy-lint.ts';
import type { AnnouncementRecord } from '../../pipeline/announcement-store.ts';
import { idParams } from '../api/common.ts';
import type { WebApp } from '../web-app.ts';
import type { View } from './view.ts';
import { write } from './words/write.ts';

/** What pages about announcements need beside them: people's names, addresses, the lists' names, fields' labels. */
export async function announcementFacts(app: WebApp, view: View) {
  const [users, topics, districts] = await Promise.all([
    app.users.list(),
    app.lists.list('topics', { archived: true }),
    app.lists.list('districts', { archived: true }),
  ]);
  const lists = { topics, districts };
  const names = new Map(users.map(({ id, name }) => [id, name]));
  const manifestOf = (template: string) =>
    app.templates.list().find(({ manifest }) => manifest.name === template)?.manifest;
  return {
    users,
    lists,
    nameOf: (id: number | null): string => (id === null ? '—' : (names.get(id) ?? '—')),
    pageOf: (id: number): string => `/console/announcements/${app.ids.encode('announcement', id)}`,
    listName: (list: 'topics' | 'districts', code: string): string => {
      const entry = lists[list].find((one) => one.code === code);
      return entry?.names[view.locale] ?? Object.values(entry?.names ?? {})[0] ?? code;
    },
    /** Of a template's field, in the visitor's language. */
    labelOf: (template: string) => (locale: string, field: string) => {
      if (locale === CASE) return write[view.locale].caseTitle;
      const label = manifestOf(template)?.fields.find(({ name }) => name === field)?.label;
      return label?.[view.locale] ?? label?.[locale] ?? field;
    },
    /** With each language's fields in their template's order; the database keeps none. */
    inOrder: <R extends Pick<AnnouncementRecord, 'draft'>>(record: R): R => {
      const { template, content } = record.draft;
      const names = manifestOf(template)?.fields.map(({ name }) => name) ?? [];
      const ordered = Object.entries(content).map(([locale, fields]) => {
        const known = names.flatMap((name) => (Object.hasOwn(fields, name) ? [[name, fields[name]]] : []));
        return [locale, { ...Object.fromEntries(known), ...fields }];
      });
      return { ...record, draft: { ...record.draft, content: Object.fromEntries(ordered) } };
    },
  };
}

/** @throws HeraldError `bad-id` */
export const announcementIn = (app: WebApp, request: FastifyRequest): number =>
  app.ids.decode('announcement', idParams.parse(request.params).id).id;
