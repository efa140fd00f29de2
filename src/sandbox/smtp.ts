import { once, setMaxListeners } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Ledger } from './ledger.ts';
import { type MagicMailbox, magicMailbox } from './magic-mailboxes.ts';
import { BounceSender, type BounceTarget } from './smtp-bounces.ts';

export interface SandboxSmtpSettings {
  /** Where bounces go; without it magic mailboxes do not bounce. */
  readonly bounceTo?: BounceTarget | undefined;
  /** Milliseconds before each answer to a message. Default 0. */
  readonly latencyMs: number;
}

export interface SandboxSmtpOptions extends Partial<SandboxSmtpSettings> {
  /** 0 (default): a free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
}

export interface SandboxSmtp {
  /** `smtp://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  configure(settings: Partial<SandboxSmtpSettings>): void;
  /** Resolves when no bounce is outstanding. */
  idle(): Promise<void>;
  /** Bounces that no try got through to the listener. */
  lostBounces(): number;
  /** Open connections. */
  connections(): number;
  /** Ends everything; bounces that are left are dropped. */
  close(): Promise<void>;
}

/** An error whose reply code the server library sends. */
class Reply extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

/**
 * An SMTP relay on 127.0.0.1 that delivers nothing: it writes each mail into the ledger, does what its magic mailbox
 * says, and sends real bounces (RFC 3464) to the return path. The ledger's `body` is the mail as it came; see
 * {@link readMail}.
 *
 * @throws the server's error, e.g. `EADDRINUSE`
 */
export async function startSandboxSmtp(
  ledger: Ledger,
  options: SandboxSmtpOptions = {},
): Promise<SandboxSmtp> {
  let settings: SandboxSmtpSettings = { latencyMs: 0, ...options };
  const bounces = new BounceSender();
  const closing = new AbortController();
  // Every mail that is being answered slowly listens for the end.
  setMaxListeners(0, closing.signal);
  const sockets = new Map<number, Socket>();
  const uses = new Map<string, number>();

  /** Whether a magic mailbox with `times` still has one to go for this address. */
  const useUp = (address: string, times: number): boolean => {
    const used = uses.get(address) ?? 0;
    uses.set(address, used + 1);
    return used < times;
  };
  const refuses = (address: string, at: 'recipient' | 'content'): Reply | null => {
    const effect = magicMailbox(address)?.effect;
    if (effect?.kind !== 'refuse' || effect.at !== at) return null;
    if (effect.times !== undefined && !useUp(address, effect.times)) return null;
    return new Reply(effect.code, effect.message);
  };

  /** Takes one mail. @returns false when the client is to hear nothing */
  const take = async (raw: Buffer, session: SMTPServerSession): Promise<boolean> => {
    const end = raw.indexOf('\r\n\r\n');
    const head = raw.subarray(0, end < 0 ? raw.length : end + 2);
    const { headers, headerLines } = await simpleParser(Buffer.concat([head, Buffer.from('\r\n')]));
    const messageId = String(headers.get('message-id') ?? '');
    const deliveryId = /^<([^@>]+)@/.exec(messageId)?.[1];
    const subject = headers.get('subject');
    let answer = true;
    for (const { address, dsn } of session.envelope.rcptTo) {
      const effect = magicMailbox(address)?.effect;
      const outcome = outcomeFor(effect, (times) => useUp(address, times));
      const entry = ledger.add({
        channel: 'email',
        gatewayMessageId: messageId,
        ...(deliveryId === undefined ? {} : { deliveryId }),
        address,
        ...(typeof subject === 'string' ? { subject } : {}),
        body: raw.toString('utf8'),
        headers: Object.fromEntries(
          headerLines.map(({ key, line }) => [
            key,
            line
              .slice(line.indexOf(':') + 1)
              .replace(/\r?\n/g, '')
              .trim(),
          ]),
        ),
        outcome,
      });
      if (outcome === 'reset') sockets.get(session.remotePort)?.destroy();
      if (outcome === 'reset' || outcome === 'hung') answer = false;
      if (effect?.kind === 'slow') await delay(effect.ms, undefined, { signal: closing.signal });
      const returnPath = session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
      const asked = dsn?.notify?.includes(
        effect?.kind === 'bounce' && effect.action === 'delayed' ? 'DELAY' : 'FAILURE',
      );
      if (effect?.kind === 'bounce' && settings.bounceTo && returnPath !== '' && asked !== false) {
        const mail = {
          returnPath,
          recipient: address,
          envelopeId: session.envelope.dsn?.envid ?? undefined,
          originalRecipient: dsn?.orcpt,
          headers: head.toString('utf8').replaceAll('\r\n', '\n'),
        };
        bounces.send(settings.bounceTo, mail, effect, (told) => ledger.tell(entry, told));
      }
    }
    if (answer) await delay(settings.latencyMs, undefined, { signal: closing.signal });
    return answer;
  };

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: true,
    hideDSN: false,
    size: 10_000_000,
    closeTimeout: 1,
    maxAllowedUnauthenticatedCommands: false,
    onRcptTo: ({ address }, _session, done) => done(refuses(address, 'recipient')),
    onData(stream, session, done) {
      buffer(stream)
        .then(async (raw) => {
          const refusal = session.envelope.rcptTo
            .map(({ address }) => refuses(address, 'content'))
            .find((r) => r);
          if (refusal) done(refusal);
          else if (await take(raw, session)) done(null, '2.0.0 Ok: taken by the sandbox');
        })
        .catch((error: unknown) =>
          done(new Reply(451, `4.3.0 ${error instanceof Error ? error.message : error}`)),
        );
    },
  });
  // A client that cuts its connection is no error of the sandbox's.
  server.on('error', () => undefined);
  server.server.on('connection', (socket) => {
    // Replies to pipelined commands are written one by one; held back for each other's ACK, a mail would take 40 ms.
    socket.setNoDelay(true);
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
  });
  const listening = once(server.server, 'listening');
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await listening;
  const { port } = server.server.address() as AddressInfo;

  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    configure: (changes) => {
      settings = { ...settings, ...changes };
    },
    idle: () => bounces.idle(),
    lostBounces: () => bounces.lost,
    connections: () => sockets.size,
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(resolve));
      for (const socket of sockets.values()) socket.destroy();
      await Promise.all([closed, bounces.close()]);
    },
  };
}

function outcomeFor(effect: MagicMailbox['effect'] | undefined, useUp: (times: number) => boolean): string {
  switch (effect?.kind) {
    case 'bounce':
      return effect.action === 'failed' ? 'bounced' : 'delayed';
    case 'take-and-cut':
      return useUp(effect.times) ? 'reset' : 'accepted';
    case 'take-and-hang':
      return useUp(effect.times) ? 'hung' : 'accepted';
    default:
      return 'accepted';
  }
}

/** The readable parts of a mail in the ledger. Parsed only when somebody looks: it costs more than taking the mail. */
export async function readMail(body: string): Promise<{ readonly text: string; readonly html: string }> {
  const { text, html } = await simpleParser(body, { skipHtmlToText: true, skipTextToHtml: true });
  return { text: text ?? '', html: html || '' };
}
