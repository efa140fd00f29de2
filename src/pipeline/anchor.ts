import { formatAnchor } from '../domain/audit.ts';
import type { AuditStore } from './audit-store.ts';
import type { Messenger } from './message.ts';
import type { Logger } from './ports.ts';

/**
 * Puts the head of the audit chain where nobody of Herald can change it: into the log, and into the mailboxes of those
 * who keep it. Once a day, by the leading sweeper; told again when it died in between.
 * @returns whether it was time for it
 */
export async function anchorDaily(deps: {
  readonly audit: AuditStore;
  readonly messenger: Pick<Messenger, 'send'>;
  /** Mailboxes; may be none. */
  readonly emails: readonly string[];
  readonly log: Logger;
}): Promise<boolean> {
  const { audit, messenger, emails, log } = deps;
  if (!(await audit.isAnchorDue())) return false;
  const head = await audit.head();
  const anchor = formatAnchor(head);
  log.info({ anchor }, 'the audit chain’s head; keep this line outside of Herald');
  let mailed = 0;
  for (const to of emails) {
    try {
      await messenger.send(
        { channel: 'email', to, template: 'audit-anchor', fields: { anchor }, expiresInMinutes: 720 },
        null,
      );
      mailed += 1;
    } catch (error) {
      log.error({ err: error }, 'the audit chain’s head could not be mailed; the next one is tomorrow’s');
    }
  }
  await audit.note({
    by: undefined,
    act: 'anchor',
    subjectType: 'audit',
    subjectId: head.id,
    details: { sha256: head.sha256, mailed: String(mailed) },
  });
  return true;
}
