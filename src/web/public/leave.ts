import type { FastifyError, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { App } from '../../app.ts';
import { HeraldError } from '../../domain/errors.ts';
import type { ZodServer } from '../api/common.ts';
import { type Html, html, page } from './html.ts';

/** RFC 8058, 3.2; sent as a form of either encoding. */
const ONE_CLICK = /List-Unsubscribe["\s=]+One-Click/i;
const BODY_LIMIT = 16 * 1024;

/**
 * Where a citizen leaves with one click. Mailbox providers POST without login or cookies (RFC 8058) and follow no
 * redirect; a GET only shows a button, because link scanners open every link in a mail.
 */
export async function leavePages(server: ZodServer, app: Pick<App, 'receive' | 'config'>): Promise<void> {
  server.removeAllContentTypeParsers();
  // The wish is in the address; the body, in whatever encoding, says only who passed it on.
  server.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_LIMIT }, (_request, body, done) =>
    done(null, body),
  );
  const params = z.object({ token: z.string().max(200) });
  const config = { access: 'public' } as const;
  const { mode } = app.config;
  // Whatever is wrong with a request, a citizen gets a page and not a problem document.
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500 && status !== 429) return show(reply, mode, 404, unknownPage);
    request.log.error({ err: error }, 'a leave page could not be shown');
    return show(reply, mode, status === 429 ? 429 : 503, laterPage);
  });

  server.get('/u/:token', {
    config,
    schema: { hide: true, params },
    handler: (request, reply) =>
      orUnknown(reply, mode, async () => {
        const info = await app.receive.leaveInfo(request.params.token);
        if (info.left) return show(reply, mode, 200, leftPage(info.maskedAddress));
        return show(reply, mode, 200, askPage(info.maskedAddress));
      }),
  });

  server.post('/u/:token', {
    config,
    bodyLimit: BODY_LIMIT,
    schema: { hide: true, params },
    handler: (request, reply) =>
      orUnknown(reply, mode, async () => {
        const source = ONE_CLICK.test(String(request.body ?? '')) ? 'one-click' : 'leave-page';
        await app.receive.leave(request.params.token, source);
        const { maskedAddress } = await app.receive.leaveInfo(request.params.token);
        return show(reply, mode, 200, leftPage(maskedAddress));
      }),
  });
}

const askPage = (address: string): Html => html`
<h1>退订通知 <span lang="en">· Stop these messages</span></h1>
<p>您将不再在 <strong>${address}</strong> 收到警方通告。</p>
<p lang="en">You will no longer get police announcements at <strong>${address}</strong>.</p>
<form method="post">
<input type="hidden" name="confirm" value="yes">
<button type="submit">退订 <span lang="en">· Unsubscribe</span></button>
</form>`;

const leftPage = (address: string): Html => html`
<h1>您已退订 <span lang="en">· You have unsubscribed</span></h1>
<p role="status">我们不会再向 <strong>${address}</strong> 发送通告。</p>
<p lang="en">We will not write to <strong>${address}</strong> again.</p>`;

const unknownPage = html`
<h1>链接无效 <span lang="en">· This link does not work</span></h1>
<p>链接可能不完整，或该地址已从我们的名单中删除。若您仍收到通告，请使用最近一封邮件中的链接。</p>
<p lang="en">It may be incomplete, or the address is no longer on our list. If you still get announcements, use the link in the latest one.</p>`;

const laterPage = html`
<h1>请稍后再试 <span lang="en">· Please try again later</span></h1>
<p lang="en">We could not take your wish just now. Please open the link again in a few minutes.</p>`;

const show = (reply: FastifyReply, mode: 'trial' | 'live', status: number, body: Html): FastifyReply =>
  reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(page({ title: '退订 · Unsubscribe', lang: 'zh-CN', mode, body }));

/** For a citizen, an unknown token is a page and not a problem document. */
async function orUnknown(
  reply: FastifyReply,
  mode: 'trial' | 'live',
  answer: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof HeraldError && error.kind === 'not-found')
      return show(reply, mode, 404, unknownPage);
    throw error;
  }
}
