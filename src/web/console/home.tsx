import { Empty, Notice } from './components/notice.tsx';
import { Section } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { Time } from './format.tsx';
import { h } from './jsx.ts';
import { Page } from './layout.tsx';
import { show, viewOf } from './view.ts';
import { home } from './words/home.ts';

/** What is waiting, what is being sent, what is wrong. */
export const homePages: ConsolePages = (server, app) => {
  server.get('/', {
    config: { access: 'author' },
    handler: async (request, reply) => {
      const view = viewOf(request, app);
      const t = home[view.locale];
      const [{ breakers }, unanswered] = await Promise.all([
        app.reports.health(),
        app.approverCalls.unanswered(),
      ]);
      return show(
        reply,
        <Page view={view} title={t.hello(view.session?.name ?? '')} place="home">
          {unanswered.map(({ title, since }) => (
            <Notice kind="danger" title={t.nobodyLeft(title)}>
              {t.nobodyLeftText} <Time view={view} at={since} />
            </Notice>
          ))}
          <Section id="waiting" title={t.waiting}>
            <Empty title={t.nothingWaiting}>
              <p>{t.nothingWaitingText}</p>
            </Empty>
          </Section>
          <Section id="sending" title={t.sending}>
            <Empty title={t.nothingSending} />
          </Section>
          <Section id="health" title={t.health}>
            {breakers.length === 0 ? (
              <Notice kind="good">{t.allWell}</Notice>
            ) : (
              breakers.map(({ channel }) => <Notice kind="danger">{t.breaker(channel)}</Notice>)
            )}
          </Section>
        </Page>,
      );
    },
  });
};
