import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createWebhookAdapter, type WebhookOptions } from '../../../src/channels/webhook/http.ts';
import { generateSecret } from '../../../src/channels/webhook/signature.ts';
import { startSandbox } from '../../../src/sandbox/server.ts';
import type { HookBehaviour } from '../../../src/sandbox/webhook-receiver.ts';
import { describeChannelAdapter, type Kind, type Rig } from '../../conformance/channel-adapter.ts';

const BEHAVIOURS: Partial<Record<Kind, HookBehaviour>> = {
  accepted: 'ok',
  temporary: 'fail-500',
  throttled: 'throttle',
  permanent: 'redirect',
  'opted-out': 'gone-410',
  cut: 'reset',
  hang: 'hang',
};

describeChannelAdapter(
  'HTTP',
  Object.keys(BEHAVIOURS) as Kind[],
  { credentials: false, settlement: false, unreachable: 'temporary' },
  async (): Promise<Rig<'webhook'>> => {
    const sandbox = await startSandbox();
    const secret = generateSecret();
    const nobody = createServer();
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
    const closed = `127.0.0.1:${(nobody.address() as AddressInfo).port}`;
    await new Promise((resolve) => nobody.close(resolve));

    let serial = 0;
    const make = (changes: Partial<WebhookOptions> = {}) =>
      createWebhookAdapter({
        gateway: 'sandbox',
        concurrency: 5,
        requestTimeoutMs: 5_000,
        allowedHosts: [new URL(sandbox.url).host, closed],
        ...changes,
      });
    return {
      adapter: make(),
      withTimeout: (requestTimeoutMs) => make({ requestTimeoutMs }),
      unreachable: () => ({ adapter: make(), address: `http://${closed}/` }),
      address(kind) {
        const name = `outlet-${++serial}`;
        sandbox.configure({ hooks: { [name]: { secrets: [secret], behaviour: BEHAVIOURS[kind] ?? 'ok' } } });
        return `${sandbox.url}/hooks/${name}`;
      },
      message: (address) => ({
        deliveryId: `dlv_${++serial}`,
        attempt: 1,
        address,
        content: { channel: 'webhook', body: '{"type":"announcement"}' },
        secrets: [secret],
      }),
      taken: (address) => sandbox.ledger.list({ address }),
      whenTaken: (address) =>
        new Promise((resolve) => {
          const stop = sandbox.ledger.onTaken((entry) => {
            if (entry.address !== address) return;
            stop();
            resolve();
          });
        }),
      connections: () => sandbox.connections(),
      close: () => sandbox.close(),
    };
  },
);
