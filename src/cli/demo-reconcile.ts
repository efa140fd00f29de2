import type { Channel } from '../domain/channel.ts';
import { groupBy } from '../domain/group-by.ts';
import type { Story } from './demo-story.ts';
import type { Launched } from './launch.ts';

export interface Proof {
  readonly recipients: number;
  /** Messages compared one by one. */
  readonly compared: number;
  readonly duplicates: number;
  readonly missing: number;
  readonly afterLeaving: number;
  /** Every disagreement, in words. */
  readonly problems: readonly string[];
}

interface Delivery {
  readonly id: string;
  readonly channel: Channel;
  readonly status: string;
  readonly address: string;
  readonly providerMessageId: string | null;
}
interface Entry {
  readonly channel: Channel;
  readonly deliveryId?: string;
  readonly address: string;
  readonly gatewayMessageId: string;
}
interface Citizen {
  readonly phone: string | null;
  readonly email: string | null;
  readonly topics: readonly string[];
  readonly districts: readonly string[];
}

/**
 * Compares three lists that were made independently: who should be reached (from the subscribers, the audience and who
 * left), what Herald's receipts say, and what the gateways have in their own ledger.
 */
export async function reconcile({ sandboxUrl }: Launched, story: Story): Promise<Proof> {
  const { approver, announcementId } = story;
  const deliveries = await approver.all<Delivery>(`/v1/announcements/${announcementId}/deliveries`);
  const ledger = groupBy(
    await outbox(sandboxUrl),
    (entry) => entry.deliveryId ?? `stray ${entry.gatewayMessageId}`,
  );
  const problems: string[] = [];
  let duplicates = 0;
  let missing = 0;

  const rows = new Set(deliveries.map((d) => `${d.channel} ${d.address}`));
  for (const expected of await expectedRecipients(story)) {
    if (rows.has(expected)) continue;
    missing += 1;
    problems.push(`missing: no delivery for ${expected}`);
  }
  const afterLeaving = deliveries.filter(
    (d) => story.left.has(`${d.channel} ${d.address}`) && ledger.has(d.id),
  ).length;
  if (afterLeaving > 0) problems.push(`${afterLeaving} messages went to people who had left`);

  for (const delivery of deliveries) {
    const entries = ledger.get(delivery.id) ?? [];
    ledger.delete(delivery.id);
    const name = `${delivery.channel} ${delivery.id} (${delivery.status})`;
    // A webhook may be repeated under its id; whoever gets it can tell. An SMS may not.
    const copies =
      delivery.channel === 'webhook' ? new Set(entries.map((e) => e.gatewayMessageId)).size : entries.length;
    if (copies > 1) {
      duplicates += copies - 1;
      problems.push(`duplicate: ${name} was taken ${copies} times`);
    }
    // A provider's id is the receipt for having taken it; a message that failed later has one, one that was refused has not.
    const taken = delivery.providerMessageId !== null;
    if (taken && entries.length === 0) {
      missing += 1;
      problems.push(`missing: ${name} is not in the gateway's ledger`);
    }
    if (!taken && entries.length > 0) problems.push(`unrecorded: ${name} was taken by the gateway`);
    const [entry] = entries;
    if (entry && delivery.channel === 'sms' && entry.gatewayMessageId !== delivery.providerMessageId) {
      problems.push(
        `${name} has the id ${delivery.providerMessageId}, the gateway's is ${entry.gatewayMessageId}`,
      );
    }
    if (entry && delivery.channel !== 'webhook' && entry.address !== delivery.address)
      problems.push(`${name} went to another address`);
  }
  for (const [id, entries] of ledger)
    problems.push(`the gateway took ${entries.length} message(s) that Herald does not know: ${id}`);

  return {
    recipients: deliveries.length,
    compared: deliveries.length,
    duplicates,
    missing,
    afterLeaving,
    problems,
  };
}

async function expectedRecipients({ approver, audience, left }: Story): Promise<string[]> {
  const matches = (own: readonly string[], wanted: readonly string[]) =>
    own.length === 0 || wanted.length === 0 || own.some((code) => wanted.includes(code));
  const citizens = await approver.all<Citizen>('/v1/subscribers');
  return citizens
    .filter((c) => matches(c.topics, audience.topics) && matches(c.districts, audience.districts))
    .flatMap((c) => [c.phone && `sms ${c.phone}`, c.email && `email ${c.email}`])
    .filter((contact): contact is string => contact !== null && !left.has(contact));
}

async function outbox(sandboxUrl: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: number | null = 0; cursor !== null; ) {
    const page = (await (await fetch(`${sandboxUrl}/outbox?cursor=${cursor}`)).json()) as {
      entries: Entry[];
      next: number | null;
    };
    entries.push(...page.entries);
    cursor = page.next;
  }
  return entries;
}
