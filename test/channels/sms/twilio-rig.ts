import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTwilioAdapter, type TwilioOptions } from '../../../src/channels/sms/twilio.ts';
import type { UnlistedCode } from '../../../src/channels/sms/twilio-failures.ts';
import { segmentSms } from '../../../src/domain/segments.ts';
import type { OutgoingSms } from '../../../src/pipeline/ports.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/server.ts';

export const MESSAGING_SERVICE = `MG${'0'.repeat(32)}`;

let numbers = 0;

/** A number that no other test uses; ordinary, or a magic one by its suffix. */
export function newNumber(suffix?: string): string {
  numbers++;
  const area = 2 + Math.floor(numbers / 100_000);
  if (suffix) return `+1${200 + (numbers % 700)}${area}${suffix}`;
  return `+1202${area}${String(numbers).padStart(6, '0')}`;
}

export function smsTo(address: string, body = '【滨江公安】请注意安全。'): OutgoingSms {
  return {
    deliveryId: `dlv_${address.slice(1)}`,
    attempt: 1,
    address,
    content: { channel: 'sms', body, segments: segmentSms(body) },
    validForMs: 3_600_000,
  };
}

/** A sandbox and adapters to it. */
export async function startTwilioRig(options: SandboxOptions = {}) {
  const sandbox = await startSandbox({
    ...options,
    twilioSettings: { listLagMs: 0, ...options.twilioSettings },
  });
  const unlisted: UnlistedCode[] = [];
  const adapterTo = (changes: Partial<TwilioOptions> = {}) =>
    createTwilioAdapter({
      gateway: 'sandbox',
      ...sandbox.twilio,
      sender: { messagingServiceSid: MESSAGING_SERVICE },
      apiUrl: sandbox.url,
      // Nobody listens there: what is reported is not what these tests are about.
      statusCallbackUrl: (deliveryId) => `${sandbox.url}/nobody?delivery=${deliveryId}`,
      connections: 4,
      requestTimeoutMs: 10_000,
      onUnlistedCode: (code) => unlisted.push(code),
      ...changes,
    });
  return { sandbox, adapterTo, unlisted };
}

export async function whenTaken(sandbox: Sandbox, address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = sandbox.ledger.onTaken((entry) => {
      if (entry.address !== address) return;
      stop();
      resolve();
    });
  });
}

/** The base URL of a port of loopback where nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
