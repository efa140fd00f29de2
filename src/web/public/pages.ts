import type { App } from '../../app.ts';
import { announcementSchemaV1 } from '../../domain/webhook-envelope.ts';
import type { ZodServer } from '../api/common.ts';
import { html, page, STYLE } from './html.ts';

const CACHE = 'public, max-age=3600';

/** The front door, the stylesheet, and what newsrooms check our webhooks with. */
export function publicPages(server: ZodServer, app: Pick<App, 'config'>): void {
  const config = { access: 'public' } as const;
  const { mode, officeName } = app.config;
  const front = page({
    title: `${officeName} · Herald`,
    lang: 'zh-CN',
    mode,
    body: html`
<h1>${officeName}</h1>
<p>警方通告发布系统。<span lang="en">Herald sends police announcements by SMS, e-mail and webhook.</span></p>
<p><a href="/leave">退订短信 <span lang="en">· Stop the text messages</span></a></p>
<ul lang="en">
<li><a href="/docs">API reference</a></li>
<li><a href="/openapi.json">OpenAPI 3.1</a></li>
<li><a href="/schemas/announcement.v1.json">JSON Schema of the webhook for newsrooms</a></li>
</ul>
<p lang="en">Mode: <strong>${mode}</strong></p>`,
  });

  server.get('/', {
    config,
    schema: { hide: true },
    handler: (_request, reply) => reply.type('text/html; charset=utf-8').send(front),
  });

  server.get('/style.css', {
    config,
    schema: { hide: true },
    handler: (_request, reply) =>
      reply.type('text/css; charset=utf-8').header('cache-control', CACHE).send(STYLE),
  });

  server.get('/schemas/announcement.v1.json', {
    config,
    schema: { tags: ['public'], summary: "JSON Schema of a webhook's body" },
    handler: (_request, reply) =>
      reply
        .type('application/schema+json')
        .header('cache-control', CACHE)
        .header('access-control-allow-origin', '*')
        .header('cross-origin-resource-policy', 'cross-origin')
        .send(JSON.stringify(announcementSchemaV1)),
  });
}
