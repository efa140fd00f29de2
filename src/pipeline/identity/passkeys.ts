import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { HeraldError } from '../../domain/errors.ts';
import { consoleOrigin } from '../../domain/urls.ts';
import type { FactorStore, Passkey, Session } from '../account-store.ts';

/** Some 300 modules: loaded by whoever signs people in, not by every worker. */
const webauthn = () => import('@simplewebauthn/server');
const CHALLENGE_MS = 5 * 60_000;

/** WebAuthn for this address. Every passkey is discoverable and verifies its user: it is two factors in one. */
export interface Passkeys {
  /** What the browser is asked; @param userId absent: whoever it is */
  ask(userId?: number): Promise<object>;
  /** @param answer JSON of the browser's answer. @returns whose passkey it is @throws HeraldError `bad-passkey` */
  check(answer: string, userId?: number): Promise<Passkey>;
  askToAdd(user: Pick<Session, 'userId' | 'name' | 'login'>): Promise<object>;
  /** @throws HeraldError `bad-passkey` */
  add(user: Pick<Session, 'userId'>, answer: string, name: string): Promise<void>;
}

export function createPasskeys(options: {
  readonly factors: FactorStore;
  readonly publicUrl: string;
  readonly officeName: string;
}): Passkeys {
  const { factors, officeName } = options;
  const { origin, hostname: rpID } = new URL(consoleOrigin(options.publicUrl));
  const takes = (userId: number | null) => (challenge: string) => factors.takeChallenge(challenge, userId);
  const common = { expectedOrigin: origin, expectedRPID: rpID, requireUserVerification: true };

  return {
    async ask(userId) {
      const known = userId === undefined ? [] : await factors.passkeys(userId);
      const { generateAuthenticationOptions } = await webauthn();
      const asked = await generateAuthenticationOptions({
        rpID,
        userVerification: 'required',
        timeout: CHALLENGE_MS,
        allowCredentials: known.map((p) => ({ id: p.credentialId, transports: [...p.transports] })),
      });
      await factors.addChallenge(asked.challenge, userId ?? null, CHALLENGE_MS);
      return asked;
    },

    async check(answer, userId) {
      const response = parsed<AuthenticationResponseJSON>(answer);
      const passkey = typeof response.id === 'string' ? await factors.passkey(response.id) : undefined;
      if (!passkey || (userId !== undefined && passkey.userId !== userId)) throw badPasskey();
      const { verifyAuthenticationResponse } = await webauthn();
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        ...common,
        response,
        expectedChallenge: takes(userId ?? null),
        credential: {
          id: passkey.credentialId,
          publicKey: new Uint8Array(passkey.publicKey),
          counter: passkey.signCount,
        },
      }).catch((cause: unknown) => {
        throw badPasskey(cause);
      });
      if (!verified) throw badPasskey();
      await factors.usedPasskey(passkey.id, authenticationInfo.newCounter);
      return passkey;
    },

    async askToAdd({ userId, name, login }) {
      const { generateRegistrationOptions } = await webauthn();
      const asked = await generateRegistrationOptions({
        rpName: officeName,
        rpID,
        userName: login ?? name,
        userDisplayName: name,
        userID: new TextEncoder().encode(`herald-${userId}`),
        timeout: CHALLENGE_MS,
        excludeCredentials: (await factors.passkeys(userId)).map((p) => ({ id: p.credentialId })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      });
      await factors.addChallenge(asked.challenge, userId, CHALLENGE_MS);
      return asked;
    },

    async add({ userId }, answer, name) {
      const response = parsed<RegistrationResponseJSON>(answer);
      const { verifyRegistrationResponse } = await webauthn();
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        ...common,
        response,
        expectedChallenge: takes(userId),
      }).catch((cause: unknown) => {
        throw badPasskey(cause);
      });
      if (!verified) throw badPasskey();
      const { credential } = registrationInfo;
      await factors.addPasskey({
        userId,
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey),
        signCount: credential.counter,
        transports: (response.response.transports ?? []).slice(0, 8).map(String),
        name,
      });
    },
  };
}

function parsed<T>(answer: string): T {
  try {
    const value: unknown = JSON.parse(answer);
    if (typeof value === 'object' && value !== null) return value as T;
  } catch (cause) {
    throw badPasskey(cause);
  }
  throw badPasskey();
}

const badPasskey = (cause?: unknown) =>
  new HeraldError('invalid', 'bad-passkey', 'the passkey was not taken', {
    fix: 'try again, or use another way to sign in',
    cause,
  });
