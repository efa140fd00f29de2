import fc from 'fast-check';
import { expect } from 'vitest';
import { QuietHoursStore } from '../../src/storage/quiet-hours.ts';
import { first, type Office, stories } from '../support/office.ts';

const ZONES = ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const zone = (office: Office, name: string) =>
  office.pool.query('UPDATE installation SET timezone = $1', [name]);
const night = (office: Office, from: string, until: string) =>
  new QuietHoursStore(office.pool).set({ channel: 'sms', from, until });
const heldUntil = async (office: Office, at: string) =>
  (await new QuietHoursStore(office.pool).heldUntil(['sms', 'email'], new Date(at))).sms?.toISOString();

/** The office's wall clock, minutes after midnight, as Node's own time zones have it. */
const wallClock = (at: Date, timeZone: string): number => {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const [hour = 0, minute = 0] = parts.format(at).split(':').map(Number);
  return hour * 60 + minute;
};
/** Whether that clock is set forward or back within a day and a half. */
const clockChanges = (at: Date, timeZone: string): boolean => {
  const offset = (ms: number) => (wallClock(new Date(ms), timeZone) - ms / MINUTE) % 1_440;
  const base = offset(at.getTime());
  for (let ms = -36 * HOUR; ms <= 36 * HOUR; ms += HOUR)
    if ((offset(at.getTime() + ms) - base) % 1_440 !== 0) return true;
  return false;
};
const text = (minutes: number) =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

stories('quiet hours', (test) => {
  test('hold from one time to another, across midnight, on their channel alone', async ({ office }) => {
    expect(await heldUntil(office, '2026-11-24T15:00:00Z')).toBeUndefined();
    await night(office, '22:00', '08:00');
    expect(await heldUntil(office, '2026-11-24T13:59:59Z')).toBeUndefined();
    expect(await heldUntil(office, '2026-11-24T14:00:00Z')).toBe('2026-11-25T00:00:00.000Z');
    expect(await heldUntil(office, '2026-11-24T23:59:59Z')).toBe('2026-11-25T00:00:00.000Z');
    expect(await heldUntil(office, '2026-11-25T00:00:00Z')).toBeUndefined();

    const store = new QuietHoursStore(office.pool);
    expect(await store.heldUntil(['email', 'webhook'], new Date('2026-11-24T15:00:00Z'))).toEqual({});
    await night(office, '12:00', '13:30');
    expect(await store.list()).toEqual([{ channel: 'sms', from: '12:00', until: '13:30' }]);
    expect(await heldUntil(office, '2026-11-24T04:30:00Z')).toBe('2026-11-24T05:30:00.000Z');
    await store.clear('sms');
    expect(await heldUntil(office, '2026-11-24T04:30:00Z')).toBeUndefined();
  });

  test('are an hour shorter or longer on the night on which the clocks change', async ({ office }) => {
    await zone(office, 'Europe/Berlin');
    await night(office, '22:00', '08:00');
    expect(await heldUntil(office, '2026-03-28T21:00:00Z')).toBe('2026-03-29T06:00:00.000Z');
    expect(await heldUntil(office, '2026-10-24T20:00:00Z')).toBe('2026-10-25T07:00:00.000Z');
    // 02:30 does not exist in spring, and exists twice in autumn: the hours end once.
    await night(office, '23:00', '02:30');
    expect(await heldUntil(office, '2026-03-29T00:59:00Z')).toBe('2026-03-29T01:30:00.000Z');
    expect(await heldUntil(office, '2026-10-25T00:15:00Z')).toBe('2026-10-25T01:30:00.000Z');
    expect(await heldUntil(office, '2026-10-25T00:45:00Z')).toBe('2026-10-25T01:30:00.000Z');
    expect(await heldUntil(office, '2026-10-25T01:30:00Z')).toBeUndefined();
  });

  test('are what the wall clock says, in any zone; and they end when they say', async ({ office }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ZONES),
        fc.integer({ min: 0, max: 1_439 }),
        fc.integer({ min: 0, max: 1_439 }),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true }),
        async (timeZone, from, until, at) => {
          fc.pre(from !== until);
          await zone(office, timeZone);
          await night(office, text(from), text(until));
          const end = await heldUntil(office, at.toISOString());
          const now = wallClock(at, timeZone);
          const inside = from < until ? now >= from && now < until : now >= from || now < until;
          if (!clockChanges(at, timeZone)) expect(end !== undefined).toBe(inside);
          if (end === undefined) return;
          expect(new Date(end).getTime()).toBeGreaterThan(at.getTime());
          // The last moment of the same night, and the first of the day.
          expect(await heldUntil(office, new Date(new Date(end).getTime() - 1).toISOString())).toBe(end);
          expect(await heldUntil(office, end)).toBeUndefined();
        },
      ),
      { numRuns: 150 },
    );
  });

  test('hold what is normal or routine in queue, claim and shard; urgent announcements go', async ({
    office,
  }) => {
    await office.citizens(2);
    const normal = await office.sending({ channels: ['sms'] });
    const worker = await office.worker();
    const claim = await office.holdOne(normal, worker);
    await office.pool.query(
      `INSERT INTO quiet_hours SELECT 'sms', (t - interval '1 hour')::time, (t + interval '1 hour')::time
       FROM (SELECT now() AT TIME ZONE timezone AS t FROM installation) x`,
    );
    // Already in a worker's hands: it gets no more rows, and the shard is not enqueued again.
    expect(await office.deliveries.claimRows(claim, 10, worker)).toEqual([]);
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    expect(await office.sweeps.enqueueDue()).toEqual([]);

    const urgent = await office.sending({ channels: ['sms'], urgency: 'urgent' });
    const held = await office.holdOne(urgent, worker);
    expect(await office.deliveries.claimRows(held, 10, worker)).toHaveLength(2);

    await office.pool.query('DELETE FROM quiet_hours');
    expect(first(await office.sweeps.enqueueDue())).toMatchObject({ queue: 'sms', priority: 3 });
  });
});
