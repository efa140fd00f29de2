import { ROLES, type Role } from '../../domain/announcement.ts';
import type { ConsolePages } from './console-pages.ts';
import { h } from './jsx.ts';
import { Page } from './layout.tsx';
import { show, viewOf } from './view.ts';
import { admin } from './words/admin.ts';
import { common } from './words/common.ts';

/** What there is to administer, and the least role that may look at it. */
const PARTS = [
  ['rota', 'author'],
  ['suppressions', 'approver'],
  ['lists', 'author'],
  ['quiet-hours', 'author'],
  ['templates', 'author'],
  ['system', 'author'],
  ['users', 'admin'],
  ['audit', 'admin'],
] as const satisfies readonly (readonly [string, Role])[];

/** The door to everything that is set up once and looked at seldom. */
export const adminPages: ConsolePages = (server, app) => {
  server.get('/admin', {
    config: { access: 'author' },
    handler: (request, reply) => {
      const view = viewOf(request, app);
      const t = admin[view.locale];
      const rank = ROLES.indexOf(view.session?.role ?? 'author');
      return show(
        reply,
        <Page view={view} title={common[view.locale].admin} place="admin">
          <ul class="doors">
            {PARTS.filter(([, least]) => ROLES.indexOf(least) <= rank).map(([part]) => (
              <li>
                <a href={`/console/admin/${part}`}>
                  <b>{t[part]}</b>
                  <span>{t[`${part}Text`]}</span>
                </a>
              </li>
            ))}
          </ul>
        </Page>,
      );
    },
  });
};
