import type { Launched } from '../../src/cli/launch.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { segmentSms } from '../../src/domain/segments.ts';

/** One message that a gateway took. */
export interface TakenMessage {
  /** The announcement's number, and the row's. */
  readonly announcement: number;
  readonly n: number;
  readonly channel: Channel;
  readonly address: string;
  /** On the gateways' monotonic clock, in milliseconds and their fractions; for intervals. */
  readonly clockMs: number;
  /** Milliseconds since the epoch; for comparison with acts. */
  readonly atMs: number;
  /** SMS segments; 1 for the others. */
  readonly cost: number;
}

interface Entry {
  readonly channel: Channel;
  readonly deliveryId?: string;
  readonly address: string;
  readonly body: string;
  readonly takenAt: string;
  readonly takenAtMs: number;
}

/** The gateways' ledger, read on from where the last look ended. */
export function createOutbox({ app, sandboxUrl }: Launched) {
  const all: TakenMessage[] = [];
  let cursor = 0;
  return {
    /** All that was taken up to now, in order. */
    async read(): Promise<readonly TakenMessage[]> {
      for (;;) {
        const answer = await fetch(`${sandboxUrl}/outbox?cursor=${cursor}`);
        const page = (await answer.json()) as {
          entries: (Entry & { seq: number })[];
          next: number | null;
        };
        for (const { deliveryId, channel, address, body, takenAt, takenAtMs, seq } of page.entries) {
          cursor = seq;
          const row = deliveryId && app.ids.tryDecode('delivery', deliveryId);
          if (!row) throw new Error(`the gateway took what names no delivery: ${deliveryId}`);
          const cost = channel === 'sms' ? segmentSms(body).count : 1;
          const atMs = Date.parse(takenAt);
          all.push({ announcement: row.id, n: row.n, channel, address, clockMs: takenAtMs, atMs, cost });
        }
        if (page.next === null) return all;
      }
    },
    async of(announcement: number, channel?: Channel): Promise<readonly TakenMessage[]> {
      return (await this.read()).filter(
        (one) => one.announcement === announcement && (channel === undefined || one.channel === channel),
      );
    },
  };
}
