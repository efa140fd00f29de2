import type { Writable } from 'node:stream';
import type { MailMessage, NodemailerError, SMTPSentMessageInfo } from 'nodemailer';
import SMTPPool from 'nodemailer/lib/smtp-pool';
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

/**
 * Seldom, because several mails wait for a new connection's greeting; now and then, because some servers refuse one mail after
 * another on a connection that has had its share. One that wants fewer says 421.
 */
const MESSAGES_PER_CONNECTION = 10_000;
const PIECE_BYTES = 16_384;

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
  const pool = new SMTPPool({
    url: options.smtpUrl,
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
      if (signal?.aborted) return refused('throttled', 'ABORTED', 'given up before it was sent');
      let mail: ComposedEmail;
      try {
        mail = await compose(message);
      } catch (error) {
        return notComposed(error);
      }
      const deadline = startDeadline(requestTimeoutMs, signal);
      const posting = new Posting(mail, message.deliveryId);
      try {
        const response = await posting.through(pool, deadline.signal);
        const { reply, enhanced } = parseReply(response);
        return {
          outcome: 'accepted',
          providerMessageId: mail.messageId,
          delivered: false,
          detail: `${reply} ${enhanced}`.trim(),
        };
      } catch (error) {
        return notSent(error, posting, deadline, mail.envelope.to, options.onUnlistedCode);
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
        await Promise.race([pool.verify(), givenUp]);
        return { ok: true };
      } catch (error) {
        return { ok: false, message: error instanceof Error ? error.message : String(error) };
      } finally {
        deadline.clear();
      }
    },

    async close() {
      pool.close();
    },
  };
}

/**
 * One mail on its way through the pool, which knows whether its last byte has left. It is itself what the pool reads the
 * mail from: of a stream the pool uses these two members alone, and a real one for each mail takes longer than its bytes.
 */
class Posting {
  /** While nothing was read of it, the pool may take a mail to another connection by itself. */
  readableDidRead = false;
  /** The server has asked for the data. */
  asked = false;
  /** The last byte was handed to a connection, and with it the dot that ends the message. */
  written = false;
  readonly #mail: ComposedEmail;
  readonly #deliveryId: string;

  constructor(mail: ComposedEmail, deliveryId: string) {
    this.#mail = mail;
    this.#deliveryId = deliveryId;
  }

  /** @returns the server's reply to the dot; rejects with the pool's error */
  through(pool: SMTPPool, signal: AbortSignal): Promise<string> {
    const { messageId, envelope } = this.#mail;
    const dsn = {
      id: this.#deliveryId,
      return: 'headers',
      notify: ['failure', 'delay'],
      recipient: envelope.to,
    };
    // The part of a mail that transports use. The bytes are ready and signed, so nothing of the library's composing,
    // which takes longer than the sending, is gone through a second time.
    const mail = {
      data: { dsn, signal },
      message: {
        getEnvelope: () => ({ from: envelope.from, to: [envelope.to] }),
        getHeader: () => messageId,
        messageId: () => messageId,
        createReadStream: () => this,
      },
    } as unknown as MailMessage<SMTPSentMessageInfo>;
    return new Promise((resolve, reject) => {
      pool.send(mail, (error, info) => (info ? resolve(info.response) : reject(error)));
    });
  }

  /** Called when the server has asked for the data. */
  pipe(connection: Writable): void {
    this.asked = true;
    const { raw } = this.#mail;
    let at = 0;
    this.readableDidRead = true;
    const write = () => {
      // The end is not written before the connection has had room for what lies before it.
      while (at + PIECE_BYTES < raw.length) {
        const room = connection.write(raw.subarray(at, at + PIECE_BYTES));
        at += PIECE_BYTES;
        if (!room) {
          connection.once('drain', write);
          return;
        }
      }
      this.written = true;
      connection.end(raw.subarray(at));
    };
    write();
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
  { asked, written }: Pick<Posting, 'asked' | 'written'>,
  deadline: Deadline,
  address: string,
  onUnlistedCode: SmtpOptions['onUnlistedCode'],
): SendOutcome {
  const { code = 'EUNKNOWN', command, response = '', message = '' } = error as Partial<NodemailerError>;
  const { reply, enhanced } = parseReply(response);
  // A reply is an answer, whatever became of the connection afterwards.
  if (reply === '') {
    if (written) {
      return { outcome: 'unknown', code, message: `no answer after the message was written: ${message}` };
    }
    if (code === 'EABORT') {
      return deadline.expired
        ? refused(
            asked ? 'temporary' : 'throttled',
            'ETIMEDOUT',
            'the server did not come as far as taking the message in time',
          )
        : refused('throttled', 'ABORTED', 'given up before it was sent');
    }
  }
  const told =
    reply === '' ? categoryOfClientCode(code) : categoryOfReply(phaseOf(command), { reply, enhanced });
  // It has not seen the message: whatever keeps us from the server, no outage may use up the message's tries.
  const known = reply === '' && !asked && told === 'temporary' ? 'throttled' : told;
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
