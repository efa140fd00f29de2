import { expect, test } from 'vitest';
import { forecast } from '../../src/domain/forecast.ts';

const NOW = Date.parse('2026-03-01T14:00:00Z');

test('a channel ends when its seconds are over, counted from its schedule and the end of quiet hours', () => {
  const [sms, email, webhook] = forecast(
    {
      counts: { sms: 1000, email: 10, webhook: 3 },
      seconds: { sms: 3600, email: 60 },
      heldUntil: { sms: '2026-03-01T22:00:00Z' },
    },
    NOW,
  );
  expect(sms).toMatchObject({ endsAt: new Date('2026-03-01T23:00:00Z'), unreached: 0 });
  expect(email).toMatchObject({ endsAt: new Date('2026-03-01T14:01:00Z'), unreached: 0 });
  expect(webhook).toMatchObject({ endsAt: new Date(NOW), unreached: 0 });
});

test('whoever comes after the expiry is counted', () => {
  const plan = { counts: { sms: 1000 }, seconds: { sms: 7200 }, heldUntil: {} };
  expect(forecast({ ...plan, expiresAt: '2026-03-01T15:00:00Z' }, NOW)[0]?.unreached).toBe(500);
  expect(forecast({ ...plan, expiresAt: '2026-03-01T13:00:00Z' }, NOW)[0]?.unreached).toBe(1000);
  // Without an expiry it is a day.
  expect(forecast({ ...plan, seconds: { sms: 172_800 } }, NOW)[0]?.unreached).toBe(500);
});
