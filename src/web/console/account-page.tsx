import type { FastifyRequest } from 'fastify';
import type { Account, Passkey } from '../../pipeline/account-store.ts';
import { sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { Act, Button, ButtonLink, Field, Form, Select } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Sessions } from './components/sessions.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { number, Time } from './format.tsx';
import type { Typed } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { type View, viewOf } from './view.ts';
import { account } from './words/account.ts';
import { common } from './words/common.ts';
import { signIn } from './words/sign-in.ts';

const DONE = {
  saved: 'saved',
  password: 'passwordChanged',
  removed: 'removed',
  ended: 'ended',
} as const;

/** One's own account, with what was typed into its forms. @param done what was just done */
export async function accountPage(
  app: WebApp,
  request: FastifyRequest,
  typed: { readonly profile: Typed; readonly password: Typed },
  done?: string,
): Promise<Markup> {
  const view = viewOf(request, app);
  const { userId } = sessionOf(request);
  const [mine, passkeys, sessions] = await Promise.all([
    app.identity.accounts.get(userId),
    app.identity.factors.passkeys(userId),
    app.identity.sessions.list(userId),
  ]);
  const t = account[view.locale];
  const notice = Object.hasOwn(DONE, done ?? '') ? DONE[done as keyof typeof DONE] : undefined;
  return (
    <Page view={view} title={t.title} place="account">
      {notice && <Notice kind="good">{t[notice]}</Notice>}
      <Section id="profile" title={t.profile} intro={t.profileIntro}>
        <Profile view={view} mine={mine} typed={typed.profile} />
      </Section>
      <Section id="factors" title={t.factors} intro={t.factorsIntro}>
        <Factors view={view} mine={mine} passkeys={passkeys} />
      </Section>
      <Section id="password" title={t.password} intro={t.passwordIntro}>
        <ChangePassword view={view} typed={typed.password} login={mine.login ?? ''} />
      </Section>
      <Section
        id="sessions"
        title={t.sessions}
        intro={t.sessionsIntro}
        aside={
          sessions.length > 1 && (
            <Act view={view} action="/console/account/sessions/end">
              {t.endOthers}
            </Act>
          )
        }
      >
        <Sessions view={view} sessions={sessions} action="/console/account/sessions/end" />
      </Section>
    </Page>
  );
}

interface Mine {
  readonly view: View;
  readonly mine: Account;
}

const Profile = ({ view, mine, typed }: Mine & { readonly typed: Typed }): Markup => {
  const t = account[view.locale];
  return (
    <Form view={view} action="/console/account/profile" typed={typed} class="columns">
      <Field view={view} typed={typed} name="name" label={t.name} value={mine.name} autocomplete="name" />
      <Field
        view={view}
        typed={typed}
        name="phone"
        type="tel"
        label={t.phone}
        hint={t.phoneHint}
        value={mine.phone}
        autocomplete="tel"
        optional
      />
      <Field
        view={view}
        typed={typed}
        name="email"
        type="email"
        label={t.email}
        value={mine.email}
        autocomplete="email"
        optional
      />
      <Select
        view={view}
        typed={typed}
        name="locale"
        label={t.language}
        value={mine.locale ?? ''}
        options={[
          ['', t.browserLanguage],
          ['zh-CN', '中文'],
          ['en', 'English'],
        ]}
      />
      <Button>{common[view.locale].save}</Button>
    </Form>
  );
};

const ChangePassword = (props: {
  readonly view: View;
  readonly typed: Typed;
  readonly login: string;
}): Markup => {
  const { view, typed, login } = props;
  const t = account[view.locale];
  const s = signIn[view.locale];
  return (
    <Form view={view} action="/console/account/password" typed={typed} class="columns">
      <input type="hidden" name="username" autocomplete="username" value={login} />
      <Field
        view={view}
        typed={typed}
        name="oldPassword"
        type="password"
        label={t.oldPassword}
        autocomplete="current-password"
      />
      <Field
        view={view}
        typed={typed}
        name="password"
        type="password"
        label={s.newPassword}
        hint={s.passwordHint}
        autocomplete="new-password"
      />
      <Field
        view={view}
        typed={typed}
        name="passwordAgain"
        type="password"
        label={s.repeat}
        autocomplete="new-password"
      />
      <Button>{t.changePassword}</Button>
    </Form>
  );
};

const Factors = ({ view, mine, passkeys }: Mine & { readonly passkeys: readonly Passkey[] }): Markup => {
  const t = account[view.locale];
  return (
    <>
      <Facts
        facts={[
          [
            t.totp,
            mine.hasTotp ? (
              <>
                <Badge tone="good">{t.totpSet}</Badge>{' '}
                <Act view={view} action="/console/account/totp/remove" look="quiet" label={t.removeTotp}>
                  {t.remove}
                </Act>
              </>
            ) : (
              <Badge>{t.totpUnset}</Badge>
            ),
          ],
          [
            t.recovery,
            <>
              <Badge tone={mine.recoveryCodes < 3 ? 'warning' : 'good'}>
                {t.recoveryLeft(number(view, mine.recoveryCodes))}
              </Badge>{' '}
              <Act view={view} action="/console/account/recovery-codes" look="quiet">
                {t.newCodes}
              </Act>
            </>,
          ],
        ]}
      />
      <h3>{t.passkeys}</h3>
      {passkeys.length === 0 ? (
        <Empty title={t.noPasskeys} />
      ) : (
        <Table
          caption={t.passkeys}
          columns={[{ label: t.name }, { label: t.added }, { label: t.lastUsed }, { label: t.remove }]}
          rows={passkeys.map(({ id, name, createdAt, lastUsedAt }) => [
            name,
            <Time view={view} at={createdAt} />,
            lastUsedAt ? <Time view={view} at={lastUsedAt} /> : t.never,
            <Act
              view={view}
              action="/console/account/passkeys/remove"
              fields={{ id: String(id) }}
              label={t.removePasskey(name)}
            >
              {t.remove}
            </Act>,
          ])}
        />
      )}
      <p>
        <ButtonLink href="/console/enrol?next=/console/account">{t.addFactor}</ButtonLink>
      </p>
    </>
  );
};
