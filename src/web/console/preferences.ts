import { z } from 'zod';
import { CONSOLE_LOCALES, THEMES } from '../../pipeline/account-store.ts';
import { safeNext } from '../session.ts';
import type { ConsolePages } from './console-pages.ts';
import { goTo, LOCALE_COOKIE, THEME_COOKIE } from './view.ts';

const form = z.object({
  locale: z.enum(CONSOLE_LOCALES).optional(),
  theme: z.enum([...THEMES, 'system']).optional(),
  next: z.string().max(2000).optional(),
});

/** Language and appearance, on every page: kept in the browser, and with the user who has signed in. */
export const preferenceRoutes: ConsolePages = (server, app) => {
  server.post('/preferences', {
    config: { access: 'public' },
    handler: async (request, reply) => {
      const { locale, theme, next } = form.safeParse(request.body).data ?? {};
      const cookie = {
        path: '/console',
        httpOnly: true,
        sameSite: 'lax',
        secure: app.config.publicUrl.startsWith('https:'),
        maxAge: 365 * 86_400,
      } as const;
      if (locale) reply.setCookie(LOCALE_COOKIE, locale, cookie);
      if (theme) reply.setCookie(THEME_COOKIE, theme, cookie);
      const { session } = request.visitor ?? {};
      if (session)
        await app.identity.accounts.change(
          session.userId,
          { ...(locale && { locale }), ...(theme && { theme: theme === 'system' ? null : theme }) },
          { id: session.userId },
        );
      return goTo(reply, safeNext(next));
    },
  });
};
