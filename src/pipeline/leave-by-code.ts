import { createHmac, randomInt, timingSafeEqual } from 'node:crypto';
import { maskAddress } from './address.ts';
import type { LeaveCodeStore } from './citizen-store.ts';
import type { Messenger } from './message.ts';
import type { Logger } from './ports.ts';
import type { ReceiptStore } from './stores.ts';

/** Leaving for those who get SMS without links from a sender that takes no answers (+86). */
export interface LeaveByCode {
  /** Sends a code to a number that is on the list; tells nobody whether it is. Never throws. @param phone E.164 */
  ask(phone: string): Promise<void>;
  /** @returns whether the code was right, and they have left */
  leave(phone: string, code: string): Promise<boolean>;
}

export interface LeaveByCodeDeps {
  readonly codes: LeaveCodeStore;
  readonly messenger: Pick<Messenger, 'send'>;
  readonly receipts: Pick<ReceiptStore, 'suppress'>;
  readonly leaveKey: Buffer;
  readonly log: Logger;
}

/** As long as a code is good; later it would only confuse. */
const EXPIRES_IN_MINUTES = 10;

export function createLeaveByCode({
  codes,
  messenger,
  receipts,
  leaveKey,
  log,
}: LeaveByCodeDeps): LeaveByCode {
  const hmac = (phone: string, code: string) =>
    createHmac('sha256', leaveKey).update(`leave code ${phone} ${code}`).digest();
  return {
    async ask(phone) {
      try {
        const code = String(randomInt(1_000_000)).padStart(6, '0');
        const found = await codes.issue(phone, hmac(phone, code));
        if (!found) return;
        await messenger.send(
          {
            channel: 'sms',
            to: phone,
            template: 'leave-code',
            fields: { code },
            locale: found.locale,
            expiresInMinutes: EXPIRES_IN_MINUTES,
          },
          null,
        );
      } catch (error) {
        log.error({ err: error, address: maskAddress('sms', phone) }, 'a code to leave with was not sent');
      }
    },

    async leave(phone, code) {
      const kept = await codes.tryOnce(phone);
      const given = hmac(phone, code);
      if (!kept || kept.length !== given.length || !timingSafeEqual(kept, given)) return false;
      await receipts.suppress({ channel: 'sms', address: phone, reason: 'left', source: 'leave-code' });
      await codes.end(phone);
      return true;
    },
  };
}
