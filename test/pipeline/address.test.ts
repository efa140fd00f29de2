import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskAddress, normaliseEmail, normalisePhone } from '../../src/pipeline/address.ts';

test.each([
  ['13800138000', '+8613800138000'],
  [' 138-0013 8000 ', '+8613800138000'],
  ['+86 138 0013 8000', '+8613800138000'],
  ['0086 13800138000', '+8613800138000'],
  ['１３８００１３８０００', '+8613800138000'],
  ['+1 (415) 555-2671', '+14155552671'],
  ['+44 20 7946 0000', '+442079460000'],
])('phone %s', (text, e164) => expect(normalisePhone(text)).toBe(e164));

test.each([
  '',
  '12345',
  '010 8123 4567', // a landline in Beijing takes no SMS
  '138001380001',
  '+86 1380013800',
  '13800138000 ext 3',
  'call 13800138000',
  '+999 1234567',
  '+8613800138000\r\nX: y',
  'tel:+8613800138000',
])('no phone: %j', (text) => expect(normalisePhone(text)).toBeUndefined());

test.each([
  ['wang.fang+news@Example.ORG', 'wang.fang+news@example.org'],
  [' a@b.co ', 'a@b.co'],
  ['wang@例子.中国', 'wang@xn--fsqu00a.xn--fiqs8s'],
  [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
])('mailbox %s', (text, mailbox) => expect(normaliseEmail(text)).toBe(mailbox));

test.each([
  '',
  'nobody',
  'a@b',
  '@example.org',
  'a@',
  'a b@example.org',
  'a@exa mple.org',
  'a..b@example.org',
  '.a@example.org',
  'a@example.org,b@example.org',
  'a@-example.org',
  'a@example..org',
  'a@127.0.0.1',
  'a@[127.0.0.1]',
  'a@①②⑦.0.0.1',
  'a@example.org/x',
  'a@x%41.org',
  '<a@example.org>',
  '"a b"@example.org',
  '王@example.org',
  'a@example.org\r\nBcc: b@example.org',
  `${'a'.repeat(65)}@example.org`,
  `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.org`,
])('no mailbox: %j', (text) => expect(normaliseEmail(text)).toBeUndefined());

test('whatever comes out is safe in a header, and the same when normalised again', () => {
  const tricky = fc.string({
    unit: fc.constantFrom('a', 'B', '.', '-', '@', '例', 'ß', '\r', '\n', '\0', ' ', '%', '1', '+', '>'),
  });
  fc.assert(
    fc.property(tricky, tricky, (local, domain) => {
      const mailbox = normaliseEmail(`${local}@${domain}.org`);
      if (mailbox === undefined) return;
      expect(mailbox).toMatch(/^[\x21-\x7e]{3,254}$/);
      expect(normaliseEmail(mailbox)).toBe(mailbox);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+ -()８'), maxLength: 20 }), (text) => {
      const number = normalisePhone(text);
      if (number === undefined) return;
      expect(number).toMatch(/^\+[1-9]\d{4,16}$/);
      expect(normalisePhone(number)).toBe(number);
    }),
  );
});

test('masked addresses tell which, not whose', () => {
  expect(maskAddress('sms', '+8613800138000')).toBe('+86 138****8000');
  expect(maskAddress('sms', 'nonsense')).toBe('****');
  expect(maskAddress('email', 'wang.fang@example.org')).toBe('w***@example.org');
  expect(maskAddress('webhook', 'https://news.example/hooks/secret')).toBe('https://news.example/…');
});
