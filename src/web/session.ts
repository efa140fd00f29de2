import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import { type Role, requireRole } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import { isFresh, type Standing, standingOf } from '../domain/session.ts';
import type { Session } from '../pipeline/account-store.ts';
import { csrfToken, newToken, sha256 } from '../pipeline/identity/secrets.ts';

/** Whoever looks at the console. */
export interface Visitor {
  /** Of their cookie: a session's, or one that only ties their forms to them. */
  readonly token: string;
  readonly csrf: string;
  readonly session: Session | null;
  /** How far they have come in signing in; null: not at all. */
  readonly standing: Standing | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Also for those who have not given, or not got, their second factor yet. */
    halfWay?: boolean;
    /** The same for everybody: looks at no cookie. */
    stateless?: boolean;
  }
  interface FastifyRequest {
    visitor: Visitor | null;
  }
}

/** Sends somebody to another page of the console, from wherever this is thrown. */
export class Detour extends Error {
  readonly to: string;
  constructor(to: string) {
    super(`go to ${to}`);
    this.to = to;
  }
}

/** The same form is to be sent again together with the second factor, from a page that asks for it. */
export class SecondFactorNeeded extends Error {
  /** What happens then, as a button says it. */
  readonly does: string;
  constructor(does: string) {
    super(`"${does}" needs a fresh second factor`);
    this.does = does;
  }
}

export const isConsole = (url: string): boolean => /^\/console(?:[/?]|$)/.test(url);

const cookieName = (publicUrl: string) => (publicUrl.startsWith('https:') ? '__Host-herald' : 'herald');

/** The visitor whom a cookie's token stands for. */
export const visitorOf = (token: string, session: Session | null): Visitor => ({
  token,
  csrf: csrfToken(token),
  session,
  standing: session && standingOf(session),
});

/** Gives the visitor a cookie: of a session that was opened or raised, or a new one that is none. */
export function setToken(reply: FastifyReply, { config }: Pick<App, 'config'>, token: string): void {
  const secure = config.publicUrl.startsWith('https:');
  reply.setCookie(cookieName(config.publicUrl), token, {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure,
  });
}

/** A page of the console as a place to go back to; anything else is the home page. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string' || !isConsole(next) || !/^[\x21-\x7e]+$/.test(next) || next.includes('\\'))
    return '/console';
  const url = new URL(next, 'http://herald.invalid');
  return url.origin === 'http://herald.invalid' && isConsole(url.pathname)
    ? url.pathname + url.search
    : '/console';
}

const WAY_IN: Readonly<Record<Exclude<Standing, 'in'>, string>> = {
  'second-factor': '/console/second-factor',
  enrol: '/console/enrol',
};

/** Where somebody comes back to: the page; not a part of it that it asked for, nor what only takes forms. */
function pageOf({ headers, method, url }: FastifyRequest): string {
  const page = String(headers['hx-current-url'] ?? '');
  if (URL.canParse(page)) {
    const { pathname, search } = new URL(page);
    return pathname + search;
  }
  return method === 'GET' || method === 'HEAD' ? url : '/console';
}

/** Who it is, and whether the route is for them. Runs for every route of the console, before the body is read. */
export async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  app: Pick<App, 'config' | 'identity'>,
): Promise<void> {
  const {
    access = 'admin',
    halfWay,
    stateless,
    quiet,
  } = request.is404 ? { access: 'public' as const } : request.routeOptions.config;
  if (stateless) return;
  const given = request.cookies[cookieName(app.config.publicUrl)];
  const known = given !== undefined && /^[\w-]{43}$/.test(given);
  const session = known ? ((await app.identity.sessions.find(sha256(given), !quiet)) ?? null) : null;
  const token = known ? given : newToken();
  if (!known) setToken(reply, app, token);
  request.visitor = visitorOf(token, session);
  const { standing } = request.visitor;
  if (access === 'public') return;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const next = `next=${encodeURIComponent(pageOf(request))}`;
  if (!session) {
    if (reading) throw new Detour(`/console/sign-in?${next}`);
    throw signedOut();
  }
  if (standing !== null && standing !== 'in' && !halfWay) throw new Detour(`${WAY_IN[standing]}?${next}`);
  requireRole(session.role, access as Role);
}

/**
 * That a request which changes something comes from one of our own pages, seen by this very visitor. Runs for every
 * such route of the console, after the body is read. A streamed body's route takes the token in the header or as `?_csrf=`.
 */
export function checkOrigin(request: FastifyRequest, { config }: Pick<App, 'config'>): void {
  if (request.method === 'GET' || request.method === 'HEAD' || request.is404) return;
  const { origin, 'sec-fetch-site': site, 'x-csrf-token': header } = request.headers;
  const ours = [new URL(config.publicUrl).origin, `${request.protocol}://${request.host}`];
  if (site !== undefined && site !== 'same-origin') throw foreignForm();
  if (origin !== undefined && !ours.includes(origin)) throw foreignForm();
  const inBody = (request.body as { _csrf?: unknown } | null | undefined)?._csrf;
  const inQuery = request.routeOptions.config.streamed
    ? (request.query as { _csrf?: unknown })._csrf
    : undefined;
  const given = Buffer.from(String(header ?? inBody ?? inQuery ?? ''));
  const wanted = Buffer.from(request.visitor?.csrf ?? '');
  if (wanted.length === 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw foreignForm();
}

/** The signed-in visitor of a guarded route: an {@link Actor} for the pipeline's verbs by `.userId` and `.role`. */
export function sessionOf(request: FastifyRequest): Session {
  if (request.visitor?.session) return request.visitor.session;
  throw signedOut();
}

/** Of a request that goes on for long: whether its visitor may still see what it shows. */
export async function stillSignedIn(
  { visitor }: FastifyRequest,
  { identity }: Pick<App, 'identity'>,
): Promise<boolean> {
  return visitor !== null && (await identity.sessions.find(sha256(visitor.token), false)) !== undefined;
}

/** Who acts, for the pipeline's verbs. */
export const actorOf = (request: FastifyRequest): { readonly id: number; readonly role: Role } => {
  const { userId, role } = sessionOf(request);
  return { id: userId, role };
};

/**
 * For dangerous acts: goes on only when the second factor was given in the last five minutes. Otherwise the visitor is
 * asked for it on a page from which the same form is sent again, nothing of it lost.
 * @param does what the form does, for the button that sends it again
 * @param next a page of the console to come back to for whoever must first get a second factor
 */
export function requireFreshSecondFactor(request: FastifyRequest, does: string, next: string): void {
  const { hasSecondFactor, secondFactorAt } = sessionOf(request);
  if (!hasSecondFactor) throw new Detour(`/console/enrol?next=${encodeURIComponent(next)}`);
  if (!isFresh(secondFactorAt, new Date())) throw new SecondFactorNeeded(does);
}

/** For changing one's own second factors: with a fresh one, or while there is none yet; never half-way. */
export function requireMayEnrol(request: FastifyRequest, next: string): void {
  if (request.visitor?.standing === 'second-factor') throw new Detour(WAY_IN['second-factor']);
  const { hasSecondFactor, secondFactorAt } = sessionOf(request);
  if (hasSecondFactor && !isFresh(secondFactorAt, new Date()))
    throw new Detour(`/console/confirm?next=${encodeURIComponent(next)}`);
}

const signedOut = () =>
  new HeraldError('unauthenticated', 'signed-out', 'this needs somebody who has signed in', {
    fix: 'sign in',
  });
const foreignForm = () =>
  new HeraldError('forbidden', 'form-expired', 'this form is too old, or is not one of ours', {
    fix: 'open the page again and send it once more',
  });
