import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import { partsOf, type TemplateManifest } from '../../domain/template.ts';
import type { TemplateOnShelf } from '../../pipeline/admin-store.ts';
import type { WebApp } from '../web-app.ts';
import { Json, Mail, Sms } from './components/message.tsx';
import { Badge } from './components/notice.tsx';
import { Section, Table, Tabs } from './components/table.tsx';
import type { ConsolePages } from './console-pages.ts';
import { languageName, number } from './format.tsx';
import { h, type Markup } from './jsx.ts';
import { Page } from './layout.tsx';
import { sendMailFrame } from './mail-frame.ts';
import { show, type View, viewOf } from './view.ts';
import { common } from './words/common.ts';
import { templates as words } from './words/templates.ts';

const HOME = '/console/admin/templates';
const params = z.object({ name: z.string().max(64) });
const query = z.object({ locale: z.string().max(20).optional().catch(undefined) }).loose();

type Info = ReturnType<WebApp['templates']['list']>[number];

/** What messages are made from. */
export const templatePages: ConsolePages = (server, app) => {
  const { templates, administration } = app;
  const config = { access: 'author' } as const;

  /** The template that is asked for, and the language it is shown in. */
  const askedIn = (request: FastifyRequest, view: View) => {
    const { name } = params.parse(request.params);
    const found = templates.list().find(({ manifest }) => manifest.name === name);
    if (!found) throw new HeraldError('not-found', 'no-such-template', 'there is no such template');
    const { locale } = query.parse(request.query);
    const shelf = administration.showTemplate(found.manifest);
    const wanted = [locale, view.locale].find((one) => one && found.locales.includes(one));
    return { shelf, locale: wanted ?? found.locales[0] ?? '' };
  };

  server.get('/admin/templates', {
    config,
    handler: (request, reply) =>
      show(reply, <TemplatesPage view={viewOf(request, app)} list={templates.list()} />),
  });

  server.get('/admin/templates/:name', {
    config,
    handler: (request, reply) => {
      const view = viewOf(request, app);
      return show(reply, <TemplatePage view={view} {...askedIn(request, view)} />);
    },
  });

  server.get('/admin/templates/:name/mail', {
    config,
    handler: (request, reply) => {
      const { shelf, locale } = askedIn(request, viewOf(request, app));
      const found = shelf.rendered.find((one) => one.locale === locale);
      return sendMailFrame(reply, found?.email.html ?? '');
    },
  });
};

const labelOf = (view: View, label: Readonly<Record<string, string>> | undefined, name: string) =>
  label?.[view.locale] ?? Object.values(label ?? {})[0] ?? name;

const purposeOf = (view: View, manifest: TemplateManifest) =>
  words[view.locale][manifest.for ?? 'announcement'];

const TemplatesPage = ({ view, list }: { readonly view: View; readonly list: readonly Info[] }): Markup => {
  const t = words[view.locale];
  return (
    <Page view={view} title={t.title} place="admin" trail={[['/console/admin', common[view.locale].admin]]}>
      <p class="intro">{t.intro}</p>
      <Table
        caption={t.title}
        columns={[{ label: t.name }, { label: t.use }, { label: t.languages }, { label: t.fields }]}
        rows={list.map(({ manifest, locales }) => [
          <a href={`${HOME}/${manifest.name}`}>{manifest.name}</a>,
          <Badge tone={manifest.for === 'message' ? 'neutral' : 'info'}>{purposeOf(view, manifest)}</Badge>,
          locales.map((locale) => languageName(view, locale)).join(' · '),
          manifest.fields.map(({ label, name }) => labelOf(view, label, name)).join(' · '),
        ])}
      />
    </Page>
  );
};

const TemplatePage = (props: {
  readonly view: View;
  readonly shelf: TemplateOnShelf;
  readonly locale: string;
}): Markup => {
  const { view, shelf, locale } = props;
  const { bundle, rendered, webhook } = shelf;
  const { manifest, locales, partials } = bundle;
  const t = words[view.locale];
  const page = `${HOME}/${manifest.name}`;
  const shown = rendered.find((one) => one.locale === locale);
  return (
    <Page
      view={view}
      title={manifest.name}
      place="admin"
      trail={[
        ['/console/admin', common[view.locale].admin],
        [HOME, t.title],
      ]}
    >
      {manifest.description && (
        <p class="intro" lang="en">
          {manifest.description}
        </p>
      )}
      <Tabs
        label={t.languages}
        tabs={Object.keys(locales).map((one) => [`${page}?locale=${one}`, languageName(view, one)] as const)}
        current={`${page}?locale=${locale}`}
      />
      <Section id="preview" title={t.preview} intro={t.previewIntro}>
        {shown && (
          <div class="previews">
            <div>
              <h3>{t.sms}</h3>
              <Sms view={view} sms={shown.sms} />
            </div>
            <div>
              <h3>{t.email}</h3>
              <Mail view={view} mail={shown.email} src={`${page}/mail?locale=${locale}`} />
            </div>
          </div>
        )}
        {webhook !== null && (
          <details>
            <summary>{t.webhook}</summary>
            <Json value={JSON.parse(webhook)} />
          </details>
        )}
      </Section>
      <Section id="fields" title={t.fields} intro={t.fieldsIntro}>
        <Table
          caption={t.fields}
          columns={[{ label: t.field }, { label: t.name }, { label: t.required }, { label: t.most }]}
          rows={manifest.fields.map(({ name, label, required, maxLength }) => [
            labelOf(view, label, name),
            <code>{name}</code>,
            required ? t.required : t.optional,
            t.characters(number(view, maxLength)),
          ])}
        />
      </Section>
      <Section id="sources" title={t.sources} intro={t.sourcesIntro}>
        {partsOf(manifest).map((part) => (
          <Source name={`${locale}/${part}.hbs`} text={locales[locale]?.[part] ?? ''} />
        ))}
        {Object.entries(partials).map(([name, text]) => (
          <Source name={`partials/${name}.hbs`} text={text} />
        ))}
      </Section>
    </Page>
  );
};

const Source = ({ name, text }: { readonly name: string; readonly text: string }): Markup => (
  <details class="source">
    <summary>
      <code>{name}</code>
    </summary>
    <pre class="message" tabindex={0}>
      {text}
    </pre>
  </details>
);
