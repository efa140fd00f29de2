import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webhookEnvelopeSchema } from '../../../src/domain/webhook-envelope.ts';
import { DRAFT, type Herald, startHerald } from '../herald.ts';
import { type Person, person, type Visitor } from './visitor.ts';

const HOME = '/console/outlets';
const HOSTILE = '<svg onload=alert(1)>';
let herald: Herald;
let author: Person;
let approver: Person;
let theirs: Visitor;
let made = 0;
beforeAll(async () => {
  herald = await startHerald();
  author = await person(herald, 'author');
  approver = await person(herald, 'approver', '王强');
  theirs = await approver.visit();
  await herald.app.pool.query(`UPDATE users SET locale = 'en'`);
});
afterAll(() => herald.close());

const sandbox = () => herald.app.config.sandboxUrl ?? '';
const urlOf = (name: string) => `${sandbox()}/hooks/${name}`;
const behave = (name: string, settings: object) =>
  fetch(`${sandbox()}/_control/config`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hooks: { [name]: settings } }),
  });
interface Received {
  readonly body: string;
  readonly gatewayMessageId: string;
  readonly outcome: string;
}
const received = async (name: string): Promise<readonly Received[]> => {
  const query = new URLSearchParams({ channel: 'webhook', address: urlOf(name) });
  const answer = await fetch(`${sandbox()}/outbox?${query}`, { headers: { accept: 'application/json' } });
  return ((await answer.json()) as { readonly entries: readonly Received[] }).entries;
};

/** A new outlet whose hook in the sandbox knows its secret. */
const add = async (fields: Readonly<Record<string, string>> = {}) => {
  made += 1;
  const name = `paper-${made}`;
  const answer = await theirs.post(`${HOME}/new`, { outlet: '滨江日报', url: urlOf(name), ...fields });
  const secret = /<code class="secret">(whsec_[^<]+)</.exec(answer.body)?.[1]?.replaceAll('&#43;', '+') ?? '';
  const page = /href="(\/console\/outlets\/end_\w+)"/.exec(answer.body)?.[1] ?? '';
  await behave(name, { secrets: [secret] });
  return {
    ...answer,
    name,
    secret,
    page,
    id: herald.app.ids.tryDecode('endpoint', page.slice(HOME.length + 1))?.id ?? 0,
  };
};
const shown = async (page: string) => (await theirs.get(page)).body;

describe('outlets', () => {
  test('are added with a secret that is shown once, changed and removed', async () => {
    const { status, page, secret } = await add({ outlet: HOSTILE });
    expect([status, secret.startsWith('whsec_')]).toEqual([200, true]);
    for (const url of [page, HOME]) {
      const body = await shown(url);
      expect([body.includes('<svg onload'), body.includes(secret), body.includes('&lt;svg onload')]).toEqual([
        false,
        false,
        true,
      ]);
    }
    const { location } = await theirs.post(`${page}/edit`, { outlet: '晚报', url: urlOf('evening') });
    expect(await shown(location)).toContain('晚报');
    expect((await theirs.post(`${page}/remove`)).location).toBe(`${HOME}?done=removed`);
    expect((await theirs.get(page)).status).toBe(404);
  });

  test.each([
    [{ outlet: '' }, 'Please fill this in'],
    [{ url: '' }, 'Please fill this in'],
    [{ url: 'nonsense' }, 'This address cannot be used.'],
    [{ url: 'http://1.1.1.1/' }, 'it must be https'],
    [{ url: 'https://127.0.0.1/' }, 'This address cannot be used.'],
    [{ topics: 'no-such' }, 'Choose again'],
  ])('with %j are shown again with what is wrong', async (fields, words) => {
    const { status, body } = await add(fields as Record<string, string>);
    expect([status, body.includes(words)]).toEqual([422, true]);
  });

  test('may not share an address', async () => {
    const { name } = await add();
    expect((await add({ url: urlOf(name) })).body).toContain('This address is there already.');
  });

  test('are switched off with a reason, and on again', async () => {
    const { page } = await add();
    expect((await theirs.post(`${page}/disable`)).status).toBe(422);
    await theirs.post(`${page}/disable`, { reason: HOSTILE });
    expect(await shown(page)).toContain('Switched off: &lt;svg onload');
    await theirs.post(`${page}/enable`);
    expect(await shown(page)).not.toContain('Switched off:');
  });

  test('get a second secret that is shown once, while the first still signs', async () => {
    const { page, name, secret } = await add();
    const rotated = await theirs.post(`${page}/rotate`);
    const second = /<code class="secret">(whsec_[^<]+)</.exec(rotated.body)?.[1] ?? '';
    expect([rotated.status, second === secret, second.length > 40]).toEqual([200, false, true]);
    expect((await theirs.post(`${page}/rotate`)).location).toBe(`${page}?done=rotating`);
    for (const known of [secret, second]) {
      await behave(name, { secrets: [known] });
      await theirs.post(`${page}/test`);
      expect((await herald.app.administration.outlets.tests(idIn(page), 1))[0]?.status).toBe(200);
    }
    await theirs.post(`${page}/drop-old-secret`);
    await behave(name, { secrets: [secret] });
    await theirs.post(`${page}/test`);
    expect(await shown(page)).toContain('HTTP 401');
  });

  test('want a fresh second factor before a new secret', async () => {
    const { page } = await add();
    const visitor = await approver.visit();
    await herald.app.pool.query(`UPDATE sessions SET second_factor_at = now() - interval '10 minutes'`);
    expect((await visitor.post(`${page}/rotate`)).status).toBe(401);
    theirs = await approver.visit();
  });

  test('are read by authors, who may change nothing', async () => {
    const { page } = await add();
    const { status, body } = await (await author.visit()).get(page);
    expect([status, /\/(edit|rotate|disable|remove|test)"/.test(body)]).toEqual([200, false]);
  });
});

const idIn = (page: string) => herald.app.ids.decode('endpoint', page.slice(HOME.length + 1)).id;

describe('a test', () => {
  test('is signed, and nothing that could be taken for an announcement', async () => {
    const { page, name } = await add();
    expect((await theirs.post(`${page}/test`)).location).toBe(`${page}?done=test`);
    const [message, ...more] = await received(name);
    expect(more).toEqual([]);
    const body = JSON.parse(message?.body ?? '');
    expect(body.type).toBe('test');
    expect(webhookEnvelopeSchema.safeParse(body).success).toBe(false);
    expect(message?.gatewayMessageId).toMatch(/^test_\w{26}$/);
    const said = await shown(page);
    expect([said.includes('HTTP 200'), said.includes('王强')]).toEqual([true, true]);
  });

  test('says what the outlet answers', async () => {
    const { page, name } = await add();
    await behave(name, { behaviour: 'fail-500' });
    await theirs.post(`${page}/test`);
    expect(await shown(page)).toContain('The outlet’s server fails');
  });
});

describe('a delivery', () => {
  const failed = async () => {
    const outlet = await add();
    const { announce, pool, ids, endpoints, engine } = herald.app;
    for (const { id } of await endpoints.list({ limit: 100 }))
      if (id !== outlet.id) await endpoints.remove(id);
    const by = { id: author.id, role: 'author' as const };
    const { id } = await announce.create({ ...DRAFT, channels: ['webhook'] }, by);
    await announce.submit(id, by);
    await announce.approve(id, { id: approver.id, role: 'approver' });
    const { rows } = await pool.query('SELECT generation FROM expansions WHERE announcement_id = $1', [id]);
    while ((await engine.expansions.slice(id, rows[0].generation)) === 'more');
    await pool.query(
      `UPDATE deliveries SET status = 'failed', error_code = 'HTTP 500', attempt = 3, claimed_at = now() WHERE announcement_id = $1`,
      [id],
    );
    return { ...outlet, delivery: ids.encode('delivery', id, 1) };
  };

  test('that failed is sent again under its own id, and is delivered when it is taken', async () => {
    const { page, name, delivery } = await failed();
    const before = await shown(page);
    expect([before.includes('Failed'), before.includes('Not arriving'), before.includes(delivery)]).toEqual([
      true,
      true,
      true,
    ]);
    await behave(name, { behaviour: 'fail-500' });
    expect((await theirs.post(`${page}/again`, { delivery })).location).toBe(`${page}?done=not-taken`);
    expect((await theirs.get(`/console/deliveries/${delivery}`)).body).toContain('Sent again, not taken');
    await behave(name, {});
    expect((await theirs.post(`${page}/again`, { delivery })).location).toBe(`${page}?done=again`);
    const [message] = await received(name);
    expect(message?.gatewayMessageId).toBe(delivery);
    expect(webhookEnvelopeSchema.safeParse(JSON.parse(message?.body ?? '')).success).toBe(true);
    const after = await shown(page);
    expect([after.includes('Delivered'), after.includes('Well')]).toEqual([true, true]);
    expect((await herald.app.audit.list({ act: 'send-again', limit: 5 })).length).toBe(2);
    // Who has it drops it: the id is the same.
    await theirs.post(`${page}/again`, { delivery });
    expect((await received(name)).map(({ outcome }) => outcome)).toEqual(['accepted', 'repeat 1']);
  });

  test('of an announcement that was stopped or superseded is not: nothing of it leaves any more', async () => {
    const { announce, ids } = herald.app;
    const by = { id: approver.id, role: 'approver' as const };
    const again = async ({ page, delivery }: Awaited<ReturnType<typeof failed>>) =>
      (await theirs.post(`${page}/again`, { delivery })).location.split('?')[1];
    const stopped = await failed();
    await announce.cancel(ids.decode('delivery', stopped.delivery).id, by);
    expect(await again(stopped)).toBe('done=may-not');
    expect(await received(stopped.name)).toEqual([]);

    const replaced = await failed();
    const { id: old } = ids.decode('delivery', replaced.delivery);
    await herald.app.pool.query(
      `UPDATE announcements SET state = 'completed', ended_at = now() WHERE id = $1`,
      [old],
    );
    const writer = { id: author.id, role: 'author' as const };
    const supersedes = ids.encode('announcement', old);
    const { id } = await announce.create(
      { ...DRAFT, kind: 'retraction', supersedes, channels: ['webhook'] },
      writer,
    );
    // A draft changes nothing yet.
    expect(await again(replaced)).toBe('done=again');
    await announce.submit(id, writer);
    await announce.approve(id, by);
    expect(await again(replaced)).toBe('done=may-not');
    expect(await received(replaced.name)).toHaveLength(1);
  });

  test('that is under way, or goes where nothing may be sent, is not', async () => {
    const { page, delivery } = await failed();
    await theirs.post(`${page}/disable`, { reason: 'moved' });
    expect((await theirs.post(`${page}/again`, { delivery })).location).toBe(`${page}?done=may-not`);
    await theirs.post(`${page}/enable`);
    await herald.app.pool.query(`UPDATE deliveries SET status = 'queued'`);
    expect((await theirs.post(`${page}/again`, { delivery })).location).toBe(`${page}?done=may-not`);
    const another = await add();
    expect((await theirs.post(`${another.page}/again`, { delivery })).status).toBe(404);
    for (const wrong of ['', 'nonsense', `dlv_${'0'.repeat(26)}`])
      expect((await theirs.post(`${page}/again`, { delivery: wrong })).status).toBe(404);
  });
});
