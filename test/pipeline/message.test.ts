import { simpleParser } from 'mailparser';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sandboxAccount } from '../../src/adapters.ts';
import { eventually } from '../support/eventually.ts';
import { type Herald, refusal, startHerald, type Workers } from './herald.ts';

let herald: Herald;
let workers: Workers;
beforeAll(async () => {
  herald = await startHerald();
  await herald.listen();
  workers = await herald.work();
});
afterAll(() => herald.close());

const MESSAGE = { channel: 'sms', to: '+14155550100', template: 'test-message', fields: { note: 'Hello' } };
const send = async (change: object = {}) => {
  const { announcementId, n } = await herald.app.messenger.send({ ...MESSAGE, ...change }, herald.admin);
  return { id: announcementId, delivery: () => herald.app.reports.delivery(announcementId, n) };
};
const bodyTo = (address: string) => herald.sandbox.ledger.list({ address })[0]?.body ?? '';

describe('a single message', () => {
  it.each([
    ['in the office’s language', {}, /^【滨江公安】这是一条测试消息/],
    ['in the recipient’s', { to: '+14155550101', locale: 'en' }, /^Binjiang Police: This is a test/],
    ['in a sister of it', { to: '+14155550102', locale: 'en-GB' }, /^Binjiang Police: This is a test/],
    ['in the office’s when nobody speaks theirs', { to: '+14155550103', locale: 'fr' }, /^【滨江公安】/],
    ['to a number in +86', { to: '13800138000' }, /^【滨江公安】/],
    ['as a rehearsal', { to: '+14155550104', mode: 'exercise' }, /^【滨江公安】【演练】/],
  ])('%s is delivered, with its receipt', async (_, change, text) => {
    const { delivery } = await send(change);
    // The receipt may come before the worker has written down what it sent.
    await eventually(async () =>
      expect(await delivery()).toMatchObject({ status: 'delivered', segments: expect.any(Number) }),
    );
    const { address, segments, events } = await delivery();
    expect(bodyTo(address)).toMatch(text);
    expect(bodyTo(address)).not.toContain('http');
    expect(segments).toBeGreaterThan(0);
    expect(events.map(({ type }) => type)).toContain('delivered');
  });

  it('by e-mail has nothing to leave', async () => {
    const { delivery } = await send({ channel: 'email', to: 'Operator@EXAMPLE.org', locale: 'en' });
    await eventually(async () => expect((await delivery()).status).toBe('sent'));
    const entry = herald.sandbox.ledger.list({ address: 'Operator@example.org' })[0];
    const mail = await simpleParser(entry?.body ?? '');
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    // mailparser gathers List-Id, List-Unsubscribe… under `list`.
    expect(mail.headers.has('list')).toBe(false);
    expect(`${mail.text}${mail.html}`).toContain('This is a test');
    expect(`${mail.text}${mail.html}`).not.toContain('/u/');
  });

  it('is over when it is sent, and one that is refused for its text fails without holding anything up', async () => {
    const stateOf = async (id: number) => (await herald.app.engine.deliveries.sendingFacts(id)).record.state;
    const sent = await send({ to: '+14155550105' });
    await eventually(async () => expect(await stateOf(sent.id)).toBe('completed'));
    const refused = await send({ channel: 'email', to: 'spam@example.org' });
    await eventually(async () => expect(await stateOf(refused.id)).toBe('completed'));
    expect(await refused.delivery()).toMatchObject({ status: 'failed' });
  });

  it('is tried again like any other', async () => {
    const { delivery } = await send({ to: '+14155920503' });
    await eventually(async () => expect((await delivery()).status).toBe('delivered'), 30_000);
    expect((await delivery()).attempt).toBe(2);
    await eventually(async () => expect((await herald.app.reports.health()).shardsDue).toEqual({}));
  });

  it('whose lost answer is asked for is sent once', async () => {
    const { id, delivery } = await send({ to: '+14155900001' });
    await eventually(async () => expect((await delivery()).status).not.toBe('queued'));
    await eventually(async () => {
      // Nobody waits for Twilio's list in a test.
      await herald.app.pool.query(
        `UPDATE deliveries SET due_at = now() WHERE announcement_id = $1 AND status = 'unknown'`,
        [id],
      );
      await herald.app.pool.query(
        'UPDATE shards SET due_at = now() WHERE announcement_id = $1 AND due_at > now()',
        [id],
      );
      expect(['sent', 'delivered']).toContain((await delivery()).status);
    }, 30_000);
    expect(herald.sandbox.ledger.list({ address: '+14155900001' })).toHaveLength(1);
  });

  it('is sent once by whatever finds it: its job, or the sweeper when the queue was away', async () => {
    const { wakeUps } = herald.app.engine;
    const enqueue = wakeUps.enqueue.bind(wakeUps);
    wakeUps.enqueue = () => Promise.reject(new Error('the queue is away'));
    const { delivery } = await send({ to: '+14155550106' });
    expect(herald.logged.at(-1)).toMatchObject({ msg: expect.stringContaining('sweeper') });
    expect((await delivery()).status).toBe('queued');
    wakeUps.enqueue = enqueue;
    await eventually(async () => expect((await delivery()).status).toBe('delivered'), 30_000);
    expect(herald.sandbox.ledger.list({ address: '+14155550106' })).toHaveLength(1);
  }, 60_000);
});

describe('a message that cannot be sent', () => {
  afterEach(() => expect(herald.sandbox.ledger.list({ address: '+14155550199' })).toEqual([]));
  const refused = (change: object, app = herald.app, by = herald.admin) =>
    refusal(app.messenger.send({ ...MESSAGE, to: '+14155550199', ...change }, by));

  it('is refused to everybody but an admin', async () => {
    for (const actor of [herald.author, herald.approver])
      expect(await refused({}, herald.app, actor)).toMatchObject({ code: 'role-required' });
  });

  it('is refused where the address has left', async () => {
    await herald.sandbox.inbound('+14155550199', 'STOP');
    await eventually(async () => expect(await refused({})).toMatchObject({ code: 'address-suppressed' }));
  });

  it('in live mode is refused where there is no provider, and a rehearsal of it is not', async () => {
    const live = await startHerald({ HERALD_MODE: 'live', PUBLIC_URL: 'https://herald.example' });
    expect(await refused({}, live.app, live.admin)).toMatchObject({ kind: 'conflict', code: 'no-provider' });
    const { announcementId } = await live.app.messenger.send(
      { ...MESSAGE, mode: 'exercise', channel: 'email', to: 'a@example.org' },
      live.admin,
    );
    expect((await live.app.engine.deliveries.sendingFacts(announcementId)).record.gateway).toBe('sandbox');
    await live.close();
  });

  it('in live mode goes to the provider', async () => {
    const { accountSid, authToken } = sandboxAccount('x'.repeat(32));
    const live = await startHerald({
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://herald.example',
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_FROM: '+15005550006',
      TWILIO_API_URL: 'http://127.0.0.1:1',
    });
    const { announcementId } = await live.app.messenger.send(MESSAGE, live.admin);
    expect((await live.app.engine.deliveries.sendingFacts(announcementId)).record.gateway).toBe('live');
    await live.close();
  });

  it('and nothing is left of the workers', () => workers.stop());
});
