import { randomUUID } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { Role } from '../../../src/domain/announcement.ts';
import type { Session } from '../../../src/pipeline/account-store.ts';
import { sha256 } from '../../../src/pipeline/identity/secrets.ts';
import type { Herald } from '../herald.ts';

export const PASSWORD = 'seven quiet herons wade';
const CLIENT = { userAgent: 'test', address: '127.0.0.1' };

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly location: string;
  readonly body: string;
}

/** Somebody with a browser that runs no scripts: keeps cookies, and sends forms with the token of the page they stand on. */
export class Visitor {
  readonly #herald: Herald;
  readonly cookies = new Map<string, string>();
  csrf = '';

  constructor(herald: Herald) {
    this.#herald = herald;
  }

  /** Of the session, or of nobody's. */
  get token(): string {
    return this.cookies.get('__Host-herald') ?? this.cookies.get('herald') ?? '';
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.#ask('GET', url, headers);
  }

  /** @param fields the form's; its token is added unless `_csrf` is among them */
  async post(
    url: string,
    fields: Readonly<Record<string, string>> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    if (this.csrf === '') await this.get('/console/sign-in');
    const payload = new URLSearchParams({ _csrf: this.csrf, ...fields }).toString();
    return await this.#ask(
      'POST',
      url,
      { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload,
    );
  }

  /** A file in a form, as a browser sends it. */
  async upload(url: string, content: string): Promise<Answer> {
    const payload = `--edge\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\nContent-Type: text/csv\r\n\r\n${content}\r\n--edge--\r\n`;
    const type = { 'content-type': 'multipart/form-data; boundary=edge' };
    return await this.#ask('POST', `${url}?_csrf=${this.csrf}`, type, payload);
  }

  async #ask(
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string>,
    payload?: string,
  ): Promise<Answer> {
    const answer = await this.#herald.server.inject({
      method,
      url,
      headers,
      cookies: Object.fromEntries(this.cookies),
      ...(payload !== undefined && { payload }),
    });
    for (const { name, value } of answer.cookies) {
      this.cookies.set(name, value);
      if (name.endsWith('herald')) this.csrf = '';
    }
    const inPage = /name="_csrf" value="([\w-]+)"/.exec(answer.payload)?.[1];
    if (inPage) this.csrf = inPage;
    const { location } = answer.headers;
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.payload,
      location: String(location ?? ''),
    };
  }
}

/** A user of the console. */
export interface Person {
  readonly id: number;
  /** As it is in addresses. */
  readonly userId: string;
  readonly login: string;
  readonly role: Role;
  /** What the authenticator app shows now. */
  code(): string;
  /** What they send to set up another app. */
  enrolment(session: Session): { readonly sealed: string; readonly code: string };
  /** A new browser in which they have signed in. */
  visit(): Promise<Visitor>;
  /** A new session's token, with a second factor given just now. */
  token(): Promise<string>;
}

/** Somebody with password and authenticator app, who has signed in before. */
export async function person(herald: Herald, role: Role, name = `a ${role}`): Promise<Person> {
  const { app } = herald;
  const { identity } = app;
  const user = await app.users.add({ name, role });
  const login = `${role}-${randomUUID().slice(0, 8)}`;
  const { url } = await identity.invite(user.id, undefined);
  const invitation = url.split('/').at(-1) ?? '';
  const first = await identity.accept(invitation, login, PASSWORD, CLIENT);
  const { secret, sealed } = identity.newTotp(await sessionBehind(herald, first));
  const code = () => TOTP.generate({ secret: Secret.fromBase32(secret) });
  const raised = await identity.setTotp(await sessionBehind(herald, first), sealed, code());
  await identity.newRecoveryCodes(await sessionBehind(herald, raised));
  // So that tests need not wait half a minute between two codes: what was used before is forgotten.
  const forget = () => app.pool.query('UPDATE users SET totp_step = NULL WHERE id = $1', [user.id]);
  const token = async () => {
    await forget();
    const half = await identity.signIn.withPassword(login, PASSWORD, CLIENT);
    return await identity.signIn.secondFactor(await sessionBehind(herald, half), 'totp', code());
  };
  await forget();
  return {
    id: user.id,
    userId: app.ids.encode('user', user.id),
    login,
    role,
    code,
    token,
    enrolment(session) {
      const { secret, sealed } = identity.newTotp(session);
      return { sealed, code: TOTP.generate({ secret: Secret.fromBase32(secret) }) };
    },
    async visit() {
      const visitor = new Visitor(herald);
      visitor.cookies.set(cookieOf(herald), await token());
      await visitor.get('/console/account');
      return visitor;
    },
  };
}

export const cookieOf = ({ app }: Pick<Herald, 'app'>): string =>
  app.config.publicUrl.startsWith('https:') ? '__Host-herald' : 'herald';

/** The session that a token opens. */
export async function sessionBehind({ app }: Herald, token: string): Promise<Session> {
  const session = await app.identity.sessions.find(sha256(token), false);
  if (!session) throw new Error('there is no such session');
  return session;
}

/** Where a link leads, below the server's own root. */
export const pathOf = ({ url }: { readonly url: string }): string => url.slice(url.indexOf('/console'));
