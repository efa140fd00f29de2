import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { idParams } from '../api/common.ts';
import { actorOf, requireFreshSecondFactor } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { Act, ButtonLink } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Section, Table } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { Time } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { account } from './words/account.ts';
import { common } from './words/common.ts';
import { keys as words } from './words/keys.ts';

type User = Awaited<ReturnType<WebApp['users']['get']>>;
type Key = Awaited<ReturnType<WebApp['users']['keys']>>[number];

const query = z.object({ done: z.enum(['revoked']).optional().catch(undefined) }).loose();
const revokeForm = z.object({ key: z.string().max(64) });

/** What programs call the API with. */
export const keyPages: ConsolePages = (server, app) => {
  const { users, ids } = app;
  const config = { access: 'admin' } as const;
  const schema = { params: idParams };
  const idOf = (request: FastifyRequest) => ids.decode('user', idParams.parse(request.params).id).id;
  const userPage = (id: number) => `/console/admin/users/${ids.encode('user', id)}`;

  server.get('/admin/users/:id/keys', {
    config,
    schema,
    handler: async (request, reply) => {
      const user = await users.get(idOf(request));
      return show(
        reply,
        <KeysPage
          view={viewOf(request, app)}
          user={user}
          keys={await users.keys(user.id)}
          idOf={(key) => ids.encode('key', key.id)}
          page={userPage(user.id)}
          done={query.parse(request.query).done}
        />,
      );
    },
  });

  server.post('/admin/users/:id/keys', {
    config,
    schema,
    handler: async (request, reply) => {
      const id = idOf(request);
      const { name } = await users.get(id);
      const { create } = words[viewOf(request, app).locale];
      requireFreshSecondFactor(request, `${create}: ${name}`, `${userPage(id)}/keys`);
      const { key } = await users.createKey(id, actorOf(request));
      return show(
        reply,
        <KeyPage view={viewOf(request, app)} name={name} secret={key} page={userPage(id)} />,
      );
    },
  });

  server.post('/admin/users/:id/keys/revoke', {
    config,
    schema,
    handler: async (request, reply) => {
      const id = idOf(request);
      const key = ids.decode('key', revokeForm.safeParse(request.body).data?.key ?? '').id;
      if (!(await users.keys(id)).some((one) => one.id === key))
        throw new HeraldError('not-found', 'no-such-key', 'this user has no such key');
      await users.revokeKey(key, actorOf(request));
      return goTo(reply, `${userPage(id)}/keys?done=revoked`);
    },
  });
};

const trailOf = (view: View, page: string, name: string) =>
  [
    ['/console/admin', common[view.locale].admin],
    ['/console/admin/users', account[view.locale].users],
    [page, name],
  ] as const;

const KeysPage = (props: {
  readonly view: View;
  readonly user: User;
  readonly keys: readonly Key[];
  readonly idOf: (key: Key) => string;
  readonly page: string;
  readonly done: 'revoked' | undefined;
}): Markup => {
  const { view, user, keys, idOf, page, done } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="admin" trail={trailOf(view, page, user.name)}>
      {done && <Notice kind="good">{t.revokedDone}</Notice>}
      <p class="intro">{t.intro(user.name)}</p>
      {keys.length === 0 ? (
        <Empty title={t.none} />
      ) : (
        <Table
          caption={t.title}
          columns={[{ label: t.id }, { label: t.created }, { label: t.state }, { label: t.revoke }]}
          rows={keys.map((key) => [
            <code class="address">{idOf(key)}</code>,
            <Time view={view} at={key.createdAt} />,
            <Badge tone={key.revokedAt ? 'neutral' : 'good'}>{key.revokedAt ? t.revoked : t.good}</Badge>,
            key.revokedAt ? (
              <Time view={view} at={key.revokedAt} />
            ) : (
              <details class="confirm">
                <summary class="button button-quiet" aria-label={t.revokeOf(idOf(key))}>
                  {t.revoke}
                </summary>
                <div>
                  <p>{t.revokeConfirm}</p>
                  <Act
                    view={view}
                    action={`${page}/keys/revoke`}
                    look="danger"
                    fields={{ key: idOf(key) }}
                    label={`${t.revokeNow} ${idOf(key)}`}
                  >
                    {t.revokeNow}
                  </Act>
                </div>
              </details>
            ),
          ])}
        />
      )}
      <Section id="create" title={t.create} intro={user.disabledAt ? t.disabled : t.createHint}>
        {!user.disabledAt && (
          <Act view={view} action={`${page}/keys`}>
            {t.create}
          </Act>
        )}
      </Section>
    </Page>
  );
};

const KeyPage = (props: {
  readonly view: View;
  readonly name: string;
  readonly secret: string;
  readonly page: string;
}): Markup => {
  const { view, name, secret, page } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.shownTitle} place="admin" trail={trailOf(view, page, name)} narrow>
      <Notice kind="warning">{t.shownText(name)}</Notice>
      <p>
        <code class="secret">{secret}</code>
      </p>
      <ButtonLink href={`${page}/keys`}>{common[view.locale].back}</ButtonLink>
    </Page>
  );
};
