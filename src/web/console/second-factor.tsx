import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import type { FactorMethod } from '../../pipeline/account-store.ts';
import { safeNext, sessionOf, setToken } from '../session.ts';
import { Act, Button, Field, Form } from './components/form.tsx';
import { PasskeyForm } from './components/passkey.tsx';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, type Typed, withError } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { signIn } from './words/sign-in.ts';

interface Props {
  readonly view: View;
  readonly typed: Typed;
  readonly next: string;
  /** Given again for a dangerous act, rather than the second step of signing in. */
  readonly again: boolean;
}

const SecondFactorPage = ({ view, typed, next, again }: Props): Markup => {
  const t = signIn[view.locale];
  const action = again ? '/console/confirm' : '/console/second-factor';
  const { session } = view;
  return (
    <Page
      view={view}
      title={again ? t.confirmTitle : t.secondTitle}
      place="none"
      narrow
      scripts={['webauthn.js', 'passkey.js']}
    >
      <p class="intro">{again ? t.confirmText : session?.hasTotp ? t.secondText : ''}</p>
      {session?.hasTotp && (
        <Form view={view} action={action} typed={typed}>
          <input type="hidden" name="next" value={next} />
          <Field
            view={view}
            typed={typed}
            name="code"
            label={t.code}
            hint={t.codeHint}
            inputmode="numeric"
            autocomplete="one-time-code"
            autofocus
            class="short"
          />
          <Button>{t.verify}</Button>
        </Form>
      )}
      {session?.hasPasskey && (
        <PasskeyForm
          view={view}
          action={action}
          ask="/console/passkeys/ask-mine"
          label={t.usePasskey}
          next={next}
        />
      )}
      <details class="other-way" open={typed.errors.recoveryCode !== undefined}>
        <summary>{t.useRecovery}</summary>
        <Form view={view} action={action}>
          <input type="hidden" name="next" value={next} />
          <Field
            view={view}
            typed={typed}
            name="recoveryCode"
            label={t.recoveryCode}
            hint={t.recoveryHint}
            autocomplete="off"
          />
          <Button look="plain">{t.verify}</Button>
        </Form>
      </details>
      {!again && (
        <Act view={view} action="/console/sign-out" look="quiet">
          {common[view.locale].signOut}
        </Act>
      )}
    </Page>
  );
};

/** Field of the form → what it is the answer of. */
const METHODS = { code: 'totp', recoveryCode: 'recovery-code', answer: 'passkey' } as const satisfies Record<
  string,
  FactorMethod
>;
type Answered = keyof typeof METHODS;

const form = z.object({
  code: z.string().max(20).optional(),
  recoveryCode: z.string().max(40).optional(),
  answer: z.string().max(20_000).optional(),
  next: z.string().max(2000).optional(),
});
const query = z.object({ next: z.string().max(2000).optional() }).loose();

/** The second step of signing in, and the same again before something dangerous. */
export const secondFactorPages: ConsolePages = (server, app) => {
  for (const [path, again] of [
    ['/second-factor', false],
    ['/confirm', true],
  ] as const) {
    const config = { access: 'author', halfWay: !again } as const;

    server.get(path, {
      config,
      schema: { querystring: query },
      handler: (request, reply) => {
        const view = viewOf(request, app);
        const next = safeNext(request.query.next);
        if (view.isIn && !again) return goTo(reply, next);
        return show(reply, <SecondFactorPage view={view} typed={NOTHING_TYPED} next={next} again={again} />);
      },
    });

    server.post(path, {
      config,
      handler: async (request, reply) => {
        const view = viewOf(request, app);
        const { data = {} } = form.safeParse(request.body);
        const next = safeNext(data.next);
        const field = (Object.keys(METHODS) as Answered[]).find((name) => data[name]) ?? 'code';
        try {
          const token = await app.identity.signIn.secondFactor(
            sessionOf(request),
            METHODS[field],
            data[field] ?? '',
          );
          setToken(reply, app, token);
        } catch (error) {
          if (!(error instanceof HeraldError) || error.kind !== 'invalid') throw error;
          const t = signIn[view.locale];
          const typed =
            field === 'answer'
              ? withError(NOTHING_TYPED, '', t.passkeyFailed)
              : withError(NOTHING_TYPED, field, t.wrongCode);
          return show(reply, <SecondFactorPage view={view} typed={typed} next={next} again={again} />, 422);
        }
        return goTo(reply, next);
      },
    });
  }
};
