import type { Role } from '../domain/announcement.ts';
import type { By } from './audit-store.ts';

/** Languages that the console speaks. */
export const CONSOLE_LOCALES = ['zh-CN', 'en'] as const;
export type ConsoleLocale = (typeof CONSOLE_LOCALES)[number];
export const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** A user as the console shows them; none of their secrets. */
export interface Account {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly login: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly locale: ConsoleLocale | null;
  readonly theme: Theme | null;
  readonly hasPassword: boolean;
  readonly hasTotp: boolean;
  readonly passkeys: number;
  /** How many are left. */
  readonly recoveryCodes: number;
  readonly openSessions: number;
  readonly invitedUntil: Date | null;
  readonly lastSeenAt: Date | null;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

/** What a person may change of themselves. Absent: stays; null: is removed. */
export interface ProfileChange {
  readonly name?: string;
  readonly phone?: string | null;
  readonly email?: string | null;
  readonly locale?: ConsoleLocale | null;
  readonly theme?: Theme | null;
}

export interface AccountStore {
  list(): Promise<readonly Account[]>;
  /** @throws HeraldError `no-such-user` */
  get(id: number): Promise<Account>;
  change(id: number, change: ProfileChange, by: By): Promise<void>;
  /** Ends the user's sessions. @throws HeraldError `no-such-user`, `last-admin` (conflict) */
  setRole(id: number, role: Role, by: By): Promise<void>;
  /** Their keys stay revoked, and their sessions ended. @throws HeraldError `no-such-user` */
  enable(id: number, by: By): Promise<void>;
  /** For somebody who is not disabled. */
  passwordOf(login: string): Promise<{ readonly id: number; readonly hash: string | null } | undefined>;
  passwordOfUser(id: number): Promise<string | null>;
  /** Ends all of their sessions but `session`. */
  setPassword(id: number, hash: string, session: number): Promise<void>;
}

/** Where somebody signs in from, as they say. */
export interface Client {
  readonly userAgent: string;
  readonly address: string;
}

/** Somebody who has signed in, perhaps only by half. */
export interface Session {
  readonly id: number;
  readonly userId: number;
  readonly role: Role;
  readonly name: string;
  readonly login: string | null;
  readonly locale: ConsoleLocale | null;
  readonly theme: Theme | null;
  readonly hasSecondFactor: boolean;
  readonly hasTotp: boolean;
  readonly hasPasskey: boolean;
  readonly secondFactorAt: Date | null;
}

export interface SessionSummary extends Client {
  readonly id: number;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

export type FactorMethod = 'totp' | 'passkey' | 'recovery-code';

export interface SessionStore {
  /**
   * @param session.secondFactor whether the way of signing in was a second factor as well
   * @returns `false` when the user is disabled meanwhile
   */
  open(session: {
    readonly userId: number;
    readonly tokenSha256: Buffer;
    readonly method: 'password' | 'passkey' | 'invitation';
    readonly secondFactor: boolean;
    readonly lifeMs: number;
    readonly client: Client;
  }): Promise<boolean>;
  /** The session of a token while it lives. @param touch whether this is a sign of life */
  find(tokenSha256: Buffer, touch: boolean): Promise<Session | undefined>;
  /** The second factor was given: the session goes on under a new token. `false` when it has ended meanwhile. */
  raise(session: Session, tokenSha256: Buffer, method: FactorMethod): Promise<boolean>;
  list(userId: number): Promise<readonly SessionSummary[]>;
  /** Ending twice is fine. @param id absent: all but `except` */
  end(userId: number, which: { readonly id?: number; readonly except?: number }, by: By): Promise<void>;
}

export interface Passkey {
  readonly id: number;
  readonly userId: number;
  readonly credentialId: string;
  readonly publicKey: Buffer;
  readonly signCount: number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface FactorStore {
  totpOf(userId: number): Promise<Buffer | null>;
  setTotp(userId: number, sealed: Buffer, step: number): Promise<void>;
  removeTotp(userId: number): Promise<void>;
  /** `false` when this step, or a later one, was used before. */
  useTotpStep(userId: number, step: number): Promise<boolean>;

  passkeys(userId: number): Promise<readonly Passkey[]>;
  /** Of a user who is not disabled. */
  passkey(credentialId: string): Promise<Passkey | undefined>;
  addPasskey(passkey: Omit<Passkey, 'id' | 'createdAt' | 'lastUsedAt'>): Promise<void>;
  removePasskey(userId: number, id: number): Promise<void>;
  usedPasskey(id: number, signCount: number): Promise<void>;
  addChallenge(challenge: string, userId: number | null, lifeMs: number): Promise<void>;
  /** Once. `false` when it is unknown, used, expired, or for somebody else. */
  takeChallenge(challenge: string, userId: number | null): Promise<boolean>;

  replaceRecoveryCodes(userId: number, sha256s: readonly Buffer[]): Promise<void>;
  useRecoveryCode(userId: number, sha256: Buffer): Promise<boolean>;
}

export interface Invitation {
  readonly userId: number;
  readonly name: string;
  readonly login: string | null;
  readonly role: Role;
  readonly expiresAt: Date;
}

export interface InvitationStore {
  /** Earlier ones of the same user end. @throws HeraldError `no-such-user`, also when the user is disabled */
  add(userId: number, tokenSha256: Buffer, lifeMs: number, by: By): Promise<Date>;
  find(tokenSha256: Buffer): Promise<Invitation | undefined>;
  /**
   * Sets login and password; what they had before (second factors, sessions) ends.
   * @throws HeraldError `no-such-invitation`, `login-taken` (conflict)
   */
  accept(tokenSha256: Buffer, login: string, passwordHash: string): Promise<{ readonly userId: number }>;
}

/** What attempts are counted under, and how many are free of waiting. */
export interface AttemptSubject {
  readonly name: string;
  readonly free: number;
}

/** Throttling that holds across processes: an attempt counts as failed until it has succeeded. */
export interface AttemptStore {
  /** @returns seconds to wait; 0: go on */
  begin(subjects: readonly AttemptSubject[]): Promise<number>;
  /** @param cleared start anew @param forgiven are as if this attempt had not been */
  succeed(cleared: readonly string[], forgiven?: readonly string[]): Promise<void>;
}
