import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { BlockedAddressError, type EndpointGuard } from './ssrf.ts';

/**
 * An undici connector that checks every address of a name and connects to one of those very addresses, so that a
 * name cannot point to a public address when it is checked and to a private one when it is used.
 */
export function guardedConnector(guard: EndpointGuard, connectTimeoutMs: number): buildConnector.connector {
  return (options, callback) => {
    const { protocol, hostname, port } = options;
    try {
      guard.checkUrl(new URL(`${protocol}//${bracketed(hostname)}${port ? `:${port}` : ''}`));
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    // Not called for IP literals, which is why checkUrl looks at those.
    const lookup: LookupFunction = (name, { all }, done) => {
      guard.resolve({ protocol, hostname: name, port }).then(
        (addresses) => {
          const [first] = addresses;
          if (!first) done(new BlockedAddressError(`${name} has no address`), '');
          else if (all) done(null, [...addresses]);
          else done(null, first.address, first.family);
        },
        (error: NodeJS.ErrnoException) => done(error, ''),
      );
    };
    buildConnector({ timeout: connectTimeoutMs, lookup })(options, callback);
  };
}

function bracketed(hostname: string): string {
  return isIP(hostname) === 6 ? `[${hostname}]` : hostname;
}
