import { expect } from 'vitest';
import { canonicalSha256 } from '../../src/domain/announcement.ts';
import type { NewMessage } from '../../src/pipeline/message-store.ts';
import { createMessageStore } from '../../src/storage/messages.ts';
import { refusal } from '../pipeline/herald.ts';
import { bundleOf } from '../render/fixtures.ts';
import { type Office, only, result, stories } from '../support/office.ts';

const messageOf = (office: Office, change: Partial<NewMessage> = {}): NewMessage => {
  const draft = {
    kind: 'message',
    mode: 'live',
    template: 'tiny',
    channels: ['sms'],
    content: { en: { headline: 'Hello' } },
  } as const;
  const bundle = bundleOf();
  return {
    draft,
    bundle,
    sha256: canonicalSha256({ draft, bundle }),
    address: '+14155550100',
    locale: 'en',
    gateway: 'sandbox',
    expiresInMinutes: 15,
    by: office.approver,
    ...change,
  };
};

stories('a single message', (test) => {
  test('is an announcement to one, due at once and before all others', async ({ office }) => {
    const { announcementId: id, n, job } = await createMessageStore(office.pool, 7).add(messageOf(office));
    expect(only(await office.rows(id))).toMatchObject({
      n,
      channel: 'sms',
      status: 'queued',
      address: '+14155550100',
    });
    const shard = only(await office.shards(id));
    expect(shard).toMatchObject({
      priority: 1,
      from: 1,
      to: 1,
      retry: false,
      claimedBy: null,
      enqueued: false,
    });
    expect(job).toEqual({ queue: 'sms-single', id: shard.id, generation: 1, priority: 1 });
    await office.expectCountsToMatch(id);
    const { record, bundle, expiresInMs } = await office.deliveries.sendingFacts(id);
    expect(record).toMatchObject({
      kind: 'message',
      state: 'sending',
      urgency: 'urgent',
      gateway: 'sandbox',
    });
    expect(bundle).toEqual(bundleOf());
    expect(expiresInMs / 60_000).toBeCloseTo(15, 1);
  });

  test('is claimed by the job that it gives, recorded, and finished like any announcement', async ({
    office,
  }) => {
    const { announcementId: id, job } = await createMessageStore(office.pool, 7).add(messageOf(office));
    const worker = await office.worker();
    const claim = await office.deliveries.claimShard(job.id, job.generation, worker);
    if (!claim) throw new Error('it was not to be had');
    const row = only(await office.deliveries.claimRows(claim, 1, worker));
    expect(row).toMatchObject({ address: '+14155550100', name: null, locale: 'en' });
    await office.deliveries.record([result(claim, row, { segments: 1 })], worker);
    expect(await office.deliveries.releaseShard(claim, worker)).toBeNull();
    expect(only(await office.rows(id)).status).toBe('sent');
    expect(await office.sweeps.finish()).toEqual([{ id, miscounted: [] }]);
    expect((await office.deliveries.sendingFacts(id)).record.state).toBe('completed');
  });

  test('whose job got lost is enqueued in its own lane, once; the job from before is void', async ({
    office,
  }) => {
    const { job } = await createMessageStore(office.pool, 7).add(messageOf(office));
    expect(await office.sweeps.enqueueDue()).toEqual([{ ...job, generation: 2 }]);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    const worker = await office.worker();
    expect(await office.deliveries.claimShard(job.id, 1, worker)).toBeNull();
    expect(await office.deliveries.claimShard(job.id, 2, worker)).not.toBeNull();
  });

  test('that was put back goes to its own lane again', async ({ office }) => {
    const { job } = await createMessageStore(office.pool, 7).add(messageOf(office));
    const worker = await office.worker();
    const claim = await office.deliveries.claimShard(job.id, 1, worker);
    if (!claim) throw new Error('it was not to be had');
    expect(await office.deliveries.releaseShard(claim, worker)).toEqual({ ...job, generation: 2 });
  });

  test('that was not sent in time expires, and is over', async ({ office }) => {
    const { announcementId: id } = await createMessageStore(office.pool, 7).add(messageOf(office));
    await office.age('announcements', 'expires_at', 16 * 60, `id = ${id}`);
    expect(await office.sweeps.enqueueDue()).toEqual([]);
    expect(await office.sweeps.stopRows()).toBe(1);
    expect(only(await office.rows(id)).status).toBe('expired');
    expect(await office.sweeps.finish()).toEqual([{ id, miscounted: [] }]);
  });

  test('is not written to an address that was suppressed; nothing of it is kept', async ({ office }) => {
    await office.receipts.suppress({
      channel: 'sms',
      address: '+14155550100',
      reason: 'left',
      source: 'test',
    });
    const messages = createMessageStore(office.pool, 7);
    expect(await refusal(messages.add(messageOf(office)))).toMatchObject({
      kind: 'conflict',
      code: 'address-suppressed',
      message: expect.stringContaining('left'),
    });
    expect(await office.rowsOf('SELECT FROM announcements')).toEqual([]);
    // The other channel is another address.
    await messages.add(
      messageOf(office, {
        draft: { ...messageOf(office).draft, channels: ['email'] },
        address: 'a@example.org',
      }),
    );
  });

  test('that the provider refuses for its text fails by itself: there is nothing to pause', async ({
    office,
  }) => {
    const { announcementId: id } = await createMessageStore(office.pool, 7).add(messageOf(office));
    await office.deliveries.pauseFor(id, 'refused');
    expect((await office.deliveries.sendingFacts(id)).record.state).toBe('sending');
  });

  test('is no announcement to whoever lists, reads, changes or supersedes them', async ({ office }) => {
    const { announcementId: id } = await createMessageStore(office.pool, 7).add(messageOf(office));
    const draft = await office.draft();
    expect((await office.announcements.list({ limit: 10 })).map((record) => record.id)).toEqual([draft]);
    const unknown = { kind: 'not-found', code: 'no-such-announcement' };
    expect(await refusal(office.announcements.get(id))).toMatchObject(unknown);
    expect(await refusal(office.move(id, 'cancel', 'cancelled'))).toMatchObject(unknown);
  });
});
