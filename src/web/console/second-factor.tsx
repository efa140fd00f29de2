import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import type { FactorMethod } from '../../pipeline/account-store.ts';
import { sha256 } from '../../pipeline/identity/secrets.ts';
import { safeNext, sessionOf, setToken, visitorOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { Act, Button, Field, Form } from './components/form.tsx';
import { PasskeyForm } from './components/passkey.tsx';
import type { ConsolePages } from './console-pages.ts';
import { fieldsOf, NOTHING_TYPED, SECRET, type Typed, withError } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { problems } from './words/problems.ts';
import { signIn } from './words/sign-in.ts';

interface Props {
  readonly view: View;
  readonly typed: Typed;
  readonly action: string;
  /** Given again for a dangerous act, rather than the second step of signing in. */
  readonly again: boolean;
  /** What happens at once when it is right, as the button said that was pressed. */
  readonly does?: string | undefined;
  /** What is sent along: where to go on, or the form that waits for it. */
  readonly carried: ReturnType<typeof fieldsOf>;
}

const SecondFactorPage = ({ view, typed, action, again, does, carried }: Props): Markup => {
  const t = signIn[view.locale];
  const { session } = view;
  const text =
    does !== undefined ? t.confirmDoes : again ? t.confirmText : session?.hasTotp ? t.secondText : '';
  const along = Object.entries(carried).flatMap(([name, values]) =>
    [values].flat().map((value) => <input type="hidden" name={name} value={value} />),
  );
  return (
    <Page
      view={view}
      title={again ? t.confirmTitle : t.secondTitle}
      place="none"
      narrow
      scripts={['webauthn.js', 'passkey.js']}
    >
      <p class="intro">{text}</p>
      {session?.hasTotp && (
        <Form view={view} action={action} typed={typed}>
          {along}
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
          <Button look={does ? 'danger' : 'primary'}>{does || t.verify}</Button>
        </Form>
      )}
      {session?.hasPasskey && (
        <PasskeyForm
          view={view}
          action={action}
          ask="/console/passkeys/ask-mine"
          label={does ? `${t.usePasskey}: ${does}` : t.usePasskey}
        >
          {along}
        </PasskeyForm>
      )}
      <details class="other-way" open={typed.errors.recoveryCode !== undefined}>
        <summary>{t.useRecovery}</summary>
        <Form view={view} action={action}>
          {along}
          <Field
            view={view}
            typed={typed}
            name="recoveryCode"
            label={t.recoveryCode}
            hint={t.recoveryHint}
            autocomplete="off"
          />
          <Button look="plain">{does || t.verify}</Button>
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
const FIELDS = Object.keys(METHODS) as (keyof typeof METHODS)[];

const form = z.object({
  code: z.string().max(20).optional(),
  recoveryCode: z.string().max(40).optional(),
  answer: z.string().max(20_000).optional(),
});
const next = z.object({ next: z.string().max(2000).optional() }).loose();
/** Says what its button does. */
const DOES = 'does';
/** Says that a form was sent from the page that asks for a second factor. */
const WITH_FACTOR = 'secondFactor';

/** What is wrong with a second factor, and the status of the page that says so. */
interface Wrong {
  readonly typed: Typed;
  readonly status: 422 | 429;
}

/** Takes the second factor of a form: the visitor goes on with the token of a session that has it. */
async function take(request: FastifyRequest, reply: FastifyReply, app: WebApp): Promise<Wrong | null> {
  const { data = {} } = form.safeParse(request.body);
  const field = FIELDS.find((name) => data[name]) ?? 'code';
  const { signIn: factors, sessions } = app.identity;
  try {
    const token = await factors.secondFactor(sessionOf(request), METHODS[field], data[field] ?? '');
    setToken(reply, app, token);
    request.visitor = visitorOf(token, (await sessions.find(sha256(token), false)) ?? null);
    return null;
  } catch (error) {
    if (!(error instanceof HeraldError)) throw error;
    const { locale } = viewOf(request, app);
    const wrong = (text: string, status: Wrong['status']): Wrong => ({
      typed: withError(NOTHING_TYPED, field === 'answer' ? '' : field, text),
      status,
    });
    if (error.code === 'too-many-attempts') {
      const seconds = error.issues.find(({ path }) => path === 'seconds')?.message ?? '60';
      reply.header('retry-after', seconds);
      return wrong(problems[locale].tooManyText(seconds), 429);
    }
    if (error.kind !== 'invalid') throw error;
    const t = signIn[locale];
    return wrong(field === 'answer' ? t.passkeyFailed : t.wrongCode, 422);
  }
}

/**
 * Asks for the second factor that a form needs, from a page that sends the form again with it. Passwords and codes are not
 * sent along.
 */
export function askForFactor(
  request: FastifyRequest,
  reply: FastifyReply,
  app: WebApp,
  does: string,
  wrong?: Wrong,
): FastifyReply {
  const carried = Object.fromEntries(
    Object.entries(fieldsOf(request.body)).filter(([name]) => !SECRET.includes(name)),
  );
  return show(
    reply,
    <SecondFactorPage
      view={viewOf(request, app)}
      typed={wrong?.typed ?? NOTHING_TYPED}
      action={request.url}
      again
      does={does}
      carried={{ ...carried, [DOES]: does, [WITH_FACTOR]: '1' }}
    />,
    wrong?.status ?? 401,
  );
}

/** Takes the second factor that comes with a form, before the form's own route does what it says. */
export async function takeFactor(request: FastifyRequest, reply: FastifyReply, app: WebApp): Promise<void> {
  const fields = fieldsOf(request.body);
  // What leads nowhere was not checked for its token either.
  if (!(WITH_FACTOR in fields) || request.is404 || request.visitor?.standing !== 'in') return;
  const wrong = await take(request, reply, app);
  if (wrong) await askForFactor(request, reply, app, String(fields[DOES] ?? ''), wrong);
}

/** The second step of signing in, and the same again before something dangerous. */
export const secondFactorPages: ConsolePages = (server, app) => {
  for (const [path, again] of [
    ['/second-factor', false],
    ['/confirm', true],
  ] as const) {
    const config = { access: 'author', halfWay: !again } as const;
    const page = (request: FastifyRequest, to: string, typed = NOTHING_TYPED): Markup => (
      <SecondFactorPage
        view={viewOf(request, app)}
        typed={typed}
        action={`/console${path}`}
        again={again}
        carried={{ next: to }}
      />
    );

    server.get(path, {
      config,
      schema: { querystring: next },
      handler: (request, reply) => {
        const to = safeNext(request.query.next);
        if (viewOf(request, app).isIn && !again) return goTo(reply, to);
        return show(reply, page(request, to));
      },
    });

    server.post(path, {
      config,
      handler: async (request, reply) => {
        const to = safeNext(next.safeParse(request.body).data?.next);
        const wrong = await take(request, reply, app);
        return wrong ? show(reply, page(request, to, wrong.typed), wrong.status) : goTo(reply, to);
      },
    });
  }
};
