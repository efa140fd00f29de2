import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { passwordSchema } from '../../domain/login.ts';
import { CONSOLE_LOCALES } from '../../pipeline/account-store.ts';
import { requireFreshSecondFactor, sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { accountPage } from './account-page.tsx';
import type { ConsolePages } from './console-pages.ts';
import { emailField, nameField, phoneField } from './contact.ts';
import { RecoveryCodesPage } from './enrol.tsx';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { h } from './jsx.ts';
import { goTo, show, viewOf } from './view.ts';
import { account } from './words/account.ts';
import { signIn } from './words/sign-in.ts';

const HOME = '/console/account';
const query = z.object({ done: z.string().max(40).optional() }).loose();
const profile = z.object({
  name: nameField,
  phone: phoneField,
  email: emailField,
  locale: z.enum([...CONSOLE_LOCALES, '']).transform((locale) => (locale === '' ? null : locale)),
});
const passwords = z.object({
  oldPassword: z.string().min(1).max(256),
  password: passwordSchema,
  passwordAgain: z.string().max(256),
});
const oneId = z.object({ id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER) });

/** HeraldError's code → the field of the password's form that it is about, and what to say. */
const REFUSALS = {
  'wrong-password': ['oldPassword', (locale: 'zh-CN' | 'en') => account[locale].wrongPassword],
  'guessable-password': ['password', (locale: 'zh-CN' | 'en') => signIn[locale].guessable],
} as const;

/** One's own name, contact, password, second factors and sessions. */
export const accountPages: ConsolePages = (server, app: WebApp) => {
  const { identity } = app;
  const config = { access: 'author' } as const;

  server.get('/account', {
    config,
    schema: { querystring: query },
    handler: async (request, reply) => {
      const forms = { profile: NOTHING_TYPED, password: NOTHING_TYPED };
      return show(reply, await accountPage(app, request, forms, request.query.done));
    },
  });

  server.post('/account/profile', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { userId } = sessionOf(request);
      const { data, typed } = readForm(view, profile, request.body);
      if (!data) {
        const t = account[view.locale];
        const errors = {
          ...typed.errors,
          ...(typed.errors.phone && { phone: t.phoneWrong }),
          ...(typed.errors.email && { email: t.emailWrong }),
        };
        const forms = { profile: { ...typed, errors }, password: NOTHING_TYPED };
        return show(reply, await accountPage(app, request, forms), 422);
      }
      await identity.accounts.change(userId, data, { id: userId });
      return goTo(reply, `${HOME}?done=saved`);
    },
  });

  server.post('/account/password', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const { data, typed } = readForm(view, passwords, request.body);
      const again = async (password: Typed) =>
        show(reply, await accountPage(app, request, { profile: NOTHING_TYPED, password }), 422);
      if (!data) return again(typed);
      if (data.password !== data.passwordAgain)
        return again(withError(typed, 'passwordAgain', signIn[view.locale].different));
      try {
        await identity.changePassword(sessionOf(request), data.oldPassword, data.password);
      } catch (error) {
        const code = error instanceof HeraldError ? error.code : '';
        if (code !== 'wrong-password' && code !== 'guessable-password') throw error;
        const [field, say] = REFUSALS[code];
        return again(withError(typed, field, say(view.locale)));
      }
      return goTo(reply, `${HOME}?done=password`);
    },
  });

  server.post('/account/totp/remove', {
    config,
    handler: async (request, reply) => {
      requireFreshSecondFactor(request, account[viewOf(request, app).locale].removeTotp, HOME);
      await identity.removeTotp(sessionOf(request));
      return goTo(reply, `${HOME}?done=removed`);
    },
  });

  server.post('/account/passkeys/remove', {
    config,
    handler: async (request, reply) => {
      requireFreshSecondFactor(request, account[viewOf(request, app).locale].removeAPasskey, HOME);
      await identity.removePasskey(sessionOf(request), oneId.parse(request.body).id);
      return goTo(reply, `${HOME}?done=removed`);
    },
  });

  server.post('/account/recovery-codes', {
    config,
    handler: async (request, reply) => {
      requireFreshSecondFactor(request, account[viewOf(request, app).locale].newCodes, HOME);
      const codes = await identity.newRecoveryCodes(sessionOf(request));
      return show(reply, <RecoveryCodesPage view={viewOf(request, app)} codes={codes} next={HOME} />);
    },
  });

  server.post('/account/sessions/end', {
    config,
    handler: async (request, reply) => {
      const { userId, id } = sessionOf(request);
      const one = oneId.safeParse(request.body).data;
      await identity.sessions.end(userId, one ?? { except: id }, { id: userId });
      return goTo(reply, `${HOME}?done=ended`);
    },
  });
};
