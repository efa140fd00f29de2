import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { loginSchema, passwordSchema } from '../../domain/login.ts';
import type { Invitation } from '../../pipeline/account-store.ts';
import { setToken } from '../session.ts';
import { clientOf } from './client.ts';
import { Button, Field, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { signIn } from './words/sign-in.ts';

const params = z.object({ token: z.string().max(100) });
const form = z.object({ login: loginSchema, password: passwordSchema, passwordAgain: z.string().max(256) });

const InvitationPage = (props: {
  readonly view: View;
  readonly invitation: Invitation;
  readonly action: string;
  readonly typed: Typed;
}): Markup => {
  const { view, invitation, typed, action } = props;
  const t = signIn[view.locale];
  return (
    <Page view={{ ...view, isIn: false }} title={t.inviteTitle} place="none">
      <p class="intro">{t.inviteText(invitation.name)}</p>
      <Form view={view} action={action} typed={typed}>
        <Field
          view={view}
          typed={typed}
          name="login"
          label={t.login}
          hint={t.loginHint}
          value={invitation.login}
          autocomplete="username"
          maxlength={64}
        />
        <Field
          view={view}
          typed={typed}
          name="password"
          type="password"
          label={t.newPassword}
          hint={t.passwordHint}
          autocomplete="new-password"
        />
        <Field
          view={view}
          typed={typed}
          name="passwordAgain"
          type="password"
          label={t.repeat}
          autocomplete="new-password"
        />
        <Button>{t.continue}</Button>
      </Form>
    </Page>
  );
};

const GonePage = ({ view }: { readonly view: View }): Markup => (
  <Page view={{ ...view, isIn: false }} title={signIn[view.locale].inviteGone} place="none">
    <Notice kind="warning">{signIn[view.locale].inviteGoneText}</Notice>
    <p>
      <a href="/console/sign-in">{signIn[view.locale].title}</a>
    </p>
  </Page>
);

/** HeraldError's code → the field that it is about, and what to say. */
const REFUSALS: Readonly<Record<string, readonly [field: string, words: 'guessable' | 'loginTaken']>> = {
  'guessable-password': ['password', 'guessable'],
  'login-taken': ['login', 'loginTaken'],
};

/** Where an invitation's link leads. Looking at it changes nothing. */
export const invitationPages: ConsolePages = (server, app) => {
  const config = { access: 'public' } as const;
  const { identity } = app;
  const find = (token: string) =>
    identity.invitation(token).catch((error: unknown) => {
      if (error instanceof HeraldError && error.kind === 'not-found') return undefined;
      throw error;
    });

  server.get('/invitation/:token', {
    config,
    schema: { params },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const invitation = await find(request.params.token);
      if (!invitation) return show(reply, <GonePage view={view} />, 404);
      return show(
        reply,
        <InvitationPage view={view} invitation={invitation} typed={NOTHING_TYPED} action={request.url} />,
      );
    },
  });

  server.post('/invitation/:token', {
    config,
    schema: { params },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { token } = request.params;
      const invitation = await find(token);
      if (!invitation) return show(reply, <GonePage view={view} />, 404);
      const again = (typed: Typed) =>
        show(
          reply,
          <InvitationPage view={view} invitation={invitation} typed={typed} action={request.url} />,
          422,
        );
      const { data, typed } = readForm(view, form, request.body);
      const t = signIn[view.locale];
      if (!data) return again(typed);
      if (data.password !== data.passwordAgain) return again(withError(typed, 'passwordAgain', t.different));
      try {
        setToken(reply, app, await identity.accept(token, data.login, data.password, clientOf(request)));
      } catch (error) {
        const refusal = error instanceof HeraldError ? REFUSALS[error.code] : undefined;
        if (!refusal) throw error;
        return again(withError(typed, refusal[0], t[refusal[1]]));
      }
      return goTo(reply, '/console/enrol');
    },
  });
};
