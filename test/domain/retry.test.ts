import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHANNELS } from '../../src/domain/channel.ts';
import { FAILURE_CATEGORIES } from '../../src/domain/outcome.ts';
import { backoffMs, RETRY_POLICIES, VERDICTS } from '../../src/domain/retry.ts';

const policy = fc.constantFrom(...CHANNELS).map((channel) => RETRY_POLICIES[channel]);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const DAY = 86_400_000;

describe('backoff', () => {
  it('lies between nothing and its bound, which doubles with every try up to the cap', () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 10_000 }), random, (p, tries, r) => {
        const delay = backoffMs(p, tries, r);
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(p.capMs, p.baseMs * 2 ** (tries - 1)));
      }),
    );
  });

  it('uses all of that room, so that a thousand do not come back at once', () => {
    for (const p of Object.values(RETRY_POLICIES)) {
      expect(backoffMs(p, 3, 0)).toBe(0);
      expect(backoffMs(p, 3, 0.999_999_9)).toBe(Math.min(p.capMs, p.baseMs * 4));
    }
  });

  it('is never earlier than what the provider asked for, but nobody may ask for more than a day', () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 60 }), random, fc.nat(10 * DAY), (p, tries, r, asked) => {
        const delay = backoffMs(p, tries, r, asked);
        expect(delay).toBeGreaterThanOrEqual(Math.min(asked, DAY));
        expect(delay).toBeLessThanOrEqual(Math.max(p.capMs, Math.min(asked, DAY)));
      }),
    );
  });
});

describe('verdicts', () => {
  it('there is one for each category, and only those that say so are followed by something', () => {
    expect(Object.keys(VERDICTS).sort()).toEqual([...FAILURE_CATEGORIES].sort());
    const consequences = Object.entries(VERDICTS).flatMap(([category, { consequence }]) =>
      consequence ? [[category, consequence]] : [],
    );
    expect(Object.fromEntries(consequences)).toEqual({
      configuration: 'open-breaker',
      'rejected-content': 'pause-announcement',
      'opted-out': 'suppress-address',
    });
  });

  it('what the provider never processed, or holds against us and not the message, burns no try', () => {
    const unburnt = FAILURE_CATEGORIES.filter((category) => !VERDICTS[category].burnt);
    expect(unburnt).toEqual(['throttled', 'configuration']);
    for (const category of unburnt) expect(VERDICTS[category].status).toBe('queued');
  });
});
