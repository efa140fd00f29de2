import { HeraldError } from '../../domain/errors.ts';
import { HALF_WAY_MS, SESSION_MS, standingOf } from '../../domain/session.ts';
import type {
  AccountStore,
  AttemptStore,
  AttemptSubject,
  Client,
  FactorMethod,
  FactorStore,
  Session,
  SessionStore,
} from '../account-store.ts';
import type { AuditStore } from '../audit-store.ts';
import type { Passkeys } from './passkeys.ts';
import { isPassword } from './password.ts';
import { newToken, recoverySha256, sha256 } from './secrets.ts';
import { totpStep } from './totp.ts';

/** Attempts in a row that cost no waiting: of one login, of one address (an office shares one), of one second factor. */
const FREE = { login: 5, address: 20, factor: 5 } as const;

export interface SignIn {
  /** @returns the new session's token @throws HeraldError `wrong-sign-in`, `too-many-attempts` (its message is the seconds) */
  withPassword(login: string, password: string, client: Client): Promise<string>;
  /** Somebody who just proved who they are by other means. */
  open(userId: number, method: 'passkey' | 'invitation', client: Client): Promise<string>;
  withPasskey(answer: string, client: Client): Promise<string>;
  /**
   * The second step, or the second factor given again.
   * @returns the session's new token @throws HeraldError `wrong-code`, `bad-passkey`, `too-many-attempts`, `signed-out`
   */
  secondFactor(session: Session, method: FactorMethod, answer: string): Promise<string>;
  /** A new token for a session whose owner has just got, and used, a second factor. */
  raise(session: Session, method: FactorMethod): Promise<string>;
  /** Counts an attempt to guess. @throws HeraldError `too-many-attempts` */
  attempt(subjects: readonly AttemptSubject[]): Promise<void>;
  /** For the audit log: somebody could not prove who they are. @param what by which means */
  refused(userId: number | undefined, what: string): Promise<void>;
}

export function createSignIn(deps: {
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly factors: FactorStore;
  readonly attempts: AttemptStore;
  readonly audit: AuditStore;
  readonly passkeys: Passkeys;
  readonly openTotp: (sealed: Buffer) => string;
}): SignIn {
  const { accounts, sessions, factors, attempts, audit, passkeys } = deps;

  const attempt: SignIn['attempt'] = async (subjects) => {
    const seconds = await attempts.begin(subjects);
    if (seconds > 0) throw tooManyAttempts(seconds);
  };
  /** Also of a login that nobody has: told, and taking as long. */
  const refused: SignIn['refused'] = (userId, what) =>
    audit.note({
      by: undefined,
      act: 'refuse',
      subjectType: 'user',
      ...(userId !== undefined && { subjectId: userId }),
      details: { what },
    });

  const raise: SignIn['raise'] = async (session, method) => {
    const token = newToken();
    if (!(await sessions.raise(session, sha256(token), method)))
      throw new HeraldError('unauthenticated', 'signed-out', 'this session has ended', {
        fix: 'sign in again',
      });
    return token;
  };

  const open = async (userId: number, method: 'password' | 'passkey' | 'invitation', client: Client) => {
    const account = await accounts.get(userId);
    const hasSecondFactor = account.hasTotp || account.passkeys > 0;
    const secondFactor = method === 'passkey';
    const { role } = account;
    const standing = standingOf({ role, hasSecondFactor, secondFactorAt: secondFactor ? new Date() : null });
    const lifeMs = standing === 'in' ? SESSION_MS : HALF_WAY_MS;
    const token = newToken();
    const opened = await sessions.open({
      userId,
      tokenSha256: sha256(token),
      method,
      secondFactor,
      lifeMs,
      client,
    });
    if (!opened) throw wrongSignIn();
    return token;
  };

  /** Whether the answer is right. What is right is used up by it. */
  const isRight: Readonly<Record<FactorMethod, (userId: number, answer: string) => Promise<boolean>>> = {
    async totp(userId, code) {
      const sealed = await factors.totpOf(userId);
      const step = sealed ? totpStep(deps.openTotp(sealed), code, new Date()) : undefined;
      return step !== undefined && (await factors.useTotpStep(userId, step));
    },
    'recovery-code': (userId, code) => factors.useRecoveryCode(userId, recoverySha256(code)),
    async passkey(userId, answer) {
      await passkeys.check(answer, userId).catch(async (error: unknown) => {
        await refused(userId, 'passkey');
        throw error;
      });
      return true;
    },
  };

  return {
    attempt,
    refused,
    raise,
    open: (userId, method, client) => open(userId, method, client),

    async withPassword(login, password, client) {
      const byLogin = `login ${login.trim().toLowerCase()}`;
      const byAddress = `address ${network(client.address)}`;
      await attempt([
        { name: byLogin, free: FREE.login },
        { name: byAddress, free: FREE.address },
      ]);
      const known = await accounts.passwordOf(login.trim());
      if (!(await isPassword(password, known?.hash)) || !known) {
        await refused(known?.id, 'password');
        throw wrongSignIn();
      }
      await attempts.succeed([byLogin], [byAddress]);
      return await open(known.id, 'password', client);
    },

    async withPasskey(answer, client) {
      const byAddress = `address ${network(client.address)}`;
      await attempt([{ name: byAddress, free: FREE.address }]);
      const { userId } = await passkeys.check(answer).catch(async (error: unknown) => {
        await refused(undefined, 'passkey');
        throw error;
      });
      await attempts.succeed([], [byAddress]);
      return await open(userId, 'passkey', client);
    },

    async secondFactor(session, method, answer) {
      const name = `factor ${session.userId}`;
      await attempt([{ name, free: FREE.factor }]);
      if (!(await isRight[method](session.userId, answer))) {
        await refused(session.userId, method);
        throw new HeraldError('invalid', 'wrong-code', 'the code is wrong, or was used before');
      }
      await attempts.succeed([name]);
      return await raise(session, method);
    },
  };
}

/** Of an IPv6 address its /64: what one subscriber is given. */
export function network(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const rest = (tail ?? '').split(':').filter(Boolean);
  const all =
    tail === undefined ? groups : [...groups, ...Array(8 - groups.length - rest.length).fill('0'), ...rest];
  return `${all.slice(0, 4).join(':')}::/64`;
}

const wrongSignIn = () =>
  new HeraldError('unauthenticated', 'wrong-sign-in', 'the login or the password is wrong');

/** Its message is shown by the web side in the visitor's language. */
const tooManyAttempts = (seconds: number) =>
  new HeraldError('forbidden', 'too-many-attempts', `too many attempts; try again in ${seconds} s`, {
    issues: [{ path: 'seconds', message: String(seconds) }],
  });
