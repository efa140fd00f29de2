import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../../app.ts';
import {
  CONSOLE_LOCALES,
  type ConsoleLocale,
  type Session,
  THEMES,
  type Theme,
} from '../../pipeline/account-store.ts';
import { doctype, type Markup } from './jsx.ts';

/** What every page needs to know to be drawn. */
export interface View {
  readonly locale: ConsoleLocale;
  readonly theme: Theme | null;
  readonly session: Session | null;
  /** Signed in with all that is needed: the navigation is shown. */
  readonly isIn: boolean;
  readonly csrf: string;
  readonly mode: 'trial' | 'live';
  readonly officeName: string;
  readonly timezone: string;
  /** Of this page, with its query. */
  readonly url: string;
}

export const LOCALE_COOKIE = 'herald-locale';
export const THEME_COOKIE = 'herald-theme';

const oneOf = <T extends string>(all: readonly T[], value: string | null | undefined): T | undefined =>
  all.find((one) => one === value);

export function viewOf(request: FastifyRequest, { config }: Pick<App, 'config'>): View {
  const { visitor } = request;
  const session = visitor?.session ?? null;
  return {
    locale:
      session?.locale ??
      oneOf(CONSOLE_LOCALES, request.cookies[LOCALE_COOKIE]) ??
      accepted(request.headers['accept-language']) ??
      (config.defaultLocale.startsWith('zh') ? 'zh-CN' : 'en'),
    theme: session?.theme ?? oneOf(THEMES, request.cookies[THEME_COOKIE]) ?? null,
    session,
    isIn: visitor?.standing === 'in',
    csrf: visitor?.csrf ?? '',
    mode: config.mode,
    officeName: config.officeName,
    timezone: config.officeTimezone,
    url: request.method === 'GET' && !request.is404 ? request.url : '/console',
  };
}

/** The first of the browser's languages that we speak (RFC 9110, 12.5.4). */
function accepted(header: string | undefined): ConsoleLocale | undefined {
  const wanted = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((part) => {
      const [tag = '', q = 'q=1'] = part.trim().split(';');
      return { language: tag.trim().toLowerCase().split('-')[0], q: Number(q.trim().slice(2)) || 0 };
    })
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q);
  for (const { language } of wanted) {
    if (language === 'zh') return 'zh-CN';
    if (language === 'en') return 'en';
  }
  return undefined;
}

/** Answers with a whole page, or with a part of one for htmx. */
export const show = (reply: FastifyReply, page: Markup, status = 200): FastifyReply =>
  reply.code(status).type('text/html; charset=utf-8').send(doctype(page));

/** After a form: the browser asks for the page itself, so that reloading does nothing twice. */
export const goTo = (reply: FastifyReply, url: string): FastifyReply => {
  if (reply.request.headers['hx-request'] === 'true')
    return reply.code(204).header('hx-redirect', url).send();
  return reply.redirect(url, 303);
};

/** For htmx: a part that is asked for again and again counts as silent after so long. */
export const POLL = JSON.stringify({ timeout: 15_000 });
