import { within } from './demo-client.ts';
import { type Entry, type Proof, prove, type Row } from './demo-proof.ts';
import type { Story } from './demo-story.ts';
import type { Launched } from './launch.ts';

/** Collects what the gateways and Herald say, and holds it against what the files say. */
export async function reconcile(
  { sandboxUrl }: Launched,
  story: Story,
  stopping: AbortSignal,
): Promise<Proof> {
  const { approver, announcementId, endpoints } = story;
  const deliveries = await approver.all<Row>(`/v1/announcements/${announcementId}/deliveries`);
  // Of a webhook's address Herald shows the endpoint's id.
  const rows = deliveries.map((row) => ({ ...row, address: endpoints.get(row.address) ?? row.address }));
  return prove({ ...story, rows, ledger: await outbox(sandboxUrl, stopping) });
}

async function outbox(sandboxUrl: string, stopping: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: number | null = 0; cursor !== null; ) {
    const answer = await fetch(`${sandboxUrl}/outbox?cursor=${cursor}`, { signal: within(stopping) });
    const page = (await answer.json()) as { entries: Entry[]; next: number | null };
    entries.push(...page.entries);
    cursor = page.next;
  }
  return entries;
}
