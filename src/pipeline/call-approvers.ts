import type { Draft } from '../domain/announcement.ts';
import { HeraldError } from '../domain/errors.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import type { CallStore, DueCall } from './call-store.ts';
import type { Messenger } from './message.ts';
import type { NewMessage } from './message-store.ts';
import type { Job, Logger } from './ports.ts';

/** A call that is late by so much is no use: the next approver has had theirs. */
const EXPIRES_MINUTES = 60;
/** What the template takes. */
const HEADLINE_LENGTH = 60;

/** Calls who may approve what was submitted, one after the other, until somebody decides. */
export interface ApproverCalls extends Pick<CallStore, 'of' | 'unanswered'> {
  /**
   * Calls whoever's turn has come. The tables say whose: a crash before or after forgets nobody and calls nobody twice.
   * @returns how many were called
   */
  callDue(): Promise<number>;
}

/** @param deps.wake enqueues what was written; never throws */
export function createApproverCalls(deps: {
  readonly calls: CallStore;
  readonly messenger: Pick<Messenger, 'prepare'>;
  readonly ids: OpaqueIds;
  readonly publicUrl: string;
  readonly defaultLocale: string;
  readonly wake: (jobs: readonly Job[]) => Promise<void>;
  readonly log: Logger;
}): ApproverCalls {
  const { calls, messenger, ids, log } = deps;

  const messagesTo = (call: DueCall): readonly NewMessage[] => {
    const locale = call.locale ?? deps.defaultLocale;
    const headline = headlineOf(call.draft, locale);
    // The announcement's page, which asks who comes; opening it changes nothing.
    const link = new URL(
      `/console/announcements/${ids.encode('announcement', call.announcementId)}`,
      deps.publicUrl,
    ).href;
    const prepare = (channel: 'sms' | 'email', to: string, fields: Readonly<Record<string, string>>) =>
      messenger.prepare(
        { channel, to, template: 'approval-request', fields, locale, expiresInMinutes: EXPIRES_MINUTES },
        null,
      );
    /** The first of these that can be sent. */
    const firstOf = (
      channel: 'sms' | 'email',
      to: string | null,
      [fields, ...others]: readonly Readonly<Record<string, string>>[],
    ): readonly NewMessage[] => {
      if (to === null || !fields) return [];
      try {
        return [prepare(channel, to, fields)];
      } catch (error) {
        if (!(error instanceof HeraldError)) throw error;
        if (error.code === 'link-not-allowed' && others.length > 0) return firstOf(channel, to, others);
        log.warn({ err: error, user: call.userId, channel }, 'an approver cannot be called by this channel');
        return [];
      }
    };
    // Some routes carry no links (+86): the message says then that it is to be looked up.
    const wanted = [{ headline, link }, { headline }];
    return [...firstOf('sms', call.phone, wanted), ...firstOf('email', call.email, wanted)];
  };

  const callOne = async (announcementId: number): Promise<boolean> => {
    const outcome = await calls.callNext(announcementId, messagesTo);
    const announcement = ids.encode('announcement', announcementId);
    if (outcome.kind === 'nobody-left' && outcome.first)
      log.warn({ announcement }, 'waits for approval, and nobody is left to be called');
    if (outcome.kind !== 'called') return false;
    const { userId, channels, jobs } = outcome;
    if (channels.length > 0) log.info({ announcement, user: userId, channels }, 'approver called');
    else log.warn({ announcement, user: userId }, 'this approver could not be called; the next one is');
    await deps.wake(jobs);
    return true;
  };

  return {
    of: (id) => calls.of(id),
    unanswered: () => calls.unanswered(),
    async callDue() {
      let called = 0;
      for (const id of await calls.due()) {
        try {
          if (await callOne(id)) called += 1;
        } catch (error) {
          // The others wait for nobody's mistake; the next turn tries this one again.
          log.warn(
            { err: error, announcement: ids.encode('announcement', id) },
            'nobody was called for this one',
          );
        }
      }
      return called;
    },
  };
}

/** In the approver's language where it is written in it; of one line, and short enough for an SMS. */
function headlineOf({ content, case: { title } }: Draft, locale: string): string {
  const fields = content[locale] ?? Object.values(content)[0];
  const text = [...(fields?.headline ?? title).replace(/\s+/g, ' ').trim()];
  return text.length > HEADLINE_LENGTH ? `${text.slice(0, HEADLINE_LENGTH - 1).join('')}…` : text.join('');
}
