import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald();
});
afterAll(() => herald.close());

const HOUR = 3_600_000;
/** An hour around now, on the office's clock. */
const aroundNow = async () => {
  const { rows } = await herald.app.pool.query<{ from: string; until: string }>(
    `SELECT to_char(t - interval '1 hour', 'HH24:MI') AS from, to_char(t + interval '1 hour', 'HH24:MI') AS until
     FROM (SELECT now() AT TIME ZONE timezone AS t FROM installation) x`,
  );
  return rows[0];
};

describe('quiet hours', () => {
  test('are set, shown and taken back by an admin', async () => {
    const admin = herald.as('admin');
    const set = await admin.send('PUT', '/v1/quiet-hours/sms', { from: '22:00', until: '08:00' });
    expect(set).toMatchObject({
      status: 200,
      body: { timezone: 'Asia/Shanghai', items: [{ channel: 'sms', from: '22:00', until: '08:00' }] },
    });
    expect((await herald.as('author').get('/v1/quiet-hours')).body).toEqual(set.body);
    expect((await admin.send('DELETE', '/v1/quiet-hours/sms')).body.items).toEqual([]);
  });

  test.each([
    ['/v1/quiet-hours/fax', { from: '22:00', until: '08:00' }],
    ['/v1/quiet-hours/sms', { from: '24:00', until: '08:00' }],
    ['/v1/quiet-hours/sms', { from: '8:00', until: '09:00' }],
    ['/v1/quiet-hours/sms', { from: '08:00', until: '08:00' }],
    ['/v1/quiet-hours/sms', { from: '22:00' }],
    ['/v1/quiet-hours/sms', { from: '22:00', until: '08:00', zone: 'UTC' }],
  ])('%s refuses %j', async (url, body) => {
    expect(await herald.as('admin').send('PUT', url, body)).toMatchObject({ status: 400 });
  });

  test('hold an announcement, move its default expiry, and are said before and after', async () => {
    const [author, approver, admin] = [herald.as('author'), herald.as('approver'), herald.as('admin')];
    await admin.send('PUT', '/v1/quiet-hours/email', await aroundNow());
    const draft = { ...DRAFT, channels: ['sms', 'email'] };
    const made = async (change: object) => {
      const { id } = (await author.send('POST', '/v1/announcements', { ...draft, ...change })).body;
      const preview = (await author.get(`/v1/announcements/${id}/preview`)).body;
      await author.send('POST', `/v1/announcements/${id}/submit`);
      await approver.send('POST', `/v1/announcements/${id}/approve`);
      return { preview, one: (await author.get(`/v1/announcements/${id}`)).body };
    };

    const normal = await made({});
    const end = normal.preview.heldUntil.email;
    expect(Object.keys(normal.preview.heldUntil)).toEqual(['email']);
    expect(normal.one.heldUntil).toEqual({ email: end });
    expect(Date.parse(normal.one.expiresAt)).toBe(Date.parse(end) + 24 * HOUR);

    const urgent = await made({ urgency: 'urgent' });
    expect(urgent.preview.heldUntil).toEqual({});
    expect(urgent.one.heldUntil).toEqual({});
    expect(Date.parse(urgent.one.expiresAt)).toBe(Date.parse(urgent.one.approvedAt) + 24 * HOUR);

    const noon = new Date(Date.now() + 12 * HOUR).toISOString();
    const later = await made({ scheduledAt: noon });
    expect(later.preview.heldUntil).toEqual({});
    expect(Date.parse(later.one.expiresAt)).toBe(Date.parse(noon) + 24 * HOUR);
  });
});
