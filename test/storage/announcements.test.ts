import { expect } from 'vitest';
import { canonicalSha256 } from '../../src/domain/announcement.ts';
import { bundleOf } from '../render/fixtures.ts';
import { first, only, stories } from '../support/office.ts';

stories('announcements', (test) => {
  test('are kept as they were written, one case for all that share its reference', async ({ office }) => {
    const id = await office.draft({ urgency: 'routine' });
    const record = await office.announcements.get(id);
    expect(record).toMatchObject({
      id,
      state: 'draft',
      kind: 'notice',
      mode: 'live',
      urgency: 'routine',
      supersedes: null,
      supersededBy: [],
      revision: 1,
      case: { reference: 'DL-2026-0117', title: 'Refund frauds' },
      gateway: null,
      sha256: null,
      approvedAt: null,
      expiresAt: null,
    });
    expect(record.draft.content).toEqual({ en: { headline: 'News' } });
    expect(record.createdAt).toBeInstanceOf(Date);
    expect(await office.announcements.bundleOf(id)).toBeNull();

    const second = await office.draft({
      case: { reference: 'DL-2026-0117', title: 'Refund frauds, solved' },
    });
    expect((await office.announcements.get(second)).case.title).toBe('Refund frauds, solved');
    // What nobody has submitted yet renames nothing.
    expect(await office.rowsOf('SELECT reference, title FROM cases')).toEqual([
      { reference: 'DL-2026-0117', title: 'Refund frauds' },
    ]);
    await expect(office.announcements.get(999)).rejects.toMatchObject({
      kind: 'not-found',
      code: 'no-such-announcement',
    });
    await expect(office.announcements.locked(999, async () => undefined)).rejects.toMatchObject({
      code: 'no-such-announcement',
    });
  });

  test('an edit is a new revision; earlier ones and their authors stay', async ({ office }) => {
    const old = await office.sending();
    const id = await office.draft();
    const { draft } = await office.announcements.get(id);
    await office.announcements.locked(id, (tx) =>
      tx.addRevision(
        { ...draft, kind: 'update', mode: 'exercise', case: { reference: 'X-1', title: 'Other' } },
        old,
        'urgent',
        office.approver.id,
      ),
    );
    expect(await office.announcements.get(id)).toMatchObject({
      revision: 2,
      kind: 'update',
      mode: 'exercise',
      urgency: 'urgent',
      supersedes: old,
      case: { reference: 'X-1' },
    });
    expect(await office.announcements.locked(id, async (tx) => [...tx.authorIds].sort())).toEqual([
      office.author.id,
      office.approver.id,
    ]);
    expect(
      (await office.announcements.acts(id)).map(({ act, revision, userId }) => [act, revision, userId]),
    ).toEqual([
      ['create', 1, office.author.id],
      ['edit', 2, office.approver.id],
    ]);
    expect(
      await office.rowsOf('SELECT number FROM revisions WHERE announcement_id = $1 ORDER BY 1', [id]),
    ).toEqual([{ number: 1 }, { number: 2 }]);
  });

  test('submission freezes the templates; equal ones are kept once', async ({ office }) => {
    const [a, b] = [await office.draft(), await office.draft()];
    await office.submit(a);
    await office.submit(b);
    const { sha256, submittedAt, state, draft } = await office.announcements.get(a);
    expect(sha256).toBe(canonicalSha256({ draft, bundle: bundleOf() }).toString('hex'));
    expect([state, submittedAt instanceof Date]).toEqual(['submitted', true]);
    expect(await office.announcements.bundleOf(a)).toEqual(bundleOf());
    expect(await office.announcements.locked(a, (tx) => tx.bundle())).toEqual(bundleOf());
    expect(await office.rowsOf('SELECT sha256 FROM template_bundles')).toHaveLength(1);

    await office.move(a, 'return', 'draft');
    expect(await office.announcements.get(a)).toMatchObject({ state: 'draft', sha256: null });
    expect(await office.announcements.bundleOf(a)).toBeNull();
    await office.submit(a);
    expect((await office.announcements.get(a)).sha256).toBe(sha256);
  });

  test('approval and the order to expand it are one thing', async ({ office }) => {
    const [crime, north] = [await office.topic('crime'), await office.topic('north', 'districts')];
    await office.citizens(3);
    const id = await office.draft({
      audience: { topics: ['crime'], districts: ['north'] },
      channels: ['sms'],
    });
    await office.submit(id);
    const [expiresAt, scheduledAt] = [new Date('2030-01-02T00:00:00Z'), new Date('2030-01-01T00:00:00Z')];
    await expect(
      office.announcements.locked(id, async (tx) => {
        await tx.approve({
          by: office.approver,
          gateway: 'live',
          expiresAt,
          scheduledAt,
          breakGlassReason: null,
        });
        throw new Error('the power fails');
      }),
    ).rejects.toThrow('the power fails');
    expect(await office.rowsOf('SELECT FROM expansions')).toEqual([]);
    expect((await office.announcements.get(id)).state).toBe('submitted');
    expect((await office.announcements.acts(id)).at(-1)?.act).toBe('submit');

    await office.approve(id, { gateway: 'live', expiresAt, scheduledAt });
    expect(await office.announcements.get(id)).toMatchObject({
      state: 'approved',
      gateway: 'live',
      expiresAt,
      scheduledAt,
      approvedAt: expect.any(Date),
    });
    expect(
      await office.rowsOf('SELECT channels::text, topics, districts, phase, upper_contact FROM expansions'),
    ).toEqual([
      { channels: '{sms}', topics: [crime], districts: [north], phase: 'endpoints', upper_contact: 3 },
    ]);
  });

  test('two acts at once are done one after the other', async ({ office }) => {
    const id = await office.draft();
    await office.submit(id);
    const acts = await Promise.allSettled(
      [1, 2].map(() =>
        office.announcements.locked(id, async (tx) => {
          if (tx.record.state !== 'submitted') throw new Error(`it is ${tx.record.state}`);
          await tx.move('reject', 'rejected', office.approver, 'no');
        }),
      ),
    );
    expect(acts.map((act) => act.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await office.announcements.get(id)).toMatchObject({
      state: 'rejected',
      reason: 'no',
      endedAt: expect.any(Date),
    });
  });

  test('are listed newest first, by page and by state', async ({ office }) => {
    const ids = [];
    for (let n = 0; n < 5; n++) ids.unshift(await office.draft());
    await office.submit(ids[1] ?? 0);
    const list = async (page: Parameters<typeof office.announcements.list>[0]) =>
      (await office.announcements.list(page)).map((record) => record.id);
    expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await list({ limit: 9, before: ids[1] ?? 0 })).toEqual(ids.slice(2));
    expect(await list({ limit: 9, state: 'submitted' })).toEqual([ids[1]]);
    expect(await list({ limit: 1, state: 'draft', before: ids[2] ?? 0 })).toEqual([ids[3]]);
  });

  test('codes that are unknown or archived are named', async ({ office }) => {
    await office.topic('crime');
    await office.topic('old');
    await office.pool.query(`UPDATE topics SET archived_at = now() WHERE code = 'old'`);
    const unknown = (codes: string[]) => office.announcements.unknownCodes('topics', codes);
    expect(await unknown(['crime', 'old', 'nothing'])).toEqual(['old', 'nothing']);
    expect(await unknown(['crime'])).toEqual([]);
    expect(await unknown([])).toEqual([]);
    expect(await office.announcements.unknownCodes('districts', ['crime'])).toEqual(['crime']);
  });

  test('the database has the clock', async ({ office }) => {
    const before = await office.announcements.now();
    const { now } = only(await office.rowsOf<{ now: Date }>('SELECT clock_timestamp() AS now'));
    expect(Math.abs(now.getTime() - before)).toBeLessThan(5_000);
    const id = await office.draft();
    expect(await office.announcements.locked(id, async (tx) => tx.now)).toBeGreaterThanOrEqual(before);
    expect(first(await office.announcements.list({ limit: 1 })).id).toBe(id);
  });
});
