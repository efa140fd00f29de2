import {
  type Act,
  type AnnouncementState,
  canonicalJson,
  type Draft,
  mayApprove,
  requireRole,
  urgencyOf,
} from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import type {
  Actor,
  AnnouncementRecord,
  AnnouncementStore,
  AnnouncementTransaction,
  Suggestion,
} from './announcement-store.ts';
import { checkAnnouncement, parseDraft } from './check-announcement.ts';
import type { Freeze } from './freeze.ts';

/** How a typo is mended without costing the approver the right to approve. */
export interface Suggest {
  /**
   * Says what an approver would change. Nothing changes until somebody else takes it over, as its author, so that the approver
   * may still approve.
   * @throws HeraldError `own-announcement`, `invalid-announcement`, `nothing-suggested`
   */
  suggest(
    id: number,
    actor: Actor,
    suggestion: { readonly content: Draft['content']; readonly note?: string | undefined },
  ): Promise<void>;
  /**
   * Takes a suggestion over: a new revision by whoever does, submitted at once; or declines it.
   * @param lintReasons why what the privacy lint finds in it may be published, by key; beside those that the draft has
   * @throws HeraldError `own-suggestion` (forbidden), `suggestion-outdated`, `suggestion-decided` (conflict), `lint-reason-required`
   */
  decide(
    id: number,
    suggestionId: number,
    actor: Actor,
    decision: 'accepted' | 'declined',
    lintReasons?: Readonly<Record<string, string>>,
  ): Promise<AnnouncementRecord>;
  suggestions(id: number): Promise<readonly Suggestion[]>;
}

/** @param deps.act loads with the row locked, checks the transition, runs the rest */
export const createSuggest = (deps: {
  readonly store: AnnouncementStore;
  readonly freeze: Freeze;
  readonly act: (
    id: number,
    name: Act,
    run: (tx: AnnouncementTransaction, to: AnnouncementState) => Promise<void>,
  ) => Promise<AnnouncementRecord>;
}): Suggest => ({
  suggestions: (id) => deps.store.suggestions(id),

  suggest: async (id, actor, { content, note }) => {
    await deps.act(id, 'revise', async (tx) => {
      mayApprove(actor, tx.authorIds);
      const { record } = tx;
      if (canonicalJson(content) === canonicalJson(record.draft.content))
        throw new HeraldError('invalid', 'nothing-suggested', 'the suggestion changes nothing', {
          fix: 'change the text, or return the announcement with a reason',
        });
      const bundle = await tx.bundle();
      if (bundle) await checkAnnouncement(suggested(record.draft, content), bundle, tx, tx.now);
      await tx.suggest(content, note?.trim() || null, actor);
    });
  },

  decide: (id, suggestionId, actor, decision, lintReasons = {}) =>
    deps.act(id, 'revise', async (tx) => {
      requireRole(actor.role, 'author');
      const suggestion = await tx.suggestion(suggestionId);
      const { record } = tx;
      if (suggestion.decision !== null)
        throw new HeraldError('conflict', 'suggestion-decided', `the suggestion was ${suggestion.decision}`);
      if (decision === 'accepted') {
        if (suggestion.userId === actor.id)
          throw new HeraldError(
            'forbidden',
            'own-suggestion',
            'you suggested it, so somebody else must take it over',
            { fix: 'ask the author' },
          );
        if (suggestion.revision !== record.revision)
          throw new HeraldError(
            'conflict',
            'suggestion-outdated',
            'the text was changed after the suggestion was made',
            { fix: 'decline it; the approver may suggest it anew' },
          );
        const bundle = await tx.bundle();
        if (!bundle) throw new Error('what was submitted has no templates');
        const draft = parseDraft({
          ...suggested(record.draft, suggestion.content),
          lintReasons: { ...record.draft.lintReasons, ...lintReasons },
        });
        await tx.addRevision(draft, record.supersedes, urgencyOf(draft), actor.id);
        await deps.freeze(tx, { ...record, draft, revision: record.revision + 1 }, bundle);
      }
      await tx.decide(suggestion, decision, actor);
    }),
});

const suggested = (draft: Draft, content: Draft['content']): Draft => ({ ...draft, content });
