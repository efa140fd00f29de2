import type { Launched } from '../../src/cli/launch.ts';
import type { Channel } from '../../src/domain/channel.ts';
import type { DeliveryStatus } from '../../src/domain/delivery.ts';
import type { Follower } from './interventions.ts';
import type { Part } from './population.ts';

export interface Verdict {
  readonly missing: number;
  readonly duplicateSms: number;
  /** Deliveries that were in doubt at some time; the SMS among them. */
  readonly inDoubt: number;
  readonly inDoubtSms: number;
  readonly repeatedEmail: number;
  readonly repeatedWebhook: number;
  /** Repeats that no doubt explains. */
  readonly unexplained: number;
  readonly afterOptOut: number;
  readonly afterStop: number;
  readonly unsettled: number;
  readonly stillOpen: number;
  /** Readers of the superseded texts whom the correction or the retraction missed, and others whom it reached. */
  readonly wrongReaders: number;
  readonly offending: readonly {
    readonly delivery: string;
    readonly why: string;
    readonly events: unknown;
  }[];
}

interface Row {
  readonly id: number;
  readonly n: number;
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  readonly address: string;
  readonly sid: string | null;
  readonly doubted: boolean;
  readonly leftAt: Date | null;
  readonly stoppedAt: Date | null;
}
interface Entry {
  readonly channel: Channel;
  readonly deliveryId?: string;
  readonly gatewayMessageId: string;
  readonly takenAt: string;
}

/** What may still leave after an opt-out, a cancellation or expiry: it was in flight. Milliseconds. */
const GRACE_MS = 2_000;

const keyOf = ({ id, n }: Row) => `${id} ${n}`;

const ROWS = `
  SELECT d.announcement_id AS id, d.n, d.channel, d.status, d.address_key AS address, d.provider_message_id AS sid,
    EXISTS (SELECT FROM delivery_events e WHERE e.announcement_id = d.announcement_id AND e.n = d.n AND e.type = 'unknown') AS doubted,
    (SELECT s.created_at FROM suppressions s WHERE s.channel = d.channel AND s.address = d.address_key AND s.reason = 'left') AS "leftAt",
    CASE WHEN a.state = 'cancelled' THEN a.ended_at WHEN d.channel <> 'webhook' AND a.expires_at < now() THEN a.expires_at END AS "stoppedAt"
  FROM deliveries d JOIN announcements a ON a.id = d.announcement_id WHERE d.announcement_id = ANY ($1)`;

/** The gateways' own ledger against Herald's tables, message by message. */
export async function judge(
  herald: Launched,
  announcements: Readonly<Record<Part | Follower, number>>,
): Promise<Verdict> {
  const { app } = herald;
  const ids = Object.values(announcements);
  const { rows } = await app.pool.query<Row>(ROWS, [ids]);
  const ledger = await readLedger(herald.sandboxUrl);
  const count = {
    missing: 0,
    duplicateSms: 0,
    inDoubt: 0,
    inDoubtSms: 0,
    repeatedEmail: 0,
    repeatedWebhook: 0,
    unexplained: 0,
    afterOptOut: 0,
    afterStop: 0,
    unsettled: 0,
    stillOpen: 0,
    wrongReaders: 0,
  };
  /** Rows that somebody got, or may have got. */
  const read = new Set<string>();
  const offending: { row: Row | null; why: string; delivery: string }[] = [];

  for (const [id, topic] of [
    [announcements.main, 'main'],
    // Who had not got the wrong text gets the right one.
    [announcements.correction, 'corrected'],
  ] as const) {
    const { rows: lost } = await app.pool.query<{ n: number }>(MISSED, [id, topic]);
    count.missing += lost[0]?.n ?? 0;
  }
  if (count.missing > 0)
    offending.push({
      row: null,
      why: `${count.missing} contacts of the audience have no delivery`,
      delivery: '',
    });

  for (const row of rows) {
    const delivery = app.ids.encode('delivery', row.id, row.n);
    const entries = ledger.get(delivery) ?? [];
    ledger.delete(delivery);
    const blame = (why: string) => offending.push({ row, why, delivery });
    if (row.doubted) {
      count.inDoubt += 1;
      if (row.channel === 'sms') count.inDoubtSms += 1;
    }
    // What the gateway took, but for what it said later that nobody got.
    if ((entries.length > 0 && row.status !== 'undelivered') || row.status === 'unknown')
      read.add(keyOf(row));
    if (row.status === 'queued' || row.status === 'sending') {
      count.stillOpen += 1;
      blame(`is still ${row.status}`);
    }
    if (row.status === 'unknown') count.unsettled += 1;
    if (row.sid !== null && entries.length === 0) {
      count.missing += 1;
      blame(`is ${row.status}, but the gateway never took it`);
    }
    // A bounce that comes while the worker dies tells as well that the mail was taken.
    const bounced = row.channel === 'email' && row.status === 'undelivered';
    if (row.sid === null && entries.length > 0 && row.status !== 'unknown' && !bounced) {
      count.unexplained += 1;
      blame(`is ${row.status}, but the gateway took it`);
    }
    const repeats = Math.max(0, entries.length - 1);
    if (repeats > 0 && row.channel === 'sms') {
      count.duplicateSms += repeats;
      blame(`was taken ${entries.length} times`);
    } else if (repeats > 0) {
      count[row.channel === 'email' ? 'repeatedEmail' : 'repeatedWebhook'] += repeats;
      const sameId = new Set(entries.map((e) => e.gatewayMessageId)).size === 1;
      if (!row.doubted || !sameId) {
        count.unexplained += 1;
        blame(`was repeated ${repeats} times ${sameId ? 'without ever being in doubt' : 'under another id'}`);
      }
    }
    for (const entry of entries) {
      const at = Date.parse(entry.takenAt);
      if (row.leftAt && at > row.leftAt.getTime() + GRACE_MS) {
        count.afterOptOut += 1;
        blame(`was taken ${at - row.leftAt.getTime()} ms after its recipient left`);
      }
      if (row.stoppedAt && at > row.stoppedAt.getTime() + GRACE_MS) {
        count.afterStop += 1;
        blame(`was taken ${at - row.stoppedAt.getTime()} ms after the announcement was stopped`);
      }
    }
  }
  for (const [old, follower] of [
    [announcements.corrected, announcements.correction],
    [announcements.retracted, announcements.retraction],
  ] as const) {
    const addressed = new Set(rows.filter(({ id }) => id === follower).map(({ address }) => address));
    for (const row of rows) {
      const wasRead = read.has(keyOf(row));
      const retracted = follower === announcements.retraction;
      if (row.id !== old || row.leftAt) continue;
      if (wasRead && !addressed.has(row.address)) {
        count.wrongReaders += 1;
        offending.push({ row, why: 'was read, and its reader was not told', delivery: '' });
      } else if (!wasRead && retracted && addressed.has(row.address) && !row.doubted) {
        count.wrongReaders += 1;
        offending.push({ row, why: 'was never read, and is retracted all the same', delivery: '' });
      }
    }
  }
  for (const [delivery, entries] of ledger) {
    count.unexplained += entries.length;
    offending.push({ row: null, why: 'the gateway took what Herald does not know', delivery });
  }
  return {
    ...count,
    offending: await Promise.all(
      offending.slice(0, 10).map(async ({ row, why, delivery }) => ({
        delivery,
        why,
        events: row ? (await app.reports.delivery(row.id, row.n)).events : [],
      })),
    ),
  };
}

/** Contacts of an audience that nobody wrote a row for, less those who left before. */
const MISSED = `
  SELECT count(*)::int AS n FROM contacts k JOIN subscribers s ON s.id = k.subscriber_id
  WHERE s.topics = ARRAY[(SELECT id FROM topics WHERE code = $2)]
    AND NOT EXISTS (SELECT FROM deliveries d WHERE d.announcement_id = $1 AND d.channel = k.channel AND d.address_key = k.address)
    AND NOT EXISTS (SELECT FROM suppressions x WHERE x.channel = k.channel AND x.address = k.address)`;

async function readLedger(sandboxUrl: string): Promise<Map<string, Entry[]>> {
  const ledger = new Map<string, Entry[]>();
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page = (await (await fetch(`${sandboxUrl}/outbox?cursor=${cursor}`)).json()) as {
      entries: Entry[];
      next: number | null;
    };
    for (const entry of page.entries) {
      const key = entry.deliveryId ?? `stray ${entry.gatewayMessageId}`;
      ledger.set(key, [...(ledger.get(key) ?? []), entry]);
    }
    cursor = page.next;
  }
  return ledger;
}
