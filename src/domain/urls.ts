/**
 * Top-level domains that make a bare `name.tld` a link on a handset. Not the whole IANA list: with it every
 * full stop without a space after it ("done.Next") would be a link.
 */
const TLDS =
  'com|cn|net|org|gov|edu|mil|int|info|biz|name|pro|mobi|asia|app|dev|page|link|click|site|online|shop|store|top|' +
  'xyz|vip|club|live|news|tech|cloud|wang|ren|fun|icu|cc|tv|io|ai|co|ly|gl|gd|gg|eu|uk|us|ca|au|de|fr|' +
  'jp|kr|hk|mo|tw|sg|ru|test|example|中国|中國|公司|网络|網絡|网址|政务|公益|在线|商城|网店';

const LINKS = [
  // scheme://…
  /[a-z][a-z0-9+.-]*:\/\/\S/iu,
  // www.…
  /(?<![\p{L}\p{N}])www\.[\p{L}\p{N}]/iu,
  // name.tld, not the domain of a mailbox, not a part of a longer word
  new RegExp(
    `(?<![\\p{L}\\p{N}@._-])(?:[\\p{L}\\p{N}-]+\\.)+(?:${TLDS})(?![\\p{L}\\p{N}@-]|\\.[\\p{L}\\p{N}])`,
    'iu',
  ),
  // the same straight after Chinese text, which has no spaces
  new RegExp(`(?<![a-z0-9@._-])(?:[a-z0-9-]+\\.)+(?:${TLDS})(?![a-z0-9@-]|\\.[a-z0-9])`, 'iu'),
  // name.anything/path
  /(?<![a-z0-9@._-])(?:[a-z0-9-]+\.)+[a-z]{2,24}\/[\w?#~%-]/iu,
  // an IPv4 address with a path or port
  /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\//u,
];

/**
 * Whether a text holds something that a handset or a carrier's filter takes for a link: `https://…`, `www.…`,
 * `example.com/x`, also in full-width letters or broken up by zero-width characters. Mailboxes are not links.
 * For routes without links (SMS to +86), where such a message is refused by the carrier.
 */
export function containsUrl(text: string): boolean {
  const plain = text.normalize('NFKC').replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, '');
  return LINKS.some((link) => link.test(plain));
}

/**
 * Where people open the console. Browsers give passkeys to names only, so a loopback address is called `localhost`.
 * @param publicUrl without a slash at its end
 */
export const consoleOrigin = (publicUrl: string): string =>
  publicUrl.replace(/^(https?:\/\/)(?:127\.0\.0\.1|\[::1\])(?=[:/]|$)/, '$1localhost');
