import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { HeraldError } from '../../domain/errors.ts';
import { createResolve } from './resolve.ts';

export interface GuardOptions {
  /** CIDRs that may be written to although they are private, also over plain http: `10.1.0.0/16`, `fd00::/8`. */
  readonly allowedCidrs?: readonly string[];
  /** Exact `host:port` pairs that are let through unchecked, also over plain http: the sandbox's. */
  readonly allowedHosts?: readonly string[];
  /** How names are resolved; the system's resolver by default. Rejects when there is no such name. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

/**
 * Addresses that are no outlet's web server (IANA special-purpose registries, RFC 6890). IPv4 inside IPv6 (NAT64,
 * 6to4, Teredo, IPv4-compatible) is blocked as a whole, or it would be a way round the rest; `::ffff:a.b.c.d` is not
 * listed because a BlockList judges it as the IPv4 address that it is.
 */
const BLOCKED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** Thrown inside the connector; the message says which rule. */
export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError';
}

/** Below are the system ports (RFC 6335, section 6). */
const FIRST_FREE_PORT = 1_024;

/** Where webhooks may go: asked when an endpoint is registered, and again at every connect. */
export interface EndpointGuard {
  /** @throws BlockedAddressError when the URL itself is refused, or the IP address that it names */
  checkUrl(url: URL): void;
  /** For names: every address that the name has must be fit. @throws BlockedAddressError, or the resolver's error */
  resolve(url: Pick<URL, 'protocol' | 'hostname' | 'port'>): Promise<readonly LookupAddress[]>;
}

/** @throws HeraldError `webhook-cidr-invalid` naming the CIDR */
export function createEndpointGuard(options: GuardOptions): EndpointGuard {
  const blocked = blockList(BLOCKED);
  const allowed = blockList(options.allowedCidrs ?? []);
  const allowedHosts = new Set(options.allowedHosts?.map((host) => host.toLowerCase()));
  const resolve = options.resolve ?? createResolve();

  const isAllowedHost = (url: Pick<URL, 'protocol' | 'hostname' | 'port'>) =>
    allowedHosts.has(`${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`);

  const checkAddress = (address: string, protocol: string) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (allowed.check(address, family)) return;
    if (protocol !== 'https:') throw new BlockedAddressError('it must be https');
    if (isIP(address) === 0 || blocked.check(address, family)) {
      throw new BlockedAddressError(`${address} is not a public address`);
    }
  };

  return {
    checkUrl(url) {
      if (url.protocol !== 'https:' && url.protocol !== 'http:')
        throw new BlockedAddressError('it must be https');
      if (url.username !== '' || url.password !== '')
        throw new BlockedAddressError('it must not hold a password');
      if (url.hash !== '') throw new BlockedAddressError('it must not hold a fragment (#…)');
      // Other well-known ports speak other protocols, which a request could be made to look like.
      if (url.port !== '' && Number(url.port) < FIRST_FREE_PORT && !isAllowedHost(url))
        throw new BlockedAddressError(`its port must be 443, or at least ${FIRST_FREE_PORT}`);
      // `new URL` has turned 2130706433, 0x7f.1 and full-width digits into dotted numbers by now.
      const address = literal(url.hostname);
      if (address !== undefined && !isAllowedHost(url)) checkAddress(address, url.protocol);
    },
    async resolve(url) {
      const addresses = await resolve(url.hostname);
      if (!isAllowedHost(url)) for (const { address } of addresses) checkAddress(address, url.protocol);
      return addresses;
    },
  };
}

/**
 * Refuses an endpoint's URL when it is registered, so that the outlet learns it at once. The connect-time guard
 * decides again, as names may point elsewhere tomorrow.
 *
 * @throws HeraldError `endpoint-url-refused` (invalid): no https, a password in it, a private address, a name that
 * does not exist
 * @returns its normal form: what looks different and means the same is one endpoint
 */
export async function checkEndpointUrl(text: string, options: GuardOptions): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new HeraldError('invalid', 'endpoint-url-refused', `the endpoint's URL is refused: ${why}`, {
      fix: 'give an https URL that the Internet can reach',
      cause,
    });
  if (text.length > 2_048 || /\p{Cs}/u.test(text) || !URL.canParse(text)) throw refuse('it is not a URL');
  const url = new URL(text);
  const guard = createEndpointGuard(options);
  try {
    guard.checkUrl(url);
    if (literal(url.hostname) === undefined) await guard.resolve(url);
    return url.href;
  } catch (error) {
    if (error instanceof HeraldError) throw error;
    if (error instanceof BlockedAddressError) throw refuse(error.message, error);
    throw refuse(`the name ${url.hostname} cannot be resolved`, error);
  }
}

/** The IP address that a URL's host is, without brackets; `undefined` for a name. */
function literal(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? undefined : bare;
}

/** A CIDR: `10.1.0.0/16`, `fd00::/8`. */
export function isNetwork(text: string): boolean {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) <= (family === 6 ? 128 : 32);
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    if (!isNetwork(cidr)) {
      throw new HeraldError('invalid', 'webhook-cidr-invalid', `${JSON.stringify(cidr)} is not a network`, {
        fix: 'write it as 10.1.0.0/16 or fd00::/8',
      });
    }
    const [address = '', bits] = cidr.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
