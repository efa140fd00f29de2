import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupBy } from '../../src/domain/group-by.ts';
import { importCsv } from '../../src/pipeline/import.ts';
import type { DeliveryEvent, DeliveryRow } from '../../src/pipeline/report-store.ts';
import type { LedgerEntry } from '../../src/sandbox/ledger.ts';
import { eventually } from '../support/eventually.ts';
import { type Herald, startHerald } from './herald.ts';

interface Fate {
  readonly to: string;
  readonly status: string;
  /** What must have been told of it. */
  readonly events: readonly string[];
  readonly mayRetry?: true;
}
/** Who is written to, and what becomes of it. */
const FATES: readonly Fate[] = [
  { to: '+8613800138000', status: 'delivered', events: ['sent', 'delivered'] },
  { to: '+14155550101', status: 'delivered', events: ['sent', 'delivered'] },
  // Twilio knows that they replied STOP: nobody asks again.
  { to: '+14155921610', status: 'suppressed', events: ['suppressed'] },
  { to: '+14155921211', status: 'failed', events: ['failed'] },
  { to: '+14155921614', status: 'failed', events: ['failed'] },
  { to: '+14155920429', status: 'delivered', events: ['retry', 'retry', 'sent', 'delivered'] },
  { to: '+14155920503', status: 'delivered', events: ['retry', 'sent', 'delivered'] },
  { to: '+14155930003', status: 'undelivered', events: ['sent', 'undelivered'] },
  { to: '+14155930005', status: 'undelivered', events: ['sent', 'undelivered'] },
  { to: '+14155930008', status: 'failed', events: ['sent', 'failed'] },
  { to: '+14155900005', status: 'sent', events: ['sent'] },
  // Delivered, as nobody says before it is asked.
  { to: '+14155900007', status: 'sent', events: ['sent'] },
  { to: '+14155900006', status: 'delivered', events: ['sent', 'delivered'] },
  // Taken, and the answer lost: found when Twilio is asked.
  { to: '+14155900001', status: 'delivered', events: ['unknown', 'delivered'] },
  // Never taken: Twilio knows nothing of it, twice, and it is sent again.
  {
    to: '+14155900003',
    status: 'delivered',
    events: ['unknown', 'not-found', 'not-found', 'sent', 'delivered'],
  },
  { to: 'wang.fang@example.org', status: 'sent', events: ['sent'] },
  { to: 'john@example.com', status: 'sent', events: ['sent'] },
  { to: 'bounce-hard@example.org', status: 'undelivered', events: ['sent', 'undelivered'] },
  { to: 'mailbox-full@example.org', status: 'undelivered', events: ['sent', 'undelivered'] },
  { to: 'delayed@example.org', status: 'sent', events: ['sent', 'delayed'] },
  { to: 'unknown-user@example.org', status: 'failed', events: ['failed'] },
  { to: 'greylist@example.org', status: 'sent', events: ['retry', 'sent'] },
  // 421 twice; the client's pool takes the message to another connection, or the pipeline tries again.
  { to: 'throttle@example.org', status: 'sent', events: ['sent'], mayRetry: true },
  // Taken, and the connection cut: again under the same Message-ID.
  { to: 'reset-after-data@example.org', status: 'sent', events: ['unknown', 'sent'] },
];
const HOOKS = {
  daily: { behaviour: 'ok', events: ['delivered'] },
  weekly: { behaviour: 'fail-then-ok', events: ['retry', 'delivered'] },
  radio: { behaviour: 'throttle', times: 1, events: ['retry', 'delivered'] },
  slow: { behaviour: 'slow', delayMs: 1_500, events: ['delivered'] },
  reset: { behaviour: 'reset', times: 1, events: ['unknown', 'delivered'] },
} as const;
/** What Twilio says on the way, beside what counts. */
const NEWS = ['queued', 'accepted', 'scheduled', 'sending'];

let herald: Herald;
let rows: readonly DeliveryRow[];
let events: Map<string, readonly DeliveryEvent[]>;
let id: number;

beforeAll(async () => {
  herald = await startHerald();
  const { app, sandbox } = herald;
  await herald.listen();
  sandbox.configure({
    twilio: { listLagMs: 0, callbackFaults: { duplicateShare: 0.5, reorderShare: 0.5, seed: 3 } },
  });
  const csv = FATES.map(({ to }, i) => {
    const [phone, email] = to.startsWith('+') ? [to, ''] : ['', to];
    // French is in no template: it falls back.
    const locale = to.startsWith('+86') ? 'zh-CN' : i % 5 === 0 ? 'fr' : 'en';
    return `市民${i},${phone},${email},${locale},,,2026-01-01T00:00:00Z,test`;
  });
  const header = 'name,phone,email,locale,topics,districts,consent_at,consent_source';
  const leaver = '离开者,+14155550199,,en,,,2026-01-01T00:00:00Z,test';
  const imported = await importCsv(Readable.from([Buffer.from([header, ...csv, leaver].join('\n'))]), {
    imports: app.imports,
    lists: app.lists,
    userId: null,
  });
  expect(imported).toMatchObject({ taken: FATES.length + 1, refused: 0 });
  for (const [name, { events: _, ...behaviour }] of Object.entries(HOOKS)) {
    const { secret } = await app.endpoints.create({
      outlet: name,
      url: `${sandbox.url}/hooks/${name}`,
      topics: [],
      districts: [],
    });
    sandbox.configure({ hooks: { [name]: { secrets: [secret], ...behaviour } } });
  }
  // Who leaves before the approval is not written to.
  await sandbox.inbound('+14155550199', 'STOP');
  const workers = await herald.work();

  id = await herald.publish();
  await eventually(async () => {
    // Nobody waits half a minute for Twilio's list in a test.
    await app.pool.query(
      `UPDATE deliveries SET due_at = now() WHERE announcement_id = $1 AND channel = 'sms' AND status = 'unknown'`,
      [id],
    );
    await app.pool.query(
      `UPDATE shards s SET due_at = now() WHERE due_at > now() AND claimed_by IS NULL AND EXISTS (
         SELECT FROM deliveries d WHERE d.announcement_id = s.announcement_id AND d.n BETWEEN s.from_n AND s.to_n
           AND d.channel = 'sms' AND d.status = 'unknown')`,
    );
    expect((await app.announce.get(id)).state).toBe('completed');
  }, 60_000);
  await sandbox.idle();
  await workers.stop();
  rows = await herald.deliveries(id);
  const told = rows.map(async (row) => [keyOf(row), (await app.reports.delivery(id, row.n)).events] as const);
  events = new Map(await Promise.all(told));
}, 120_000);
afterAll(() => herald.close());

const keyOf = (row: DeliveryRow) => `${row.channel} ${row.address}`;
const rowOf = (to: string) => rows.find((row) => row.address === to);
const counted = (row: DeliveryRow) =>
  (events.get(keyOf(row)) ?? []).map(({ type }) => type).filter((type) => !NEWS.includes(type));

describe('a whole run', () => {
  it('everybody of the audience has one row, and whoever left before has none', () => {
    expect(rows.map((row) => row.address).sort()).toEqual(
      [...FATES.map((fate) => fate.to), ...Object.keys(HOOKS).map((_, i) => String(i + 1))].sort(),
    );
  });

  it.each(FATES)('$to: $status', ({ to, status, events: expected, mayRetry }) => {
    const row = rowOf(to);
    expect(row?.status).toBe(status);
    const told = row ? counted(row) : [];
    // `sent` may be told by the worker, by Twilio or both; what a callback has settled needs no settling.
    const loose = ['sent', 'settled', ...(mayRetry ? ['retry'] : [])];
    const telling = (types: readonly string[]) => types.filter((type) => !loose.includes(type)).sort();
    expect(telling(told)).toEqual(telling(expected));
    if (status === 'sent') expect(told).toContain('sent');
  });

  it.each(Object.entries(HOOKS))('webhook %s', (name, { events: expected }) => {
    const row = rows.filter(({ channel }) => channel === 'webhook')[Object.keys(HOOKS).indexOf(name)];
    expect(row?.status).toBe('delivered');
    expect(row && counted(row)).toEqual(expected);
  });

  it('the gateways’ own ledger agrees message by message', () => {
    const { app, sandbox } = herald;
    const ledger = groupBy(sandbox.ledger.list(), (entry) => entry.deliveryId);
    for (const row of rows) {
      const entries: readonly LedgerEntry[] = ledger.get(app.ids.encode('delivery', id, row.n)) ?? [];
      const taken = entries.length;
      ledger.delete(app.ids.encode('delivery', id, row.n));
      // A provider's id is the receipt for having taken it.
      expect(taken > 0, keyOf(row)).toBe(row.providerMessageId !== null);
      if (row.channel === 'sms') {
        expect(taken, keyOf(row)).toBeLessThanOrEqual(1);
        if (entries[0]) expect(entries[0].gatewayMessageId).toBe(row.providerMessageId);
      } else {
        // Again only under the same id, where an answer was lost.
        expect(new Set(entries.map((entry) => entry.gatewayMessageId)).size).toBeLessThanOrEqual(1);
        const repeated = ['reset-after-data@example.org', '5'].includes(row.address);
        expect(taken, keyOf(row)).toBeLessThanOrEqual(repeated ? 2 : 1);
      }
      if (row.channel !== 'webhook') for (const entry of entries) expect(entry.address).toBe(row.address);
    }
    expect([...ledger.keys()]).toEqual([]);
  });

  it('the counts agree with the rows, and times with the clock', async () => {
    const reports = await herald.app.reports.channels(id);
    for (const channel of ['sms', 'email', 'webhook'] as const) {
      const own = rows.filter((row) => row.channel === channel);
      const statuses = groupBy(own, (row) => row.status);
      expect(reports[channel]?.counts).toEqual(
        Object.fromEntries([...statuses].map(([status, members]) => [status, members.length])),
      );
      const { p50, p95, max } = reports[channel] ?? {};
      expect(p50).toBeGreaterThan(0);
      expect(p95).toBeGreaterThanOrEqual(p50 ?? 0);
      expect(max).toBeGreaterThanOrEqual(p95 ?? 0);
    }
    const sms = rows.filter((row) => row.channel === 'sms' && row.providerMessageId);
    expect(sms.every((row) => (row.segments ?? 0) >= 1)).toBe(true);
    const record = await herald.app.announce.get(id);
    expect(Number(record.firstSentAt)).toBeGreaterThanOrEqual(Number(record.approvedAt));
    expect(Number(record.endedAt)).toBeGreaterThanOrEqual(Number(record.firstSentAt));
  });

  it('each got their own language, or the default one; +86 got no link, and everybody else their own', () => {
    const { ledger } = herald.sandbox;
    const body = (to: string) => ledger.list({ address: to })[0]?.body ?? '';
    expect(body('+8613800138000')).toMatch(/^【滨江公安】/);
    expect(body('+8613800138000')).not.toContain('http');
    expect(body('+14155550101')).toMatch(/^Binjiang Police: .*Beware/s);
    const french = rows.find((row) => row.locale === 'fr' && row.status === 'delivered');
    expect(body(french?.address ?? '')).toMatch(/^【滨江公安】/);
    const links = ledger
      .list({ channel: 'sms' })
      .flatMap((entry) => /http\S+\/u\/\S+/.exec(entry.body)?.[0] ?? []);
    expect(links.length).toBeGreaterThan(5);
    expect(new Set(links).size).toBe(links.length);
  });

  it('who left at the provider, by reply, or for good is suppressed; who bounced softly is not', async () => {
    const { rows: suppressed } = await herald.app.pool.query(
      'SELECT address, reason FROM suppressions ORDER BY address',
    );
    expect(suppressed).toEqual([
      { address: '+14155550199', reason: 'opted-out' },
      { address: '+14155900006', reason: 'opted-out' },
      { address: '+14155921610', reason: 'opted-out' },
      { address: 'bounce-hard@example.org', reason: 'bounced' },
    ]);
  });

  it('and a second announcement reaches none of those', async () => {
    const workers = await herald.work();
    const second = await herald.publish({ channels: ['sms', 'email'], kind: 'notice' });
    const gone = ['+14155550199', '+14155900006', '+14155921610', 'bounce-hard@example.org'];
    await eventually(async () => expect(await herald.app.reports.expanded(second)).toBe(true));
    const written = (await herald.deliveries(second)).map((row) => row.address);
    expect(written).toHaveLength(FATES.length - 3);
    for (const address of gone) expect(written).not.toContain(address);
    await herald.app.announce.cancel(second, herald.approver);
    await workers.stop();
  });

  it('nothing was lost on the way, and no worker died', async () => {
    expect(herald.sandbox.lost()).toBe(0);
    const { rows: died } = await herald.app.pool.query(
      'SELECT kind FROM workers WHERE died OR ended_at IS NULL',
    );
    expect(died).toEqual([]);
  });
});
