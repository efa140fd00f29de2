import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { needsSecondFactor } from '../../domain/session.ts';
import { text } from '../api/common.ts';
import { requireMayEnrol, safeNext, sessionOf, setToken } from '../session.ts';
import { Button, ButtonLink, Field, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { PasskeyForm } from './components/passkey.tsx';
import { QrCode } from './components/qr.tsx';
import { Section } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { NOTHING_TYPED, type Typed, withError } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { signIn } from './words/sign-in.ts';

const query = z.object({ next: z.string().max(2000).optional() }).loose();
const totpForm = z.object({
  sealed: z.string().max(500).optional(),
  code: z.string().max(20).optional(),
  next: z.string().max(2000).optional(),
});
const passkeyForm = z.object({
  answer: z.string().max(20_000).optional(),
  name: text(60).catch('Passkey'),
  next: z.string().max(2000).optional(),
});

interface Props {
  readonly view: View;
  readonly typed: Typed;
  readonly next: string;
  readonly totp: { readonly secret: string; readonly uri: string; readonly sealed: string };
}

const EnrolPage = ({ view, typed, next, totp }: Props): Markup => {
  const t = signIn[view.locale];
  const mayWait = view.session !== null && !needsSecondFactor(view.session.role);
  return (
    <Page view={view} title={t.enrolTitle} place="account" narrow scripts={['webauthn.js', 'passkey.js']}>
      <p class="intro">{t.enrolText}</p>
      {typed.errors[''] && <Notice kind="danger">{typed.errors['']}</Notice>}
      <Section id="passkey" title={t.passkeyTitle} intro={t.passkeyText}>
        <PasskeyForm
          view={view}
          action="/console/enrol/passkey"
          ask="/console/passkeys/ask-new"
          label={t.addPasskey}
          next={next}
          create
        >
          <Field view={view} name="name" label={t.passkeyName} hint={t.passkeyNameHint} maxlength={60} />
        </PasskeyForm>
      </Section>
      <Section id="totp" title={t.totpTitle} intro={t.totpSteps}>
        <QrCode text={totp.uri} label={t.qr} />
        <p class="hint">{t.totpManual}</p>
        <p>
          <code class="secret">{totp.secret.replace(/.{4}(?=.)/g, '$& ')}</code>
        </p>
        <Form view={view} action="/console/enrol/totp">
          <input type="hidden" name="sealed" value={totp.sealed} />
          <input type="hidden" name="next" value={next} />
          <Field
            view={view}
            typed={typed}
            name="code"
            label={t.code}
            hint={t.codeHint}
            inputmode="numeric"
            autocomplete="one-time-code"
            class="short"
          />
          <Button>{t.continue}</Button>
        </Form>
      </Section>
      {mayWait && <ButtonLink href={next}>{t.skip}</ButtonLink>}
    </Page>
  );
};

/** Ten codes, this once. */
export const RecoveryCodesPage = (props: {
  readonly view: View;
  readonly codes: readonly string[];
  readonly next: string;
}): Markup => {
  const { view, codes, next } = props;
  const t = signIn[view.locale];
  return (
    <Page view={view} title={t.codesTitle} place="account" narrow>
      <Notice kind="warning">{t.codesText}</Notice>
      <ul class="codes">
        {codes.map((code) => (
          <li>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <ButtonLink href={next} look="primary">
        {t.codesSaved}
      </ButtonLink>
    </Page>
  );
};

/** Getting a second factor: the first one while signing in, others from one's account. */
export const enrolPages: ConsolePages = (server, app) => {
  const { identity } = app;
  const config = { access: 'author', halfWay: true } as const;

  const showEnrol = (
    request: FastifyRequest,
    reply: FastifyReply,
    more: Partial<Props> & { sealed?: string | undefined },
    status = 200,
  ) => {
    const view = viewOf(request, app);
    const { typed = NOTHING_TYPED, next = '/console', sealed } = more;
    const totp = identity.newTotp(sessionOf(request), sealed);
    return show(reply, <EnrolPage view={view} typed={typed} next={next} totp={totp} />, status);
  };

  /** Goes on under the new token; who has no recovery codes yet is given some. */
  const enrolled = async (request: FastifyRequest, reply: FastifyReply, token: string, next: string) => {
    const session = sessionOf(request);
    setToken(reply, app, token);
    if ((await identity.accounts.get(session.userId)).recoveryCodes > 0) return goTo(reply, next);
    const codes = await identity.newRecoveryCodes(session);
    return show(reply, <RecoveryCodesPage view={viewOf(request, app)} codes={codes} next={next} />);
  };

  server.get('/enrol', {
    config,
    schema: { querystring: query },
    handler: (request, reply) => {
      requireMayEnrol(request, request.url);
      return showEnrol(request, reply, { next: safeNext(request.query.next) });
    },
  });

  server.post('/enrol/totp', {
    config,
    handler: async (request, reply) => {
      requireMayEnrol(request, '/console/enrol');
      const { sealed = '', code = '', next } = totpForm.safeParse(request.body).data ?? {};
      try {
        const token = await identity.setTotp(sessionOf(request), sealed, code);
        return await enrolled(request, reply, token, safeNext(next));
      } catch (error) {
        if (!(error instanceof HeraldError) || error.code !== 'wrong-code') throw error;
        const typed = withError(NOTHING_TYPED, 'code', signIn[viewOf(request, app).locale].wrongCode);
        return showEnrol(request, reply, { typed, next: safeNext(next), sealed }, 422);
      }
    },
  });

  server.post('/enrol/passkey', {
    config,
    handler: async (request, reply) => {
      requireMayEnrol(request, '/console/enrol');
      const { answer = '', name = 'Passkey', next } = passkeyForm.safeParse(request.body).data ?? {};
      try {
        const token = await identity.addPasskey(sessionOf(request), answer, name);
        return await enrolled(request, reply, token, safeNext(next));
      } catch (error) {
        if (!(error instanceof HeraldError) || error.code !== 'bad-passkey') throw error;
        const typed = withError(NOTHING_TYPED, '', signIn[viewOf(request, app).locale].passkeyFailed);
        return showEnrol(request, reply, { typed, next: safeNext(next) }, 422);
      }
    },
  });
};
