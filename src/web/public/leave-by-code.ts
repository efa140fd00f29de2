import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../../app.ts';
import { HeraldError } from '../../domain/errors.ts';
import { maskAddress, normalisePhone } from '../../pipeline/address.ts';
import { network } from '../../pipeline/identity/sign-in.ts';
import type { ZodServer } from '../api/common.ts';
import { type Html, html, page } from './html.ts';

const BODY_LIMIT = 4 * 1024;
/**
 * Questions and codes from one network within an hour, before each has to wait longer than the one before. Mobile
 * networks put many people behind one address; what protects a number are its own limits.
 */
const FREE = 60;
const HOUR_MS = 3_600_000;

/**
 * Where somebody leaves who gets SMS without links from a sender that takes no answers: by a code that is sent to their
 * number. Whether a number is on the list is told to nobody; only its owner gets a code.
 */
export async function leaveByCodePages(
  server: ZodServer,
  app: Pick<App, 'leaveByCode' | 'identity' | 'config'>,
): Promise<void> {
  const { leaveByCode, identity } = app;
  const { mode } = app.config;
  const config = { access: 'public' } as const;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_LIMIT }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  const show = (reply: FastifyReply, status: number, body: Html) =>
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(page({ title: '退订短信 · Unsubscribe', lang: 'zh-CN', mode, body }));

  // Whatever is wrong with a request, a citizen gets a page and not a problem document.
  server.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof HeraldError && error.code === 'too-many-attempts') {
      const seconds = error.issues[0]?.message ?? '60';
      return show(reply.header('retry-after', seconds), 429, waitPage(Math.ceil(Number(seconds) / 60)));
    }
    const status = error.statusCode ?? 500;
    if (status === 429) return show(reply, 429, waitPage(1));
    if (status < 500) return show(reply, 400, askPage('', true));
    request.log.error({ err: error }, 'a page to leave by a code could not be shown');
    return show(reply, 503, laterPage);
  });

  const fieldOf = ({ body }: FastifyRequest, name: string) =>
    body instanceof URLSearchParams ? (body.get(name) ?? '').slice(0, 100).trim() : '';
  const mayTry = ({ ip }: FastifyRequest) =>
    identity.signIn.attempt([
      { name: `leave ${network(ip)} ${Math.floor(Date.now() / HOUR_MS)}`, free: FREE },
    ]);

  server.get('/leave', {
    config,
    schema: { hide: true },
    handler: (_request, reply) => show(reply, 200, askPage('', false)),
  });

  server.post('/leave', {
    config,
    bodyLimit: BODY_LIMIT,
    schema: { hide: true },
    handler: async (request, reply) => {
      const typed = fieldOf(request, 'phone');
      const phone = normalisePhone(typed);
      if (!phone) return show(reply, 422, askPage(typed, true));
      await mayTry(request);
      // Not waited for: how long it takes would tell whether the number is on the list.
      void leaveByCode.ask(phone);
      return show(reply, 200, codePage(phone, false));
    },
  });

  server.post('/leave/code', {
    config,
    bodyLimit: BODY_LIMIT,
    schema: { hide: true },
    handler: async (request, reply) => {
      const typed = fieldOf(request, 'phone');
      const phone = normalisePhone(typed);
      if (!phone) return show(reply, 422, askPage(typed, true));
      await mayTry(request);
      const code = fieldOf(request, 'code').normalize('NFKC').replace(/\s/g, '');
      if (!(await leaveByCode.leave(phone, code))) return show(reply, 422, codePage(phone, true));
      return show(reply, 200, leftPage(maskAddress('sms', phone)));
    },
  });
}

const both = (zh: string, en: string): Html => html`${zh} <span lang="en">· ${en}</span>`;

const askPage = (typed: string, wrong: boolean): Html => html`
<h1>${both('退订短信', 'Stop the text messages')}</h1>
<p>请输入接收通告的手机号。我们会向该号码发送验证码，以确认是您本人。</p>
<p lang="en">Type the number at which you get announcements. We send a code to it, to make sure that it is yours.</p>
<form method="post" action="/leave">
<p><label for="phone">${both('手机号', 'Phone number')}</label></p>
${wrong ? html`<p class="error" id="phone-error" role="alert">${both('这不是能接收短信的号码。', 'This is not a number that can get an SMS.')}</p>` : ''}
<p><input id="phone" name="phone" type="tel" autocomplete="tel" required maxlength="40" value="${typed}"${wrong ? html` aria-invalid="true" aria-describedby="phone-error"` : ''}></p>
<p><button type="submit">${both('发送验证码', 'Send the code')}</button></p>
</form>`;

const codePage = (phone: string, wrong: boolean): Html => html`
<h1>${both('输入验证码', 'Type the code')}</h1>
<p role="status">如果 <strong>${maskAddress('sms', phone)}</strong> 在我们的名单中，您会收到一条含有 6 位验证码的短信，10 分钟内有效。没有收到？10 分钟后可以再试。</p>
<p lang="en">If <strong>${maskAddress('sms', phone)}</strong> is on our list, you get an SMS with a code of 6 digits, good for 10 minutes. If none comes, try again after 10 minutes.</p>
<form method="post" action="/leave/code">
<input type="hidden" name="phone" value="${phone}">
<p><label for="code">${both('验证码', 'Code')}</label></p>
${wrong ? html`<p class="error" id="code-error" role="alert">${both('验证码不正确或已过期。', 'The code is wrong, or too old.')}</p>` : ''}
<p><input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required maxlength="12"${wrong ? html` aria-invalid="true" aria-describedby="code-error"` : ''}></p>
<p><button type="submit">${both('退订', 'Unsubscribe')}</button></p>
</form>
<p><a href="/leave">${both('换一个号码', 'Another number')}</a></p>`;

const leftPage = (address: string): Html => html`
<h1>${both('您已退订', 'You have unsubscribed')}</h1>
<p role="status">我们不会再向 <strong>${address}</strong> 发送短信。</p>
<p lang="en">We will not send text messages to <strong>${address}</strong> again.</p>`;

const waitPage = (minutes: number): Html => html`
<h1>${both('请稍后再试', 'Please try again later')}</h1>
<p>尝试次数过多，请在 ${minutes} 分钟后再试。</p>
<p lang="en">There were too many attempts. Try again in ${minutes} min.</p>
<p><a href="/leave">${both('返回', 'Back')}</a></p>`;

const laterPage = html`
<h1>${both('请稍后再试', 'Please try again later')}</h1>
<p lang="en">We could not take your wish just now. Please try again in a few minutes.</p>`;
