import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { type Address, LIFTABLE, type Suppression } from '../../pipeline/citizen-store.ts';
import { text } from '../api/common.ts';
import { actorOf } from '../session.ts';
import { Act, Button, Field, Form } from './components/form.tsx';
import { Badge, Empty, Notice } from './components/notice.tsx';
import { Facts, Section, Table } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { Time } from './format.tsx';
import { NOTHING_TYPED, readForm, type Typed, withError } from './forms.ts';
import { Fragment, h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { addressesIn } from './subscribers.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { suppressions as words } from './words/suppressions.ts';

const HOME = '/console/admin/suppressions';
/** Of the office's own. */
const SHOWN = 100;

const query = z
  .object({
    q: z.string().max(300).catch('').default(''),
    done: z.enum(['blocked', 'lifted', 'may-not']).optional().catch(undefined),
  })
  .loose();
const blockForm = z.object({ address: z.string().trim().min(1).max(300), note: text(500) });
const liftForm = z.object({ address: z.string().max(300) });

/** Addresses that nothing is sent to, and why. */
export const suppressionPages: ConsolePages = (server, app) => {
  const { audit, subscribers } = app;
  const { suppressions } = app.administration;
  const config = { access: 'approver' } as const;

  const page = async (request: FastifyRequest, typed: Typed) => {
    const { q, done } = query.parse(request.query);
    const wanted = q.trim();
    const asked = wanted ? addressesIn(wanted) : [];
    const [found, blocked, theirs] = await Promise.all([
      suppressions.of(asked),
      suppressions.blocked(SHOWN),
      asked.length > 0 ? subscribers.find({ name: '', addresses: asked }, { after: 0, limit: SHOWN }) : [],
    ]);
    await audit.note({
      by: actorOf(request),
      act: 'look-up',
      subjectType: 'suppression',
      details: {
        count: String(found.length + blocked.length),
        // Of whom was asked, whatever the answer.
        found: theirs.map(({ id }) => id).join(' ') || undefined,
      },
    });
    const view = viewOf(request, app);
    return <SuppressionsPage {...{ view, wanted, asked, found, blocked, typed, done }} />;
  };

  server.get('/admin/suppressions', {
    config,
    schema: { querystring: query },
    handler: async (request, reply) => show(reply, await page(request, NOTHING_TYPED)),
  });

  server.post('/admin/suppressions', {
    config,
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const t = words[view.locale];
      const { data, typed } = readForm(view, blockForm, request.body);
      if (!data) return show(reply, await page(request, typed), 422);
      const [address] = addressesIn(data.address);
      if (!address) return show(reply, await page(request, withError(typed, 'address', t.notAddress)), 422);
      try {
        await suppressions.block(address, data.note, actorOf(request));
      } catch (error) {
        if (!(error instanceof HeraldError && error.code === 'suppressed-already')) throw error;
        return show(reply, await page(request, withError(typed, 'address', t.already)), 422);
      }
      return goTo(reply, `${HOME}?done=blocked`);
    },
  });

  server.post('/admin/suppressions/lift', {
    config,
    handler: async (request, reply) => {
      const [address] = addressesIn(liftForm.safeParse(request.body).data?.address ?? '');
      if (!address) return goTo(reply, HOME);
      try {
        await suppressions.lift(address, actorOf(request));
      } catch (error) {
        if (!(error instanceof HeraldError && ['conflict', 'not-found'].includes(error.kind))) throw error;
        return goTo(reply, `${HOME}?done=may-not`);
      }
      return goTo(reply, `${HOME}?done=lifted`);
    },
  });
};

const DONE = {
  blocked: ['blockedDone', 'good'],
  lifted: ['lifted', 'good'],
  'may-not': ['mayNot', 'warning'],
} as const;

const SuppressionsPage = (props: {
  readonly view: View;
  readonly wanted: string;
  readonly asked: readonly Address[];
  readonly found: readonly Suppression[];
  readonly blocked: readonly Suppression[];
  readonly typed: Typed;
  readonly done: keyof typeof DONE | undefined;
}): Markup => {
  const { view, wanted, asked, found, blocked, typed, done } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      {done && <Notice kind={DONE[done][1]}>{t[DONE[done][0]]}</Notice>}
      <p class="intro">{t.intro}</p>
      <form method="get" action={HOME} class="search">
        <Field
          view={view}
          name="q"
          type="search"
          label={t.search}
          hint={t.searchHint}
          value={wanted}
          autocomplete="off"
          maxlength={300}
        />
        <Button look="plain">{t.find}</Button>
      </form>
      {wanted && (
        <Section id="result" title={t.result(asked[0]?.address ?? wanted)}>
          {asked.length === 0 && <Empty title={t.notAddress} />}
          {asked.length > 0 && found.length === 0 && <Notice kind="good">{t.free}</Notice>}
          {found.map((one) => (
            <Found view={view} one={one} />
          ))}
        </Section>
      )}
      <Section id="block" title={t.block} intro={t.blockIntro}>
        <Form view={view} action={HOME} typed={typed} class="pairs">
          <Field
            view={view}
            typed={typed}
            name="address"
            label={t.search}
            autocomplete="off"
            maxlength={300}
          />
          <Field
            view={view}
            typed={typed}
            name="note"
            label={t.why}
            hint={t.whyHint}
            autocomplete="off"
            maxlength={500}
          />
          <Button look="plain">{t.blockNow}</Button>
        </Form>
      </Section>
      <Section id="blocked" title={t.blockedOnes}>
        {blocked.length === 0 ? (
          <Empty title={t.noneBlocked} />
        ) : (
          <Table
            caption={t.blockedOnes}
            columns={[{ label: t.address }, { label: t.note }, { label: t.since }, { label: t.lift }]}
            rows={blocked.map((one) => [
              one.address,
              one.note ?? '—',
              <Time view={view} at={one.createdAt} />,
              <Lift view={view} one={one} />,
            ])}
          />
        )}
      </Section>
    </Page>
  );
};

const Found = ({ view, one }: { readonly view: View; readonly one: Suppression }): Markup => {
  const t = words[view.locale];
  return (
    <Fragment>
      <Facts
        facts={[
          [t.reason, <Badge tone="warning">{t[one.reason]}</Badge>],
          [t.since, <Time view={view} at={one.createdAt} />],
          [t.source, one.source],
          ...(one.note === null ? [] : [[t.note, one.note] as const]),
        ]}
      />
      <p class="intro">{t[`${one.reason}Text`]}</p>
      {LIFTABLE.includes(one.reason) && <Lift view={view} one={one} />}
    </Fragment>
  );
};

const Lift = ({ view, one }: { readonly view: View; readonly one: Suppression }): Markup => {
  const t = words[view.locale];
  return (
    <details class="confirm">
      <summary class="button button-plain" aria-label={t.liftOf(one.address)}>
        {t.lift}
      </summary>
      <div>
        <p>{t.liftConfirm}</p>
        <Act
          view={view}
          action={`${HOME}/lift`}
          look="danger"
          fields={{ address: one.address }}
          label={`${t.liftNow} ${one.address}`}
        >
          {t.liftNow}
        </Act>
      </div>
    </details>
  );
};
