import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { HeraldError } from '../../domain/errors.ts';
import { MAX_REPORT_BYTES, type MailReport, parseBounce, type ReportMailboxes } from './bounce.ts';
import { plusTag } from './plus-address.ts';

export interface BounceListenerOptions extends ReportMailboxes {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly messageIdDomain?: string;
  /** Bytes of one mail; default 1 MB. */
  readonly maxBytes?: number;
  /** Writes a report down. Only when it has resolved is the mail taken; when it rejects, the sender tries again. */
  readonly onReport: (report: MailReport) => Promise<void>;
  /** Told what was answered with 451, and errors of connections. */
  readonly onError?: (error: Error) => void;
}

export interface BounceListener {
  readonly port: number;
  /** Takes no more mail, gives what is under way 2 s, and resolves when the port is free. */
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
 * The mail server that bounces and one-click mails are routed to. It takes mail for `bounce+…` and `leave+…` of the
 * given addresses only. What it takes and does not understand (an out-of-office answer) is dropped: refusing it would
 * only bounce the bounce.
 *
 * Rejects when it cannot listen.
 */
export async function startBounceListener(options: BounceListenerOptions): Promise<BounceListener> {
  const maxBytes = options.maxBytes ?? MAX_REPORT_BYTES;
  const onError = options.onError ?? (() => undefined);
  const mailboxes = [options.bounceAddress, options.leaveAddress].filter((m) => m !== undefined);

  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: true,
    size: maxBytes,
    // One mail, one address: the report is about one delivery. A server with more is told to send them one by one.
    maxRecipients: 1,
    maxClients: 50,
    socketTimeout: 60_000,
    closeTimeout: 2_000,
    maxAllowedUnauthenticatedCommands: false,
    onRcptTo({ address }, _session, done) {
      const ours = mailboxes.some((mailbox) => plusTag(mailbox, address) !== undefined);
      done(ours ? null : new Reply(550, '5.1.1 only bounces and requests to leave are taken here'));
    },
    onData(stream, session, done) {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      parseBounce(stream, { ...options, recipients, maxBytes })
        .then(async (reports) => {
          for (const report of reports) await options.onReport(report);
          done(null, '2.0.0 taken');
        })
        .catch((error: unknown) => {
          const code = error instanceof HeraldError ? error.code : undefined;
          if (code === 'mail-report-too-large') {
            done(new Reply(552, '5.3.4 larger than what is taken here'));
            stream.resume();
          } else if (code === 'mail-report-empty' || code === 'mail-report-unreadable') {
            done(null, '2.0.0 taken and dropped');
          } else {
            onError(error instanceof Error ? error : new Error(String(error)));
            done(new Reply(451, '4.3.0 not written down; try again later'));
          }
        });
    },
  });
  server.on('error', onError);
  const listening = once(server.server, 'listening');
  server.listen(options.port, options.host);
  await listening;
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
