import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { Sealer } from './seal.ts';

export interface StoredAnswer {
  readonly requestSha256: Buffer;
  readonly status: number;
  readonly body: string;
}

/** How long an answer is kept. */
const KEPT_HOURS = 24;
/** After this a request that never ended is taken for dead, and its key may be used again. */
const DEAD_MINUTES = 15;

/**
 * Makes a POST that is sent twice happen once: the first request under a key leaves its answer, the next ones
 * get it. Answers are sealed, because some hold what is shown only once (an API key, a webhook's secret).
 */
export class IdempotencyStore {
  readonly #pool: pg.Pool;
  readonly #sealer: Sealer;

  constructor(pool: pg.Pool, sealer: Sealer) {
    this.#pool = pool;
    this.#sealer = sealer;
  }

  /**
   * Takes the key for a request; `undefined` when it is now ours, so that `finish` or `abandon` must follow.
   * Whoever gets an answer compares it with the request by {@link checkSame}.
   * @param key 1 … 255 characters, chosen by the client
   * @throws HeraldError `request-in-progress` (conflict)
   */
  async begin(userId: number, key: string, requestSha256: Buffer): Promise<StoredAnswer | undefined> {
    const taken = await this.#pool.query(
      `INSERT INTO idempotency_keys AS k (user_id, key, request_sha256) VALUES ($1, $2, $3)
       ON CONFLICT (user_id, key) DO UPDATE
         SET request_sha256 = excluded.request_sha256, status = NULL, body = NULL, created_at = now()
         WHERE k.created_at < now() - interval '${KEPT_HOURS} hours'
            OR k.status IS NULL AND k.created_at < now() - interval '${DEAD_MINUTES} minutes'`,
      [userId, key, requestSha256],
    );
    if (taken.rowCount === 1) return undefined;
    const { rows } = await this.#pool.query<{
      requestSha256: Buffer;
      status: number | null;
      body: string | null;
    }>(
      'SELECT request_sha256 AS "requestSha256", status, body FROM idempotency_keys WHERE user_id = $1 AND key = $2',
      [userId, key],
    );
    const stored = rows[0];
    // Gone again: the first request has failed just now and given its key back.
    if (!stored || stored.status === null || stored.body === null) {
      throw new HeraldError(
        'conflict',
        'request-in-progress',
        'the first request with this Idempotency-Key is not finished',
        {
          fix: 'send it again in a moment',
        },
      );
    }
    return {
      requestSha256: stored.requestSha256,
      status: stored.status,
      body: this.#sealer.open(Buffer.from(stored.body, 'base64')),
    };
  }

  /** Keeps the answer. The hash is given again because a streamed body's is known only now. */
  async finish(
    userId: number,
    key: string,
    requestSha256: Buffer,
    answer: { readonly status: number; readonly body: string },
  ): Promise<void> {
    await this.#pool.query(
      'UPDATE idempotency_keys SET request_sha256 = $3, status = $4, body = $5 WHERE user_id = $1 AND key = $2 AND status IS NULL',
      [userId, key, requestSha256, answer.status, this.#sealer.seal(answer.body).toString('base64')],
    );
  }

  /** Gives the key back: the request failed through no fault of the client, so it may be sent again. */
  async abandon(userId: number, key: string): Promise<void> {
    await this.#pool.query(
      'DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND status IS NULL',
      [userId, key],
    );
  }

  /** Before a stored answer is given again. @throws HeraldError `idempotency-key-reused` (conflict) */
  checkSame(stored: StoredAnswer, requestSha256: Buffer): void {
    if (stored.requestSha256.equals(requestSha256)) return;
    throw new HeraldError(
      'conflict',
      'idempotency-key-reused',
      'this Idempotency-Key was used for a different request',
      {
        fix: 'use a new key for each new request',
      },
    );
  }

  /** Removes what is past its time; returns how many. */
  async prune(): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `DELETE FROM idempotency_keys WHERE created_at < now() - interval '${KEPT_HOURS} hours'`,
    );
    return rowCount ?? 0;
  }
}
