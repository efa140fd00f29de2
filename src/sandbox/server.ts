import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { answerControl, type Gateways } from './control.ts';
import { answerJson } from './http.ts';
import { Ledger } from './ledger.ts';
import { answerOutbox } from './outbox.ts';
import { type SandboxSmtpOptions, startSandboxSmtp } from './smtp.ts';
import { SandboxTwilio, type TwilioAccount, type TwilioSettings } from './twilio.ts';
import { createWebhookReceiver } from './webhook-receiver.ts';

export interface SandboxOptions {
  /** Of the HTTP server; 0 (default): a free one. */
  readonly port?: number;
  /** Address that both servers listen on; default 127.0.0.1. */
  readonly host?: string;
  /** The account that the sandbox's Twilio knows; default: one made up. */
  readonly twilio?: TwilioAccount;
  readonly twilioSettings?: Partial<TwilioSettings>;
  readonly smtp?: SandboxSmtpOptions;
}

/** The loopback gateways: a Twilio, an SMTP relay and a receiver of webhooks that send nothing to anybody. */
export interface Sandbox extends Gateways {
  /** `http://127.0.0.1:port`: base of the Twilio API, of `/hooks/…` and of `/outbox`. */
  readonly url: string;
  /** `smtp://127.0.0.1:port` */
  readonly smtpUrl: string;
  readonly twilio: TwilioAccount;
  readonly ledger: Ledger;
  /** Open HTTP connections, of clients of whatever gateway. */
  connections(): Promise<number>;
  /** Ends everything; callbacks and bounces that are left are dropped. */
  close(): Promise<void>;
}

/** Starts the sandbox, on 127.0.0.1 unless told otherwise. @throws the server's error, e.g. `EADDRINUSE` */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const ledger = new Ledger();
  const account = options.twilio ?? {
    accountSid: `AC${randomBytes(16).toString('hex')}`,
    authToken: randomBytes(16).toString('hex'),
  };
  const twilio = new SandboxTwilio(ledger, account, options.twilioSettings);
  const hooks = createWebhookReceiver(ledger);
  const host = options.host ?? '127.0.0.1';
  const smtp = await startSandboxSmtp(ledger, { host, ...options.smtp });

  const gateways: Gateways = {
    configure(settings) {
      if (settings.twilio) twilio.configure(settings.twilio);
      if (settings.smtp) smtp.configure(settings.smtp);
      for (const [name, hook] of Object.entries(settings.hooks ?? {})) hooks.configure(name, hook);
    },
    inbound: (from, body) => twilio.inbound(from, body),
    idle: async () => void (await Promise.all([twilio.idle(), smtp.idle()])),
    lost: () => twilio.lostCallbacks + smtp.lostBounces(),
  };

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const [, first] = url.pathname.split('/');
    switch (first) {
      case '2010-04-01':
        return await twilio.handle(request, response, url);
      case 'hooks':
        return await hooks.handle(request, response);
      case 'outbox':
        return await answerOutbox(request, response, url, ledger);
      case '_control':
        return await answerControl(request, response, url, gateways);
      case '': {
        // As the caller calls us, which in a network of containers is not 127.0.0.1.
        const { origin, hostname } = new URL(
          request.headers.host ? `http://${request.headers.host}` : baseUrl(),
        );
        return answerJson(response, 200, {
          what: 'Herald sandbox: takes messages, sends nothing to anybody',
          gateways: { twilio: origin, smtp: `smtp://${hostname}:${smtp.port}`, webhook: `${origin}/hooks/` },
          outbox: `${origin}/outbox`,
          counts: ledger.counts(),
          lost: gateways.lost(),
        });
      }
      default:
        return answerJson(response, 404, { error: `the sandbox has no ${url.pathname}` });
    }
  }

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      answerJson(response, error instanceof RangeError ? 413 : 500, { error: message });
    });
  });
  // Longer than any client keeps an idle connection, so that no request meets a socket that is being closed.
  server.keepAliveTimeout = 60_000;
  const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    server.listen(options.port ?? 0, host);
    await once(server, 'listening');
  } catch (error) {
    await smtp.close();
    throw error;
  }

  return {
    ...gateways,
    url: baseUrl(),
    smtpUrl: smtp.url,
    twilio: account,
    ledger,
    connections: promisify(server.getConnections.bind(server)),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await Promise.all([closed, twilio.close(), smtp.close()]);
      ledger.close();
    },
  };
}
