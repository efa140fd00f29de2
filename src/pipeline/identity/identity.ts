import { HeraldError } from '../../domain/errors.ts';
import { isGuessable } from '../../domain/login.ts';
import { INVITATION_MS } from '../../domain/session.ts';
import { consoleOrigin } from '../../domain/urls.ts';
import type {
  AccountStore,
  AttemptStore,
  Client,
  FactorStore,
  Invitation,
  InvitationStore,
  Session,
  SessionStore,
} from '../account-store.ts';
import type { AuditStore, By } from '../audit-store.ts';
import { createPasskeys, type Passkeys } from './passkeys.ts';
import { hashPassword, isPassword } from './password.ts';
import { newRecoveryCodes, newToken, recoverySha256, sha256 } from './secrets.ts';
import { createSignIn, type SignIn } from './sign-in.ts';
import { newTotpSecret, totpStep, totpUri } from './totp.ts';

/** What somebody needs to set up an authenticator app. */
export interface TotpEnrolment {
  readonly secret: string;
  readonly uri: string;
  /** To be given back with the first code. */
  readonly sealed: string;
}

/** Who signs in to the console, and how. */
export interface Identity {
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly factors: Pick<FactorStore, 'passkeys'>;
  readonly passkeys: Passkeys;
  readonly signIn: SignIn;

  /** A one-time link for a new user, or for one who lost password or second factors. @returns the whole link, and until when */
  invite(userId: number, by: By): Promise<{ readonly url: string; readonly expiresAt: Date }>;
  /** @throws HeraldError `no-such-invitation` */
  invitation(token: string): Promise<Invitation>;
  /** @returns the new session's token @throws HeraldError `no-such-invitation`, `login-taken`, `guessable-password` */
  accept(token: string, login: string, password: string, client: Client): Promise<string>;

  /** @throws HeraldError `wrong-password`, `guessable-password`, `too-many-attempts` */
  changePassword(session: Session, old: string, password: string): Promise<void>;
  /** @param sealed of one that was begun: the same again */
  newTotp(session: Session, sealed?: string): TotpEnrolment;
  /** @returns the session's new token @throws HeraldError `wrong-code` */
  setTotp(session: Session, sealed: string, code: string): Promise<string>;
  /** @throws HeraldError `last-second-factor` (conflict) */
  removeTotp(session: Session): Promise<void>;
  /** @returns the session's new token @throws HeraldError `bad-passkey` */
  addPasskey(session: Session, answer: string, name: string): Promise<string>;
  /** @throws HeraldError `last-second-factor` (conflict) */
  removePasskey(session: Session, id: number): Promise<void>;
  /** Ten new ones, shown this once; older ones end. */
  newRecoveryCodes(session: Session): Promise<readonly string[]>;
}

export function createIdentity(deps: {
  readonly accounts: AccountStore;
  readonly sessions: SessionStore;
  readonly factors: FactorStore;
  readonly invitations: InvitationStore;
  readonly attempts: AttemptStore;
  readonly audit: AuditStore;
  /** Seals TOTP secrets. */
  readonly sealer: { seal(text: string): Buffer; open(sealed: Buffer): string };
  readonly publicUrl: string;
  readonly officeName: string;
}): Identity {
  const { accounts, sessions, factors, invitations, attempts, sealer } = deps;
  const passkeys = createPasskeys(deps);
  const signIn = createSignIn({ ...deps, passkeys, openTotp: (sealed) => sealer.open(sealed) });

  const invitation = async (token: string) => {
    const found = await invitations.find(sha256(token));
    if (found) return found;
    throw new HeraldError(
      'not-found',
      'no-such-invitation',
      'this invitation was used, replaced or has expired',
      {
        fix: 'ask an admin for a new one',
      },
    );
  };
  const requireHardPassword = (password: string, login: string) => {
    if (isGuessable(password, login))
      throw new HeraldError('invalid', 'guessable-password', 'this password is among the first to be tried');
  };
  const requireAnother = async ({ userId }: Session, removing: 'totp' | 'passkey') => {
    const { hasTotp, passkeys: count, role } = await accounts.get(userId);
    const left = removing === 'totp' ? count : count - 1 + (hasTotp ? 1 : 0);
    if (left > 0 || role === 'author') return;
    throw new HeraldError('conflict', 'last-second-factor', 'this is the only second factor that is left', {
      fix: 'add another one first',
    });
  };

  return {
    accounts,
    sessions,
    factors,
    passkeys,
    signIn,
    invitation,

    async invite(userId, by) {
      const token = newToken();
      const expiresAt = await invitations.add(userId, sha256(token), INVITATION_MS, by);
      return { url: `${consoleOrigin(deps.publicUrl)}/console/invitation/${token}`, expiresAt };
    },

    async accept(token, login, password, client) {
      await invitation(token);
      requireHardPassword(password, login);
      const { userId } = await invitations.accept(sha256(token), login, await hashPassword(password));
      return await signIn.open(userId, 'invitation', client);
    },

    async changePassword(session, old, password) {
      const name = `password ${session.userId}`;
      await signIn.attempt([{ name, free: 5 }]);
      if (!(await isPassword(old, await accounts.passwordOfUser(session.userId)))) {
        await signIn.refused(session.userId, 'password');
        throw new HeraldError('invalid', 'wrong-password', 'this is not your password');
      }
      await attempts.succeed([name]);
      requireHardPassword(password, session.login ?? '');
      await accounts.setPassword(session.userId, await hashPassword(password), session.id);
    },

    newTotp({ userId, name, login }, begun) {
      const secret = (begun && enrolled(sealer, begun, userId)) || newTotpSecret();
      return {
        secret,
        uri: totpUri(secret, `Herald ${deps.officeName}`, login ?? name),
        sealed: sealer.seal(`${userId} ${secret}`).toString('base64url'),
      };
    },

    async setTotp(session, sealed, code) {
      const secret = enrolled(sealer, sealed, session.userId);
      const step = secret === undefined ? undefined : totpStep(secret, code, new Date());
      if (secret === undefined || step === undefined)
        throw new HeraldError('invalid', 'wrong-code', 'the code does not fit this secret');
      await factors.setTotp(session.userId, sealer.seal(secret), step);
      return await signIn.raise(session, 'totp');
    },

    async removeTotp(session) {
      await requireAnother(session, 'totp');
      await factors.removeTotp(session.userId);
    },

    async addPasskey(session, answer, name) {
      await passkeys.add(session, answer, name);
      return await signIn.raise(session, 'passkey');
    },

    async removePasskey(session, id) {
      await requireAnother(session, 'passkey');
      await factors.removePasskey(session.userId, id);
    },

    async newRecoveryCodes({ userId }) {
      const codes = newRecoveryCodes();
      await factors.replaceRecoveryCodes(userId, codes.map(recoverySha256));
      return codes;
    },
  };
}

/** The secret that this user was shown; `undefined` when it was shown to somebody else, or to nobody. */
function enrolled(
  sealer: { open(sealed: Buffer): string },
  sealed: string,
  userId: number,
): string | undefined {
  try {
    const [id, secret] = sealer.open(Buffer.from(sealed, 'base64url')).split(' ');
    return id === String(userId) ? secret : undefined;
  } catch (error) {
    if (error instanceof HeraldError) return undefined;
    throw error;
  }
}
