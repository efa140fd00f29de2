import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { By } from '../pipeline/audit-store.ts';
import type { ListStore } from './lists.ts';
import type { Sealer } from './seal.ts';

/** An outlet's webhook URL. Its secrets never leave this file but once, when they are made. */
export interface Endpoint {
  readonly id: number;
  readonly outlet: string;
  readonly url: string;
  /** Codes; empty: everything. */
  readonly topics: readonly string[];
  readonly districts: readonly string[];
  /** Number of announcements addressed to it so far. */
  readonly lastSequence: number;
  /** Two while a rotation is under way: deliveries are signed with both. */
  readonly secretCount: number;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
  readonly disabledReason: string | null;
}

export interface EndpointInput {
  readonly outlet: string;
  readonly url: string;
  readonly topics: readonly string[];
  readonly districts: readonly string[];
}

interface Dependencies {
  readonly lists: ListStore;
  readonly sealer: Sealer;
  /** A new `whsec_…` secret (Standard Webhooks). */
  readonly generateSecret: () => string;
  /** Rejects with a HeraldError when the URL may not be written to (private networks, not https …). */
  /** Its normal form, which is what is kept. */
  readonly checkUrl: (url: string) => Promise<string>;
}

const ENDPOINT = `e.id, e.outlet, e.url,
  ARRAY(SELECT code FROM topics t WHERE t.id = ANY(e.topics) ORDER BY code) AS topics,
  ARRAY(SELECT code FROM districts d WHERE d.id = ANY(e.districts) ORDER BY code) AS districts,
  e.last_sequence AS "lastSequence", cardinality(e.sealed_secrets) AS "secretCount",
  e.created_at AS "createdAt", e.disabled_at AS "disabledAt", e.disabled_reason AS "disabledReason"`;

/** For the audit log. */
const note = (act: string, endpoints: string, by: string, details = `'{}'::jsonb`) => `
  INSERT INTO audit_notes (actor, act, subject_type, subject_id, details)
  SELECT ${by}, '${act}', 'endpoint', id::text, ${details} FROM ${endpoints}`;

export class EndpointStore {
  readonly #pool: pg.Pool;
  readonly #deps: Dependencies;

  constructor(pool: pg.Pool, deps: Dependencies) {
    this.#pool = pool;
    this.#deps = deps;
  }

  /**
   * @returns the endpoint's id and its secret, which is shown this once
   * @throws HeraldError what `checkUrl` says; `unknown-topic`, `unknown-district`; `endpoint-exists` (conflict)
   */
  async create(input: EndpointInput, by?: By): Promise<{ readonly id: number; readonly secret: string }> {
    const url = await this.#deps.checkUrl(input.url);
    const [topics, districts] = await this.#ids(input.topics, input.districts);
    const secret = this.#deps.generateSecret();
    const { rows } = await unlessTaken(url, () =>
      this.#pool.query<{ id: number }>(
        `WITH made AS (
           INSERT INTO endpoints (outlet, url, sealed_secrets, topics, districts) VALUES ($1, $2, ARRAY[$3::bytea], $4, $5) RETURNING id),
         noted AS (${note('create', 'made', '$6')})
         SELECT id FROM made`,
        [input.outlet, url, this.#deps.sealer.seal(secret), topics, districts, by?.id ?? null],
      ),
    );
    return { id: found(rows[0]).id, secret };
  }

  /** By id, ascending. @param page.after the id that the last page ended with */
  async list(page: { readonly after?: number; readonly limit: number }): Promise<readonly Endpoint[]> {
    const { rows } = await this.#pool.query<Endpoint>(
      `SELECT ${ENDPOINT} FROM endpoints e WHERE e.removed_at IS NULL AND e.id > $1 ORDER BY e.id LIMIT $2`,
      [page.after ?? 0, page.limit],
    );
    return rows;
  }

  /** @throws HeraldError `no-such-endpoint` */
  async get(id: number): Promise<Endpoint> {
    const { rows } = await this.#pool.query<Endpoint>(
      `SELECT ${ENDPOINT} FROM endpoints e WHERE e.id = $1 AND e.removed_at IS NULL`,
      [id],
    );
    return found(rows[0]);
  }

  /** What is left out stays. @throws as `create`, and `no-such-endpoint` */
  async update(
    id: number,
    change: { readonly [K in keyof EndpointInput]?: EndpointInput[K] | undefined },
    by?: By,
  ): Promise<Endpoint> {
    const fields = Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (fields.length === 0) return this.get(id);
    const url = change.url === undefined ? null : await this.#deps.checkUrl(change.url);
    const [topics, districts] = await this.#ids(change.topics, change.districts);
    await unlessTaken(url ?? '', () =>
      this.#pool.query(
        `WITH changed AS (
           UPDATE endpoints SET outlet = coalesce($2, outlet), url = coalesce($3, url),
             topics = coalesce($4, topics), districts = coalesce($5, districts)
           WHERE id = $1 AND removed_at IS NULL RETURNING id)
         ${note('change', 'changed', '$6', `jsonb_build_object('fields', $7::text)`)}`,
        [id, change.outlet ?? null, url, topics ?? null, districts ?? null, by?.id ?? null, fields.join(',')],
      ),
    );
    return this.get(id);
  }

  /** The row stays for the deliveries that name it. @throws HeraldError `no-such-endpoint` */
  async remove(id: number, by?: By): Promise<void> {
    await this.#change('remove', id, by, 'removed_at = now()');
  }

  /**
   * Makes a new secret; the present one keeps working until `dropOldSecret`. Rotating again before that
   * drops the oldest of the three. @throws HeraldError `no-such-endpoint`
   */
  async rotateSecret(id: number, by?: By): Promise<{ readonly secret: string }> {
    // A third secret would end the one that the outlet may still use.
    if ((await this.get(id)).secretCount > 1)
      throw new HeraldError('conflict', 'rotation-under-way', 'this endpoint has two secrets already', {
        fix: 'when the outlet uses the new one, end the rotation: POST /v1/endpoints/:id/drop-old-secret',
      });
    const secret = this.#deps.generateSecret();
    await this.#change(
      'rotate',
      id,
      by,
      'sealed_secrets = ARRAY[$3::bytea, sealed_secrets[1]]',
      this.#deps.sealer.seal(secret),
    );
    return { secret };
  }

  async dropOldSecret(id: number, by?: By): Promise<Endpoint> {
    await this.#change('drop-old-secret', id, by, 'sealed_secrets = sealed_secrets[1:1]');
    return this.get(id);
  }

  /** Nothing is sent to it until `enable`; @param reason in words for the press office */
  async disable(id: number, reason: string, by?: By): Promise<Endpoint> {
    await this.#change(
      'disable',
      id,
      by,
      'disabled_at = coalesce(disabled_at, now()), disabled_reason = coalesce(disabled_reason, $3::text)',
      reason,
    );
    return this.get(id);
  }

  async enable(id: number, by?: By): Promise<Endpoint> {
    await this.#change('enable', id, by, 'disabled_at = NULL, disabled_reason = NULL');
    return this.get(id);
  }

  async #change(act: string, id: number, by: By, set: string, ...values: unknown[]): Promise<void> {
    const { rows } = await this.#pool.query<{ id: number }>(
      `WITH changed AS (UPDATE endpoints SET ${set} WHERE id = $1 AND removed_at IS NULL RETURNING id),
       noted AS (${note(act, 'changed', '$2')})
       SELECT id FROM changed`,
      [id, by?.id ?? null, ...values],
    );
    found(rows[0]);
  }

  #ids(topics?: readonly string[], districts?: readonly string[]) {
    const { lists } = this.#deps;
    return Promise.all([
      topics && lists.idsOf('topics', topics),
      districts && lists.idsOf('districts', districts),
    ]);
  }
}

function found<T>(row: T | undefined): T {
  if (row) return row;
  throw new HeraldError('not-found', 'no-such-endpoint', 'there is no such endpoint');
}

async function unlessTaken<T>(url: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if ((error as { constraint?: string }).constraint !== 'endpoints_url') throw error;
    throw new HeraldError('conflict', 'endpoint-exists', `there is an endpoint with the URL ${url} already`, {
      fix: 'change that one, or remove it first',
    });
  }
}
