import { type LookupAddress, lookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { promisify } from 'node:util';

const lookupAll = promisify(lookup);

export interface ResolveOptions {
  /** `/etc/hosts` by default. */
  readonly hostsFile?: string;
  /** DNS servers as `ip:port`; the system's by default. */
  readonly servers?: readonly string[];
  /** How long the first try waits; the second waits longer. Milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * Resolves names as the system does: hosts file, DNS, and whatever else it is set up with (search domains, mDNS).
 *
 * The system's own lookup blocks one of the four threads that the whole process has for files and names, for as long as
 * a name server is silent; four outlets with dead servers would hold up everybody else's webhooks. So DNS is asked
 * without a thread, and the system only about names on which DNS has spoken.
 *
 * @returns a function that rejects with the resolver's error: `ENOTFOUND`, `ETIMEOUT`…
 */
export function createResolve(
  options: ResolveOptions = {},
): (hostname: string) => Promise<readonly LookupAddress[]> {
  const { hostsFile = '/etc/hosts', servers, timeoutMs = 2_000 } = options;
  return async (hostname) => {
    const fixed = await fromHosts(hostsFile, hostname);
    if (fixed.length > 0) return fixed;
    // A new one each time sees what has changed in resolv.conf.
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers) resolver.setServers(servers);
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found.map(asFound);
    const silence = answers.find(
      (answer) => answer.status === 'rejected' && answer.reason.code === 'ETIMEOUT',
    );
    if (silence?.status === 'rejected') throw silence.reason;
    return lookupAll(hostname, { all: true });
  };
}

const asFound = (address: string): LookupAddress => ({ address, family: isIP(address) });

/** hosts(5): an address and its names on a line, `#` starts a comment. */
async function fromHosts(file: string, hostname: string): Promise<LookupAddress[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const wanted = hostname.toLowerCase().replace(/\.$/, '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const named = names.some((name) => name.toLowerCase() === wanted);
    return named && isIP(address) !== 0 ? [asFound(address)] : [];
  });
}
