import type { FailureCategory } from '../../domain/outcome.ts';

/** What the server was answering: the session, our login, our sender, the recipient, or the message itself. */
export type SmtpPhase = 'connect' | 'auth' | 'sender' | 'recipient' | 'content';

interface Rule {
  /** Absent: in every phase. */
  readonly phase?: SmtpPhase;
  /** Start of the reply code (RFC 5321): `5`, `421`. */
  readonly reply?: string;
  /** Start of the enhanced code (RFC 3463): `5.1.`; `none` when there must be none. */
  readonly enhanced?: string;
  readonly category: FailureCategory;
}

/**
 * First match wins. Two decisions stand behind it:
 *
 * - What the server holds against *us* (session, login, sender) is `configuration`, as it would be the same for
 *   every recipient. What it holds against one recipient never is, or one address could stop the channel.
 * - 5.7.x (policy) says nothing about whether a mailbox lives. Said of our sender it is configuration; of the
 *   message's content it is `rejected-content`, for a person to look at; of a recipient it is tried a few times
 *   and then fails, with the address left alone.
 */
const RULES: readonly Rule[] = [
  // Closing or overloaded, before the message was looked at: never processed.
  { reply: '421', category: 'throttled' },
  { enhanced: '4.3.', category: 'throttled' },
  { enhanced: '4.4.5', category: 'throttled' },
  { enhanced: '4.5.3', category: 'throttled' },
  { phase: 'connect', reply: '4', category: 'throttled' },
  // Us.
  { phase: 'connect', reply: '5', category: 'configuration' },
  { phase: 'auth', reply: '4', category: 'temporary' },
  { phase: 'auth', reply: '5', category: 'configuration' },
  { reply: '530', category: 'configuration' },
  { reply: '535', category: 'configuration' },
  { enhanced: '5.1.7', category: 'configuration' },
  { enhanced: '5.1.8', category: 'configuration' },
  { enhanced: '5.3.4', category: 'rejected-content' },
  { phase: 'sender', reply: '552', category: 'rejected-content' },
  { phase: 'sender', reply: '5', category: 'configuration' },
  // The mailbox. A full one (5.2.2) is emptied some day.
  { enhanced: '5.2.2', category: 'temporary' },
  { enhanced: '5.2.1', category: 'permanent' },
  { enhanced: '5.1.', category: 'permanent' },
  { phase: 'recipient', enhanced: '5.7.', category: 'temporary' },
  { phase: 'recipient', reply: '552', category: 'temporary' },
  { phase: 'recipient', reply: '554', category: 'temporary' },
  { phase: 'recipient', reply: '550', enhanced: 'none', category: 'permanent' },
  { phase: 'recipient', reply: '551', enhanced: 'none', category: 'permanent' },
  { phase: 'recipient', reply: '553', enhanced: 'none', category: 'permanent' },
  { phase: 'recipient', reply: '556', category: 'permanent' },
  // The text.
  { phase: 'content', enhanced: '5.7.', category: 'rejected-content' },
  { phase: 'content', enhanced: '5.6.', category: 'rejected-content' },
  { phase: 'content', enhanced: '5.2.3', category: 'rejected-content' },
  { phase: 'content', reply: '550', category: 'rejected-content' },
  { phase: 'content', reply: '552', category: 'rejected-content' },
  { phase: 'content', reply: '554', category: 'rejected-content' },
  // Greylisting, locks, full queues.
  { reply: '4', category: 'temporary' },
];

/** The client library's codes for what went wrong without a reply. */
const CLIENT_CODES: Readonly<Record<string, FailureCategory>> = {
  EAUTH: 'configuration',
  ENOAUTH: 'configuration',
  EOAUTH2: 'configuration',
  ETLS: 'configuration',
  ECONFIG: 'configuration',
  EPROXY: 'configuration',
  EENVELOPE: 'permanent',
  EMESSAGE: 'rejected-content',
  EDNS: 'temporary',
  ECONNECTION: 'temporary',
  ETIMEDOUT: 'temporary',
  ESOCKET: 'temporary',
  EPROTOCOL: 'temporary',
  ESTREAM: 'temporary',
};

export interface SmtpReply {
  /** `550` */
  readonly reply: string;
  /** `5.1.1`, or `''`. */
  readonly enhanced: string;
}

/** The codes at the start of a reply: `550 5.1.1 No such user` or `550-5.1.1 …` of a multi-line one. */
export function parseReply(response: string): SmtpReply {
  const match = /^(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})(?=\s|$))?/.exec(response);
  return { reply: match?.[1] ?? '', enhanced: match?.[2] ?? '' };
}

/** `undefined` when no rule knows it: to be taken as temporary, and looked at. */
export function categoryOfReply(
  phase: SmtpPhase,
  { reply, enhanced }: SmtpReply,
): FailureCategory | undefined {
  return RULES.find(
    (r) =>
      (r.phase === undefined || r.phase === phase) &&
      (r.reply === undefined || reply.startsWith(r.reply)) &&
      (r.enhanced === undefined ||
        (r.enhanced === 'none' ? enhanced === '' : enhanced.startsWith(r.enhanced))),
  )?.category;
}

/** The same for a failure that came without a reply, before the message could have been taken. */
export function categoryOfClientCode(code: string): FailureCategory | undefined {
  return CLIENT_CODES[code];
}

/** What the client was waiting for an answer to, from the command that its error names. */
export function phaseOf(command: string | undefined): SmtpPhase {
  if (command?.startsWith('AUTH')) return 'auth';
  if (command === 'MAIL FROM') return 'sender';
  if (command === 'RCPT TO') return 'recipient';
  if (command === 'DATA') return 'content';
  return 'connect';
}
