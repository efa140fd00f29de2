import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { segmentSms } from '../../src/domain/segments.ts';
import { citizen, DRAFT, type Herald, startHerald } from './herald.ts';

let herald: Herald;
beforeAll(async () => {
  herald = await startHerald({ SMS_SEGMENTS_PER_SECOND: '2', EMAIL_PER_SECOND: '4' });
  const { app } = herald;
  for (const code of ['fraud', 'traffic']) await app.lists.add('topics', { code, names: {} });
  const phones = (from: number, n: number) => Array.from({ length: n }, (_, i) => `+1415555${from + i}`);
  for (const phone of phones(1000, 5)) await citizen(app, { phone, locale: 'zh-CN' });
  for (const phone of phones(2000, 3)) await citizen(app, { phone, locale: 'en' });
  for (const phone of phones(3000, 2))
    await citizen(app, { phone, locale: 'fr', email: `a${phone.slice(1)}@example.org` });
  await citizen(app, { email: 'gone@example.org', locale: 'fr' });
  await app.pool.query(
    `INSERT INTO suppressions (channel, address, reason, source) VALUES ('email', 'gone@example.org', 'left', 'test')`,
  );
  for (const [outlet, topics] of [
    ['daily', ['fraud']],
    ['radio', []],
  ] as const)
    await app.endpoints.create({
      outlet,
      url: `${herald.sandbox.url}/hooks/${outlet}`,
      topics: [...topics],
      districts: [],
    });
});
afterAll(() => herald.close());

const preview = (change: object = {}) => herald.app.announce.preview({ draft: { ...DRAFT, ...change } });

describe('a preview', () => {
  it('shows every channel in every language, and what +86 gets', async () => {
    const { locales, webhook } = await preview();
    expect(locales.map((one) => one.locale)).toEqual(['zh-CN', 'en']);
    for (const { locale, sms, smsWithoutLinks, email } of locales) {
      const { headline } = DRAFT.content[locale as 'en'];
      expect(sms?.body).toContain(headline);
      expect(sms?.body).toMatch(/https?:\/\/\S+\/u\//);
      expect(smsWithoutLinks?.body).not.toContain('http');
      expect(sms?.segments).toEqual(segmentSms(sms?.body ?? ''));
      expect(email?.subject).toContain(headline);
      expect(email?.html).toContain(`lang="${locale}"`);
    }
    expect(webhook).toMatchObject({
      type: 'announcement.published',
      data: {
        state: 'sending',
        texts: { 'zh-CN': { headline: '警惕诈骗' }, en: { headline: 'Beware of fraud' } },
      },
    });
  });

  it('says how many get it, who had wanted another language, and whoever has left is not counted', async () => {
    const { audience } = await preview();
    expect(audience).toEqual({
      total: 14,
      citizens: 10,
      channels: { sms: 10, email: 2, webhook: 2 },
      fallback: [{ wanted: 'fr', gets: 'zh-CN', count: 4 }],
    });
    // With one language only, everybody else falls back to it.
    const { audience: chinese } = await preview({ content: { 'zh-CN': DRAFT.content['zh-CN'] } });
    expect(chinese.fallback).toEqual([
      { wanted: 'en', gets: 'zh-CN', count: 3 },
      { wanted: 'fr', gets: 'zh-CN', count: 4 },
    ]);
  });

  it('counts segments by language, and how long they take at the present limits', async () => {
    const { locales, segments, seconds } = await preview();
    const longest = (locale: string) => {
      const found = locales.find((one) => one.locale === locale);
      return Math.max(found?.sms?.segments.count ?? 0, found?.smsWithoutLinks?.segments.count ?? 0);
    };
    expect(segments).toBe(7 * longest('zh-CN') + 3 * longest('en'));
    expect(longest('zh-CN')).toBeGreaterThan(1);
    expect(seconds).toEqual({ sms: segments / 2, email: 2 / 4 });
  });

  it('only the channels that are asked for', async () => {
    const { locales, webhook, audience, segments, seconds } = await preview({ channels: ['email'] });
    expect(Object.keys(locales[0] ?? {})).toEqual(['locale', 'email']);
    expect([webhook, segments]).toEqual([undefined, 0]);
    expect([audience.channels, seconds]).toEqual([{ email: 2 }, { email: 0.5 }]);
  });

  it('nobody is a number too', async () => {
    const { app } = herald;
    await app.lists.add('topics', { code: 'nobody', names: {} });
    await app.pool.query(
      'UPDATE subscribers SET topics = (SELECT array_agg(id) FROM topics WHERE code = $1)',
      ['fraud'],
    );
    const { audience, segments } = await preview({ channels: ['sms'], audience: { topics: ['nobody'] } });
    await app.pool.query(`UPDATE subscribers SET topics = '{}'`);
    expect([audience, segments]).toEqual([{ total: 0, citizens: 0, channels: { sms: 0 }, fallback: [] }, 0]);
  });

  it('who chose topics gets theirs; who chose none gets all', async () => {
    const traffic = await preview({ audience: { topics: ['traffic'] } });
    expect(traffic.audience.channels).toEqual({ sms: 10, email: 2, webhook: 1 });
    const fraud = await preview({ audience: { topics: ['fraud'] } });
    expect(fraud.audience.channels.webhook).toBe(2);
  });

  it('marks an exercise, and is the same for the announcement as for its draft', async () => {
    const { app, author } = herald;
    const exercise = await preview({ mode: 'exercise' });
    expect(exercise.locales[0]?.sms?.body).toContain('【演练】');
    const { id } = await app.announce.create({ ...DRAFT, mode: 'exercise' }, author);
    const stored = await app.announce.preview(await app.announce.get(id));
    const { webhook: _, ...ofDraft } = exercise;
    const { webhook, ...ofStored } = stored;
    expect(ofStored).toEqual(ofDraft);
    expect(webhook).toMatchObject({ data: { id: app.ids.encode('announcement', id) } });
  });
});
