import {
  type Act,
  type AnnouncementState,
  canonicalJson,
  DEFAULT_EXPIRY_HOURS,
  type Draft,
  isBeingWritten,
  mayApprove,
  mayBreakGlass,
  nextState,
  requireRole,
  SEEN,
  urgencyOf,
  versionOf,
} from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import { HeraldError } from '../domain/errors.ts';
import type { OfficeStyle } from '../domain/template.ts';
import type {
  Actor,
  ActRecord,
  AnnouncementPage,
  AnnouncementRecord,
  AnnouncementStore,
  AnnouncementTransaction,
} from './announcement-store.ts';
import { checkAnnouncement, checkTimes, checkUnfinished, parseDraft } from './check-announcement.ts';
import { checkFrozen, createFreeze, type FreezeDeps, refusalOf } from './freeze.ts';
import type { TemplateLibrary } from './ports.ts';
import { createPreviewer, type HeldUntil, type Preview } from './preview.ts';
import { createSuggest, type Suggest } from './suggest.ts';

/** The acts of the press office. Each checks role, state and content, and writes what it did in one transaction. */
export interface Announce extends Suggest {
  /** @param input what `POST /v1/announcements` takes. @throws HeraldError `invalid-announcement`, `unknown-template`… */
  create(input: unknown, actor: Actor): Promise<AnnouncementRecord>;
  /** A new revision of a draft. */
  edit(id: number, input: unknown, actor: Actor): Promise<AnnouncementRecord>;
  /**
   * Keeps what somebody is writing, finished or not: in their newest revision while they are at it, else in a new one.
   * @param id null: a new draft
   * @param seen the version that they went on from ({@link versionOf})
   * @throws HeraldError `draft-changed` (conflict) when another one was saved since; nothing is overwritten
   */
  save(id: number | null, input: unknown, actor: Actor, seen?: string): Promise<AnnouncementRecord>;
  /** Everything that submission would refuse the draft for; changes nothing. */
  check(id: number): Promise<readonly HeraldError[]>;
  /** Freezes templates and content; approval binds to their hash. @throws HeraldError `lint-reason-required`… */
  submit(id: number, actor: Actor): Promise<AnnouncementRecord>;
  /**
   * @param options.sha256 what the approver was shown; refused when it is not what would be sent
   * @param options.breakGlass why one who wrote part of it approves it: nobody else answers
   * @throws HeraldError `own-announcement`, `still-being-called`, `revision-changed`…
   */
  approve(
    id: number,
    actor: Actor,
    options?: { readonly sha256?: string | undefined; readonly breakGlass?: string | undefined },
  ): Promise<AnnouncementRecord>;
  returnToAuthor(id: number, actor: Actor, reason: string): Promise<AnnouncementRecord>;
  reject(id: number, actor: Actor, reason: string): Promise<AnnouncementRecord>;
  /**
   * Says that an approver looks at it, so that the next one is not called meanwhile. Changes nothing else.
   * @throws HeraldError `role-required`, `own-announcement`, `illegal-transition`
   */
  look(id: number, actor: Actor): Promise<AnnouncementRecord>;
  pause(id: number, actor: Actor, reason?: string): Promise<AnnouncementRecord>;
  resume(id: number, actor: Actor): Promise<AnnouncementRecord>;
  cancel(id: number, actor: Actor, reason?: string): Promise<AnnouncementRecord>;
  get(id: number): Promise<AnnouncementRecord>;
  acts(id: number): Promise<readonly ActRecord[]>;
  list(page: AnnouncementPage): Promise<readonly AnnouncementRecord[]>;
  /** Every channel rendered, for a draft as sent in or an announcement as it was read. */
  preview(
    what: AnnouncementRecord | { readonly draft: unknown; readonly unfinished?: boolean },
  ): Promise<Preview>;
}

export interface AnnounceDeps extends FreezeDeps {
  readonly announcements: AnnouncementStore;
  readonly templates: TemplateLibrary;
  readonly style: OfficeStyle;
  readonly mode: 'trial' | 'live';
  /** Why a channel cannot be sent through a gateway; undefined when it can. */
  readonly missingProvider: (channel: Channel, gateway: Gateway) => string | undefined;
  /** Segments or messages per second, by gateway; for estimates. */
  readonly rates: Readonly<Record<Gateway, { readonly sms: number; readonly email: number }>>;
  readonly heldUntil: HeldUntil;
  /** The store's, as of some seconds ago: for drafts that are looked at while somebody types. */
  readonly recentAudience: AnnouncementStore['audience'];
  /** Starts what is due at once instead of at the sweeper's next turn; never throws. */
  readonly wake: () => Promise<void>;
  /** Calls the approvers for whom something waits, instead of at the sweeper's next turn; never throws. */
  readonly callApprovers: () => Promise<void>;
}

export function createAnnounce(deps: AnnounceDeps): Announce {
  const { announcements: store, ids } = deps;
  const bundleOf = (draft: Draft) => deps.templates.bundle(draft.template, deps.style);

  async function read(
    input: unknown,
    unfinished = false,
  ): Promise<{ draft: Draft; supersedes: number | null }> {
    const draft = parseDraft(input);
    const [bundle, now] = [bundleOf(draft), await store.now()];
    if (unfinished) checkUnfinished(draft, bundle, now);
    else await checkAnnouncement(draft, bundle, store, now);
    if (!draft.supersedes) return { draft, supersedes: null };
    const { id } = ids.decode('announcement', draft.supersedes);
    const superseded = await store.get(id);
    if (!SEEN.includes(superseded.state)) {
      throw new HeraldError(
        'conflict',
        'not-published',
        `the announcement to supersede is ${superseded.state}: nobody has seen it`,
        {
          fix: 'edit, return or cancel it instead',
        },
      );
    }
    if (superseded.mode !== draft.mode) {
      throw new HeraldError(
        'conflict',
        'mode-differs',
        `a ${draft.mode} announcement cannot supersede one in ${superseded.mode} mode`,
      );
    }
    // Whoever is still writing loses nothing by what others approve meanwhile; submission refuses it.
    if (!unfinished) stillStands(superseded.replacedBy.at(-1));
    return { draft, supersedes: id };
  }

  /** One text has one successor: what supersedes both stops both, and reaches the readers of both. */
  function stillStands(replacement: number | null | undefined): void {
    if (replacement === null || replacement === undefined) return;
    const newer = ids.encode('announcement', replacement);
    throw new HeraldError(
      'conflict',
      'already-superseded',
      `${newer} has superseded that announcement already`,
      {
        fix: `supersede ${newer} instead: that reaches the readers of both`,
      },
    );
  }

  /** Loads with the row locked, checks the transition, runs the rest. */
  const act = async (
    id: number,
    name: Act,
    run: (tx: AnnouncementTransaction, to: AnnouncementState) => Promise<void>,
  ): Promise<AnnouncementRecord> => {
    await store.locked(id, (tx) => run(tx, nextState(tx.record.state, name)));
    return store.get(id);
  };
  const simple = (id: number, name: Act, actor: Actor, reason: string | null) =>
    act(id, name, (tx, to) => tx.move(name, to, actor, reason));

  const { freeze, check } = createFreeze(deps);
  const preview = createPreviewer({ ...deps, bundleOf });
  const sketch = createPreviewer({ ...deps, bundleOf, announcements: { audience: deps.recentAudience } });

  return {
    async create(input, actor) {
      requireRole(actor.role, 'author');
      const { draft, supersedes } = await read(input);
      return store.get(await store.create(draft, supersedes, urgencyOf(draft), actor));
    },

    async edit(id, input, actor) {
      requireRole(actor.role, 'author');
      const { draft, supersedes } = await read(input);
      if (supersedes === id) throw itself();
      return act(id, 'edit', (tx) => tx.addRevision(draft, supersedes, urgencyOf(draft), actor.id));
    },

    async save(id, input, actor, seen) {
      requireRole(actor.role, 'author');
      const { draft, supersedes } = await read(input, true);
      const urgency = urgencyOf(draft);
      if (id === null) return store.get(await store.create(draft, supersedes, urgency, actor));
      if (supersedes === id) throw itself();
      return act(id, 'edit', async (tx) => {
        if (canonicalJson(tx.record.draft) === canonicalJson(draft)) return;
        if (versionOf(tx.record) !== seen)
          throw new HeraldError(
            'conflict',
            'draft-changed',
            'somebody has saved the draft since you opened it',
            { fix: 'look at both, and keep one' },
          );
        if (isBeingWritten(tx.newest, actor.id, tx.now)) await tx.rewrite(draft, supersedes, urgency);
        else await tx.addRevision(draft, supersedes, urgency, actor.id);
      });
    },

    async check(id) {
      const record = await store.get(id);
      const superseded = record.supersedes === null ? null : await store.get(record.supersedes);
      return [
        ...(await refusalOf(() => stillStands(superseded?.replacedBy.filter((by) => by !== id).at(-1)))),
        ...(await check(record, () => bundleOf(record.draft), store, await store.now())),
      ];
    },

    async submit(id, actor) {
      requireRole(actor.role, 'author');
      const { draft } = await store.get(id);
      const bundle = bundleOf(draft);
      const waiting = await act(id, 'submit', async (tx, to) => {
        // Read again under the lock.
        if (tx.record.draft.template !== draft.template)
          throw new HeraldError('conflict', 'changed-meanwhile', 'somebody changed the draft meanwhile');
        stillStands(await tx.replacement());
        await freeze(tx, tx.record, bundle);
        await tx.move('submit', to, actor, null);
      });
      await deps.callApprovers();
      return waiting;
    },

    approve: async (id, actor, { sha256, breakGlass } = {}) => {
      requireRole(actor.role, 'approver');
      const breakGlassReason = breakGlass === undefined ? null : withReason(breakGlass);
      await act(id, 'approve', async (tx) => {
        if (breakGlassReason === null) mayApprove(actor, tx.authorIds);
        else mayBreakGlass(actor, tx.record.nobodyLeftAt);
        await checkFrozen(tx, sha256);
        stillStands(await tx.replacement());
        const { draft } = tx.record;
        const gateway: Gateway = draft.mode === 'exercise' || deps.mode === 'trial' ? 'sandbox' : 'live';
        for (const channel of draft.channels) {
          const missing = deps.missingProvider(channel, gateway);
          if (missing)
            throw new HeraldError('conflict', 'no-provider', `${channel} cannot be sent: ${missing}`, {
              fix: 'configure it, or leave the channel out',
            });
        }
        checkTimes(draft, tx.now);
        const scheduledAt = draft.scheduledAt ? new Date(draft.scheduledAt) : null;
        const starts = new Date(Math.max(tx.now, scheduledAt?.getTime() ?? 0));
        const held = tx.record.urgency === 'urgent' ? {} : await tx.heldUntil(draft.channels, starts);
        const begins = Math.max(starts.getTime(), ...Object.values(held).map((end) => end.getTime()));
        const expiresAt = new Date(draft.expiresAt ?? begins + DEFAULT_EXPIRY_HOURS * 3_600_000);
        await tx.approve({ by: actor, gateway, expiresAt, scheduledAt, breakGlassReason });
      });
      await deps.wake();
      return store.get(id);
    },

    returnToAuthor: async (id, actor, reason) => {
      requireRole(actor.role, 'approver');
      return simple(id, 'return', actor, withReason(reason));
    },
    reject: async (id, actor, reason) => {
      requireRole(actor.role, 'approver');
      return simple(id, 'reject', actor, withReason(reason));
    },
    look: async (id, actor) => {
      await store.locked(id, async (tx) => {
        mayApprove(actor, tx.authorIds);
        // What may be approved may be looked at.
        nextState(tx.record.state, 'approve');
        await tx.look(actor);
      });
      return store.get(id);
    },
    ...createSuggest({ store, freeze, act }),
    pause: async (id, actor, reason) => {
      requireRole(actor.role, 'approver');
      return simple(id, 'pause', actor, reason ?? null);
    },
    resume: async (id, actor) => {
      requireRole(actor.role, 'approver');
      return act(id, 'resume', (tx, to) => {
        // Newsrooms are kept trying for three days; for citizens it is over.
        const expired = tx.record.expiresAt !== null && tx.record.expiresAt.getTime() <= tx.now;
        if (expired && !tx.record.draft.channels.includes('webhook')) {
          throw new HeraldError(
            'conflict',
            'expired',
            'it has expired meanwhile, so nothing more may be sent to citizens',
          );
        }
        const early = tx.record.scheduledAt !== null && tx.record.scheduledAt.getTime() > tx.now;
        return tx.move('resume', early ? 'approved' : to, actor, null);
      });
    },
    cancel: async (id, actor, reason) => {
      return act(id, 'cancel', (tx, to) => {
        // What nobody was asked to approve is discarded by who wrote part of it.
        const isOwn = tx.record.state === 'draft' && tx.authorIds.includes(actor.id);
        requireRole(actor.role, isOwn ? 'author' : 'approver');
        return tx.move('cancel', to, actor, reason ?? null);
      });
    },

    get: (id) => store.get(id),
    acts: (id) => store.acts(id),
    list: (page) => store.list(page),
    preview: async (what) =>
      'id' in what
        ? preview(what, await store.bundleOf(what.id))
        : (what.unfinished ? sketch : preview)(await read(what.draft, what.unfinished)),
  };
}

const itself = () =>
  new HeraldError('invalid', 'invalid-announcement', 'an announcement cannot supersede itself');

function withReason(reason: string): string {
  const trimmed = reason.trim();
  if (trimmed === '')
    throw new HeraldError('invalid', 'reason-required', 'say why, so that the author knows what to do', {
      issues: [{ path: 'reason', message: 'is required' }],
    });
  return trimmed.slice(0, 2_000);
}
