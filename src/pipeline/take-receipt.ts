import type { Gateway } from '../domain/channel.ts';
import type { FailureCategory } from '../domain/outcome.ts';
import type { DeliveryStore, ReceiptFact, ReceiptStore } from './stores.ts';

export interface TakeReceiptDeps {
  readonly receipts: Pick<ReceiptStore, 'isKnown' | 'delivery' | 'suppress'>;
  readonly deliveries: Pick<DeliveryStore, 'pauseFor'>;
  readonly mode: 'trial' | 'live';
}

/** What a receipt can say that concerns more than its own row. */
const CONSEQUENTIAL: readonly (FailureCategory | null)[] = ['rejected-content', 'opted-out'];

/** What happens in the sandbox of a live installation is a rehearsal: real contacts never feel it. */
export const isInert = (mode: 'trial' | 'live', gateway: Gateway): boolean =>
  mode === 'live' && gateway === 'sandbox';

/** The key under which a provider's word about a message is written once, whether it told it or was asked. */
export const receiptKey = (providerMessageId: string, providerStatus: string): string =>
  `${providerMessageId}:${providerStatus}`;

/**
 * Takes a provider's word about a delivery, told or asked for. What follows for others comes first: told again after
 * a crash it is done again, told again later it is known.
 * @param write writes the fact and applies it
 */
export async function takeReceipt(
  { receipts, deliveries, mode }: TakeReceiptDeps,
  fact: ReceiptFact,
  write: (fact: ReceiptFact) => Promise<unknown>,
): Promise<void> {
  if (
    CONSEQUENTIAL.includes(fact.category) &&
    !isInert(mode, fact.gateway) &&
    !(await receipts.isKnown(fact))
  )
    await follow();
  await write(fact);

  async function follow(): Promise<void> {
    if (fact.category === 'rejected-content') {
      await deliveries.pauseFor(
        fact.announcementId,
        `${fact.source} refused the text (${fact.code ?? 'no code'})`,
      );
    }
    if (fact.category === 'opted-out') {
      const row = await receipts.delivery(fact.announcementId, fact.n);
      if (row)
        await receipts.suppress({
          channel: row.channel,
          address: row.address,
          reason: 'opted-out',
          source: fact.source,
        });
    }
  }
}
