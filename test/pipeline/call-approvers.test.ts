import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/pipeline/announcement-store.ts';
import { eventually } from '../support/eventually.ts';
import { DRAFT, type Herald, refusal, startHerald } from './herald.ts';

let herald: Herald;
let office: Actor[];
const PHONES = ['+14155550110', '+14155550111', '+14155550112'] as const;

/** Three approvers with phones, beside the one who has none. */
beforeEach(async () => {
  herald = await startHerald();
  office = [];
  for (const phone of PHONES) {
    const who = await herald.another('approver');
    await herald.app.identity.accounts.change(who.id, { phone }, undefined);
    office.push(who);
  }
});
afterEach(() => herald.close());

const one = (n: number): Actor => office[n] ?? herald.approver;
const submit = async (change: object = {}, author = herald.author) => {
  const { id } = await herald.app.announce.create({ ...DRAFT, ...change }, author);
  await herald.app.announce.submit(id, author);
  return id;
};
const called = async (id: number) =>
  (await herald.app.approverCalls.of(id)).map(({ userId }) => office.findIndex((who) => who.id === userId));
const onDuty = (who: Actor, position: number, from = '-1 hour', to = '1 hour') =>
  herald.app.pool.query(
    `INSERT INTO rota (user_id, position, starts_at, ends_at) VALUES ($1, $2, now() + $3::interval, now() + $4::interval)`,
    [who.id, position, from, to],
  );
const later = (id: number) =>
  herald.app.pool.query(
    `UPDATE approver_calls SET escalate_at = escalate_at - interval '16 minutes' WHERE announcement_id = $1`,
    [id],
  );
const messages = async () =>
  (await herald.app.pool.query(`SELECT count(*)::int AS n FROM announcements WHERE kind = 'message'`)).rows[0]
    .n as number;

describe('approvers', () => {
  it('are called as soon as something is submitted, with its headline and a link and nothing else', async () => {
    await herald.listen();
    await herald.work();
    await herald.app.identity.accounts.change(
      one(0).id,
      { email: 'zhang@example.org', locale: 'en' },
      undefined,
    );
    const began = performance.now();
    const id = await submit();
    await eventually(async () => {
      expect(herald.sandbox.ledger.list({ address: PHONES[0] })).toHaveLength(1);
      expect(herald.sandbox.ledger.list({ address: 'zhang@example.org' })).toHaveLength(1);
    });
    expect(performance.now() - began).toBeLessThan(10_000);
    const text = herald.sandbox.ledger.list({ address: PHONES[0] })[0]?.body ?? '';
    const link = `${herald.app.config.publicUrl}/console/announcements/${herald.app.ids.encode('announcement', id)}`;
    expect(text).toContain('Waits for approval: Beware of fraud');
    expect(text).toContain(link);
    expect(text).not.toContain('Hang up');
    // Opening it changes nothing.
    const before = await herald.app.approverCalls.of(id);
    await fetch(link, { redirect: 'manual' });
    expect(await herald.app.approverCalls.of(id)).toEqual(before);
    expect(before).toMatchObject([{ channels: ['sms', 'email'], answeredAt: null }]);
    expect(await called(id)).toEqual([0]);
  });

  it('in +86 get no link, which would not arrive', async () => {
    await herald.app.identity.accounts.change(one(0).id, { phone: '+8613800138000' }, undefined);
    await herald.listen();
    await herald.work();
    await submit();
    await eventually(async () => {
      const text = herald.sandbox.ledger.list({ address: '+8613800138000' })[0]?.body ?? '';
      expect(text).toContain('待审批：警惕诈骗');
      expect(text).not.toContain('http');
    });
  });

  it('are those on duty, in the rota’s order, one every five minutes, and then all others', async () => {
    await onDuty(one(2), 1);
    await onDuty(one(1), 2);
    await onDuty(one(0), 1, '1 hour', '2 hours');
    const id = await submit();
    expect(await called(id)).toEqual([2]);
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([2]);
    const [first] = await herald.app.approverCalls.of(id);
    expect(Number(first?.escalateAt) - Number(first?.calledAt)).toBe(5 * 60_000);

    await later(id);
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([2, 1]);
    // Nobody on duty answers: everybody else is called at once.
    const another = await herald.another('approver');
    await herald.app.identity.accounts.change(another.id, { phone: '+14155550113' }, undefined);
    office.push(another);
    await later(id);
    await herald.app.approverCalls.callDue();
    await herald.app.approverCalls.callDue();
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([2, 1, 0, 3]);
    expect(await herald.app.approverCalls.unanswered()).toEqual([]);
    await later(id);
    await herald.app.approverCalls.callDue();
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([2, 1, 0, 3]);
    expect(await herald.app.approverCalls.unanswered()).toMatchObject([{ id }]);
    expect(herald.logged.filter(({ msg }) => msg.includes('nobody is left'))).toHaveLength(1);
    // Somebody joins: it goes on by itself.
    const late = await herald.another('approver');
    await herald.app.identity.accounts.change(late.id, { phone: '+14155550114' }, undefined);
    office.push(late);
    await onDuty(late, 3);
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([2, 1, 0, 3, 4]);
    expect(await herald.app.approverCalls.unanswered()).toEqual([]);
  });

  it('who wrote it, are disabled, or cannot be reached are passed over; without a rota it is everybody’s turn', async () => {
    await herald.app.users.disable(one(1).id);
    const id = await submit({}, one(0));
    expect(await called(id)).toEqual([2]);
  });

  it('are not called for a rehearsal', async () => {
    expect(await called(await submit({ mode: 'exercise' }))).toEqual([]);
  });

  it('who look at it, or decide, are left in peace, and so are the others', async () => {
    const id = await submit();
    expect(await refusal(herald.app.announce.look(id, herald.author))).toMatchObject({
      code: 'role-required',
    });
    await later(id);
    await herald.app.announce.look(id, one(1));
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([0, 1]);
    expect((await herald.app.approverCalls.of(id))[1]).toMatchObject({ calledAt: null });
    // Who looks for a quarter of an hour may have fallen asleep.
    await later(id);
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([0, 1, 2]);
    await herald.app.announce.returnToAuthor(id, one(2), 'a typo');
    expect((await herald.app.approverCalls.of(id)).map(({ answeredAt }) => answeredAt !== null)).toEqual([
      false,
      true,
      true,
    ]);
    await later(id);
    expect(await herald.app.approverCalls.callDue()).toBe(0);
    expect(await refusal(herald.app.announce.look(id, one(1)))).toMatchObject({ code: 'illegal-transition' });
    // What is submitted again is called for again, even if not a word was changed.
    await herald.app.announce.submit(id, herald.author);
    expect(await called(id)).toEqual([0, 1, 2, 0]);
  });

  it('whose suggestion is taken over are called first, and then the others: it waits for them anew', async () => {
    await onDuty(one(0), 1);
    const id = await submit();
    await later(id);
    const en = { ...DRAFT.content.en, headline: 'Beware of calls' };
    await herald.app.announce.suggest(id, one(2), { content: { ...DRAFT.content, en } });
    await herald.app.announce.look(id, one(2));
    const [suggestion] = await herald.app.announce.suggestions(id);
    expect(await herald.app.approverCalls.callDue()).toBe(0);
    await herald.app.announce.decide(id, suggestion?.id ?? 0, herald.author, 'accepted');
    await herald.app.approverCalls.callDue();
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([0, 2, 2]);
    await later(id);
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([0, 2, 2, 0]);
    expect((await herald.app.approverCalls.of(id)).map(({ revision }) => revision)).toEqual([1, 1, 2, 2]);
  });

  it('to whom nothing can be sent do not cost five minutes', async () => {
    await herald.listen();
    await herald.sandbox.inbound(PHONES[0], 'STOP');
    await eventually(async () =>
      expect(
        (await herald.app.pool.query('SELECT FROM suppressions WHERE address = $1', [PHONES[0]])).rowCount,
      ).toBe(1),
    );
    const id = await submit();
    await herald.app.approverCalls.callDue();
    expect(await called(id)).toEqual([0, 1]);
    expect((await herald.app.approverCalls.of(id)).map(({ channels }) => channels)).toEqual([[], ['sms']]);
  });

  it('are called once by any number of processes', async () => {
    const others = await Promise.all([herald.open(), herald.open()]);
    const callDue = herald.app.approverCalls.callDue.bind(herald.app.approverCalls);
    herald.app.approverCalls.callDue = async () => 0;
    const id = await submit();
    herald.app.approverCalls.callDue = callDue;
    await Promise.all(
      [herald.app, ...others, herald.app, ...others].map(({ approverCalls }) => approverCalls.callDue()),
    );
    expect(await called(id)).toEqual([0]);
    expect(await messages()).toBe(1);
  });

  it('are neither forgotten nor called twice when the process dies between', async () => {
    const { pool } = herald.app;
    // The connection dies when call and message are written, just before the commit.
    await pool.query(
      `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`,
    );
    await pool.query(
      'CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON approver_calls DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()',
    );
    const id = await submit();
    expect(herald.logged.some(({ msg }) => msg.includes('nobody was called'))).toBe(true);
    expect(await called(id)).toEqual([]);
    expect(await messages()).toBe(0);
    await pool.query('DROP TRIGGER dies ON approver_calls');

    // And here it dies after the commit, before the queue knows.
    const { wakeUps } = herald.app.engine;
    const enqueue = wakeUps.enqueue.bind(wakeUps);
    wakeUps.enqueue = () => Promise.reject(new Error('dead'));
    await herald.app.approverCalls.callDue();
    wakeUps.enqueue = enqueue;
    expect(herald.sandbox.ledger.list({ address: PHONES[0] })).toEqual([]);
    await herald.listen();
    await herald.work();
    await eventually(
      async () => expect(herald.sandbox.ledger.list({ address: PHONES[0] })).toHaveLength(1),
      30_000,
    );
    expect(await called(id)).toEqual([0]);
    expect(await messages()).toBe(1);
  }, 60_000);
});
