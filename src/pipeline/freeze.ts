import { canonicalSha256, type Draft } from '../domain/announcement.ts';
import type { Route } from '../domain/channel.ts';
import { HeraldError } from '../domain/errors.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import { requireReasons } from '../domain/privacy-lint.ts';
import type { TemplateBundle } from '../domain/template.ts';
import type { AnnouncementRecord, AnnouncementStore, AnnouncementTransaction } from './announcement-store.ts';
import { checkAnnouncement } from './check-announcement.ts';
import { renderContext } from './compose.ts';
import type { Renderer } from './ports.ts';
import { smsProblems } from './preview.ts';

export interface FreezeDeps {
  readonly renderer: Renderer;
  readonly ids: OpaqueIds;
  /** What the routes of the SMS provider allow. */
  readonly smsRoutes: readonly Route[];
  readonly publicUrl: string;
}

/** What approval is bound to. */
const revisionSha256 = (draft: Draft, bundle: TemplateBundle): Buffer => canonicalSha256({ draft, bundle });

/**
 * Checks what is submitted, as a whole and by rendering everything once, so that nothing can be approved that cannot be sent;
 * then fixes its bytes.
 * @param record as it will be: of a revision that was just added, with its text
 * @throws HeraldError `invalid-announcement`, `lint-reason-required`…
 */
export type Freeze = (
  tx: AnnouncementTransaction,
  record: AnnouncementRecord,
  bundle: TemplateBundle,
) => Promise<void>;

/**
 * Everything that {@link Freeze} would refuse a draft for.
 * @param bundleOf throws when there is no such template any more
 * @param now milliseconds since the epoch
 */
export type CheckDraft = (
  record: AnnouncementRecord,
  bundleOf: () => TemplateBundle,
  store: Pick<AnnouncementStore, 'unknownCodes'>,
  now: number,
) => Promise<readonly HeraldError[]>;

export function createFreeze({ renderer, ids, smsRoutes, publicUrl }: FreezeDeps): {
  readonly freeze: Freeze;
  readonly check: CheckDraft;
} {
  const checkRenders = (record: AnnouncementRecord, bundle: TemplateBundle) => {
    const template = renderer.compile(bundle, renderContext(record, bundle, ids));
    const { channels, content } = record.draft;
    const locales = Object.keys(content);
    // A webhook's texts are rendered with the template itself, an SMS below.
    if (channels.includes('email'))
      for (const locale of locales)
        for (const name of [null, '王']) template.email(locale, { name, leaveUrl: publicUrl });
    if (!channels.includes('sms')) return;
    for (const problem of smsProblems(template, locales, smsRoutes, publicUrl)) throw problem;
  };

  const freeze: Freeze = async (tx, record, bundle) => {
    // Also what was checked before: topics and times may have changed since.
    await checkAnnouncement(record.draft, bundle, tx, tx.now);
    checkRenders(record, bundle);
    const { lintReasons: _, ...written } = record.draft;
    const lintReasons = requireReasons(record.draft);
    const frozen: Draft = lintReasons ? { ...written, lintReasons } : written;
    await tx.freeze(bundle, revisionSha256(frozen, bundle), frozen);
  };

  const check: CheckDraft = async (record, bundleOf, store, now) => [
    // What is incomplete is not rendered: it would be refused for the same again.
    ...(await refusalOf(async () => {
      const bundle = bundleOf();
      await checkAnnouncement(record.draft, bundle, store, now);
      checkRenders(record, bundle);
    })),
    ...(await refusalOf(() => requireReasons(record.draft))),
  ];
  return { freeze, check };
}

/** What a check throws at somebody's input, or because of what others did meanwhile. */
export async function refusalOf(check: () => unknown): Promise<readonly HeraldError[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof HeraldError && ['invalid', 'conflict'].includes(error.kind)) return [error];
    throw error;
  }
}

/**
 * Approval is for bytes: what is stored must be what was submitted, and what the approver was shown. Where an edit was taken
 * over after the submission, whoever does not say what they were shown may have seen another text.
 * @throws HeraldError `revision-damaged`, `revision-changed`, `sha256-required` (conflict)
 */
export async function checkFrozen(tx: AnnouncementTransaction, shown: string | undefined): Promise<void> {
  const bundle = await tx.bundle();
  const actual = bundle && revisionSha256(tx.record.draft, bundle).toString('hex');
  if (!actual || actual !== tx.record.sha256) {
    throw new HeraldError(
      'conflict',
      'revision-damaged',
      'the stored revision is not the one that was submitted',
      { fix: 'return it to the author and submit it again' },
    );
  }
  if (shown === undefined && tx.newest.writtenAt > (tx.record.submittedAt ?? tx.newest.writtenAt)) {
    throw new HeraldError(
      'conflict',
      'sha256-required',
      'the text was changed after it was submitted: say which one you approve',
      { fix: 'look at it again, and give the sha256 that it shows' },
    );
  }
  if (shown !== undefined && shown !== actual) {
    throw new HeraldError(
      'conflict',
      'revision-changed',
      'the announcement was changed after you looked at it',
      { fix: 'look at it again' },
    );
  }
}
