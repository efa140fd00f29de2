import { Readable } from 'node:stream';
import { createTransport, type NodemailerError } from 'nodemailer';
import type { Gateway } from '../../domain/channel.ts';
import { HeraldError } from '../../domain/errors.ts';
import type { SendOutcome } from '../../domain/outcome.ts';
import type { ChannelAdapter } from '../../pipeline/ports.ts';
import { type Deadline, startDeadline } from '../deadline.ts';
import { type ComposedEmail, createComposer, type EmailIdentity } from './compose.ts';
import { categoryOfClientCode, categoryOfReply, parseReply, phaseOf } from './smtp-codes.ts';

export interface SmtpOptions extends EmailIdentity {
  readonly gateway: Gateway;
  /** `smtp://user:password@host:587`, `smtps://…`; nodemailer's options as query (`?requireTLS=true`). */
  readonly smtpUrl: string;
  /** Open connections, and so most messages at a time. */
  readonly connections: number;
  /** Upper bound of one send, connecting included, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Told of each code that no table knows; it counts as temporary. */
  readonly onUnlistedCode?: (unlisted: { readonly code: string; readonly message: string }) => void;
}

/** Enough that a busy connection is seldom made anew; a server that wants fewer says 421. */
const MESSAGES_PER_CONNECTION = 1_000;
const PIECE_BYTES = 16_384;

/** How far a message got on the wire. */
interface Progress {
  /** The last byte was handed to the connection, and with it the dot that ends the message. */
  written: boolean;
}

/**
 * E-mail over a pool of SMTP connections. A mail is taken when the server answers the dot that ends its data;
 * what happens before that dot was written cannot have been taken, and what happens after it without an
 * answer is `unknown`.
 *
 * @throws HeraldError `smtp-url-invalid`, `email-mailbox-invalid`, `dkim-key-unusable` (all invalid)
 */
export function createSmtpAdapter(options: SmtpOptions): ChannelAdapter<'email'> {
  checkUrl(options.smtpUrl);
  const { requestTimeoutMs } = options;
  const compose = createComposer(options);
  const progressOf = new WeakMap<object, Progress>();
  const transport = createTransport({
    url: options.smtpUrl,
    pool: true,
    maxConnections: options.connections,
    maxMessages: MESSAGES_PER_CONNECTION,
    // The pool hands a message to another connection by itself when its own, used before, was closed or answered 421.
    // It does so only while no byte of the message was read, so nothing goes out twice unseen. As many times as there
    // may be used connections: then the message meets a fresh one, whose answer is passed on.
    maxRequeues: options.connections,
    connectionTimeout: requestTimeoutMs,
    greetingTimeout: requestTimeoutMs,
    dnsTimeout: requestTimeoutMs,
    socketTimeout: requestTimeoutMs,
    socketCloseTimeout: 1_000,
  });
  transport.use('stream', (mail, done) => {
    mail.message.processFunc((input) => {
      const output = Readable.from(pieces(input), { objectMode: false });
      const progress = progressOf.get(Object(mail.data.raw));
      output.once('end', () => {
        if (progress) progress.written = true;
      });
      return output;
    });
    done();
  });

  return {
    channel: 'email',
    provider: 'smtp',
    gateway: options.gateway,
    abilities: {
      freeText: true,
      receipts: options.bounceAddress !== undefined,
      routes: [{ prefix: '', links: true, twoWay: false }],
    },
    concurrency: options.connections,
    requestTimeoutMs,

    async send(message, signal) {
      if (signal.aborted) return refused('throttled', 'ABORTED', 'given up before it was sent');
      let mail: ComposedEmail;
      try {
        mail = await compose(message);
      } catch (error) {
        return notComposed(error);
      }
      const progress: Progress = { written: false };
      progressOf.set(mail.raw, progress);
      const deadline = startDeadline(requestTimeoutMs, signal);
      try {
        const info = await transport.sendMail({
          raw: mail.raw,
          envelope: mail.envelope,
          dsn: {
            id: message.deliveryId,
            return: 'headers',
            notify: ['failure', 'delay'],
            recipient: message.address,
          },
          signal: deadline.signal,
        });
        const { reply, enhanced } = parseReply(info.response);
        return {
          outcome: 'accepted',
          providerMessageId: mail.messageId,
          delivered: false,
          detail: `${reply} ${enhanced}`.trim(),
        };
      } catch (error) {
        return notSent(error, progress, deadline, message.address, options.onUnlistedCode);
      } finally {
        deadline.clear();
      }
    },

    async probe(signal) {
      const deadline = startDeadline(requestTimeoutMs, signal);
      const givenUp = new Promise<never>((_, reject) => {
        deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason), { once: true });
      });
      try {
        await Promise.race([transport.verify(), givenUp]);
        return { ok: true };
      } catch (error) {
        return { ok: false, message: error instanceof Error ? error.message : String(error) };
      } finally {
        deadline.clear();
      }
    },

    async close() {
      transport.close();
    },
  };
}

/** Cut small, so that the end is not read before the connection has had room for what lies before it. */
async function* pieces(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

/** A mail that cannot be made: a bad address is that recipient's, everything else would be wrong for everybody. */
function notComposed(error: unknown): SendOutcome {
  if (!(error instanceof HeraldError)) throw error;
  const category =
    error.code === 'email-address-invalid'
      ? 'permanent'
      : error.code === 'dkim-key-unusable'
        ? 'configuration'
        : 'rejected-content';
  return refused(category, error.code, error.message);
}

function notSent(
  error: unknown,
  progress: Progress,
  deadline: Deadline,
  address: string,
  onUnlistedCode: SmtpOptions['onUnlistedCode'],
): SendOutcome {
  const { code = 'EUNKNOWN', command, response = '', message = '' } = error as Partial<NodemailerError>;
  const { reply, enhanced } = parseReply(response);
  // A reply is an answer, whatever became of the connection afterwards.
  if (reply === '') {
    if (progress.written) {
      return { outcome: 'unknown', code, message: `no answer after the message was written: ${message}` };
    }
    if (code === 'EABORT') {
      return deadline.expired
        ? refused('temporary', 'ETIMEDOUT', 'the server did not come as far as taking the message in time')
        : refused('throttled', 'ABORTED', 'given up before it was sent');
    }
  }
  const known =
    reply === '' ? categoryOfClientCode(code) : categoryOfReply(phaseOf(command), { reply, enhanced });
  // Servers repeat the address in their replies; events hold no personal data.
  const text = (reply === '' ? message : response).replaceAll(address, '<recipient>').slice(0, 300);
  const outcome = refused(known ?? 'temporary', reply === '' ? code : `${reply} ${enhanced}`.trim(), text);
  if (known === undefined) onUnlistedCode?.({ code: outcome.code, message: text });
  return outcome;
}

function refused(
  category: Extract<SendOutcome, { outcome: 'refused' }>['category'],
  code: string,
  message: string,
): SendOutcome & { readonly outcome: 'refused' } {
  return { outcome: 'refused', category, code, message };
}

function checkUrl(smtpUrl: string): void {
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : undefined;
  if (url && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== '') return;
  // The URL may hold a password, so it is not repeated.
  throw new HeraldError('invalid', 'smtp-url-invalid', 'the SMTP URL is not one', {
    fix: 'write it as smtp://user:password@host:587 or smtps://…',
  });
}
