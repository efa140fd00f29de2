import { randomUUID } from 'node:crypto';
import type { AnnouncementState } from '../domain/announcement.ts';
import type { Channel, Gateway } from '../domain/channel.ts';
import { OPEN_STATUSES } from '../domain/delivery.ts';
import { HeraldError } from '../domain/errors.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import type { SendOutcome } from '../domain/outcome.ts';
import type { OutletSends, OutletStore } from './outlet-store.ts';
import type { ChannelAdapter, Clock } from './ports.ts';
import type { ReadMessage } from './read.ts';
import type { ReceiptStore } from './stores.ts';

/** Stopped ones stay stopped, whoever asks for one more. */
const SENDABLE: readonly AnnouncementState[] = ['sending', 'completed'];

export interface OutletSendsDeps {
  readonly outlets: OutletStore;
  readonly receipts: Pick<ReceiptStore, 'apply'>;
  readonly readMessage: ReadMessage;
  readonly adapterFor: (channel: 'webhook', gateway: Gateway) => ChannelAdapter<'webhook'> | undefined;
  readonly ids: OpaqueIds;
  readonly officeName: string;
  readonly mode: 'trial' | 'live';
  readonly clock: Clock;
}

/** Has none of what an announcement has: whatever publishes those knows nothing to do with it. */
const testBody = (officeName: string, at: Date) =>
  JSON.stringify({
    type: 'test',
    timestamp: at.toISOString(),
    data: {
      office: { name: officeName },
      message:
        '这是连接测试，不是通告，请勿发布。 This is a test of the connection, not an announcement. Do not publish it.',
    },
  });

/** `HTTP 503` → 503. */
const statusIn = (text: string): number | null => {
  const status = /^HTTP (\d{3})/.exec(text)?.[1];
  return status === undefined ? null : Number(status);
};

const resultOf = (
  outcome: SendOutcome,
): { readonly status: number | null; readonly error: string | null } => {
  if (outcome.outcome === 'accepted') return { status: statusIn(outcome.detail ?? '') ?? 200, error: null };
  const status = statusIn(outcome.code);
  return { status, error: status === null ? outcome.code : null };
};

export function createOutletSends(deps: OutletSendsDeps): OutletSends {
  const { outlets, ids, clock } = deps;
  const adapter = (gateway: Gateway) => {
    const found = deps.adapterFor('webhook' satisfies Channel, gateway);
    if (found) return found;
    throw new HeraldError('conflict', 'no-provider', 'no webhook can be sent: no sandbox is running');
  };

  return {
    async test(endpointId, by) {
      const sender = adapter(deps.mode === 'trial' ? 'sandbox' : 'live');
      const { url, secrets } = await outlets.address(endpointId);
      const testId = await outlets.beginTest(endpointId, by);
      const begun = clock.monotonicMs();
      const outcome = await sender.send({
        deliveryId: `test_${ids.encode('endpoint', endpointId, testId).slice(4)}`,
        attempt: 1,
        address: url,
        secrets,
        content: { channel: 'webhook', body: testBody(deps.officeName, new Date()) },
      });
      await outlets.endTest(testId, { ...resultOf(outcome), ms: Math.round(clock.monotonicMs() - begun) });
    },

    async again(announcementId, n, by) {
      const { endpointId, status, attempt, gateway, state, replaced } = await outlets.sent(announcementId, n);
      if (replaced || !SENDABLE.includes(state))
        throw new HeraldError(
          'conflict',
          'announcement-stopped',
          `the announcement is ${replaced ? 'superseded' : state}: nothing of it leaves any more`,
          { fix: state === 'paused' ? 'resume it first' : 'send again what has superseded it' },
        );
      if (OPEN_STATUSES.includes(status))
        throw new HeraldError('conflict', 'still-under-way', 'it is still being tried', {
          fix: 'wait for its next attempt',
        });
      const [{ url, secrets, disabledAt }, content] = await Promise.all([
        outlets.address(endpointId),
        deps.readMessage(announcementId, n),
      ]);
      if (disabledAt)
        throw new HeraldError('conflict', 'endpoint-disabled', 'this endpoint is switched off', {
          fix: 'switch it on first',
        });
      if (content.channel !== 'webhook')
        throw new HeraldError('not-found', 'no-such-delivery', 'there is no such delivery to an outlet');
      await outlets.noteAgain(announcementId, n, by);
      const deliveryId = ids.encode('delivery', announcementId, n);
      const outcome = await adapter(gateway).send({
        deliveryId,
        attempt: attempt + 1,
        address: url,
        secrets,
        content,
      });
      const taken = outcome.outcome === 'accepted';
      await deps.receipts.apply([
        {
          announcementId,
          n,
          gateway,
          source: 'console',
          receipt: taken ? 'delivered' : null,
          event: taken ? 'delivered' : 'again',
          dedupe: `again-${randomUUID()}`,
          providerMessageId: taken ? deliveryId : null,
          code: taken ? null : outcome.code,
          category: null,
          detail: (taken ? outcome.detail : outcome.message) ?? null,
        },
      ]);
      return taken;
    },
  };
}
