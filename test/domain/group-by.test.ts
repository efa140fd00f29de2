import fc from 'fast-check';
import { expect, it } from 'vitest';
import { groupBy } from '../../src/domain/group-by.ts';

it('every item once, under its key, in the order in which it came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), (items) => {
      const groups = groupBy(items, (item) => item % 5);
      expect([...groups.keys()]).toEqual([...new Set(items.map((item) => item % 5))]);
      for (const [key, group] of groups) expect(group).toEqual(items.filter((item) => item % 5 === key));
    }),
  );
});
