import { MAX_DEATHS } from '../domain/retry.ts';
import type { Batcher } from './batcher.ts';
import type { Composer } from './compose.ts';
import type { ChannelAdapter, SettleQuestion } from './ports.ts';
import type { AttemptRecord, DeliveryStore, ShardClaim, UnsettledDelivery } from './stores.ts';

/** Times that the provider must say "not found", this far apart, before a message is sent again. */
const NOT_FOUND_TIMES = 2;
const ASK_AGAIN_MS = 30_000;
/** Rows settled in one run: each is a question to the provider. */
const SETTLE_ROWS = 20;

/**
 * Asks the provider about sends whose answer never came. Found: adopt its id. Something that may be it: asked again, and never sent again. Not found twice, half a minute apart:
 * back to the queue (unless its workers kept dying over it), where expiry, cancellation and suppression are checked as for any other. Never a guess.
 */
export async function settle(
  deps: {
    readonly deliveries: Pick<DeliveryStore, 'unsettled' | 'otherMessages'>;
    readonly composer: Composer;
    readonly recorder: Batcher<AttemptRecord>;
  },
  claim: ShardClaim,
  adapter: ChannelAdapter,
): Promise<void> {
  const ask = adapter.settle?.bind(adapter);
  if (!ask) return;
  const rows = await deps.deliveries.unsettled(claim, SETTLE_ROWS);
  if (rows.length === 0) return;
  const composition = await deps.composer.open(claim);
  await Promise.all(
    rows.map(async (row) => {
      const question: SettleQuestion = {
        ...composition.question(row, adapter),
        claimedAgoMs: row.claimedAgoMs,
        others: (ids) => deps.deliveries.otherMessages(claim.announcementId, row, ids),
      };
      const answer = await ask(question, AbortSignal.timeout(adapter.requestTimeoutMs));
      await deps.recorder.add(toRecord(claim, row, answer));
    }),
  );
}

const notFound = (row: UnsettledDelivery) => ({
  event: 'not-found',
  dedupe: `a${row.attempt}:not-found${row.askedBefore + 1}`,
});

function toRecord(
  claim: ShardClaim,
  row: UnsettledDelivery,
  answer: Awaited<ReturnType<NonNullable<ChannelAdapter['settle']>>>,
): AttemptRecord {
  const base = {
    shardId: claim.shardId,
    announcementId: claim.announcementId,
    n: row.n,
    attempt: row.attempt,
    dueInMs: null,
    burnt: false,
    providerMessageId: null,
    code: null,
    detail: null,
    segments: null,
    suppress: false,
  };
  switch (answer.settled) {
    case 'found':
      return {
        ...base,
        status: 'sent',
        providerMessageId: answer.providerMessageId,
        event: 'settled',
        dedupe: `a${row.attempt}:settled`,
      };
    case 'not-found': {
      if (row.askedBefore + 1 < NOT_FOUND_TIMES) {
        return { ...base, status: 'unknown', dueInMs: ASK_AGAIN_MS, ...notFound(row) };
      }
      if (row.deaths < MAX_DEATHS) return { ...base, status: 'queued', dueInMs: 0, ...notFound(row) };
      return {
        ...base,
        status: 'failed',
        code: 'worker-died',
        detail: `it was never sent: ${row.deaths} workers died sending it`,
        ...notFound(row),
      };
    }
    case 'unclear':
    case 'unavailable': {
      const event = answer.settled === 'unclear' ? 'unclear' : 'not-answered';
      return {
        ...base,
        status: 'unknown',
        dueInMs: ASK_AGAIN_MS,
        detail: answer.message,
        event,
        dedupe: `a${row.attempt}:${event}`,
      };
    }
  }
}
