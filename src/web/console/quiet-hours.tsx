import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CHANNELS, type Channel } from '../../domain/channel.ts';
import { quietHoursSchema } from '../api/quiet-hours.ts';
import { actorOf, sessionOf } from '../session.ts';
import type { WebApp } from '../web-app.ts';
import { Act, Button, Field, Form } from './components/form.tsx';
import { Notice } from './components/notice.tsx';
import { Section } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { fieldsOf, NOTHING_TYPED, type Typed } from './forms.ts';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { goTo, show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { problems } from './words/problems.ts';
import { progress } from './words/progress.ts';
import { quietHours as words } from './words/quiet-hours.ts';

const HOME = '/console/admin/quiet-hours';
const query = z.object({ done: z.enum(['saved', 'cleared']).optional().catch(undefined) }).loose();
const channelForm = z.object({ channel: z.enum(CHANNELS) });
type Hours = Awaited<ReturnType<WebApp['quietHours']['list']>>[number];

/** When citizens are left in peace. */
export const quietHoursPages: ConsolePages = (server, app) => {
  const { quietHours } = app;
  const page = async (request: FastifyRequest, typed: Typed) => (
    <QuietHoursPage
      view={viewOf(request, app)}
      hours={await quietHours.list()}
      mayChange={sessionOf(request).role === 'admin'}
      typed={typed}
      done={query.parse(request.query).done}
    />
  );

  server.get('/admin/quiet-hours', {
    config: { access: 'author' },
    handler: async (request, reply) => show(reply, await page(request, NOTHING_TYPED)),
  });

  server.post('/admin/quiet-hours', {
    config: { access: 'admin' },
    handler: async (request, reply) => {
      const { channel } = channelForm.parse(request.body);
      const fields = fieldsOf(request.body);
      const from = String(fields[`${channel}-from`] ?? '');
      const until = String(fields[`${channel}-until`] ?? '');
      const { data, error } = quietHoursSchema.safeParse({ from, until });
      if (!data) {
        const { locale } = viewOf(request, app);
        const wrong = error.issues.map(({ path }) => path[0]);
        const errors = Object.fromEntries(
          wrong.map((name) =>
            name === undefined
              ? [`${channel}-until`, words[locale].same]
              : [`${channel}-${String(name)}`, problems[locale].wrong],
          ),
        );
        const values = { [`${channel}-from`]: from, [`${channel}-until`]: until };
        return show(reply, await page(request, { values, errors }), 422);
      }
      await quietHours.set({ channel, ...data }, actorOf(request));
      return goTo(reply, `${HOME}?done=saved`);
    },
  });

  server.post('/admin/quiet-hours/clear', {
    config: { access: 'admin' },
    handler: async (request, reply) => {
      await quietHours.clear(channelForm.parse(request.body).channel, actorOf(request));
      return goTo(reply, `${HOME}?done=cleared`);
    },
  });
};

const said = (view: View, hours: Hours | undefined): string => {
  const t = words[view.locale];
  if (!hours) return t.none;
  return hours.from < hours.until ? t.held(hours.from, hours.until) : t.overnight(hours.from, hours.until);
};

const QuietHoursPage = (props: {
  readonly view: View;
  readonly hours: readonly Hours[];
  readonly mayChange: boolean;
  readonly typed: Typed;
  readonly done?: 'saved' | 'cleared' | undefined;
}): Markup => {
  const { view, hours, mayChange, done } = props;
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      {done && <Notice kind="good">{t[done]}</Notice>}
      <p class="intro">{t.intro(view.timezone)}</p>
      {CHANNELS.map((channel) => {
        const set = hours.find((one) => one.channel === channel);
        return (
          <Section id={channel} title={progress[view.locale][channel]} intro={said(view, set)}>
            {mayChange && <Change {...props} channel={channel} set={set} />}
          </Section>
        );
      })}
      {!mayChange && <p class="hint">{t.only}</p>}
    </Page>
  );
};

const Change = (props: {
  readonly view: View;
  readonly typed: Typed;
  readonly channel: Channel;
  readonly set: Hours | undefined;
}): Markup => {
  const { view, channel, set } = props;
  const t = words[view.locale];
  const name = progress[view.locale][channel];
  // What is wrong is said above the form that it is in.
  const mine = Object.keys(props.typed.errors).some((field) => field.startsWith(`${channel}-`));
  const typed = mine ? props.typed : NOTHING_TYPED;
  return (
    <div class="hours">
      <Form view={view} action={HOME} typed={typed} class="hours">
        <input type="hidden" name="channel" value={channel} />
        <Field
          view={view}
          typed={typed}
          name={`${channel}-from`}
          label={t.from(name)}
          type="time"
          value={set?.from ?? '22:00'}
        />
        <Field
          view={view}
          typed={typed}
          name={`${channel}-until`}
          label={t.until(name)}
          type="time"
          value={set?.until ?? '08:00'}
        />
        <Button look="plain">{t.set}</Button>
      </Form>
      {set && (
        <Act view={view} action={`${HOME}/clear`} look="quiet" fields={{ channel }} label={t.clearOf(name)}>
          {t.clear}
        </Act>
      )}
    </div>
  );
};
