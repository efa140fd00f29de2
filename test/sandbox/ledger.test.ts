import { expect, it } from 'vitest';
import { Ledger, type LedgerEntry } from '../../src/sandbox/ledger.ts';

const taken = (n: number) => ({
  channel: 'email' as const,
  gatewayMessageId: `<${n}@example.org>`,
  address: 'a@example.org',
  body: `第 ${n} 封\r\n😀`,
  outcome: 'accepted',
  ...(n % 2 === 0 && { headers: { subject: `${n}` } }),
});

it('gives back every text and header as it came, also when it is written out or copied', () => {
  const ledger = new Ledger();
  const entries = Array.from({ length: 100 }, (_, n) => ledger.add(taken(n)));
  for (const [n, entry] of entries.entries()) {
    expect(entry).toMatchObject(taken(n));
    expect(JSON.parse(JSON.stringify({ ...entry })) as LedgerEntry).toMatchObject(taken(n));
  }
  ledger.close();
});

it('keeps texts outside of the heap: a rehearsal with a whole city is as long as the city', () => {
  const ledger = new Ledger();
  const big = 'x'.repeat(20_000);
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 5_000; n += 1) ledger.add({ ...taken(n), body: `${n} ${big}` });
  // 100 MB of texts.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
  expect(ledger.list({ after: 4_999 })[0]?.body).toBe(`4999 ${big}`);
  ledger.close();
});
