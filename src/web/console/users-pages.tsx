import { ROLES, type Role } from '../../domain/announcement.ts';
import type { Account, SessionSummary } from '../../pipeline/account-store.ts';
import { Act, Button, ButtonLink, Choices, Field, Form } from './components/form.tsx';
import { Badge, Empty, Notice, type Tone } from './components/notice.tsx';
import { Sessions } from './components/sessions.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import { Time } from './format.tsx';
import type { Typed } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import type { View } from './view.ts';
import { account } from './words/account.ts';
import { common } from './words/common.ts';
import { keys } from './words/keys.ts';

export const roleName = ({ locale }: Pick<View, 'locale'>, role: Role): string =>
  common[locale][role === 'admin' ? 'administrator' : role];

type State = 'active' | 'invited' | 'notInvited' | 'disabled';
const TONES: Readonly<Record<State, Tone>> = {
  active: 'good',
  invited: 'info',
  notInvited: 'neutral',
  disabled: 'danger',
};
const stateOf = (one: Account): State =>
  one.disabledAt ? 'disabled' : one.hasPassword ? 'active' : one.invitedUntil ? 'invited' : 'notInvited';

const StateBadge = ({ view, one }: { readonly view: View; readonly one: Account }): Markup => {
  const state = stateOf(one);
  return <Badge tone={TONES[state]}>{account[view.locale][state]}</Badge>;
};

const trailOf = (view: View) =>
  [
    ['/console/admin', account[view.locale].adminTitle],
    ['/console/admin/users', account[view.locale].users],
  ] as const;

export const UsersPage = (props: {
  readonly view: View;
  readonly accounts: readonly Account[];
  readonly pageOf: (id: number) => string;
}): Markup => {
  const { view, accounts, pageOf } = props;
  const t = account[view.locale];
  return (
    <Page
      view={view}
      title={t.users}
      place="admin"
      actions={
        <ButtonLink href="/console/admin/users/new" look="primary">
          {t.addUser}
        </ButtonLink>
      }
    >
      <p class="intro">{t.usersIntro}</p>
      <Table
        caption={t.users}
        columns={[
          { label: t.name },
          { label: t.role },
          { label: t.login },
          { label: t.state },
          { label: t.secondFactor },
          { label: t.lastSeen },
        ]}
        rows={accounts.map((one) => [
          <a href={pageOf(one.id)}>{one.name}</a>,
          roleName(view, one.role),
          one.login ?? '—',
          <StateBadge view={view} one={one} />,
          one.hasTotp || one.passkeys > 0 ? t.has : t.hasNot,
          one.lastSeenAt ? <Time view={view} at={one.lastSeenAt} /> : t.never,
        ])}
      />
    </Page>
  );
};

const roleOptions = (view: View) => ROLES.map((role) => [role, roleName(view, role)] as const);

export const NewUserPage = ({ view, typed }: { readonly view: View; readonly typed: Typed }): Markup => {
  const t = account[view.locale];
  return (
    <Page view={view} title={t.addUser} place="admin" trail={trailOf(view)} narrow>
      <p class="intro">{t.inviteIntro}</p>
      <Form view={view} action="/console/admin/users" typed={typed}>
        <Field view={view} typed={typed} name="name" label={t.name} maxlength={100} autocomplete="off" />
        <Choices
          name="role"
          type="radio"
          legend={t.role}
          chosen={[typed.values.role ?? 'author']}
          options={roleOptions(view)}
          error={typed.errors.role}
        />
        <Button>{t.makeLink}</Button>
      </Form>
    </Page>
  );
};

export const LinkPage = (props: {
  readonly view: View;
  readonly name: string;
  readonly link: string;
  readonly expiresAt: Date;
  readonly page: string;
}): Markup => {
  const { view, name, link, expiresAt, page } = props;
  const t = account[view.locale];
  return (
    <Page view={view} title={t.linkTitle} place="admin" trail={[...trailOf(view), [page, name]]} narrow>
      <Notice kind="warning">{t.linkText(name)}</Notice>
      <p>
        <code class="secret">{link}</code>
      </p>
      <Facts facts={[[t.linkUntil, <Time view={view} at={expiresAt} />]]} />
      <ButtonLink href={page}>{common[view.locale].back}</ButtonLink>
    </Page>
  );
};

const DONE = {
  role: 'roleChanged',
  disable: 'disabledDone',
  enable: 'enabledDone',
  sessions: 'ended',
} as const;

export const UserPage = (props: {
  readonly view: View;
  readonly account: Account;
  readonly sessions: readonly SessionSummary[];
  readonly page: string;
  readonly done?: string | undefined;
}): Markup => {
  const { view, account: one, sessions, page, done } = props;
  const t = account[view.locale];
  const notice = Object.hasOwn(DONE, done ?? '') ? DONE[done as keyof typeof DONE] : undefined;
  return (
    <Page
      view={view}
      title={one.name}
      place="admin"
      trail={trailOf(view)}
      actions={<ButtonLink href={`${page}/keys`}>{keys[view.locale].title}</ButtonLink>}
    >
      {notice && <Notice kind="good">{t[notice]}</Notice>}
      <Facts
        facts={[
          [t.state, <StateBadge view={view} one={one} />],
          [t.role, roleName(view, one.role)],
          [t.login, one.login ?? '—'],
          [t.secondFactor, one.hasTotp || one.passkeys > 0 ? t.has : t.hasNot],
          [t.contact, [one.phone, one.email].filter(Boolean).join(' · ') || '—'],
          [t.created, <Time view={view} at={one.createdAt} />],
        ]}
      />
      {one.disabledAt ? (
        <Section id="enable" title={t.enable} intro={t.enableIntro}>
          <Act view={view} action={`${page}/enable`}>
            {t.enable}
          </Act>
        </Section>
      ) : (
        <Enabled view={view} one={one} page={page} />
      )}
      <Section
        id="sessions"
        title={t.openSessions}
        aside={
          sessions.length > 0 && (
            <Act view={view} action={`${page}/sessions`}>
              {t.endSessions}
            </Act>
          )
        }
      >
        {sessions.length > 0 ? (
          <Sessions view={view} sessions={sessions} action={`${page}/sessions`} />
        ) : (
          <Empty title={t.noSessions} />
        )}
      </Section>
    </Page>
  );
};

const Enabled = ({
  view,
  one,
  page,
}: {
  readonly view: View;
  readonly one: Account;
  readonly page: string;
}): Markup => {
  const t = account[view.locale];
  return (
    <>
      <Section id="role-section" title={t.role} intro={t.roleHint}>
        <Form view={view} action={`${page}/role`}>
          <Choices
            name="role"
            type="radio"
            legend={t.role}
            hideLegend
            chosen={[one.role]}
            options={roleOptions(view)}
          />
          <Button look="plain">{t.changeRole}</Button>
        </Form>
      </Section>
      <Section id="invite" title={t.invite} intro={t.inviteIntro}>
        <Act view={view} action={`${page}/invite`}>
          {t.makeLink}
        </Act>
      </Section>
      <Section id="disable" title={t.disable} intro={t.disableIntro}>
        <details class="confirm">
          <summary class="button button-plain">{t.disable}</summary>
          <div>
            <p>{t.disableConfirm(one.name)}</p>
            <Act view={view} action={`${page}/disable`} look="danger">
              {t.disableNow}
            </Act>
          </div>
        </details>
      </Section>
    </>
  );
};
