import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { versionOf } from '../../src/domain/announcement.ts';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import { DRAFT, type Herald, refusal, startHerald } from './herald.ts';

let herald: Herald;
let app: App;
let author: Actor;
let approver: Actor;
beforeAll(async () => {
  herald = await startHerald();
  ({ app, author, approver } = herald);
});
afterAll(() => herald.close());

const draft = (change: object = {}) => ({ ...DRAFT, ...change });
const opaque = (id: number) => app.ids.encode('announcement', id);
const create = async (change: object = {}, by = author) => (await app.announce.create(draft(change), by)).id;
const submitted = async (change: object = {}) => {
  const id = await create(change);
  await app.announce.submit(id, author);
  return id;
};
const stateOf = async (id: number) => (await app.announce.get(id)).state;
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('the life of an announcement', () => {
  it('is written, submitted, approved by somebody else, and sent', async () => {
    const id = await create();
    expect(await app.announce.get(id)).toMatchObject({
      state: 'draft',
      kind: 'notice',
      mode: 'live',
      urgency: 'normal',
      revision: 1,
      sha256: null,
      gateway: null,
    });
    const { sha256 } = await app.announce.submit(id, author);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const approved = await app.announce.approve(id, approver, { sha256: sha256 ?? '' });
    // Approval starts what is due at once.
    expect(approved).toMatchObject({ state: 'sending', gateway: 'sandbox', reason: null });
    expect((await app.announce.acts(id)).map(({ act, userId }) => [act, userId])).toEqual([
      ['create', author.id],
      ['submit', author.id],
      ['approve', approver.id],
      ['start', null],
    ]);
  });

  it('citizens’ messages expire a day after it begins, unless it says otherwise', async () => {
    const id = await submitted();
    const { approvedAt, expiresAt } = await app.announce.approve(id, approver);
    expect(Number(expiresAt) - Number(approvedAt)).toBe(24 * 3_600_000);

    const scheduledAt = inHours(48);
    const later = await app.announce.approve(await submitted({ scheduledAt }), approver);
    expect(later).toMatchObject({ state: 'approved', scheduledAt: new Date(scheduledAt) });
    expect(later.expiresAt).toEqual(new Date(Date.parse(scheduledAt) + 24 * 3_600_000));

    const expiresAtSaid = inHours(2);
    const said = await app.announce.approve(await submitted({ expiresAt: expiresAtSaid }), approver);
    expect(said.expiresAt).toEqual(new Date(expiresAtSaid));
  });

  it('goes back to its author with a reason, is edited, and what is sent is the second revision', async () => {
    const id = await submitted();
    const first = (await app.announce.get(id)).sha256;
    await app.announce.returnToAuthor(id, approver, '  the hotline is missing  ');
    expect(await app.announce.get(id)).toMatchObject({ state: 'draft', reason: 'the hotline is missing' });
    const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], hotline: '110' } };
    expect(await app.announce.edit(id, draft({ content }), author)).toMatchObject({ revision: 2 });
    const { sha256, draft: stored } = await app.announce.submit(id, author);
    expect(sha256).not.toBe(first);
    expect(stored.content).toEqual(content);
    const stale = await refusal(app.announce.approve(id, approver, { sha256: first ?? '' }));
    expect(stale).toMatchObject({ kind: 'conflict', code: 'revision-changed' });
    await app.announce.approve(id, approver, { sha256: sha256 ?? '' });
  });

  it('is submitted with a reason for each finding of the privacy lint, which the approver sees', async () => {
    const content = {
      ...DRAFT.content,
      en: { ...DRAFT.content.en, body: 'Call Mr Li at +86 138 1234 5678.' },
    };
    for (const mode of ['live', 'exercise']) {
      const id = await create({ content, mode });
      const error = await refusal(app.announce.submit(id, author));
      expect(error).toMatchObject({
        kind: 'invalid',
        code: 'lint-reason-required',
        issues: [{ path: 'content.en.body' }],
      });
      expect(JSON.stringify(error)).not.toContain('1234 5678');
      expect(await stateOf(id)).toBe('draft');

      const [finding] = (await app.announce.preview(await app.announce.get(id))).findings;
      expect(finding).toMatchObject({ kind: 'phone', excerpt: '+86 138 1234 5678', reason: null });
      const reasons = { [finding?.key ?? '']: 'the office’s own duty mobile' };
      await app.announce.edit(
        id,
        draft({ content, mode, lintReasons: { ...reasons, gone: 'long ago' } }),
        author,
      );
      const { draft: frozen, sha256 } = await app.announce.submit(id, author);
      expect(frozen.lintReasons).toEqual(reasons);
      await app.announce.approve(id, approver, { sha256: sha256 ?? '' });

      const other = await create({ content, mode, lintReasons: { [finding?.key ?? '']: 'another reason' } });
      expect((await app.announce.submit(other, author)).sha256).not.toBe(sha256);
    }
  });

  it('a reason is asked for where an author must learn something', async () => {
    const id = await submitted();
    for (const act of [app.announce.returnToAuthor, app.announce.reject]) {
      const error = await refusal(act(id, approver, ' \n '));
      expect(error).toMatchObject({ kind: 'invalid', code: 'reason-required', issues: [{ path: 'reason' }] });
    }
    expect(await stateOf(id)).toBe('submitted');
    await app.announce.reject(id, approver, 'not ours to publish');
    expect(await app.announce.get(id)).toMatchObject({ state: 'rejected', reason: 'not ours to publish' });
  });

  it('pauses and resumes; one that is scheduled waits for its hour again', async () => {
    const now = await herald.publish();
    expect(await app.announce.pause(now, approver, 'a name is wrong')).toMatchObject({
      state: 'paused',
      reason: 'a name is wrong',
    });
    expect(await app.announce.resume(now, approver)).toMatchObject({ state: 'sending', reason: null });

    const later = await herald.publish({ scheduledAt: inHours(5) });
    await app.announce.pause(later, approver);
    expect(await app.announce.resume(later, approver)).toMatchObject({ state: 'approved' });
  });

  it('what has expired while it was paused is resumed for newsrooms only', async () => {
    const id = await herald.publish({ expiresAt: inHours(1), channels: ['sms', 'email'] });
    const withNewsrooms = await herald.publish({ expiresAt: inHours(1), channels: ['sms', 'webhook'] });
    for (const one of [id, withNewsrooms]) {
      await app.announce.pause(one, approver);
      await app.pool.query(`UPDATE announcements SET expires_at = now() WHERE id = $1`, [one]);
    }
    expect(await app.announce.resume(withNewsrooms, approver)).toMatchObject({ state: 'sending' });
    expect(await refusal(app.announce.resume(id, approver))).toMatchObject({
      kind: 'conflict',
      code: 'expired',
    });
    expect(await stateOf(id)).toBe('paused');
  });
});

describe('acts that the state does not allow', () => {
  const acts = (id: number): Record<string, () => Promise<unknown>> => ({
    edit: () => app.announce.edit(id, draft(), author),
    submit: () => app.announce.submit(id, author),
    approve: () => app.announce.approve(id, approver),
    return: () => app.announce.returnToAuthor(id, approver, 'why'),
    reject: () => app.announce.reject(id, approver, 'why'),
    pause: () => app.announce.pause(id, approver),
    resume: () => app.announce.resume(id, approver),
    cancel: () => app.announce.cancel(id, approver),
  });
  const ways: [string, () => Promise<number>, string[]][] = [
    ['draft', () => create(), ['approve', 'return', 'reject', 'pause', 'resume']],
    ['submitted', () => submitted(), ['edit', 'submit', 'pause', 'resume']],
    [
      'approved',
      () => herald.publish({ scheduledAt: inHours(3) }),
      ['edit', 'submit', 'approve', 'return', 'reject', 'resume'],
    ],
    ['sending', () => herald.publish(), ['edit', 'submit', 'approve', 'return', 'reject', 'resume']],
    [
      'cancelled',
      async () => {
        const id = await create();
        await app.announce.cancel(id, author);
        return id;
      },
      ['edit', 'submit', 'approve', 'return', 'reject', 'pause', 'resume', 'cancel'],
    ],
  ];
  it.each(ways)(
    '%s: each is a conflict that names it, and nothing is written',
    async (state, make, refused) => {
      const id = await make();
      const before = [await app.announce.get(id), await app.announce.acts(id)];
      for (const name of refused) {
        const error = await refusal(acts(id)[name]?.() ?? Promise.resolve());
        expect(error, name).toMatchObject({ kind: 'conflict', code: 'illegal-transition' });
        expect(error.message).toContain(`cannot ${name} an announcement that is ${state}; it must be `);
      }
      expect([await app.announce.get(id), await app.announce.acts(id)]).toEqual(before);
    },
  );

  it('of two who approve at the same moment one is told that it was done', async () => {
    const id = await submitted();
    const second = await herald.another('approver');
    const results = await Promise.allSettled([
      app.announce.approve(id, approver),
      app.announce.approve(id, second),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await app.announce.acts(id)).filter(({ act }) => act === 'approve')).toHaveLength(1);
  });

  it('what does not exist is not found', async () => {
    for (const act of Object.values(acts(999_999)))
      expect(await refusal(act())).toMatchObject({ kind: 'not-found', code: 'no-such-announcement' });
  });
});

describe('four eyes', () => {
  it.each(['approver', 'admin'] as const)('an %s does not approve what they wrote', async (role) => {
    const both = await herald.another(role);
    const { id } = await app.announce.create(draft(), both);
    await app.announce.submit(id, both);
    expect(await refusal(app.announce.approve(id, both))).toMatchObject({
      kind: 'forbidden',
      code: 'own-announcement',
      fix: 'ask another approver',
    });
    expect(await stateOf(id)).toBe('submitted');
    await app.announce.approve(id, approver);
  });

  it('nor what they wrote an older revision of', async () => {
    const once = await herald.another('admin');
    const { id } = await app.announce.create(draft(), once);
    await app.announce.edit(id, draft({ basis: 'rewritten by another' }), author);
    await app.announce.submit(id, author);
    expect(await refusal(app.announce.approve(id, once))).toMatchObject({ code: 'own-announcement' });
    await app.announce.approve(id, approver);
  });

  it('authors approve, return, reject, pause and resume nothing, and cancel only drafts of their own', async () => {
    const other = await herald.another('author');
    const id = await submitted();
    for (const act of [
      () => app.announce.approve(id, other),
      () => app.announce.returnToAuthor(id, other, 'why'),
      () => app.announce.reject(id, other, 'why'),
      () => app.announce.pause(id, other),
      () => app.announce.resume(id, other),
      () => app.announce.cancel(id, other),
    ])
      expect(await refusal(act)).toMatchObject({ kind: 'forbidden', code: 'role-required' });
    const own = await create();
    expect(await refusal(app.announce.cancel(own, other))).toMatchObject({ code: 'role-required' });
    expect(await app.announce.cancel(own, author)).toMatchObject({ state: 'cancelled' });
  });
});

describe('what supersedes', () => {
  const correction = (of: number | string, change: object = {}) =>
    draft({ kind: 'correction', supersedes: typeof of === 'string' ? of : opaque(of), ...change });

  it('is urgent, names the old one, and at its approval stops what is left of it', async () => {
    const old = await herald.publish();
    const { id, supersedes, urgency } = await app.announce.create(correction(old), author);
    expect([supersedes, urgency]).toEqual([old, 'urgent']);
    await app.announce.submit(id, author);
    expect(await stateOf(old)).toBe('sending');
    await app.announce.approve(id, approver);
    expect(await app.announce.get(old)).toMatchObject({
      state: 'cancelled',
      reason: 'superseded',
      supersededBy: [id],
    });
  });

  it('has one successor: of two corrections the second is refused, written, submitted or approved', async () => {
    const old = await herald.publish();
    const [early, late, draftOnly] = [
      await submitted({ kind: 'correction', supersedes: opaque(old) }),
      await submitted({ kind: 'retraction', supersedes: opaque(old) }),
      await create({ kind: 'update', supersedes: opaque(old) }),
    ];
    // Two approvers at the same moment.
    const both = await Promise.allSettled([
      app.announce.approve(early, approver),
      app.announce.approve(late, approver),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [first, second] = both[0]?.status === 'fulfilled' ? [early, late] : [late, early];
    expect(await stateOf(second)).toBe('submitted');
    const refused = {
      kind: 'conflict',
      code: 'already-superseded',
      fix: expect.stringContaining(opaque(first)),
    };
    for (const act of [
      () => app.announce.approve(second, approver),
      () => app.announce.submit(draftOnly, author),
      () => app.announce.edit(draftOnly, correction(old), author),
      () => app.announce.create(correction(old), author),
    ])
      expect(await refusal(act())).toMatchObject(refused);
    // Whoever is still writing keeps what they wrote, and is told at the check.
    const seen = versionOf(await app.announce.get(draftOnly));
    expect(await app.announce.save(draftOnly, correction(old), author, seen)).toMatchObject({
      id: draftOnly,
    });
    expect((await app.announce.check(draftOnly)).map(({ code }) => code)).toEqual(['already-superseded']);
    expect(await app.announce.edit(draftOnly, correction(first), author)).toMatchObject({
      supersedes: first,
    });
    expect(await app.announce.check(draftOnly)).toEqual([]);
  });

  it.each([
    ['a draft', () => create(), 'draft'],
    ['what is only submitted', () => submitted(), 'submitted'],
  ])('cannot supersede %s: nobody has seen it', async (_what, make, state) => {
    const error = await refusal(app.announce.create(correction(await make()), author));
    expect(error).toMatchObject({ kind: 'conflict', code: 'not-published' });
    expect(error.message).toContain(`is ${state}`);
  });

  it('cannot cross between the live and the rehearsed', async () => {
    const live = await herald.publish();
    const rehearsed = await herald.publish({ mode: 'exercise' });
    for (const [of, mode] of [
      [live, 'exercise'],
      [rehearsed, 'live'],
    ] as const)
      expect(await refusal(app.announce.create(correction(of, { mode }), author))).toMatchObject({
        kind: 'conflict',
        code: 'mode-differs',
      });
  });

  it('cannot supersede what is not there, an id of another kind, or itself', async () => {
    for (const of of [opaque(999_999), app.ids.encode('delivery', 1), 'ann_forged'])
      expect(await refusal(app.announce.create(correction(of), author))).toMatchObject({
        kind: 'not-found',
        code: 'no-such-announcement',
      });
    const id = await create();
    await app.pool.query(`UPDATE announcements SET state = 'cancelled', ended_at = now() WHERE id = $1`, [
      id,
    ]);
    expect(await refusal(app.announce.edit(id, correction(id), author))).toMatchObject({
      code: 'invalid-announcement',
    });
  });
});

describe('what was submitted is what is approved', () => {
  const tampering: [string, string][] = [
    [
      'a draft that was changed in the database',
      `UPDATE revisions SET draft = jsonb_set(draft, '{content,zh-CN,headline}', '"改了"') WHERE announcement_id = $1`,
    ],
    [
      'templates that were changed in the database',
      `UPDATE revisions SET bundle_sha256 = sha256('changed') WHERE announcement_id = $1`,
    ],
    [
      'a hash that was changed in the database',
      `UPDATE revisions SET sha256 = sha256('changed') WHERE announcement_id = $1`,
    ],
  ];
  it.each(tampering)('%s is noticed', async (_what, sql) => {
    await app.pool.query(
      `INSERT INTO template_bundles (sha256, bundle)
       SELECT sha256('changed'), jsonb_set(bundle, '{signature,zh-CN}', '"【骗子】"') FROM template_bundles LIMIT 1
       ON CONFLICT DO NOTHING`,
    );
    const id = await submitted();
    await app.pool.query(sql, [id]);
    expect(await refusal(app.announce.approve(id, approver))).toMatchObject({
      kind: 'conflict',
      code: 'revision-damaged',
    });
    expect(await stateOf(id)).toBe('submitted');
  });
});

describe('gateways', () => {
  it('without a sandbox neither a trial nor an exercise is approved', async () => {
    const alone = await herald.open({ HERALD_SANDBOX_URL: undefined });
    for (const mode of ['live', 'exercise']) {
      const id = await submitted({ mode });
      const error = await refusal(alone.announce.approve(id, approver));
      expect(error).toMatchObject({
        kind: 'conflict',
        code: 'no-provider',
        fix: expect.stringMatching(/configure/),
      });
      expect(error.message).toMatch(/^sms cannot be sent: no sandbox is running/);
    }
  });
});

describe('a live installation', () => {
  let office: Herald;
  beforeAll(async () => {
    office = await startHerald({
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://herald.example',
      SMTP_URL: 'smtp://127.0.0.1:1',
      EMAIL_FROM: 'a@example.org',
    });
  });
  afterAll(() => office.close());

  it('refuses a channel without a provider at approval, and says what to configure', async () => {
    const error = await refusal(office.publish({ channels: ['email', 'sms'] }));
    expect(error).toMatchObject({ kind: 'conflict', code: 'no-provider' });
    expect(error.message).toMatch(/^sms cannot be sent: .*TWILIO_ACCOUNT_SID/);
    expect((await office.app.announce.list({ limit: 1 }))[0]?.state).toBe('submitted');
  });

  it('sends live what is live, and rehearses in the sandbox', async () => {
    const live = await office.publish({ channels: ['email', 'webhook'] });
    expect(await office.app.announce.get(live)).toMatchObject({ gateway: 'live' });
    const exercise = await office.publish({ mode: 'exercise' });
    expect(await office.app.announce.get(exercise)).toMatchObject({ gateway: 'sandbox' });
  });

  it('an exercise without a sandbox is refused', async () => {
    const alone = await office.open({ HERALD_SANDBOX_URL: undefined });
    expect(await refusal(office.publish({ mode: 'exercise' }, alone))).toMatchObject({ code: 'no-provider' });
  });
});
