import type pg from 'pg';
import { HeraldError } from '../domain/errors.ts';
import type { By } from '../pipeline/audit-store.ts';
import { noteAudit } from './audit.ts';
import type { ListStore } from './lists.ts';
import { inTransaction } from './pool.ts';

type CitizenChannel = 'sms' | 'email';

/** A citizen, and the addresses at which they want to be told. */
export interface Subscriber {
  readonly id: number;
  readonly name: string | null;
  readonly locale: string;
  /** Codes; empty: everything. */
  readonly topics: readonly string[];
  readonly districts: readonly string[];
  /** E.164, or null. */
  readonly phone: string | null;
  readonly email: string | null;
  readonly consentAt: Date;
  readonly consentSource: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface SubscriberInput {
  readonly name?: string | null | undefined;
  readonly locale: string;
  readonly phone?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly topics: readonly string[];
  readonly districts: readonly string[];
  /** When and where they agreed to be written to. */
  readonly consentAt: Date;
  readonly consentSource: string;
}

interface Dependencies {
  readonly lists: ListStore;
  /** The one form of an address under which it is kept and compared; `undefined` when it is none. */
  readonly normalise: Readonly<Record<CitizenChannel, (text: string) => string | undefined>>;
  /** Suppresses an address and stops what is queued for it, inside the given transaction. */
  readonly suppress: (
    client: pg.PoolClient,
    address: { channel: CitizenChannel; address: string; reason: 'left'; source: string },
  ) => Promise<void>;
}

type Addresses = { readonly [C in CitizenChannel]?: string | null };

const SUBSCRIBER = `s.id, s.name, s.locale,
  ARRAY(SELECT code FROM topics t WHERE t.id = ANY(s.topics) ORDER BY code) AS topics,
  ARRAY(SELECT code FROM districts d WHERE d.id = ANY(s.districts) ORDER BY code) AS districts,
  (SELECT address FROM contacts k WHERE k.subscriber_id = s.id AND k.channel = 'sms') AS phone,
  (SELECT address FROM contacts k WHERE k.subscriber_id = s.id AND k.channel = 'email') AS email,
  s.consent_at AS "consentAt", s.consent_source AS "consentSource",
  s.created_at AS "createdAt", s.updated_at AS "updatedAt"`;

export class SubscriberStore {
  readonly #pool: pg.Pool;
  readonly #deps: Dependencies;

  constructor(pool: pg.Pool, deps: Dependencies) {
    this.#pool = pool;
    this.#deps = deps;
  }

  /**
   * @throws HeraldError `bad-phone`, `bad-mailbox`, `missing-contact`, `unknown-topic`, `unknown-district` (invalid);
   *   `address-taken`, `address-suppressed` (conflict)
   */
  async add(input: SubscriberInput, by?: By): Promise<Subscriber> {
    const addresses = this.#addresses(input);
    if (!addresses.sms && !addresses.email) throw missingContact();
    const { lists } = this.#deps;
    const topics = await lists.idsOf('topics', input.topics);
    const districts = await lists.idsOf('districts', input.districts);
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ id: number }>(
        `INSERT INTO subscribers (name, locale, topics, districts, consent_at, consent_source)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
        [input.name ?? null, input.locale, topics, districts, input.consentAt, input.consentSource],
      );
      const id = found(rows[0]).id;
      await this.#setContacts(client, id, addresses, input.consentAt);
      await noteAudit(client, { by, act: 'add', subjectType: 'subscriber', subjectId: id });
      return read(client, id);
    });
  }

  /** @throws HeraldError `no-such-subscriber` */
  get(id: number): Promise<Subscriber> {
    return read(this.#pool, id);
  }

  /** By id, ascending. @param page.after the id that the last page ended with */
  async list(page: { readonly after?: number; readonly limit: number }): Promise<readonly Subscriber[]> {
    const { rows } = await this.#pool.query<Subscriber>(
      `SELECT ${SUBSCRIBER} FROM subscribers s WHERE s.id > $1 ORDER BY s.id LIMIT $2`,
      [page.after ?? 0, page.limit],
    );
    return rows;
  }

  /**
   * Whose address is one of these, or whose name holds this text; by id, ascending. No index helps with names: an import
   * would pay for it with every row, and they are asked for seldom.
   */
  async find(
    wanted: {
      readonly name: string;
      readonly addresses: readonly { readonly channel: CitizenChannel; readonly address: string }[];
    },
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly Subscriber[]> {
    const { rows } = await this.#pool.query<Subscriber>(
      wanted.addresses.length > 0
        ? `SELECT ${SUBSCRIBER} FROM subscribers s WHERE s.id > $1 AND s.id IN (
             SELECT k.subscriber_id FROM unnest($3::channel[], $4::text[]) AS w(c, a)
             JOIN contacts k ON k.channel = w.c AND k.address = w.a) ORDER BY s.id LIMIT $2`
        : `SELECT ${SUBSCRIBER} FROM subscribers s
           WHERE s.id > $1 AND strpos(lower(s.name), lower($3)) > 0 ORDER BY s.id LIMIT $2`,
      [
        page.after,
        page.limit,
        ...(wanted.addresses.length > 0
          ? [wanted.addresses.map(({ channel }) => channel), wanted.addresses.map(({ address }) => address)]
          : [wanted.name]),
      ],
    );
    return rows;
  }

  /**
   * What is left out stays; `phone: null` or `email: null` gives the address up, as if they had left there.
   * A changed address keeps its contact, so that the leave link in an older message still works.
   * @throws HeraldError as `add`, and `no-such-subscriber`
   */
  async update(
    id: number,
    change: { readonly [K in keyof SubscriberInput]?: SubscriberInput[K] | undefined },
    by?: By,
  ): Promise<Subscriber> {
    const addresses = this.#addresses(change);
    const { lists } = this.#deps;
    const topics = change.topics && (await lists.idsOf('topics', change.topics));
    const districts = change.districts && (await lists.idsOf('districts', change.districts));
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ consentAt: Date }>(
        `UPDATE subscribers SET name = CASE WHEN $2::boolean THEN $3 ELSE name END, locale = coalesce($4, locale),
           topics = coalesce($5, topics), districts = coalesce($6, districts), consent_at = coalesce($7, consent_at),
           consent_source = coalesce($8, consent_source), updated_at = now()
         WHERE id = $1 RETURNING consent_at AS "consentAt"`,
        [
          id,
          change.name !== undefined,
          change.name ?? null,
          change.locale ?? null,
          topics ?? null,
          districts ?? null,
          change.consentAt ?? null,
          change.consentSource ?? null,
        ],
      );
      const { consentAt } = found(rows[0]);
      await this.#setContacts(client, id, addresses, consentAt);
      const after = await read(client, id);
      if (!after.phone && !after.email) throw missingContact();
      const fields = Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]));
      await noteAudit(client, {
        by,
        act: 'change',
        subjectType: 'subscriber',
        subjectId: id,
        details: { fields: fields.join(',') },
      });
      return after;
    });
  }

  /**
   * Forgets a citizen. Their addresses stay suppressed (reason `left`), so that an old list imported again does
   * not bring them back, and what is queued for them is stopped in the same transaction.
   * @param source who asked for it, for the record
   * @throws HeraldError `no-such-subscriber`
   */
  async remove(id: number, source: string, by?: By): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      found((await client.query('SELECT id FROM subscribers WHERE id = $1 FOR UPDATE', [id])).rows[0]);
      await this.#dropContacts(client, id, ['sms', 'email'], source);
      await client.query('DELETE FROM subscribers WHERE id = $1', [id]);
      await noteAudit(client, { by, act: 'remove', subjectType: 'subscriber', subjectId: id });
    });
  }

  #addresses(input: {
    readonly phone?: string | null | undefined;
    readonly email?: string | null | undefined;
  }): Addresses {
    const { normalise } = this.#deps;
    const addresses: { sms?: string | null; email?: string | null } = {};
    for (const [channel, field] of [
      ['sms', 'phone'],
      ['email', 'email'],
    ] as const) {
      const text = input[field];
      if (text === undefined) continue;
      const address = text === null ? null : normalise[channel](text);
      if (address === undefined) throw badAddress(field);
      addresses[channel] = address;
    }
    return addresses;
  }

  async #setContacts(
    client: pg.PoolClient,
    id: number,
    addresses: Addresses,
    consentAt: Date,
  ): Promise<void> {
    for (const channel of ['sms', 'email'] as const) {
      const address = addresses[channel];
      if (address === undefined) continue;
      if (address === null) {
        await this.#dropContacts(client, id, [channel], 'api');
        continue;
      }
      await liftSuppression(client, channel, address, consentAt);
      try {
        const { rowCount } = await client.query(
          'UPDATE contacts SET address = $3 WHERE subscriber_id = $1 AND channel = $2',
          [id, channel, address],
        );
        if (rowCount === 0) {
          await client.query('INSERT INTO contacts (subscriber_id, channel, address) VALUES ($1, $2, $3)', [
            id,
            channel,
            address,
          ]);
        }
      } catch (error) {
        if ((error as { constraint?: string }).constraint !== 'contacts_channel_address_key') throw error;
        throw addressTaken(channel);
      }
    }
  }

  async #dropContacts(
    client: pg.PoolClient,
    id: number,
    channels: readonly CitizenChannel[],
    source: string,
  ): Promise<void> {
    const { rows } = await client.query<{ channel: CitizenChannel; address: string }>(
      'DELETE FROM contacts WHERE subscriber_id = $1 AND channel = ANY($2::channel[]) RETURNING channel, address',
      [id, channels],
    );
    for (const { channel, address } of rows)
      await this.#deps.suppress(client, { channel, address, reason: 'left', source });
  }
}

/**
 * An address that left or bounced comes back only with a consent newer than that; one that opted out at the
 * provider, or was blocked by the office, does not come back this way.
 */
async function liftSuppression(
  client: pg.PoolClient,
  channel: CitizenChannel,
  address: string,
  consentAt: Date,
): Promise<void> {
  await client.query(
    `DELETE FROM suppressions WHERE channel = $1 AND address = $2 AND reason IN ('left', 'bounced') AND created_at < $3`,
    [channel, address, consentAt],
  );
  const { rows } = await client.query<{ reason: string }>(
    'SELECT reason FROM suppressions WHERE channel = $1 AND address = $2',
    [channel, address],
  );
  const reason = rows[0]?.reason;
  if (!reason) return;
  throw new HeraldError(
    'conflict',
    'address-suppressed',
    `nothing may be sent to this ${nounOf(channel)}: it is suppressed (${reason})`,
    {
      fix:
        reason === 'left' || reason === 'bounced'
          ? 'give a consentAt later than that, if they agreed again'
          : reason === 'opted-out'
            ? 'they can return by sending START'
            : '',
      issues: [{ path: channel === 'sms' ? 'phone' : 'email', message: `suppressed (${reason})` }],
    },
  );
}

async function read(db: Pick<pg.Pool, 'query'>, id: number): Promise<Subscriber> {
  return found(
    (await db.query<Subscriber>(`SELECT ${SUBSCRIBER} FROM subscribers s WHERE s.id = $1`, [id])).rows[0],
  );
}

function found<T>(row: T | undefined): T {
  if (row) return row;
  throw new HeraldError('not-found', 'no-such-subscriber', 'there is no such subscriber');
}

const nounOf = (channel: CitizenChannel) => (channel === 'sms' ? 'phone number' : 'mailbox');

const addressTaken = (channel: CitizenChannel) =>
  new HeraldError('conflict', 'address-taken', `this ${nounOf(channel)} belongs to another subscriber`, {
    fix: 'change that subscriber instead',
    issues: [{ path: channel === 'sms' ? 'phone' : 'email', message: 'belongs to another subscriber' }],
  });

const badAddress = (field: 'phone' | 'email') =>
  field === 'phone'
    ? new HeraldError('invalid', 'bad-phone', 'phone is not a number that can get an SMS', {
        fix: 'write it as +8613800138000',
        issues: [{ path: field, message: 'not a phone number' }],
      })
    : new HeraldError('invalid', 'bad-mailbox', 'email is not a mailbox', {
        fix: 'write it as name@example.org',
        issues: [{ path: field, message: 'not a mailbox' }],
      });

const missingContact = () =>
  new HeraldError('invalid', 'missing-contact', 'a subscriber needs a phone number or a mailbox', {
    fix: 'give phone, email or both',
  });
