import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { HeraldError } from '../../domain/errors.ts';

const PREFIX = 'whsec_';
/** Standard Webhooks 1.0: seconds that a timestamp may be off. */
const TOLERANCE_SECONDS = 300;

/** The three headers of Standard Webhooks 1.0. */
export interface WebhookHeaders {
  readonly 'webhook-id': string;
  /** Seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** `v1,<base64>`, one for each secret, with spaces between. */
  readonly 'webhook-signature': string;
}

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function generateSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * The headers that belong to a body. Signed is `id.timestamp.body`, with each secret, so that the receiver may hold
 * the old or the new one while they are being changed.
 *
 * @param timestamp seconds since the epoch, of this attempt
 * @throws HeraldError `webhook-secret-invalid` when there is none, or one that is not `whsec_` and 24–64 bytes
 */
export function sign(
  secrets: readonly string[],
  id: string,
  timestamp: number,
  body: string | Uint8Array,
): WebhookHeaders {
  if (secrets.length === 0) throw invalidSecret('the endpoint has no secret');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets
      .map((secret) => `v1,${mac(secret, id, timestamp, body).toString('base64')}`)
      .join(' '),
  };
}

/**
 * Whether one of the signatures is by one of the secrets, and the timestamp within five minutes of `now`.
 * Takes the same time for every wrong signature.
 *
 * @param now seconds since the epoch
 */
export function verify(
  secrets: readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  now: number,
): boolean {
  const timestamp = Number(headers['webhook-timestamp']);
  if (!Number.isInteger(timestamp) || Math.abs(now - timestamp) > TOLERANCE_SECONDS) return false;
  const given = headers['webhook-signature'].split(' ').filter((signature) => signature.startsWith('v1,'));
  let found = false;
  for (const secret of secrets) {
    const expected = mac(secret, headers['webhook-id'], timestamp, body);
    for (const signature of given) {
      const bytes = Buffer.from(signature.slice(3), 'base64');
      if (bytes.length === expected.length && timingSafeEqual(bytes, expected)) found = true;
    }
  }
  return found;
}

function mac(secret: string, id: string, timestamp: number, body: string | Uint8Array): Buffer {
  return createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(body).digest();
}

function keyOf(secret: string): Buffer {
  const key = secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.alloc(0);
  if (key.length < 24 || key.length > 64)
    throw invalidSecret('a webhook secret is whsec_ and 24 to 64 bytes in base64');
  return key;
}

function invalidSecret(message: string): HeraldError {
  return new HeraldError('invalid', 'webhook-secret-invalid', message, {
    fix: 'make the endpoint a new secret',
  });
}
