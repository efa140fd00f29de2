import type pg from 'pg';
import { purposeKey, type ReadyConfig } from './config.ts';
import type { AuditStore } from './pipeline/audit-store.ts';
import { createIdentity, type Identity } from './pipeline/identity/identity.ts';
import { createAccountStore } from './storage/accounts.ts';
import { createInvitationStore } from './storage/invitations.ts';
import { createSealer } from './storage/seal.ts';
import { createFactorStore } from './storage/second-factors.ts';
import { createSessionStore } from './storage/sessions.ts';
import { createAttemptStore } from './storage/sign-in-attempts.ts';

/** Who signs in to the console, put together. */
export const openIdentity = (pool: pg.Pool, config: ReadyConfig, audit: AuditStore): Identity =>
  createIdentity({
    accounts: createAccountStore(pool),
    sessions: createSessionStore(pool),
    factors: createFactorStore(pool),
    invitations: createInvitationStore(pool),
    attempts: createAttemptStore(pool),
    audit,
    sealer: createSealer(purposeKey(config.secret, 'totp'), 'totp-secret'),
    publicUrl: config.publicUrl,
    officeName: config.officeName,
  });
