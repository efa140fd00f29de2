/** Numbers that a seed decides (mulberry32), so that a campaign can be replayed. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** @returns `undefined` when there are none */
  pick<T>(items: readonly T[]): T | undefined;
}

/**
 * @param purpose what draws from it: things that happen at the same time each have a generator of their own, or the order
 *   in which they happen to draw would decide
 */
export function createRandom(seed: number, purpose = ''): Random {
  let state = seed >>> 0;
  for (const char of purpose) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return { next, between, pick: (items) => items[between(0, items.length - 1)] };
}
