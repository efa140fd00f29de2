import type { ReceiptAnswer } from '../domain/outcome.ts';
import { askReceiptAgainInMs } from '../domain/receipts.ts';
import type { Lease } from './lease.ts';
import type { ChannelAdapter, Clock } from './ports.ts';
import type {
  ReceiptFact,
  ReceiptQuestionStore,
  ReceiptStore,
  ShardClaim,
  SilentDelivery,
} from './stores.ts';
import { receiptKey, type TakeReceiptDeps, takeReceipt } from './take-receipt.ts';

/** Questions to the provider at a time, of one shard. */
const AT_ONCE = 20;
/** A run asks for so long, like one that sends. Milliseconds. */
const SLICE_MS = 1_000;
/** After these nothing more becomes of a message. */
const ENDS: readonly (string | undefined)[] = ['delivered', 'undelivered', 'failed'];

export interface AskReceiptsDeps {
  readonly receiptQuestions: ReceiptQuestionStore;
  readonly receipts: TakeReceiptDeps['receipts'] & Pick<ReceiptStore, 'apply'>;
  readonly deliveries: TakeReceiptDeps['deliveries'];
  readonly mode: TakeReceiptDeps['mode'];
  readonly lease: Pick<Lease, 'valid'>;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/**
 * Asks the provider what became of messages whose receipts should have come. What it says is taken like a callback;
 * of which it knows no end, they have no receipt. A provider that cannot say is asked again later, for a day.
 * @returns after how many milliseconds the shard is asked for again, if any of it is left; null: never
 */
export async function askReceipts(
  deps: AskReceiptsDeps,
  claim: ShardClaim,
  adapter: ChannelAdapter,
): Promise<number | null> {
  if (!adapter.abilities.receipts) return null;
  const until = deps.clock.monotonicMs() + SLICE_MS;
  const pauses: number[] = [];
  for (let after = 0; ; ) {
    if (deps.stopping.aborted || !deps.lease.valid() || deps.clock.monotonicMs() >= until) return 0;
    const rows = await deps.receiptQuestions.silent(claim, after, AT_ONCE);
    if (rows.length === 0) return pauses.length > 0 ? Math.min(...pauses) : 0;
    const heard = await Promise.all(rows.map((row) => ask(deps, claim, adapter, row)));
    const again = heard.flatMap(({ againInMs }) => againInMs ?? []);
    const endless = heard.flatMap(({ n, ended, againInMs }) => (ended || againInMs !== null ? [] : n));
    if (endless.length > 0) await deps.receiptQuestions.noReceipt(claim, endless);
    pauses.push(...again);
    // A provider that does not answer is left alone.
    if (again.length === rows.length) return Math.min(...pauses);
    after = rows.at(-1)?.n ?? after;
  }
}

/** One question, and its answer taken. */
async function ask(
  deps: AskReceiptsDeps,
  claim: ShardClaim,
  adapter: ChannelAdapter,
  { n, providerMessageId, overdueMs }: SilentDelivery,
): Promise<{ readonly n: number; readonly ended: boolean; readonly againInMs: number | null }> {
  const answer: ReceiptAnswer = (await adapter.askReceipt?.(
    { providerMessageId },
    AbortSignal.timeout(adapter.requestTimeoutMs),
  )) ?? { asked: 'not-known' };
  switch (answer.asked) {
    case 'told': {
      const fact: ReceiptFact = {
        announcementId: claim.announcementId,
        n,
        gateway: claim.gateway,
        source: adapter.provider,
        receipt: answer.receipt ?? null,
        event: answer.providerStatus,
        dedupe: receiptKey(providerMessageId, answer.providerStatus),
        providerMessageId,
        code: answer.code ?? null,
        category: answer.category ?? null,
        detail: 'asked',
      };
      await takeReceipt(deps, fact, (one) => deps.receipts.apply([one]));
      return { n, ended: ENDS.includes(answer.receipt), againInMs: null };
    }
    case 'not-known':
      return { n, ended: false, againInMs: null };
    case 'unavailable':
      return { n, ended: false, againInMs: askReceiptAgainInMs(overdueMs) };
  }
}
