import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Act,
  type AnnouncementState,
  canonicalJson,
  canonicalSha256,
  type DraftInput,
  draftIssues,
  draftSchema,
  mayApprove,
  nextState,
  ROLES,
  requireRole,
  STATES,
  startOf,
  TRANSITIONS,
  urgencyOf,
} from '../../src/domain/announcement.ts';
import { HeraldError } from '../../src/domain/errors.ts';

const ACTS = Object.keys(TRANSITIONS) as Act[];
const act = fc.constantFrom(...ACTS);
const state = fc.constantFrom(...STATES);

function tryNext(from: AnnouncementState, name: Act): AnnouncementState | undefined {
  try {
    return nextState(from, name);
  } catch (error) {
    if (error instanceof HeraldError) return undefined;
    throw error;
  }
}

describe('the states of an announcement', () => {
  it('refuses every act that its table does not list, as a conflict that names act, state and what it must be', () => {
    fc.assert(
      fc.property(state, act, (from, name) => {
        const allowed = (TRANSITIONS[name].from as readonly string[]).includes(from);
        if (allowed) expect(nextState(from, name)).toBe(TRANSITIONS[name].to);
        else {
          const must = TRANSITIONS[name].from.join(' or ');
          expect(() => nextState(from, name)).toThrow(
            expect.objectContaining({
              kind: 'conflict',
              code: 'illegal-transition',
              message: `cannot ${name} an announcement that is ${from}; it must be ${must}`,
            }),
          );
        }
      }),
    );
  });

  it('whatever is tried in whatever order, nothing is sent that was not submitted and then approved', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        let now: AnnouncementState = 'draft';
        let standing: 'none' | 'submitted' | 'approved' = 'none';
        for (const name of acts) {
          const next = tryNext(now, name);
          if (next === undefined) continue;
          if (name === 'submit') standing = 'submitted';
          if (name === 'approve') standing = standing === 'submitted' ? 'approved' : 'none';
          if (name === 'return') standing = 'none';
          now = next;
          if (['approved', 'sending', 'paused', 'completed'].includes(now)) expect(standing).toBe('approved');
        }
      }),
    );
  });

  it('what has ended stays ended', () => {
    for (const end of ['completed', 'rejected', 'cancelled', 'expired'] as const)
      for (const name of ACTS) expect(tryNext(end, name), `${name} from ${end}`).toBeUndefined();
  });

  it('every state is reached by some way from a draft', () => {
    const reached = new Set<AnnouncementState>(['draft']);
    for (let before = 0; before !== reached.size; ) {
      before = reached.size;
      for (const from of [...reached]) for (const name of ACTS) reached.add(tryNext(from, name) ?? from);
    }
    expect([...reached].sort()).toEqual([...STATES].sort());
  });
});

describe('what is not allowed', () => {
  it('says what to do instead, where something helps', () => {
    expect(() => nextState('submitted', 'edit')).toThrow(
      expect.objectContaining({ fix: 'have it returned to the author first' }),
    );
    expect(() => nextState('draft', 'approve')).toThrow(
      expect.objectContaining({ fix: 'its author submits it first' }),
    );
  });

  it('of a role, names the one that somebody has, the one it takes, and whom to ask', () => {
    expect(() => requireRole('author', 'approver')).toThrow(
      expect.objectContaining({
        message: 'this needs the role approver; you have the role author',
        fix: 'ask somebody who is approver or admin',
      }),
    );
  });
});

describe('who may', () => {
  it('a role may do what the roles below it may, and no more', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ROLES), fc.constantFrom(...ROLES), (role, least) => {
        const check = () => requireRole(role, least);
        if (ROLES.indexOf(role) >= ROLES.indexOf(least)) check();
        else expect(check).toThrow(expect.objectContaining({ kind: 'forbidden', code: 'role-required' }));
      }),
    );
  });

  it('nobody approves what they wrote any part of, whatever their role', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ROLES),
        fc.nat(20),
        fc.array(fc.nat(20), { minLength: 1 }),
        (role, id, authors) => {
          const check = () => mayApprove({ id, role }, authors);
          const refusal =
            role === 'author' ? 'role-required' : authors.includes(id) ? 'own-announcement' : undefined;
          if (refusal === undefined) check();
          else expect(check).toThrow(expect.objectContaining({ kind: 'forbidden', code: refusal }));
        },
      ),
    );
  });
});

const DRAFT: DraftInput = {
  case: { reference: 'DL-1', title: 'A case' },
  template: 'hot-case',
  content: { en: { headline: 'News' } },
  channels: ['sms'],
  mode: 'live',
  audience: { topics: [], districts: [] },
};
const NOW = Date.parse('2026-06-01T12:00:00Z');
const issuesOf = (change: object) => draftIssues(draftSchema.parse({ ...DRAFT, ...change }), NOW);

describe('a draft', () => {
  it('is live, a notice, of normal urgency and for everybody unless it says otherwise', () => {
    expect(draftSchema.parse(DRAFT)).toMatchObject({
      kind: 'notice',
      mode: 'live',
      audience: { topics: [], districts: [] },
    });
    expect(urgencyOf(draftSchema.parse(DRAFT))).toBe('normal');
  });

  it('corrections, updates and retractions are urgent unless they say otherwise', () => {
    for (const kind of ['correction', 'update', 'retraction'] as const) {
      expect(urgencyOf(draftSchema.parse({ ...DRAFT, kind }))).toBe('urgent');
      expect(urgencyOf(draftSchema.parse({ ...DRAFT, kind, urgency: 'routine' }))).toBe('routine');
    }
  });

  it.each([
    ['an empty case', { case: { reference: ' ', title: 'x' } }, 'case.reference'],
    ['a language tag that is none', { content: { zh_CN: { headline: 'x' } } }, 'content.zh_CN'],
    ['no language', { content: {} }, 'content'],
    ['no channel', { channels: [] }, 'channels'],
    ['a channel twice', { channels: ['sms', 'sms'] }, 'channels'],
    ['an unknown channel', { channels: ['fax'] }, 'channels.0'],
    ['an unknown kind', { kind: 'rumour' }, 'kind'],
    ['a topic that is no code', { audience: { topics: ['Major Cases'] } }, 'audience.topics.0'],
    ['a time without its offset', { expiresAt: '2026-06-02T00:00:00' }, 'expiresAt'],
    ['a day that does not exist', { scheduledAt: '2026-02-30T00:00:00Z' }, 'scheduledAt'],
    ['text beyond all bounds', { content: { en: { body: 'x'.repeat(20_001) } } }, 'content.en.body'],
    ['a NUL, which no database keeps', { content: { en: { body: 'a\u0000b' } } }, 'content.en.body'],
    ['a NUL in the case', { case: { reference: 'a\u0000b', title: 'x' } }, 'case.reference'],
    ['half a surrogate pair', { content: { en: { body: 'a\ud83d' } } }, 'content.en.body'],
    ['an escape sequence', { basis: 'approved\u001b[2K' }, 'basis'],
  ])('refuses %s and names it', (_what, change, path) => {
    const { error } = draftSchema.safeParse({ ...DRAFT, ...change });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });

  it('takes lines, tabs, emoji and rare characters', () => {
    const body = '第一段\r\n第二段\t🚓𠮷';
    expect(draftSchema.parse({ ...DRAFT, content: { 'zh-CN': { body } } }).content).toEqual({
      'zh-CN': { body },
    });
  });

  it('a field that it does not know is named, not dropped', () => {
    const { error } = draftSchema.safeParse({ ...DRAFT, chanels: ['sms'] });
    expect(error?.issues[0]?.message).toContain('chanels');
  });

  it.each([
    ['a correction of nothing', { kind: 'correction' }, ['supersedes']],
    ['a notice that supersedes', { supersedes: 'ann_x' }, ['supersedes']],
    ['an end in the past', { expiresAt: '2026-06-01T11:59:59Z' }, ['expiresAt']],
    ['an end right now', { expiresAt: '2026-06-01T12:00:00Z' }, ['expiresAt']],
    [
      'an end before its beginning',
      { scheduledAt: '2026-06-03T00:00:00Z', expiresAt: '2026-06-02T00:00:00+08:00' },
      ['expiresAt'],
    ],
    ['all at once', { kind: 'update', expiresAt: '2020-01-01T00:00:00Z' }, ['supersedes', 'expiresAt']],
  ])('%s is refused by name', (_what, change, paths) => {
    expect(issuesOf(change).map((issue) => issue.path)).toEqual(paths);
  });

  it('a beginning some hours ago is no fault, it begins at once; an old one, and one that is far off, are', () => {
    const at = (days: number) => new Date(NOW + days * 86_400_000).toISOString();
    expect(issuesOf({ scheduledAt: at(-0.9) })).toEqual([]);
    expect(issuesOf({ scheduledAt: at(-1.1) })).toMatchObject([{ path: 'scheduledAt' }]);
    expect(issuesOf({ scheduledAt: at(365) })).toEqual([]);
    expect(issuesOf({ scheduledAt: at(367) })).toMatchObject([{ path: 'scheduledAt' }]);
    expect(issuesOf({ expiresAt: '9999-12-31T23:59:59Z' })).toMatchObject([{ path: 'expiresAt' }]);
  });

  it('begins when it is approved, or at its hour if that is later', () => {
    const at = (hours: number) => new Date(NOW + hours * 3_600_000);
    expect(startOf({ approvedAt: at(0), scheduledAt: null })).toEqual(at(0));
    expect(startOf({ approvedAt: at(0), scheduledAt: at(96) })).toEqual(at(96));
    expect(startOf({ approvedAt: at(0), scheduledAt: at(-1) })).toEqual(at(0));
    expect(startOf({ approvedAt: null, scheduledAt: at(1) })).toBeNull();
  });
});

describe('canonical JSON', () => {
  /** The same value with the keys of all its objects in reverse. */
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, v]) => [key, reversed(v)]),
    );
  };

  it('says the same of equal values, in whatever order their keys came', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('says different things of different values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
        let same = true;
        try {
          expect(plain(a)).toEqual(plain(b));
        } catch {
          same = false;
        }
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
        expect(canonicalSha256(a).equals(canonicalSha256(b))).toBe(same);
      }),
    );
  });

  it('leaves out what is undefined, as JSON does', () => {
    expect(canonicalJson({ b: [undefined, 1], a: undefined })).toBe('{"b":[null,1]}');
  });

  it('parts of a text cannot move between fields unseen', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        fc.pre(b !== '');
        expect(canonicalJson({ x: a + b, y: c })).not.toBe(canonicalJson({ x: a, y: b + c }));
      }),
    );
  });
});
