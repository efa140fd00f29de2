import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Abilities, routeFor } from '../../src/domain/channel.ts';

const abilities = (...prefixes: string[]): Abilities => ({
  freeText: true,
  receipts: true,
  routes: prefixes.map((prefix) => ({ prefix, links: true, twoWay: true })),
});

it('the longest prefix wins, in whatever order the routes are declared', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123'), maxLength: 4 }).map((d) => `+${d}`);
  fc.assert(
    fc.property(fc.uniqueArray(digits), digits, (prefixes, address) => {
      const longest = prefixes
        .filter((prefix) => address.startsWith(prefix))
        .sort((a, b) => b.length - a.length)[0];
      expect(routeFor(abilities(...prefixes), address)?.prefix).toBe(longest);
      expect(routeFor(abilities(...prefixes.reverse()), address)?.prefix).toBe(longest);
    }),
  );
});

it('an address that no route serves has none', () => {
  expect(routeFor(abilities('+86'), '+14155550100')).toBeUndefined();
  expect(routeFor(abilities('', '+86'), '+14155550100')?.prefix).toBe('');
});
