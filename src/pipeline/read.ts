import type { Route } from '../domain/channel.ts';
import type { MessageContent } from '../domain/message.ts';
import type { Composer } from './compose.ts';
import type { ReportStore } from './report-store.ts';

/** Shows what somebody got, or will get, rendered from the frozen templates as the worker does. */
export type ReadMessage = (announcementId: number, n: number) => Promise<MessageContent>;

/** @returns a function that throws HeraldError `no-such-delivery`, `no-route` */
export function createReader(deps: {
  readonly reports: Pick<ReportStore, 'letter'>;
  readonly composer: Composer;
  /** What the routes of the SMS provider allow. */
  readonly smsRoutes: readonly Route[];
}): ReadMessage {
  return async (announcementId, n) => {
    const letter = await deps.reports.letter(announcementId, n);
    const composition = await deps.composer.open({ announcementId, channel: letter.channel });
    const abilities = { freeText: true, receipts: true, routes: deps.smsRoutes };
    return composition.content(letter, { provider: letter.channel, abilities });
  };
}
