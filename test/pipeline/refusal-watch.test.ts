import { expect, it } from 'vitest';
import type { ReceiptStatus } from '../../src/domain/delivery.ts';
import { createRefusalWatch } from '../../src/pipeline/refusal-watch.ts';

const refused = { announcementId: 1, receipt: 'undelivered', category: 'configuration' } as const;
const ended = (receipt: ReceiptStatus) => ({ announcementId: 1, receipt, category: null });

it('tells when most of what ends is refused for our account, and once', () => {
  const watch = createRefusalWatch(() => 0);
  const told = Array.from({ length: 25 }, () => watch(refused));
  expect(told.indexOf(true)).toBe(19);
  expect(told.filter(Boolean)).toHaveLength(1);
});

it('a few numbers that need another sender stop nobody', () => {
  const watch = createRefusalWatch(() => 0);
  for (let i = 0; i < 1_000; i += 1) {
    expect(watch(ended('delivered'))).toBe(false);
    if (i % 20 === 0) expect(watch(refused)).toBe(false);
  }
});

it('what is only on its way, or another announcement’s, does not count', () => {
  const watch = createRefusalWatch(() => 0);
  for (let i = 0; i < 100; i += 1) expect(watch(ended('sent'))).toBe(false);
  for (let i = 0; i < 19; i += 1) expect(watch(refused)).toBe(false);
  expect(watch({ ...refused, announcementId: 2 })).toBe(false);
  expect(watch(refused)).toBe(true);
});

it('nor what is a minute old', () => {
  let now = 0;
  const watch = createRefusalWatch(() => now);
  for (let i = 0; i < 60; i += 1) {
    now += 5_000;
    expect(watch(refused)).toBe(false);
  }
});
