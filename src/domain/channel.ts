/** The three ways to reach somebody. The order is the order in which they are shown. */
export const CHANNELS = ['sms', 'email', 'webhook'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Where a delivery goes: to the real provider, or to the sandbox on loopback. Fixed at approval. */
export type Gateway = 'live' | 'sandbox';

/** What a route of a provider allows, by the longest matching address prefix. */
export interface Route {
  /** E.164 prefix (`+86`), or `''` for every address. */
  readonly prefix: string;
  /** Whether a message may carry a URL. */
  readonly links: boolean;
  /** Whether the recipient can answer (so that STOP by reply works). */
  readonly twoWay: boolean;
  /** Most segments of one message; absent when the channel has none. */
  readonly maxSegments?: number;
}

/** What a provider can do; declared by its adapter as data, so that the pipeline has no provider in it. */
export interface Abilities {
  /** Free text, or only templates registered with the provider. */
  readonly freeText: boolean;
  /** Whether it reports what became of a message after taking it. */
  readonly receipts: boolean;
  /** Longest prefix wins; an address that no route matches is refused. */
  readonly routes: readonly Route[];
}

/** The route that serves an address: the longest matching prefix, or `undefined` when none does. */
export function routeFor(abilities: Pick<Abilities, 'routes'>, address: string): Route | undefined {
  let best: Route | undefined;
  for (const route of abilities.routes) {
    if (address.startsWith(route.prefix) && (!best || route.prefix.length > best.prefix.length)) best = route;
  }
  return best;
}
