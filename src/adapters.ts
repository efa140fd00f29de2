import { readFileSync } from 'node:fs';
import { createSmtpAdapter } from './channels/email/smtp.ts';
import { createTwilioAdapter } from './channels/sms/twilio.ts';
import {
  DELIVERY_PARAM,
  parseInbound,
  parseStatusCallback,
  verifyTwilioSignature,
} from './channels/sms/twilio-callbacks.ts';
import { createWebhookAdapter } from './channels/webhook/http.ts';
import type { ReadyConfig } from './config.ts';
import { purposeKey } from './config.ts';
import type { Channel, Gateway } from './domain/channel.ts';
import { HeraldError } from './domain/errors.ts';
import type { AdapterFor, ChannelAdapter, Logger } from './pipeline/ports.ts';
import type { SmsCallbacks } from './pipeline/receive.ts';

/** How long one request may take. */
export const REQUEST_TIMEOUT_MS = {
  sms: 10_000,
  email: 20_000,
  webhook: 15_000,
} as const satisfies Record<Channel, number>;

/**
 * Single messages have connections of their own beside those of announcements (config.connections): a broadcast that waits
 * for slow answers holds all of its own.
 */
export const SINGLE_CONNECTIONS: Readonly<Record<Channel, number>> = { sms: 8, email: 2, webhook: 0 };
/** The sandbox takes any service of the right form. */
const SANDBOX_SERVICE = `MG${'0'.repeat(32)}`;

/** Where the sandbox's gateways listen, as it says itself. */
export interface SandboxGateways {
  readonly url: string;
  readonly smtp: string;
}

/** The account that the sandbox's Twilio knows: made from the secret, so that every process finds the same one. */
export function sandboxAccount(secret: string): { readonly accountSid: string; readonly authToken: string } {
  const key = purposeKey(secret, 'sandbox-twilio').toString('hex');
  return { accountSid: `AC${key.slice(0, 32)}`, authToken: key.slice(32) };
}

type Maker = {
  readonly [C in Channel]: (gateway: Gateway, connections: number) => ChannelAdapter<C> | undefined;
};

/** The adapters of a process, each made when it is first asked for. */
export function createAdapters(config: ReadyConfig, sandbox: SandboxGateways | undefined, log: Logger) {
  const made = new Map<string, ChannelAdapter | undefined>();
  const domain = new URL(config.publicUrl).hostname;
  const statusCallbackUrl = (deliveryId: string) =>
    `${config.publicUrl}/callbacks/twilio/status?${DELIVERY_PARAM}=${deliveryId}`;
  const onUnlistedCode = (refusal: object) =>
    log.error(refusal, 'the provider answered with a code that no table knows; taken as temporary');

  const make: Maker = {
    sms(gateway, connections) {
      const common = {
        requestTimeoutMs: REQUEST_TIMEOUT_MS.sms,
        connections,
        gateway,
        statusCallbackUrl,
        onUnlistedCode,
      };
      if (gateway === 'live') {
        if (!config.twilio) return undefined;
        const { apiUrl, ...account } = config.twilio;
        return createTwilioAdapter({ ...common, ...account, ...(apiUrl && { apiUrl }) });
      }
      if (!sandbox) return undefined;
      return createTwilioAdapter({
        ...common,
        ...sandboxAccount(config.secret),
        sender: { messagingServiceSid: SANDBOX_SERVICE },
        apiUrl: sandbox.url,
      });
    },

    email(gateway, connections) {
      const smtpUrl = gateway === 'live' ? config.smtp?.url : sandbox?.smtp;
      if (!smtpUrl) return undefined;
      const { bounceAddress } = config;
      const dkim = gateway === 'live' ? config.smtp?.dkim : undefined;
      return createSmtpAdapter({
        requestTimeoutMs: REQUEST_TIMEOUT_MS.email,
        connections,
        gateway,
        smtpUrl,
        from: config.smtp?.from ?? `${config.officeName} <notices@herald.invalid>`,
        ...(bounceAddress && { bounceAddress, oneClickMail: leaveAddress(bounceAddress) }),
        messageIdDomain: domain,
        listId: `notices.${domain}`,
        onUnlistedCode,
        ...(dkim && {
          dkim: {
            domain: dkim.domain,
            selector: dkim.selector,
            privateKey: readKey(dkim.privateKeyFile),
          },
        }),
      });
    },

    webhook(gateway, concurrency) {
      const requestTimeoutMs = REQUEST_TIMEOUT_MS.webhook;
      if (gateway === 'live') {
        return createWebhookAdapter({
          gateway,
          concurrency,
          requestTimeoutMs,
          allowedCidrs: config.webhookAllowedCidrs,
        });
      }
      if (!sandbox) return undefined;
      const adapter = createWebhookAdapter({
        gateway,
        concurrency,
        requestTimeoutMs,
        allowedHosts: [new URL(sandbox.url).host],
      });
      // A rehearsal never reaches a newsroom: an endpoint outside the sandbox is stood in for by one inside.
      return {
        ...adapter,
        send: (message, signal) =>
          adapter.send(
            message.address.startsWith(`${sandbox.url}/`)
              ? message
              : { ...message, address: `${sandbox.url}/hooks/rehearsal` },
            signal,
          ),
      };
    },
  };

  const over =
    (lane: string, connections: Readonly<Record<Channel, number>>): AdapterFor =>
    (channel, gateway) => {
      const key = `${lane}:${channel}:${gateway}`;
      if (!made.has(key))
        made.set(key, make[channel](gateway, connections[channel]) as ChannelAdapter | undefined);
      return made.get(key) as ReturnType<Maker[typeof channel]>;
    };

  return {
    adapterFor: over('announcements', config.connections),
    /** The same providers, for single messages. */
    singleAdapterFor: over('single', SINGLE_CONNECTIONS),
    /** Why a channel cannot go through a gateway; undefined when it can. */
    missingProvider(channel: Channel, gateway: Gateway): string | undefined {
      if (gateway === 'sandbox')
        return sandbox
          ? undefined
          : 'no sandbox is running; start one with `herald start`, or set HERALD_SANDBOX_URL';
      if (channel === 'sms' && !config.twilio) return 'no SMS provider is configured (TWILIO_ACCOUNT_SID …)';
      if (channel === 'email' && !config.smtp) return 'no SMTP relay is configured (SMTP_URL, EMAIL_FROM)';
      return undefined;
    },
    callbacks: smsCallbacks(config, sandbox),
    async close(): Promise<void> {
      await Promise.all([...made.values()].map((adapter) => adapter?.close()));
    },
  };
}

/** @throws HeraldError `dkim-key-unusable` */
function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HeraldError(
      'invalid',
      'dkim-key-unusable',
      `cannot read DKIM_PRIVATE_KEY_FILE: ${String(error)}`,
      {
        fix: 'name a file with an RSA key in PEM that this user may read',
        cause: error,
      },
    );
  }
}

/** `bounce@…` → `leave@…`: the listener takes both. */
export const leaveAddress = (bounceAddress: string): string =>
  `leave@${bounceAddress.slice(bounceAddress.lastIndexOf('@') + 1)}`;

function smsCallbacks(config: ReadyConfig, sandbox: SandboxGateways | undefined): SmsCallbacks[] {
  const accounts = [
    ...(config.twilio ? [{ gateway: 'live' as const, ...config.twilio }] : []),
    ...(sandbox ? [{ gateway: 'sandbox' as const, ...sandboxAccount(config.secret) }] : []),
  ];
  return accounts.map(({ gateway, accountSid, authToken }) => ({
    gateway,
    accountSid,
    verify: ({ url, params, signature }) => verifyTwilioSignature({ authToken, url, params, signature }),
    parseStatus: ({ params, query }) => parseStatusCallback(params, query),
    parseInbound: ({ params }) => parseInbound(params),
  }));
}
