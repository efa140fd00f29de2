/** What may stand after the `+`: opaque ids and tokens. Nothing that SMTP or a header would read as syntax. */
const TAG = /^[\w-]+$/;
/** RFC 5321 4.5.3.1.1, octets. */
const MAX_LOCAL_PART = 64;

/**
 * `bounce@host` + `dlv_1` → `bounce+dlv_1@host` (VERP, sub-addressing RFC 5233).
 * `undefined` when the tag cannot stand there: other characters, or a local part over 64 octets.
 */
export function plusAddress(mailbox: string, tag: string): string | undefined {
  const at = mailbox.lastIndexOf('@');
  const local = `${mailbox.slice(0, at)}+${tag}`;
  return TAG.test(tag) && local.length <= MAX_LOCAL_PART ? local + mailbox.slice(at) : undefined;
}

/** The tag of an address made by {@link plusAddress}, its case kept; `undefined` when it is another mailbox. */
export function plusTag(mailbox: string, address: string): string | undefined {
  const at = mailbox.lastIndexOf('@');
  const [head, tail] = [`${mailbox.slice(0, at)}+`.toLowerCase(), mailbox.slice(at).toLowerCase()];
  const lower = address.toLowerCase();
  if (!lower.startsWith(head) || !lower.endsWith(tail)) return undefined;
  const tag = address.slice(head.length, address.length - tail.length);
  return TAG.test(tag) ? tag : undefined;
}
