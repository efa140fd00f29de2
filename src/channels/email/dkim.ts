import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import DKIM from 'nodemailer/lib/dkim';
import { HeraldError } from '../../domain/errors.ts';

/** RFC 6376. Only RSA: the signer knows no ed25519. */
export interface DkimOptions {
  /** `d=`, the domain that the From address belongs to. */
  readonly domain: string;
  /** `s=`: the public key stands at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
  /** PKCS#1 or PKCS#8 PEM, or the key itself. At least 1024 bits (RFC 8301). */
  readonly privateKey: KeyObject | string;
}

/**
 * Every header that says something to the reader or to the mail client. List-Unsubscribe-Post is not in the
 * signer's own list, and RFC 8058 (4) wants it and List-Unsubscribe covered.
 */
const SIGNED_HEADERS = [
  'From',
  'To',
  'Subject',
  'Date',
  'Message-ID',
  'In-Reply-To',
  'References',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Content-Language',
  'List-Id',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'Auto-Submitted',
].join(':');

/**
 * A signer whose key has been tried. The library sends *unsigned* mail when a key does not work, without an error:
 * so the key is tested here, and each message is looked at.
 *
 * @returns the message with its DKIM-Signature in front; rejects with `dkim-key-unusable` if it came out unsigned
 * @throws HeraldError `dkim-key-unusable` (invalid) when the key cannot sign
 */
export function createDkimSigner(options: DkimOptions): (message: Buffer) => Promise<Buffer> {
  const privateKey = usableKey(options);
  // A KeyObject signs four times as fast as a PEM string, which is parsed for each message.
  const dkim = new DKIM({
    domainName: options.domain,
    keySelector: options.selector,
    privateKey,
    headerFieldNames: SIGNED_HEADERS,
  });
  return async (message) => {
    const signed = await buffer(dkim.sign(message));
    if (signed.subarray(0, 15).toString('latin1') !== 'DKIM-Signature:')
      throw unusable(options, 'it did not sign');
    return signed;
  };
}

function usableKey(options: DkimOptions): KeyObject {
  try {
    const key =
      typeof options.privateKey === 'string' ? createPrivateKey(options.privateKey) : options.privateKey;
    if (key.type !== 'private') throw new TypeError(`it is a ${key.type} key`);
    if (key.asymmetricKeyType !== 'rsa') throw new TypeError(`it is ${key.asymmetricKeyType}, not RSA`);
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 1024)
      throw new TypeError('it has fewer than 1024 bits');
    const probe = Buffer.from('herald');
    if (!verify('RSA-SHA256', probe, createPublicKey(key), sign('RSA-SHA256', probe, key))) {
      throw new TypeError('its signature does not verify');
    }
    return key;
  } catch (cause) {
    throw unusable(options, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unusable(options: DkimOptions, why: string, cause?: unknown): HeraldError {
  return new HeraldError(
    'invalid',
    'dkim-key-unusable',
    `the DKIM key for ${options.selector}._domainkey.${options.domain} cannot be used: ${why}`,
    { fix: 'give an unencrypted RSA private key of 2048 bits in PEM', cause },
  );
}
