import type pg from 'pg';
import { canonicalSha256 } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import type { MessageStore, NewMessage } from '../pipeline/message-store.ts';
import { queueOf, SINGLE_PRIORITY } from '../pipeline/ports.ts';
import { freezeTemplates } from './announcements.ts';
import { inTransaction } from './pool.ts';

/** The one row of its fan-out. */
const N = 1;
/** No contact: nobody's name or link belongs into it. */
const NOBODY = 0;

const ADD = `
  WITH message AS (
    INSERT INTO announcements (kind, urgency, mode, state, gateway, created_by, submitted_at, approved_by, approved_at, expires_at)
    VALUES ('message', 'urgent', $1, 'sending', $2, $3, now(), $3, now(), now() + $4 * interval '1 minute') RETURNING id
  ),
  revision AS (
    INSERT INTO revisions (announcement_id, number, author_id, draft, bundle_sha256, sha256) SELECT id, 1, $3, $5, $6, $7 FROM message
  ),
  act AS (INSERT INTO announcement_acts (announcement_id, revision, act, user_id) SELECT id, 1, 'send', $3 FROM message),
  expansion AS (
    INSERT INTO expansions (announcement_id, channels, topics, districts, phase, upper_contact, next_n)
    SELECT id, ARRAY[$8::channel], '{}', '{}', 'done', 0, ${N + 1} FROM message
  ),
  delivery AS (
    INSERT INTO deliveries (announcement_id, n, channel, contact_id, address_key, locale)
    SELECT id, ${N}, $8::channel, ${NOBODY}, $9, $10 FROM message
  ),
  counted AS (
    INSERT INTO delivery_counts (announcement_id, channel, status, slot, n) SELECT id, $8::channel, 'queued', $11, 1 FROM message
  )
  -- Not yet marked as enqueued: a job that got lost is made up for by the sweeper's next turn, under the next generation.
  INSERT INTO shards (announcement_id, channel, gateway, priority, from_n, to_n, due_at, generation)
  SELECT id, $8::channel, $2, ${SINGLE_PRIORITY}, ${N}, ${N}, now(), 1 FROM message
  RETURNING announcement_id AS "announcementId", id AS "shardId", generation`;

/** Whoever leaves after this look is found by the claim. */
const SUPPRESSED = 'SELECT reason FROM suppressions WHERE channel = $1 AND address = $2';

/**
 * Writes a message in a transaction that is under way, nothing when it throws.
 * @param slot of the counts, 0 to 15
 * @throws HeraldError `address-suppressed` (conflict)
 */
export async function addMessage(
  client: pg.PoolClient,
  slot: number,
  message: NewMessage,
): ReturnType<MessageStore['add']> {
  const { draft, bundle, address } = message;
  const [channel] = draft.channels;
  const { rows: suppressed } = await client.query<{ reason: string }>(SUPPRESSED, [channel, address]);
  if (suppressed[0]) throw refusal(channel, suppressed[0].reason);
  const bundleSha256 = canonicalSha256(bundle);
  await freezeTemplates(client, bundle, bundleSha256);
  const { rows } = await client.query<{ announcementId: number; shardId: number; generation: number }>(
    ADD,
    valuesOf(message, bundleSha256, slot),
  );
  const added = rows[0];
  if (!added) throw new Error('the message was not written');
  const { announcementId, shardId, generation } = added;
  return {
    announcementId,
    n: N,
    job: { queue: queueOf(channel, SINGLE_PRIORITY), id: shardId, generation, priority: SINGLE_PRIORITY },
  };
}

/** @param slot of the counts, 0 to 15 */
export const createMessageStore = (pool: pg.Pool, slot: number): MessageStore => ({
  add: (message) => inTransaction(pool, (client) => addMessage(client, slot, message)),
});

const valuesOf = (message: NewMessage, bundleSha256: Buffer, slot: number) => [
  message.draft.mode,
  message.gateway,
  message.by?.id ?? null,
  message.expiresInMinutes,
  JSON.stringify(message.draft),
  bundleSha256,
  message.sha256,
  message.draft.channels[0],
  message.address,
  message.locale,
  slot,
];

function refusal(channel: string, reason: string): HeraldError {
  return new HeraldError(
    'conflict',
    'address-suppressed',
    `this address must not be written to by ${channel}: ${reason}`,
    {
      fix: 'use another address or channel; a citizen comes back by replying START, or by subscribing again',
    },
  );
}
