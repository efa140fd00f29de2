import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { auditSha256 } from '../../src/domain/audit.ts';
import { normaliseEmail, normalisePhone } from '../../src/pipeline/address.ts';
import { packageRoot } from '../../src/root.ts';
import { createAuditStore, noteAudit } from '../../src/storage/audit.ts';
import { EndpointStore } from '../../src/storage/endpoints.ts';
import { ImportStore } from '../../src/storage/imports.ts';
import { openInstallation } from '../../src/storage/installation.ts';
import { ListStore } from '../../src/storage/lists.ts';
import { createPool, inTransaction } from '../../src/storage/pool.ts';
import { QuietHoursStore } from '../../src/storage/quiet-hours.ts';
import { suppressAddress } from '../../src/storage/receipts.ts';
import { createSealer } from '../../src/storage/seal.ts';
import { SubscriberStore } from '../../src/storage/subscribers.ts';
import { UserStore } from '../../src/storage/users.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { fact, type Office, result, stories } from '../support/office.ts';

interface Told {
  readonly actor: number | null;
  readonly act: string;
  readonly what: string;
  readonly revision: number | null;
  readonly details: Record<string, string>;
}

/** What was written after the chain's first row. */
const told = (office: Office) =>
  office.rowsOf<Told>(
    `SELECT actor, act, subject_type || coalesce(' ' || subject_id, '') AS what, revision, details FROM audit WHERE id > 1 ORDER BY id`,
  );
const acts = async (office: Office) => (await told(office)).map(({ act, what }) => `${act} ${what}`);
const verify = async (
  office: Office,
  anchors: Parameters<ReturnType<typeof createAuditStore>['verify']>[0] = [],
) => (await createAuditStore(office.pool).verify(anchors)).broken;
/** What an attacker with the database's password does. */
const tamper = (office: Office, sql: string) =>
  office.pool.query(`BEGIN; SET LOCAL herald.audit_maintenance = 'on'; ${sql}; COMMIT`);
const FORGE = (id: number) =>
  `UPDATE audit SET act = 'forged' WHERE id = ${id}; UPDATE audit a SET sha256 = audit_sha256(a) WHERE id = ${id}`;

const SWAP =
  'UPDATE audit SET id = -id WHERE id IN (4, 5); UPDATE audit SET id = 9 + id WHERE id IN (-4, -5)';

const peopleOf = (office: Office) =>
  new SubscriberStore(office.pool, {
    lists: new ListStore(office.pool),
    normalise: { sms: normalisePhone, email: normaliseEmail },
    suppress: (client, address) => suppressAddress(client, 0, address),
  });

stories('the audit chain', (test) => {
  test('tells an announcement’s whole way: who, what, to which revision', async ({ office }) => {
    await office.citizens(1);
    const id = await office.sending({ channels: ['sms'] });
    // Sending itself writes nothing here.
    const worker = await office.worker();
    const claim = await office.holdOne(id, worker);
    const [row] = await office.deliveries.claimRows(claim, 10, worker);
    if (!row) throw new Error('nothing was claimed');
    await office.deliveries.record([result(claim, row)], worker);
    await office.receipts.apply([fact(id, row.n, 'delivered')]);
    await office.deliveries.releaseShard(claim, worker);
    await office.deliveries.pauseFor(id, 'the provider refused the text of Mr Wang');
    await office.move(id, 'resume', 'sending');
    await office.move(id, 'cancel', 'cancelled');
    const { author, approver } = office;
    const rows = await told(office);
    expect(rows.map((row) => [row.actor, row.act, row.what, row.revision])).toEqual([
      [author.id, 'create', `announcement ${id}`, 1],
      [author.id, 'submit', `announcement ${id}`, 1],
      [approver.id, 'approve', `announcement ${id}`, 1],
      [null, 'start', `announcement ${id}`, 1],
      [null, 'pause', `announcement ${id}`, 1],
      [approver.id, 'resume', `announcement ${id}`, 1],
      [approver.id, 'cancel', `announcement ${id}`, 1],
    ]);
    const { sha256 } = await office.announcements.get(id);
    expect(rows[1]?.details.sha256).toBe(sha256);
    expect(rows[2]?.details.sha256).toBe(sha256);
    // People's words stay where the act is.
    expect(JSON.stringify(rows)).not.toContain('Wang');
    expect(await verify(office)).toBeNull();
    expect(await office.rowsOf('SELECT FROM audit_notes')).toEqual([]);
  });

  test('has nothing of an act that was rolled back', async ({ office }) => {
    const failing = inTransaction(office.pool, async (client) => {
      await noteAudit(client, { by: office.author, act: 'add', subjectType: 'topic', subjectId: 'x' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await told(office)).toEqual([]);
  });

  test('has one row for each act on people, lists, outlets, imports and channels', async ({ office }) => {
    const { pool, approver: by } = office;
    const [users, lists, hours, people] = [
      new UserStore(pool),
      new ListStore(pool),
      new QuietHoursStore(pool),
      peopleOf(office),
    ];
    const endpoints = new EndpointStore(pool, {
      lists,
      sealer: createSealer(Buffer.alloc(32, 1), 'endpoint-secret'),
      generateSecret: () => 'whsec_x',
      checkUrl: async (url) => url,
    });
    const imports = new ImportStore(pool);
    const user = await users.add({ name: '李静', role: 'admin' }, by);
    await users.add({ name: 'B', role: 'admin' }, by);
    const key = await users.createKey(user.id, by);
    await users.revokeKey(key.id, by);
    await users.disable(user.id, by);
    await lists.add('topics', { code: 'fraud', names: {} }, by);
    await lists.change('topics', 'fraud', { archived: true }, by);
    await lists.add('districts', { code: 'north', names: {} }, by);
    await hours.set({ channel: 'sms', from: '22:00', until: '08:00' }, by);
    await hours.clear('sms', by);
    await hours.clear('sms', by);
    const { id: endpoint } = await endpoints.create(
      { outlet: 'Paper', url: 'https://paper.example/', topics: [], districts: [] },
      by,
    );
    await endpoints.update(endpoint, { outlet: 'Daily' }, by);
    await endpoints.update(endpoint, {}, by);
    await endpoints.rotateSecret(endpoint, by);
    await endpoints.dropOldSecret(endpoint, by);
    await endpoints.disable(endpoint, 'away', by);
    await endpoints.enable(endpoint, by);
    await endpoints.remove(endpoint, by);
    const imported = await imports.create(by.id);
    await imports.finish(imported);
    const breaker = { channel: 'sms', gateway: 'live' } as const;
    for (const _ of [1, 2])
      await office.breakers.open({ ...breaker, provider: 'twilio', code: '20003', message: 'no' });
    await office.breakers.close(breaker.channel, breaker.gateway);
    await office.breakers.close(breaker.channel, breaker.gateway);
    const check = Buffer.alloc(32);
    for (const _ of [1, 2]) await openInstallation(pool, check, 'live', 'Asia/Shanghai');
    const { id: person } = await people.add(
      {
        locale: 'en',
        phone: '+8613800000001',
        topics: [],
        districts: [],
        consentAt: new Date(),
        consentSource: 'x',
      },
      by,
    );
    await people.update(person, { name: '王芳', phone: '+8613800000002' }, by);

    const rows = await told(office);
    expect(rows.map(({ act, what, details }) => [`${act} ${what}`, details])).toEqual([
      [`add user ${user.id}`, { role: 'admin' }],
      [`add user ${user.id + 1}`, { role: 'admin' }],
      [`create key ${key.id}`, { user: String(user.id) }],
      [`revoke key ${key.id}`, { user: String(user.id) }],
      [`disable user ${user.id}`, {}],
      ['add topic fraud', {}],
      ['archive topic fraud', {}],
      ['add district north', {}],
      ['set quiet-hours sms', { from: '22:00', until: '08:00' }],
      ['clear quiet-hours sms', {}],
      [`create endpoint ${endpoint}`, {}],
      [`change endpoint ${endpoint}`, { fields: 'outlet' }],
      [`rotate endpoint ${endpoint}`, {}],
      [`drop-old-secret endpoint ${endpoint}`, {}],
      [`disable endpoint ${endpoint}`, {}],
      [`enable endpoint ${endpoint}`, {}],
      [`remove endpoint ${endpoint}`, {}],
      [`start import ${imported}`, {}],
      [`finish import ${imported}`, { rows: '0', taken: '0', refused: '0' }],
      ['open breaker sms:live', { provider: 'twilio', code: '20003' }],
      ['close breaker sms:live', { provider: 'twilio', code: '20003' }],
      ['go-live installation', {}],
      [`add subscriber ${person}`, {}],
      [`change subscriber ${person}`, { fields: 'name,phone' }],
    ]);
    const herald = /breaker|installation/;
    for (const { actor, what } of rows)
      expect([what, actor]).toEqual([what, herald.test(what) ? null : by.id]);
    expect(await verify(office)).toBeNull();
  });

  test('outlives the people it speaks of, and says nothing about them', async ({ office }) => {
    const people = peopleOf(office);
    const { id } = await people.add(
      {
        name: '王芳',
        locale: 'zh-CN',
        phone: '+8613800000001',
        email: 'wang@example.org',
        topics: [],
        districts: [],
        consentAt: new Date('2026-01-05'),
        consentSource: 'at the counter',
      },
      office.approver,
    );
    await people.update(id, { email: 'fang@example.org' }, office.approver);
    await people.remove(id, 'api', office.approver);
    expect(await acts(office)).toEqual([
      `add subscriber ${id}`,
      `change subscriber ${id}`,
      `remove subscriber ${id}`,
    ]);
    expect(await verify(office)).toBeNull();
    const all = JSON.stringify(await office.rowsOf('SELECT * FROM audit'));
    for (const personal of ['王芳', '13800000001', 'wang', 'fang@', 'counter'])
      expect(all).not.toContain(personal);
  });

  test('is one, however many write at once', async ({ office }) => {
    const pool = createPool({
      connectionString: office.connectionString,
      max: 20,
      applicationName: 'writers',
    });
    await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        for (let n = 0; n < 10; n += 1) {
          await inTransaction(pool, async (client) => {
            await noteAudit(client, {
              by: office.author,
              act: 'a',
              subjectType: 'writer',
              subjectId: writer,
            });
            await noteAudit(client, {
              by: office.author,
              act: 'b',
              subjectType: 'writer',
              subjectId: writer,
            });
          });
        }
      }),
    );
    await pool.end();
    expect(await createAuditStore(office.pool).verify([])).toMatchObject({ rows: 401, broken: null });
  });

  test('holds nobody up while somebody else has an act open', async ({ office }) => {
    const store = createAuditStore(office.pool);
    await inTransaction(office.pool, async (client) => {
      await noteAudit(client, { by: office.author, act: 'slow', subjectType: 'topic' });
      await store.note({ by: office.author, act: 'quick', subjectType: 'topic' });
    });
    expect(await acts(office)).toEqual(['quick topic', 'slow topic']);
  });

  test('is hashed by the database as by the domain', async ({ office }) => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,5}$/);
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((t) => !t.includes('\0'));
    const note = fc.record({
      act: text,
      subjectType: text,
      subjectId: text,
      details: fc.dictionary(name, text),
    });
    const store = createAuditStore(office.pool);
    await fc.assert(
      fc.asyncProperty(note, fc.option(fc.nat()), async (one, user) => {
        await store.note({ by: user === null ? undefined : { id: user }, ...one });
        const [row] = await store.list({ limit: 1 });
        expect(row).toMatchObject({ ...one, actor: user });
        expect(row && auditSha256(row)).toEqual(row?.sha256);
      }),
      { numRuns: 60 },
    );
    expect(await verify(office)).toBeNull();
  });

  test('takes no change, and no details but names and texts', async ({ office }) => {
    await office.draft();
    for (const sql of ['UPDATE audit SET act = $$x$$', 'DELETE FROM audit WHERE id = 99', 'TRUNCATE audit'])
      await expect(office.pool.query(sql), sql).rejects.toMatchObject({
        message: expect.stringMatching(/append-only: (UPDATE|DELETE|TRUNCATE) refused/),
      });
    for (const details of ['[]', '["a"]', '{"a": 1}', '{"a": ["b"]}', '{"a b": "c"}'])
      await expect(
        office.pool.query(`INSERT INTO audit_notes (act, subject_type, details) VALUES ('a', 'b', $1)`, [
          details,
        ]),
        details,
      ).rejects.toThrow();
  });

  test.for([
    ['a changed row', `UPDATE audit SET actor = 99 WHERE id = 4`, { kind: 'changed', id: 4 }],
    [
      'a changed time',
      `UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 3`,
      { kind: 'changed', id: 3 },
    ],
    ['changed details', `UPDATE audit SET details = '{}' WHERE id = 5`, { kind: 'changed', id: 5 }],
    ['a changed hash', `UPDATE audit SET sha256 = sha256('x') WHERE id = 2`, { kind: 'changed', id: 2 }],
    ['a row written anew', FORGE(4), { kind: 'replaced', id: 5 }],
    [
      'a missing row',
      'DELETE FROM audit WHERE id = 4',
      { kind: 'missing', id: 4, message: 'row 4 is missing' },
    ],
    [
      'missing rows',
      'DELETE FROM audit WHERE id < 4',
      { kind: 'missing', id: 1, message: 'rows 1 to 3 are missing' },
    ],
    ['two rows changed round', SWAP, { kind: 'changed', id: 4 }],
    ['no row at all', 'TRUNCATE audit', { kind: 'missing', id: 1 }],
  ] as const)('names %s', async ([what, sql, broken], { office }) => {
    for (const _ of [1, 2]) await office.submit(await office.draft());
    expect(await verify(office), what).toBeNull();
    await tamper(office, sql);
    expect(await verify(office)).toMatchObject(broken);
  });

  test('names a tail that was cut off, or written anew, against an anchor', async ({ office }) => {
    const store = createAuditStore(office.pool);
    for (const _ of [1, 2]) await office.submit(await office.draft());
    const anchor = await store.head();
    expect(anchor).toMatchObject({ id: 5, installation: expect.stringMatching(/^[0-9a-f]{12}$/) });
    await office.draft();
    expect(await verify(office, [anchor])).toBeNull();

    await tamper(office, 'DELETE FROM audit WHERE id > 3');
    expect(await verify(office)).toBeNull();
    expect(await verify(office, [anchor])).toMatchObject({ kind: 'cut-off', id: 4 });
    // New acts grow over the place where it was cut.
    for (const _ of [1, 2, 3]) await office.draft();
    expect(await verify(office)).toBeNull();
    expect(await verify(office, [anchor])).toMatchObject({ kind: 'rewritten', id: 5 });
  });

  test('is verified in pages, whatever its length', async ({ office }) => {
    await office.pool.query(
      `INSERT INTO audit_notes (act, subject_type, subject_id) SELECT 'look-up', 'subscriber', n::text FROM generate_series(1, 10001) n`,
    );
    const store = createAuditStore(office.pool);
    expect(await store.verify([await store.head()])).toMatchObject({ rows: 10_002, broken: null });
    await tamper(office, 'DELETE FROM audit WHERE id = 10000');
    expect(await store.verify([])).toMatchObject({ rows: 9_999, broken: { kind: 'missing', id: 10_000 } });
  });

  test('is read by time, actor, act and subject', async ({ office }) => {
    const store = createAuditStore(office.pool);
    const [one, two] = [await office.approved(), await office.draft()];
    const ids = async (filter: object) =>
      (await store.list({ limit: 10, ...filter })).map((row) => `${row.act} ${row.subjectId}`);
    expect(await ids({ actor: office.approver.id })).toEqual([`approve ${one}`]);
    expect(await ids({ act: 'create' })).toEqual([`create ${two}`, `create ${one}`]);
    expect(await ids({ subject: { types: ['announcement'], id: String(two) } })).toEqual([`create ${two}`]);
    expect(await ids({ actor: 'herald', subject: { types: ['audit'] } })).toEqual(['begin null']);
    expect(await ids({ limit: 1, before: 3 })).toEqual([`create ${one}`]);
    expect(await ids({ until: new Date(Date.now() - 3_600_000), since: new Date(0) })).toEqual([]);
  });

  test('names the operator of a command, and the templates that changed', async ({ office }) => {
    const pool = createPool({
      connectionString: office.connectionString,
      max: 1,
      applicationName: 'command',
      operator: 'wangwei',
    });
    await new ListStore(pool).add('topics', { code: 'fraud', names: {} });
    await pool.end();
    expect((await told(office)).at(-1)).toMatchObject({ actor: null, details: { operator: 'wangwei' } });

    const store = createAuditStore(office.pool);
    const [before, after] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    await Promise.all([1, 2, 3].map(() => store.noticeTemplates(before)));
    for (const hash of [before, after, after]) await store.noticeTemplates(hash);
    expect((await acts(office)).filter((act) => act === 'change templates')).toHaveLength(2);
  });

  test('begins with what was done before there was one', async ({ server }) => {
    const db = await createEmptyDatabase(server);
    const folder = join(packageRoot, 'src/storage/migrations');
    const apply = async (file: string) => db.pool.query(await readFile(join(folder, file), 'utf8'));
    await apply('0001-herald.sql');
    await apply('0002-engine.sql');
    await db.pool.query(
      `INSERT INTO users (name, role) VALUES ('A', 'author');
       INSERT INTO cases (reference, title) VALUES ('r', 't');
       INSERT INTO announcements (case_id, kind, urgency, mode, created_by) VALUES (1, 'notice', 'normal', 'live', 1);
       INSERT INTO revisions (announcement_id, number, author_id, draft) VALUES (1, 1, 1, '{}');
       INSERT INTO announcement_acts (announcement_id, revision, act, user_id, at) VALUES
         (1, 1, 'create', 1, '2026-01-17T00:00:00Z'), (1, 1, 'cancel', 1, '2026-01-18T00:00:00Z')`,
    );
    await apply('0003-audit.sql');
    const { rows } = await db.pool.query(
      `SELECT act, actor, at, details FROM audit WHERE subject_type = 'announcement' ORDER BY id`,
    );
    expect(rows).toEqual([
      { act: 'create', actor: 1, at: new Date('2026-01-17'), details: { record: '1', source: 'migration' } },
      { act: 'cancel', actor: 1, at: new Date('2026-01-18'), details: { record: '2', source: 'migration' } },
    ]);
    expect(await createAuditStore(db.pool).verify([])).toMatchObject({ rows: 3, broken: null });
    await db.drop();
  });
});
