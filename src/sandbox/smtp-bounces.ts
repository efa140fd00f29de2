import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Told } from './ledger.ts';
import type { MailboxEffect } from './magic-mailboxes.ts';

const MTA = 'sandbox.invalid';
/** Milliseconds before each further try; a real server would wait for minutes. */
const RETRY_DELAYS = [100, 200, 400, 800];

/** What a notification is about. */
export interface BouncedMail {
  /** The envelope's sender: where the notification goes. */
  readonly returnPath: string;
  readonly recipient: string;
  readonly envelopeId: string | undefined;
  /** `rfc822;…` as the client gave it. */
  readonly originalRecipient: string | undefined;
  /** Header block of the mail. */
  readonly headers: string;
}

/** Where bounces are delivered, whatever domain the return path names. */
export interface BounceTarget {
  readonly host: string;
  readonly port: number;
}

/** Sends delivery status notifications and knows how many are on their way. */
export class BounceSender {
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Notifications that no try got through to the target. */
  lost = 0;

  constructor() {
    // Every notification that waits listens for the end.
    setMaxListeners(0, this.#closing.signal);
  }

  /**
   * Sends one in the background.
   * @param tell called when it was answered, or given up
   */
  send(
    target: BounceTarget,
    mail: BouncedMail,
    effect: MailboxEffect & { readonly kind: 'bounce' },
    tell: (told: Told) => void,
  ): void {
    const sending = this.#deliver(target, mail, effect)
      .then((answer) => tell({ status: effect.action, code: effect.status, answer }))
      .finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  /** Resolves when none is on its way. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Drops what is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.idle();
  }

  /** @returns the reply code; null when no try got through */
  async #deliver(
    { host, port }: BounceTarget,
    mail: BouncedMail,
    effect: MailboxEffect & { readonly kind: 'bounce' },
  ): Promise<number | null> {
    const transport = createTransport({ host, port, ignoreTLS: true, socketTimeout: 10_000 });
    const raw = await notification(mail, effect);
    // A null sender, so that nobody bounces a bounce (RFC 5321 4.5.5).
    const envelope = { from: '', to: mail.returnPath };
    for (const wait of [0, ...RETRY_DELAYS]) {
      try {
        await delay(wait, undefined, { signal: this.#closing.signal });
        const { response } = await transport.sendMail({ envelope, raw, signal: this.#closing.signal });
        return Number.parseInt(response, 10);
      } catch {
        // The listener is away or busy: the next try, as a mail server would; after the last one it counts as lost.
        if (this.#closing.signal.aborted) break;
      }
    }
    this.lost++;
    return null;
  }
}

/** RFC 3462 and 3464: a text for people, the fields for machines, the headers of the mail. */
async function notification(
  mail: BouncedMail,
  effect: MailboxEffect & { readonly kind: 'bounce' },
): Promise<Buffer> {
  const report = new MimeNode('multipart/report; report-type=delivery-status', { newline: 'win' });
  report.setHeader({
    From: `Mail Delivery System <mailer-daemon@${MTA}>`,
    To: mail.returnPath,
    Subject: effect.action === 'failed' ? 'Undelivered Mail Returned to Sender' : 'Delayed Mail',
    'Auto-Submitted': 'auto-replied',
  });
  report
    .createChild('text/plain')
    .setContent(`Your mail to ${mail.recipient} ${effect.action}.\n\n${effect.diagnostic}\n`);
  const fields = (lines: readonly string[]) => lines.filter((line) => line !== '').join('\n');
  const ofMessage = fields([
    `Reporting-MTA: dns; ${MTA}`,
    mail.envelopeId === undefined ? '' : `Original-Envelope-Id: ${mail.envelopeId}`,
  ]);
  const ofRecipient = fields([
    mail.originalRecipient === undefined ? '' : `Original-Recipient: ${mail.originalRecipient}`,
    `Final-Recipient: rfc822; ${mail.recipient}`,
    `Action: ${effect.action}`,
    `Status: ${effect.status}`,
    `Diagnostic-Code: ${effect.diagnostic}`,
  ]);
  report.createChild('message/delivery-status').setContent(`${ofMessage}\n\n${ofRecipient}\n`);
  report.createChild('text/rfc822-headers').setContent(`${mail.headers}\n`);
  return await report.build();
}
