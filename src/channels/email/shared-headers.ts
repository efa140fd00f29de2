import type { OutgoingEmail } from '../../pipeline/ports.ts';
import { header } from './mime.ts';

/** Announcements, in their languages, that one process may be sending at a time. */
const KEPT = 64;

export interface SharedHeaderOptions {
  readonly from: { readonly name: string; readonly address: string };
  readonly listId: string;
  /** The Message-ID, with brackets, of an id. */
  readonly messageIdOf: (id: string) => string;
}

/**
 * The header fields that are the same for every mail of an announcement in a language, written once and kept.
 *
 * @returns a function of a message whose ids, subject and locale may stand in headers; each field ends with CRLF
 */
export function createSharedHeaders(options: SharedHeaderOptions): (message: OutgoingEmail) => string {
  const kept = new Map<string, string>();
  return (message) => {
    const { content, announcementId, supersededIds, leaveUrl } = message;
    // No id, no locale and no subject holds a line's end.
    const key = [announcementId, ...supersededIds, leaveUrl === null, content.locale, content.subject].join(
      '\n',
    );
    let fields = kept.get(key);
    if (fields === undefined) {
      fields = write(message, options);
      // A subject that names its reader would fill the memory with what is used once: the oldest goes.
      const [oldest] = kept.keys();
      if (oldest !== undefined && kept.size >= KEPT) kept.delete(oldest);
      kept.set(key, fields);
    }
    return fields;
  };
}

function write(message: OutgoingEmail, { from, listId, messageIdOf }: SharedHeaderOptions): string {
  // Mail clients thread by References even to mails that they do not have: every mail of an announcement names the
  // announcement, so a correction lies under the notice in each mailbox, with nothing kept per recipient.
  const references = [...message.supersededIds, message.announcementId].map(messageIdOf);
  const inReplyTo = references.at(-2);
  // What makes a mail one of a list (RFC 2919, RFC 8058); a message to one person is of none.
  const list = { 'List-Id': `<${listId}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' };
  const fields = {
    // As an object: a string would be parsed as a list of addresses.
    From: { ...from },
    Subject: message.content.subject,
    References: references,
    ...(inReplyTo !== undefined && { 'In-Reply-To': inReplyTo }),
    ...(message.leaveUrl !== null && list),
    'Auto-Submitted': 'auto-generated',
    'Content-Language': message.content.locale,
    'MIME-Version': '1.0',
  };
  return Object.entries(fields)
    .map(([name, value]) => header(name, value))
    .join('');
}
