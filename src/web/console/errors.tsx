import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Facts, factsOf } from '../problem.ts';
import { Detour, SecondFactorNeeded } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { Notice } from './components/notice.tsx';
import { Facts as FactList } from './components/table.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { askForFactor } from './second-factor.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { problems } from './words/problems.ts';
import { refusals } from './words/refusals.ts';

type Words = (typeof problems)['en'];

/** Status → what the page says. Others are `internal`. */
const SAYS: Readonly<Record<number, (t: Words) => readonly [title: string, text: string]>> = {
  400: (t) => [t.invalid, t.invalidText],
  401: (t) => [t.unauthenticated, t.unauthenticatedText],
  403: (t) => [t.forbidden, t.forbiddenText],
  404: (t) => [t['not-found'], t.notFoundText],
  409: (t) => [t.conflict, t.conflictText],
  413: (t) => [t.invalid, t.invalidText],
  415: (t) => [t.invalid, t.invalidText],
  503: (t) => [t.unavailable, t.unavailableText],
};

/** What is wrong, as a page in the visitor's language; the number leads to the log's line. */
export function errorPage(view: View, facts: Facts, requestId: string): Markup {
  const t = problems[view.locale];
  const seconds = facts.issues?.find(({ path }) => path === 'seconds')?.message;
  const [title, text] =
    facts.status === 429
      ? [t.tooMany, t.tooManyText(seconds ?? '60')]
      : facts.code === 'form-expired'
        ? [t.forbidden, t.formExpired]
        : (SAYS[facts.status]?.(t) ?? [t.internal, t.internalText]);
  const said: string | undefined = (refusals[view.locale] as Readonly<Record<string, string>>)[facts.code];
  // What the rules say themselves is more exact than nothing; they speak English only.
  const detail = said === undefined && facts.status === 409 ? facts.detail : undefined;
  return (
    <Page view={view} title={title} place="none" narrow>
      <Notice kind="warning">{said ?? text}</Notice>
      {detail && (
        <p lang="en" class="hint">
          {detail}
        </p>
      )}
      <FactList facts={[[t.requestId, <code>{requestId}</code>]]} />
      <p>{view.session ? <a href="/console">{t.goHome}</a> : <a href="/console/sign-in">{t.signIn}</a>}</p>
    </Page>
  );
}

/** Everything that fails below /console becomes a page. */
export function answerWithPages(server: FastifyInstance, app: WebApp): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, facts: Facts) => {
    if (facts.status === 429 && !reply.hasHeader('retry-after'))
      reply.header('retry-after', facts.issues?.[0]?.message ?? '60');
    return show(reply, errorPage(viewOf(request, app), facts, request.id), facts.status);
  };
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof Detour) return goTo(reply, error.to);
    if (error instanceof SecondFactorNeeded) return askForFactor(request, reply, app, error.does);
    const facts: Facts =
      error instanceof z.ZodError
        ? { status: 400, code: 'invalid-request', detail: error.message }
        : factsOf(error, request);
    if (facts.status >= 500)
      request.log.error({ err: error, route: request.routeOptions.url }, 'request failed');
    return answer(request, reply, facts.code === 'too-many-attempts' ? { ...facts, status: 429 } : facts);
  });
  server.setNotFoundHandler((request, reply) =>
    answer(request, reply, { status: 404, code: 'no-such-route', detail: '' }),
  );
}
