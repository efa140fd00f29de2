import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeliveryStatus } from '../../../src/domain/delivery.ts';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { cookieOf, type Person, person, type Visitor } from './visitor.ts';

let herald: Herald;
let author: Person;
let approver: Person;
let url: string;
beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author', '李静');
  approver = await person(herald, 'approver', '王强');
  url = await herald.server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => herald.close());

const PEOPLE = 1_200;
const HOSTILE = '<svg onload=alert(1)>"\'&';

/** An announcement under way to {@link PEOPLE} citizens, whose rows nobody sends but the test. */
async function underWay(headline = '警惕诈骗'): Promise<{ id: number; page: string }> {
  const { app } = herald;
  await app.pool.query('TRUNCATE subscribers, contacts');
  await app.pool.query(
    `WITH person AS (
       INSERT INTO subscribers (locale, consent_at, consent_source) SELECT 'zh-CN', now(), 'test' FROM generate_series(1, $1::int) RETURNING id)
     INSERT INTO contacts (subscriber_id, channel, address) SELECT id, 'sms', '+1' || 2025550000 + id FROM person`,
    [PEOPLE],
  );
  const content = { 'zh-CN': { ...DRAFT.content['zh-CN'], headline } };
  const draft = { ...DRAFT, channels: ['sms'], content, urgency: 'urgent' };
  const { id } = await app.announce.create(draft, { id: author.id, role: 'author' });
  await app.announce.submit(id, { id: author.id, role: 'author' });
  await app.announce.approve(id, { id: approver.id, role: 'approver' });
  const generation = async () =>
    (await app.pool.query('SELECT generation FROM expansions WHERE announcement_id = $1', [id])).rows[0]
      .generation;
  while ((await app.engine.expansions.slice(id, await generation())) === 'more');
  return { id, page: `/console/announcements/${app.ids.encode('announcement', id)}` };
}

/** What workers would have written: so many rows from `from` on have become something. */
async function become(
  id: number,
  from: number,
  count: number,
  status: DeliveryStatus,
  code: string | null,
  was: DeliveryStatus = 'queued',
) {
  await herald.app.pool.query(
    `WITH changed AS (
       UPDATE deliveries SET status = $4, error_code = $5, provider_message_id = 'SM' || n, attempt = 1, claimed_at = now(), segments = 1, due_at = now()
       WHERE announcement_id = $1 AND n BETWEEN $2::int AND $2::int + $3::int - 1 RETURNING channel)
     INSERT INTO delivery_counts AS c (announcement_id, channel, status, slot, n, segments)
     SELECT $1, channel, s.status, 0, s.sign * count(*), 0 FROM changed, (VALUES ($6::delivery_status, -1), ($4::delivery_status, 1)) s(status, sign)
     GROUP BY channel, s.status, s.sign ORDER BY 2, 3
     ON CONFLICT (announcement_id, channel, status, slot) DO UPDATE SET n = c.n + excluded.n`,
    [id, from, count, status, code, was],
  );
}

const english = async (visitor: Visitor) => {
  visitor.cookies.set('herald-locale', 'en');
  await herald.app.pool.query(`UPDATE users SET locale = 'en' WHERE id = ANY ($1)`, [
    [author.id, approver.id],
  ]);
  return visitor;
};

describe('the progress of an announcement', () => {
  test('says how many are where, why some did not arrive, and what to do', async () => {
    const { id, page } = await underWay();
    await become(id, 1, 600, 'delivered', null);
    await become(id, 601, 120, 'undelivered', '30003');
    await become(id, 721, 12, 'failed', '21614');
    const visitor = await english(await author.visit());
    const { status, body } = await visitor.get(`${page}/progress`);
    expect(status).toBe(200);
    const words = body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
    expect(words).toContain('50% delivered, 11% not delivered');
    expect(words).toContain('732 of 1,200');
    expect(words).toContain('The phone is switched off or out of reach SMS 120');
    expect(words).toContain('Not a mobile number in use SMS 12');
    expect(words).toMatch(/Beyond recall 720/);
    expect(words).toMatch(/All sent by \d\d:\d\d/);
    // An author may watch, and not stop.
    expect(body).not.toContain(`${page}/cancel`);
  });

  test('what people wrote is text, whatever it is', async () => {
    const { page } = await underWay(HOSTILE);
    const { body } = await (await author.visit()).get(`${page}/progress`);
    expect(body).toContain('&lt;svg onload=alert(1)');
    expect(body).not.toContain('<svg onload');
  });

  test('any approver may pause it, go on, and stop it, each once', async () => {
    const { id, page } = await underWay();
    const visitor = await approver.visit();
    const state = async () => (await herald.app.announce.get(id)).state;
    await visitor.get(`${page}/progress`);
    for (const [act, after] of [
      ['pause', 'paused'],
      ['resume', 'sending'],
      ['cancel', 'cancelled'],
    ] as const) {
      const { status, location } = await visitor.post(`${page}/${act}`, {});
      expect([status, location, await state()]).toEqual([303, `${page}/progress?done=${act}`, after]);
      await visitor.get(location);
    }
    expect((await visitor.post(`${page}/cancel`, {})).status).toBe(409);
    const { body } = await visitor.get(`${page}/progress`);
    expect(body).not.toContain('sse-connect');
  });
});

describe('watching it', () => {
  const watch = async (visitor: Visitor, page: string) =>
    fetch(`${url}${page}/events`, { headers: { cookie: `${cookieOf(herald)}=${visitor.token}` } });
  /** Reads on, until what came has these words in it. */
  const reader = (answer: Response) => {
    const stream = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    return async (words: RegExp): Promise<string> => {
      while (!words.test(seen)) {
        const part = await stream?.read();
        if (!part || part.done) throw new Error(`the stream ended without ${words}: ${seen}`);
        seen += part.value;
      }
      return seen;
    };
  };

  test('shows what has changed, and ends when it is over', async () => {
    const { id, page } = await underWay();
    const answer = await watch(await english(await approver.visit()), page);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const until = reader(answer);
    expect(await until(/0 of 1,200/)).toMatch(/event: progress\ndata: /);
    await become(id, 1, 300, 'sent', null);
    await until(/300 of 1,200/);
    await herald.app.announce.cancel(id, { id: approver.id, role: 'approver' });
    // What stands elsewhere on the page follows: its state, and no button to stop what is over.
    await until(/id="badges" hx-swap-oob="true"/);
    await until(/<div class="acts" id="acts" data-key="cancelled" hx-swap-oob="true"><\/div>/);
    // Receipts still come.
    await become(id, 1, 299, 'delivered', null, 'sent');
    expect(await until(/25% delivered/)).toMatch(/Cancelled<\/span> 25% with the provider<\/p>/);
    await become(id, 300, 1, 'undelivered', '30003', 'sent');
    expect(await until(/event: over/)).toContain('0.1% not delivered');
  });

  test('on the home page its bar is asked for again while it moves, and no longer', async () => {
    const { id, page } = await underWay();
    await become(id, 1, 300, 'sent', null);
    const visitor = await english(await approver.visit());
    const asked = `hx-get="${page}/share" hx-trigger="every 3s"`;
    expect((await visitor.get('/console')).body).toContain(asked);
    const { body } = await visitor.get(`${page}/share`);
    expect([body.includes(asked), body.includes('300 of 1,200')]).toEqual([true, true]);
    await herald.app.announce.cancel(id, { id: approver.id, role: 'approver' });
    expect((await visitor.get(`${page}/share`)).body).not.toContain('hx-get');
  });

  test('is for whoever has signed in', async () => {
    const { page } = await underWay();
    const answer = await fetch(`${url}${page}/events`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      expect.stringContaining('/console/sign-in'),
    ]);
  });
});
