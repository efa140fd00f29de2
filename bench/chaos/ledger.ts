import type { Entry } from './rows.ts';

/** All that the gateways took, by delivery; what names none is a `stray`. */
export async function readLedger(sandboxUrl: string): Promise<Map<string, Entry[]>> {
  const ledger = new Map<string, Entry[]>();
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page = (await (await fetch(`${sandboxUrl}/outbox?cursor=${cursor}`)).json()) as {
      entries: Entry[];
      next: number | null;
    };
    for (const entry of page.entries) {
      const key = entry.deliveryId ?? `stray ${entry.gatewayMessageId}`;
      const same = ledger.get(key);
      if (same) same.push(entry);
      else ledger.set(key, [entry]);
    }
    cursor = page.next;
  }
  return ledger;
}
