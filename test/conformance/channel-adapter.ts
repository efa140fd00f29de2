import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Channel } from '../../src/domain/channel.ts';
import { FAILURE_CATEGORIES, type FailureCategory } from '../../src/domain/outcome.ts';
import type { ChannelAdapter, OutgoingByChannel } from '../../src/pipeline/ports.ts';

/**
 * What a gateway can be made to do: take a message, refuse it for a reason, take it and cut the connection before
 * the answer, take it and never answer.
 */
export type Kind = 'accepted' | FailureCategory | 'cut' | 'hang';

/** An adapter against a gateway that is really there. */
export interface Rig<C extends Channel> {
  readonly adapter: ChannelAdapter<C>;
  /** A new adapter of the same kind with this bound, in milliseconds; the suite closes it. */
  withTimeout(requestTimeoutMs: number): ChannelAdapter<C>;
  /** An adapter and an address where nobody listens; the suite closes it. */
  unreachable(): { readonly adapter: ChannelAdapter<C>; readonly address: string };
  /** An adapter whose credentials the gateway does not take, if the channel has any; the suite closes it. */
  misconfigured?(): ChannelAdapter<C>;
  /** An address for which the gateway does this; a new one at each call. */
  address(kind: Kind): string;
  /** A message with a delivery id of its own. */
  message(address: string): OutgoingByChannel[C];
  /** What the gateway took for an address. */
  taken(address: string): readonly { readonly gatewayMessageId: string }[];
  /** Resolves when the gateway has taken something for an address. */
  whenTaken(address: string): Promise<void>;
  /** Open connections to the gateway. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/**
 * What the pipeline relies on, for every adapter: at most one message taken, each failure a value of the right
 * category, doubt called doubt, and nothing left open.
 *
 * @param kinds what this channel's gateway can be made to do
 * @param has what not every channel has
 */
export function describeChannelAdapter<C extends Channel>(
  name: string,
  kinds: readonly Kind[],
  has: {
    readonly credentials: boolean;
    readonly settlement: boolean;
    /** What a gateway that is not there means: one provider for all, or one endpoint among many. */
    readonly unreachable: 'temporary' | 'throttled';
  },
  setup: () => Promise<Rig<C>>,
): void {
  describe(`${name} keeps the contract of a channel adapter`, () => {
    let rig: Rig<C>;
    const never = new AbortController().signal;
    const refusals = FAILURE_CATEGORIES.filter((category) => kinds.includes(category));

    beforeAll(async () => {
      rig = await setup();
    });
    afterAll(async () => {
      await rig.adapter.close();
      await rig.close();
    });

    it('declares what it can in a usable form', () => {
      expect(rig.adapter.provider).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(rig.adapter.concurrency).toBeGreaterThanOrEqual(1);
      expect(rig.adapter.requestTimeoutMs).toBeGreaterThan(0);
      expect(rig.adapter.abilities.routes.length).toBeGreaterThan(0);
    });

    it('hands a message over once and returns the name that the gateway gave it', async () => {
      const address = rig.address('accepted');
      const outcome = await rig.adapter.send(rig.message(address), never);
      expect(outcome).toMatchObject({ outcome: 'accepted' });
      if (outcome.outcome !== 'accepted') return;
      expect(rig.taken(address).map((one) => one.gatewayMessageId)).toEqual([outcome.providerMessageId]);
    });

    it('sends as many at a time as it says, each once', async () => {
      const addresses = Array.from({ length: rig.adapter.concurrency * 2 }, () => rig.address('accepted'));
      const outcomes = await Promise.all(
        addresses.map((address) => rig.adapter.send(rig.message(address), never)),
      );
      expect(outcomes.map((o) => o.outcome)).toEqual(addresses.map(() => 'accepted'));
      for (const address of addresses) expect(rig.taken(address)).toHaveLength(1);
    });

    it.each(refusals)('returns a refusal as a value: %s', async (category) => {
      const address = rig.address(category);
      const outcome = await rig.adapter.send(rig.message(address), never);
      expect(outcome).toMatchObject({ outcome: 'refused', category });
      if (outcome.outcome !== 'refused') return;
      expect(outcome.code).not.toBe('');
      expect(outcome.message).not.toBe('');
      expect(outcome.message, 'personal data in the message').not.toContain(address);
      expect(rig.taken(address)).toHaveLength(0);
    });

    it.runIf(kinds.includes('cut'))('says unknown when the answer is cut off', async () => {
      const address = rig.address('cut');
      const outcome = await rig.adapter.send(rig.message(address), never);
      expect(outcome.outcome).toBe('unknown');
      expect(rig.taken(address)).toHaveLength(1);
    });

    it.runIf(kinds.includes('hang'))('says unknown when no answer comes in time', async () => {
      const address = rig.address('hang');
      const impatient = rig.withTimeout(300);
      const started = performance.now();
      const outcome = await impatient.send(rig.message(address), never);
      expect(outcome.outcome).toBe('unknown');
      expect(performance.now() - started).toBeGreaterThanOrEqual(250);
      expect(rig.taken(address)).toHaveLength(1);
      await impatient.close();
    });

    it('sends nothing when it is stopped before, and burns no attempt', async () => {
      const address = rig.address('accepted');
      const outcome = await rig.adapter.send(rig.message(address), AbortSignal.abort());
      expect(outcome).toMatchObject({ outcome: 'refused', category: 'throttled' });
      expect(rig.taken(address)).toHaveLength(0);
    });

    it.runIf(kinds.includes('hang'))(
      'says unknown when it is stopped while waiting for the answer',
      async () => {
        const address = rig.address('hang');
        const stop = new AbortController();
        const taken = rig.whenTaken(address);
        const sending = rig.adapter.send(rig.message(address), stop.signal);
        await taken;
        stop.abort();
        expect((await sending).outcome).toBe('unknown');
      },
    );

    it('says temporary, and does not throw, when nobody listens', async () => {
      const { adapter, address } = rig.unreachable();
      const outcome = await adapter.send(rig.message(address), never);
      expect(outcome).toMatchObject({ outcome: 'refused', category: has.unreachable });
      await adapter.close();
    });

    it('probes the gateway', async () => {
      expect(await rig.adapter.probe(never)).toEqual({ ok: true });
    });

    const withWrongCredentials = async () => {
      const adapter = rig.misconfigured?.();
      if (!adapter) throw new Error('the rig has no adapter with wrong credentials');
      const address = rig.address('accepted');
      expect(await adapter.probe(never)).toMatchObject({ ok: false });
      const outcome = await adapter.send(rig.message(address), never);
      expect(outcome).toMatchObject({ outcome: 'refused', category: 'configuration' });
      expect(rig.taken(address)).toHaveLength(0);
      await adapter.close();
    };
    if (has.credentials) {
      it(
        'says in a probe, and as configuration in an outcome, that the credentials are wrong',
        withWrongCredentials,
      );
    }

    it('leaves no connection open when it is closed', async () => {
      const before = await rig.connections();
      const other = rig.withTimeout(5_000);
      const address = rig.address('accepted');
      expect(await other.send(rig.message(address), never)).toMatchObject({ outcome: 'accepted' });
      await other.close();
      await expect.poll(() => rig.connections()).toBeLessThanOrEqual(before);
      const late = await other.send(rig.message(rig.address('accepted')), never);
      expect(late).toMatchObject({ outcome: 'refused', category: has.unreachable });
    });

    const isAsked = async () => {
      const settle = rig.adapter.settle?.bind(rig.adapter);
      if (!settle) throw new Error('the adapter cannot be asked');
      const question = (address: string) => {
        const { deliveryId, content } = rig.message(address);
        const body = content.channel === 'email' ? content.text : content.body;
        return { deliveryId, address, body, claimedAgoMs: 1_000, others: async () => new Set<string>() };
      };
      const lost = rig.address('cut');
      await rig.adapter.send(rig.message(lost), never);
      expect(await settle(question(lost), never)).toEqual({
        settled: 'found',
        providerMessageId: rig.taken(lost)[0]?.gatewayMessageId,
      });
      expect(await settle(question(rig.address('accepted')), never)).toEqual({ settled: 'not-found' });
      const { adapter, address } = rig.unreachable();
      expect(await adapter.settle?.(question(address), never)).toMatchObject({ settled: 'unavailable' });
      await adapter.close();
    };
    const isAskedForReceipts = async () => {
      const address = rig.address('accepted');
      const outcome = await rig.adapter.send(rig.message(address), never);
      if (outcome.outcome !== 'accepted') throw new Error('it was not taken');
      const { providerMessageId } = outcome;
      const ask = rig.adapter.askReceipt?.bind(rig.adapter);
      await expect
        .poll(() => ask?.({ providerMessageId }, never))
        .toMatchObject({ asked: 'told', receipt: 'delivered' });
      const nobodys = providerMessageId.replace(/\w{12}$/, '0'.repeat(12));
      expect(await ask?.({ providerMessageId: nobodys }, never)).toEqual({ asked: 'not-known' });
      const { adapter } = rig.unreachable();
      expect(await adapter.askReceipt?.({ providerMessageId }, never)).toMatchObject({
        asked: 'unavailable',
      });
      await adapter.close();
    };
    it('can be asked for a receipt only if it reports any by itself', async () => {
      if (!rig.adapter.askReceipt) return;
      expect(rig.adapter.abilities.receipts).toBe(true);
      await isAskedForReceipts();
    });

    if (has.settlement) it('is asked what became of a message', isAsked);
    else {
      it('cannot be asked: what is in doubt is sent again under the same id', () => {
        expect(rig.adapter.settle).toBeUndefined();
      });
    }
  });
}
