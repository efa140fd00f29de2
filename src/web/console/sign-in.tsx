import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { newToken } from '../../pipeline/identity/secrets.ts';
import { safeNext, setToken } from '../session.ts';
import { clientOf } from './client.ts';
import { Button, Field, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { PasskeyForm } from './components/passkey.tsx';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { signIn } from './words/sign-in.ts';

const query = z.object({ next: z.string().max(2000).optional(), out: z.string().optional() }).loose();
const form = z.object({
  login: z.string().trim().min(1).max(200),
  password: z.string().min(1).max(1000),
  next: z.string().max(2000).optional(),
});

const passkeyForm = z.object({ answer: z.string().max(20_000), next: z.string().max(2000).optional() });

const SignInPage = (props: {
  readonly view: View;
  readonly typed: Typed;
  readonly next: string;
  readonly out?: boolean;
}): Markup => {
  const { view, typed, next, out } = props;
  const t = signIn[view.locale];
  return (
    <Page view={view} title={t.title} place="none" scripts={['webauthn.js', 'passkey.js']}>
      {out && <Notice kind="good">{t.signedOut}</Notice>}
      <Form view={view} action="/console/sign-in" typed={typed}>
        <input type="hidden" name="next" value={next} />
        <Field
          view={view}
          typed={typed}
          name="login"
          label={t.login}
          autocomplete="username webauthn"
          autofocus
        />
        <Field
          view={view}
          typed={typed}
          name="password"
          label={t.password}
          type="password"
          autocomplete="current-password"
        />
        <Button>{t.submit}</Button>
      </Form>
      <p class="or">{t.or}</p>
      <PasskeyForm
        view={view}
        action="/console/sign-in/passkey"
        ask="/console/passkeys/ask"
        label={t.withPasskey}
        next={next}
      />
      <p class="hint">{t.lost}</p>
    </Page>
  );
};

/** Password or passkey; and out again. */
export const signInPages: ConsolePages = (server, app) => {
  const config = { access: 'public' } as const;

  server.get('/sign-in', {
    config,
    schema: { querystring: query },
    handler: (request, reply) => {
      const view = viewOf(request, app);
      const next = safeNext(request.query.next);
      if (view.isIn) return goTo(reply, next);
      return show(
        reply,
        <SignInPage view={view} typed={NOTHING_TYPED} next={next} out={request.query.out === '1'} />,
      );
    },
  });

  server.post('/sign-in', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, form, request.body);
      const next = safeNext(data?.next);
      if (!data) return show(reply, <SignInPage view={view} typed={typed} next={next} />, 422);
      try {
        setToken(
          reply,
          app,
          await app.identity.signIn.withPassword(data.login, data.password, clientOf(request)),
        );
      } catch (error) {
        if (!(error instanceof HeraldError) || error.code !== 'wrong-sign-in') throw error;
        const wrong = withError(typed, '', signIn[view.locale].wrong);
        return show(reply, <SignInPage view={view} typed={wrong} next={next} />, 422);
      }
      return goTo(reply, next);
    },
  });

  server.post('/sign-in/passkey', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { answer = '', next } = passkeyForm.safeParse(request.body).data ?? {};
      try {
        setToken(reply, app, await app.identity.signIn.withPasskey(answer, clientOf(request)));
      } catch (error) {
        if (!(error instanceof HeraldError) || error.code !== 'bad-passkey') throw error;
        const wrong = withError(NOTHING_TYPED, '', signIn[view.locale].passkeyFailed);
        return show(reply, <SignInPage view={view} typed={wrong} next={safeNext(next)} />, 422);
      }
      return goTo(reply, safeNext(next));
    },
  });

  server.post('/sign-out', {
    config: { access: 'author', halfWay: true },
    handler: async (request, reply) => {
      const { session } = request.visitor ?? {};
      if (session)
        await app.identity.sessions.end(session.userId, { id: session.id }, { id: session.userId });
      setToken(reply, app, newToken());
      return goTo(reply, '/console/sign-in?out=1');
    },
  });
};
