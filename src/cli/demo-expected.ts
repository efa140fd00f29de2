import { parse } from 'csv-parse/sync';
import type { Channel } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import { magicFor, magicMailbox } from '../provision.ts';

/** A line of the file that the import must refuse, and the code that it must say. */
export interface Refusal {
  readonly line: number;
  readonly code: string;
}

/** How a message must end. */
export interface Ending {
  readonly status: DeliveryStatus;
  /** The gateway's reason, for what did not end well. */
  readonly code: string | null;
  /** Whether the gateway took it: what it refused is not in its ledger. */
  readonly taken: boolean;
}

/** An address that must be written to, once. */
export interface Recipient {
  readonly channel: Channel;
  readonly address: string;
  readonly end: Ending;
}

export interface Audience {
  readonly topics: readonly string[];
  readonly districts: readonly string[];
}

const DELIVERED: Ending = { status: 'delivered', code: null, taken: true };
const SENT: Ending = { status: 'sent', code: null, taken: true };
/** Twilio's code for somebody who has replied STOP to it: nothing is wrong with the message. */
const HAS_LEFT = 21610;

/**
 * Who must be written to, from the citizens' file alone: nothing that Herald has read or written is asked.
 * @param refused the bad lines; all others are good, and plainly written
 */
export function citizensToReach(
  csv: Buffer,
  refused: readonly Refusal[],
  audience: Audience,
): readonly Recipient[] {
  const bad = new Set(refused.map(({ line }) => line));
  // Byte for byte: the bad lines are not all UTF-8.
  const good = csv
    .toString('latin1')
    .split('\n')
    .filter((_, i) => !bad.has(i + 1))
    .join('\n');
  const rows = parse<Record<string, string>>(Buffer.from(good, 'latin1'), { columns: true });
  return rows
    .filter((row) => chose(row.topics, audience.topics) && chose(row.districts, audience.districts))
    .flatMap(({ phone = '', email = '' }) => [
      ...(phone ? [smsRecipient(phone.startsWith('+') ? phone : `+86${phone}`)] : []),
      ...(email ? [emailRecipient(email)] : []),
    ]);
}

/** @param outlets with the URL of each one's endpoint */
export function outletsToReach(
  outlets: readonly { readonly url: string; readonly topics: readonly string[] }[],
  { topics }: Audience,
): readonly Recipient[] {
  return outlets
    .filter((outlet) => chose(outlet.topics.join(';'), topics))
    .map(({ url }) => ({ channel: 'webhook', address: url, end: DELIVERED }));
}

/** Whoever has chosen nothing gets everything. */
function chose(codes = '', wanted: readonly string[]): boolean {
  return codes === '' || wanted.length === 0 || codes.split(';').some((code) => wanted.includes(code));
}

function smsRecipient(address: string): Recipient {
  const effect = magicFor(address)?.effect;
  const end = (): Ending => {
    switch (effect?.kind) {
      case 'end':
        return { status: effect.status, code: String(effect.code), taken: true };
      case 'silent':
        return SENT;
      case 'refuse':
        if (effect.times !== undefined) return DELIVERED;
        return {
          status: effect.code === HAS_LEFT ? 'suppressed' : 'failed',
          code: String(effect.code),
          taken: false,
        };
      default:
        return DELIVERED;
    }
  };
  return { channel: 'sms', address, end: end() };
}

/** A mail that nobody complains about was sent: no server says more. */
function emailRecipient(address: string): Recipient {
  const effect = magicMailbox(address)?.effect;
  const end = (): Ending => {
    switch (effect?.kind) {
      case 'bounce':
        return effect.action === 'failed'
          ? { status: 'undelivered', code: effect.status, taken: true }
          : SENT;
      case 'refuse':
        if (effect.times !== undefined) return SENT;
        return {
          status: 'failed',
          code: `${effect.code} ${effect.message.split(' ')[0]}`,
          taken: false,
        };
      default:
        return SENT;
    }
  };
  return { channel: 'email', address, end: end() };
}
