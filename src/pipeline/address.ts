import { domainToASCII } from 'node:url';
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { Channel } from '../domain/channel.ts';

/** Digits (also full-width) with the punctuation that people write between them. */
const PHONE_TEXT = /^[+＋]?[0-9０-９ ()（）./\-‐-―－]{5,40}$/;
/** Chinese mobile numbers: what an SMS to +86 can reach; a landline answers with 21614. */
const CHINESE_MOBILE = /^\+861[3-9]\d{9}$/;

/**
 * E.164 (`+8613800138000`), or `undefined` when an SMS cannot get there. Other countries' numbers are checked for
 * a possible length only: their plans change more often than this list of them, and the provider knows better.
 * @param defaultCountry where a number without `+` or `00` is
 */
export function normalisePhone(text: string, defaultCountry: CountryCode = 'CN'): string | undefined {
  const trimmed = text.trim();
  if (!PHONE_TEXT.test(trimmed)) return undefined;
  const number = parsePhoneNumberFromString(trimmed, { defaultCountry, extract: false });
  if (!number?.isPossible() || number.ext) return undefined;
  if (number.countryCallingCode === '86' && !CHINESE_MOBILE.test(number.number)) return undefined;
  return number.number;
}

/** RFC 5322 dot-atom; quoted local parts are legal, and in a subscriber list always a mistake. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(xn--[a-z0-9-]{1,59}|[a-z]{2,63})$/;
/** Characters that the URL parser would understand as something else than a part of a host name. */
const NOT_IN_HOST = /[\s/\\:?#@%[\]<>^|]/;

/**
 * A mailbox with its domain in lower case and in punycode, or `undefined` when it is none. At most 254
 * characters (RFC 5321, 4.5.3.1), the local part at most 64; no control characters can get through.
 */
export function normaliseEmail(text: string): string | undefined {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf('@');
  const local = trimmed.slice(0, Math.max(at, 0));
  const host = trimmed.slice(at + 1);
  if (local.length > 64 || !LOCAL_PART.test(local) || NOT_IN_HOST.test(host)) return undefined;
  const domain = domainToASCII(host).toLowerCase();
  const mailbox = `${local}@${domain}`;
  return DOMAIN.test(domain) && mailbox.length <= 254 ? mailbox : undefined;
}

/** An address for logs and for those who need not know it: `+86 138****8000`, `w***@example.org`, `https://host/…`. */
export function maskAddress(channel: Channel, address: string): string {
  switch (channel) {
    case 'sms': {
      const number = parsePhoneNumberFromString(address);
      if (!number) return '****';
      const national = number.nationalNumber;
      const shown =
        national.length >= 9
          ? `${national.slice(0, 3)}****${national.slice(-4)}`
          : `****${national.slice(-2)}`;
      return `+${number.countryCallingCode} ${shown}`;
    }
    case 'email':
      return `${address.slice(0, 1)}***${address.slice(address.lastIndexOf('@'))}`;
    case 'webhook':
      return URL.canParse(address) ? `${new URL(address).origin}/…` : address;
  }
}
