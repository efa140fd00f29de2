import { z } from 'zod';
import { formatAnchor } from '../../domain/audit.ts';
import { HeraldError } from '../../domain/errors.ts';
import { auditFilter, auditView } from '../api/audit.ts';
import { headlineOf } from './announcement-frame.tsx';
import { AuditPage, HOME, type Names, type Person, type Row } from './audit-pages.tsx';
import type { ConsolePages } from './console-pages.ts';
import { type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { show, type View, viewOf } from './view.ts';
import { audit as words } from './words/audit.ts';
import { fromLocal } from './zoned-time.ts';

const PAGE = 50;
const field = z.string().max(200).catch('').default('');
const query = z
  .object({
    actor: field,
    act: field,
    subject: field,
    since: field,
    until: field,
    before: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional().catch(undefined),
  })
  .loose();

/** Who did what. */
export const auditPages: ConsolePages = (server, app) => {
  const { audit, users, announce, endpoints, ids, config } = app;

  /** Names of what the rows are about; a citizen has none here: their name is not for whoever reads this. */
  const namesIn = async (view: View, rows: readonly Row[], users: readonly Person[]): Promise<Names> => {
    const of = (type: string) => [
      ...new Set(
        rows.flatMap(({ shown: { subject } }) => (subject.type === type && subject.id ? [subject.id] : [])),
      ),
    ];
    const named = await Promise.all(
      [
        ...of('announcement').map(async (id) => {
          const record = await announce.get(ids.decode('announcement', id).id);
          return [id, headlineOf(view, record)] as const;
        }),
        ...of('endpoint').map(async (id) => {
          const { outlet } = await endpoints.get(ids.decode('endpoint', id).id);
          return [id, outlet] as const;
        }),
      ].map((asked) => asked.catch(unlessGone)),
    );
    const subjects = new Map(named.flatMap((pair) => (pair ? [pair] : [])));
    const people = new Map(users.map(({ id, name }) => [id, name]));
    return { user: (id) => people.get(id), subject: (id) => subjects.get(id) };
  };

  server.get('/admin/audit', {
    config: { access: 'admin' },
    schema: { querystring: query },
    handler: async (request, reply) => {
      const { before, actor, act, subject, since, until } = request.query as z.output<typeof query>;
      const view = viewOf(request, app);
      const t = words[view.locale];
      let typed: Typed = { values: { actor, act, subject: subject.trim(), since, until }, errors: {} };
      const instant = (name: 'since' | 'until', text: string) => {
        if (text === '') return undefined;
        const at = fromLocal(text, config.officeTimezone);
        if (at) return at.toISOString();
        typed = withError(typed, name, t.badTime);
        return undefined;
      };
      const filter = {
        ...(actor && { actor }),
        ...(act && { act }),
        ...(subject.trim() && { subject: subject.trim() }),
        since: instant('since', since),
        until: instant('until', until),
      };
      const found = await audit.list({ ...filterOf(filter), before, limit: PAGE + 1 });
      const rows = found.slice(0, PAGE).map((entry) => ({ entry, shown: auditView(ids, entry) }));
      const people = (await users.list()).map(({ id, name }) => ({ id: ids.encode('user', id), name }));
      const [names, head] = await Promise.all([namesIn(view, rows, people), audit.head()]);
      const address = (more: Record<string, string>) => {
        const given = Object.entries({ ...typed.values, ...more }).filter(([, value]) => value !== '');
        return `${HOME}?${new URLSearchParams(given)}`;
      };
      return show(
        reply,
        <AuditPage
          view={view}
          rows={rows}
          names={names}
          users={people}
          typed={typed}
          head={formatAnchor(head)}
          earlier={before === undefined ? undefined : address({})}
          later={found.length > PAGE ? address({ before: String(rows.at(-1)?.entry.id ?? 0) }) : undefined}
        />,
        Object.keys(typed.errors).length > 0 ? 422 : 200,
      );

      function filterOf(given: Parameters<typeof auditFilter>[1]) {
        try {
          return auditFilter(ids, given);
        } catch (error) {
          if (!(error instanceof HeraldError)) throw error;
          typed = withError(typed, error.code === 'no-such-user' ? 'actor' : 'subject', t.badSubject);
          return auditFilter(ids, { since: given.since, until: given.until });
        }
      }
    },
  });
};

/** What was removed has no name any more. */
function unlessGone(error: unknown): undefined {
  if (error instanceof HeraldError && error.kind === 'not-found') return undefined;
  throw error;
}
