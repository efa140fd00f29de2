import { ROLES, type Role } from './announcement.ts';

/** How long a session lives, whatever happens in it: a shift. Milliseconds. */
export const SESSION_MS = 12 * 3_600_000;
/** How long it lives while nobody touches it. */
export const IDLE_MS = 2 * 3_600_000;
/** How long somebody may take for the second step of signing in. */
export const HALF_WAY_MS = 15 * 60_000;
/** How old a second factor may be for a dangerous act. */
export const FRESH_MS = 5 * 60_000;
/** How long an invitation's link works. */
export const INVITATION_MS = 72 * 3_600_000;

/** What decides how far somebody has come in signing in. */
export interface Factors {
  readonly role: Role;
  /** Whether they have a second factor at all. */
  readonly hasSecondFactor: boolean;
  readonly secondFactorAt: Date | null;
}

/**
 * `in`: may do what the role may do · `second-factor`: must give it first · `enrol`: must get one first
 */
export type Standing = 'in' | 'second-factor' | 'enrol';

/** Whoever can approve or administer cannot do it with a password alone. */
export const needsSecondFactor = (role: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf('approver');

export function standingOf({ role, hasSecondFactor, secondFactorAt }: Factors): Standing {
  if (hasSecondFactor) return secondFactorAt ? 'in' : 'second-factor';
  return needsSecondFactor(role) ? 'enrol' : 'in';
}

export const isFresh = (secondFactorAt: Date | null, now: Date): boolean =>
  secondFactorAt !== null && now.getTime() - secondFactorAt.getTime() <= FRESH_MS;
