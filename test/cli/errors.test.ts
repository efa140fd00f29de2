import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { createContext } from '../../src/cli/context.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { noteRunning } from '../../src/cli/running.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { freePort } from '../support/servers.ts';
import { herald, type Office, openOffice, SECRET } from './herald.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.close());

describe('usage', () => {
  test('help and version go to stdout and are no error', async () => {
    const help = await office.run('--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('Exit codes');
    expect(await office.run('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await office.run('users', 'add', '--help')).code).toBe(0);
  });

  test.each([
    [['publish']],
    [['users', 'remove']],
    [['status', '--nope']],
    [['status', 'a', 'b']],
    [['deliveries', 'x', '--limit', '0']],
    [['keys', 'create']],
  ])('%j exits with 2', async (argv) => {
    const refused = await office.run(...argv);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toMatch(/^herald: .+\n/);
  });

  test('no command at all shows the help on stderr', async () => {
    expect(await office.run()).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('Usage: herald'),
    });
    expect(await office.run('users')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Usage: herald users'),
    });
  });

  test('with --json an error is one object too', async () => {
    const refused = await office.run('users', 'add', '--json');
    expect(refused.json()).toEqual({
      error: {
        code: 'usage',
        message: expect.stringContaining('--name'),
        issues: [],
        fix: expect.any(String),
      },
    });
  });
});

describe('configuration', () => {
  test('is shown without secrets', async () => {
    const environment = {
      ...office.environment,
      DATABASE_URL: 'postgres://herald:hunter2@db.example.org/herald',
      TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
      TWILIO_AUTH_TOKEN: 'hunter3',
      TWILIO_FROM: '+12025550100',
      SMTP_URL: 'smtps://herald:hunter4@mail.example.org',
      EMAIL_FROM: 'news@example.org',
    };
    for (const argv of [['config'], ['config', '--json']]) {
      const { code, out } = await herald(environment, argv);
      expect(code).toBe(0);
      expect(out).toContain('postgres://herald:***@db.example.org/herald');
      expect(out).not.toContain(SECRET);
      expect(out).not.toMatch(/hunter/);
    }
  });

  test('names everything that is wrong at once', async () => {
    const refused = await herald({ DATABASE_URL: 'mysql://x', PORT: 'http', HERALD_MODE: 'prod' }, [
      'config',
      '--json',
    ]);
    expect(refused.code).toBe(2);
    const { error } = refused.json<{ error: { code: string; issues: { path: string }[] } }>();
    expect(error.code).toBe('invalid-configuration');
    expect(error.issues.map((i) => i.path).sort()).toEqual([
      'DATABASE_URL',
      'HERALD_MODE',
      'HERALD_SECRET',
      'PORT',
    ]);
  });

  test('DATABASE_URL without HERALD_SECRET', async () => {
    const refused = await herald({ DATABASE_URL: office.environment.DATABASE_URL }, ['status']);
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringContaining('HERALD_SECRET is required with DATABASE_URL'),
    });
  });
});

describe('what is not there', () => {
  const oneLineOfError = /^herald: .+\n( {2}.+\n)*$/;

  test('a database', async () => {
    const port = await freePort();
    const url = `postgres://herald:hunter2@127.0.0.1:${port}/office`;
    const refused = await herald({ ...office.environment, DATABASE_URL: url }, ['status']);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(oneLineOfError);
    expect(refused.err).toContain(`127.0.0.1:${port}/office is not available: nothing listens there`);
    expect(refused.err).not.toContain('hunter2');
    expect(refused.err).toContain('DATABASE_URL');
  });

  test('a database of that name on the server', async () => {
    const url = new URL(office.database.connectionString);
    url.pathname = '/no_such_database';
    const refused = await herald({ ...office.environment, DATABASE_URL: url.href }, ['migrate', '--json']);
    expect(refused.json()).toMatchObject({
      error: { code: 'database-unavailable', message: expect.stringContaining('no such database') },
    });
  });

  test('a folder for the data', async () => {
    for (const dataDir of ['/etc/passwd', '/etc/passwd/below']) {
      const refused = await herald({ HERALD_DATA_DIR: dataDir }, ['users', 'list', '--json']);
      expect(refused.code).toBe(1);
      expect(refused.json()).toMatchObject({
        error: {
          code: 'data-dir-unusable',
          message: expect.stringContaining(dataDir),
          fix: expect.stringContaining('HERALD_DATA_DIR'),
        },
      });
    }
  });

  test('a Redis', async () => {
    const refused = await herald(
      { ...office.environment, REDIS_URL: `redis://127.0.0.1:${await freePort()}` },
      ['status', '--json'],
    );
    expect(refused.json()).toMatchObject({
      error: { code: 'queue-unavailable', fix: expect.stringContaining('REDIS_URL') },
    });
  });

  test('a sandbox', async () => {
    const refused = await herald(
      { ...office.environment, HERALD_SANDBOX_URL: `http://127.0.0.1:${await freePort()}` },
      ['status', '--json'],
    );
    expect(refused.json()).toMatchObject({ error: { code: 'sandbox-unavailable' } });
  });

  test('the tables, until herald migrate has made them', async () => {
    const empty = await createEmptyDatabase();
    try {
      const environment = { ...office.environment, DATABASE_URL: empty.connectionString };
      expect(await herald(environment, ['users', 'list'])).toMatchObject({
        code: 1,
        err: expect.stringContaining('run `herald migrate`'),
      });
      expect(await herald(environment, ['migrate', '--json'])).toMatchObject({
        code: 0,
        out: '{"ok":true}\n',
      });
      expect((await herald(environment, ['migrate'])).code).toBe(0);
      expect(await herald(environment, ['users', 'list'])).toMatchObject({
        code: 0,
        out: expect.stringContaining('nobody yet'),
      });
    } finally {
      await empty.drop();
    }
  });

  test('another secret than the one that the database was set up with', async () => {
    await office.run('users', 'list');
    const refused = await herald(
      { ...office.environment, HERALD_SECRET: `another ${SECRET}`, HERALD_SANDBOX_URL: '' },
      ['users', 'list', '--json'],
    );
    expect(refused.json()).toMatchObject({ error: { code: 'wrong-secret' } });
  });
});

test('a database that has been live is not opened for a trial', async () => {
  const live = await openOffice();
  try {
    const environment = {
      ...live.environment,
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://alerts.example.gov.cn',
      HERALD_SANDBOX_URL: '',
    };
    expect((await herald(environment, ['users', 'list'])).code).toBe(0);
    const refused = await live.run('users', 'list', '--json');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.json()).toMatchObject({ error: { code: 'has-been-live' } });
  } finally {
    await live.close();
  }
});

test('commands find the Herald that runs with the same data directory', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'herald-cli-running-'));
  try {
    const forget = await noteRunning(dataDir, {
      databaseUrl: office.database.connectionString,
      publicUrl: 'http://127.0.0.1:8080',
      sandboxUrl: office.sandbox.url,
    });
    const environment = { HERALD_DATA_DIR: dataDir, HERALD_SECRET: SECRET };
    const id = await office.user('admin', 'who is known there');
    expect((await herald(environment, ['users', 'list'])).out).toContain(id);
    await forget();
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

test('a reader that has gone away is no error', async () => {
  const gone = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const io = { stdin: Readable.from([]), stdout: gone, stderr: gone };
  expect(await runCommandLine(COMMANDS, createContext(io, office.environment), ['config'])).toBe(0);
});

describe('bounce', () => {
  test('what is no report is refused, and so is nothing', async () => {
    for (const mail of ['', 'From: a@example.org\r\nTo: b@example.org\r\nSubject: hello\r\n\r\nhello\r\n']) {
      const refused = await office.runWith(mail, 'bounce', '--json');
      expect(refused.code).toBe(2);
      expect(refused.json()).toHaveProperty('error.code');
    }
  });

  test('a report about a mail that is not ours is counted as unknown', async () => {
    const report = [
      'From: MAILER-DAEMON@example.org',
      'To: bounce@herald.invalid',
      'Subject: Undelivered',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'It could not be delivered.',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.example.org',
      'Original-Envelope-Id: dlv_00000000000000000000000000',
      '',
      'Final-Recipient: rfc822; wang@example.org',
      'Action: failed',
      'Status: 5.1.1',
      '',
      '--b--',
      '',
    ].join('\r\n');
    const taken = await office.runWith(report, 'bounce', '--json');
    expect(taken.code).toBe(0);
    expect(taken.json()).toEqual({ applied: 0, unknown: 1 });
  });
});
