import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig, purposeKey, redacted } from '../src/config.ts';
import { HeraldError } from '../src/domain/errors.ts';
import { parseSignature } from '../src/environment.ts';

const SECRET = 'a-secret-of-thirty-two-characters-or-more';
const DATABASE = {
  DATABASE_URL: 'postgres://herald:pg-password@db.example:5432/herald',
  HERALD_SECRET: SECRET,
};
const SID = `AC${'0'.repeat(32)}`;

function wrong(environment: Record<string, string | undefined>): HeraldError {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof HeraldError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('an empty environment', () => {
  it('is a trial on the embedded database, on loopback, with the sandbox’s speed', () => {
    expect(loadConfig({})).toMatchObject({
      mode: 'trial',
      databaseUrl: undefined,
      redisUrl: undefined,
      dataDir: resolve('.herald'),
      host: '127.0.0.1',
      port: 8080,
      publicUrl: 'http://127.0.0.1:8080',
      secret: undefined,
      twilio: undefined,
      smtp: undefined,
      bounceAddress: 'bounce@herald.invalid',
      rates: { live: { sms: 10, email: 20 }, sandbox: { sms: 1_000, email: 1_000 } },
      smsSignature: { 'zh-CN': '【滨江公安】', en: 'Binjiang Police: ' },
      officeTimezone: 'Asia/Shanghai',
      defaultLocale: 'zh-CN',
      logLevel: 'info',
    });
  });

  it('a variable that is set to nothing counts as not set', () => {
    const empty = { REDIS_URL: '', DATABASE_URL: '', PORT: '', HERALD_MODE: '', TWILIO_ACCOUNT_SID: '' };
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('cannot be changed once it is read', () => {
    expect(() => Object.assign(loadConfig({}), { mode: 'live' })).toThrow(TypeError);
  });
});

/** Without these the variables of a provider are superfluous. */
const WHOLES = {
  TWILIO_ACCOUNT_SID: SID,
  TWILIO_AUTH_TOKEN: 't',
  TWILIO_FROM: 'Binjiang PD',
  SMTP_URL: 'smtp://mail.example',
  EMAIL_FROM: '滨江市公安局 <notices@example.gov.cn>',
  DKIM_DOMAIN: 'example.gov.cn',
  DKIM_SELECTOR: 's',
  DKIM_PRIVATE_KEY_FILE: import.meta.filename,
};

describe('a bad variable is named, with what it must be', () => {
  it.each([
    ['DATABASE_URL', 'mysql://localhost/x', /postgres:\/\//],
    ['DATABASE_URL', 'localhost', /postgres:\/\//],
    ['REDIS_URL', 'http://localhost', /redis:\/\//],
    ['HERALD_MODE', 'LIVE', /^must be trial or live, not "LIVE"$/],
    ['HERALD_SECRET', 'short', /at least 32 characters.*openssl/],
    ['HERALD_SANDBOX_URL', 'ftp://x', /http:\/\//],
    ['HERALD_SANDBOX_URL', 'http://h/?x', /without user, query or fragment/],
    ['HOST', 'bad host', /must be an IP address or a host name, not "bad host"$/],
    ['PORT', '70000', /65535/],
    ['PORT', 'eighty', /^must be a whole number from 0 to 65535, not "eighty"$/],
    ['PORT', '80.5', /whole number/],
    ['PORT', '0x50', /whole number/],
    ['PORT', '1e3', /whole number/],
    ['PORT', ' 80', /whole number/],
    ['PUBLIC_URL', 'herald.example', /http:\/\/ or https:\/\//],
    ['PUBLIC_URL', 'https://herald.example/?a=b', /without user, query or fragment/],
    ['PUBLIC_URL', 'https://herald.example/#top', /without user, query or fragment/],
    ['TWILIO_FROM', 'rubbish that is long', /must be a number such as \+12025550100/],
    ['TWILIO_FROM', '+0123', /must be a number/],
    ['EMAIL_FROM', 'xxxx', /must be one mailbox, such as .*, not "xxxx"$/],
    ['EMAIL_FROM', 'a@example.org, b@example.org', /must be one mailbox/],
    ['WEBHOOK_ALLOWED_CIDRS', '10.0.0.0/8,rubbish', /must be networks such as 10\.1\.0\.0\/16.*rubbish"$/],
    ['WEBHOOK_ALLOWED_CIDRS', '10.0.0.0/33', /must be networks/],
    ['DKIM_PRIVATE_KEY_FILE', '/nonexistent.pem', /must name a file .*, not "\/nonexistent.pem"$/],
    ['DKIM_PRIVATE_KEY_FILE', '/etc', /must name a file/],
    ['TWILIO_ACCOUNT_SID', 'AC123', /32 hexadecimal/],
    ['TWILIO_MESSAGING_SERVICE_SID', 'SM00', /MG/],
    ['TWILIO_API_URL', 'twilio.example', /https:\/\//],
    ['SMS_SEGMENTS_PER_SECOND', '0', /^must be a number above 0, and at most 100000, not "0"$/],
    ['SMS_SEGMENTS_PER_SECOND', '1e3', /a number above 0/],
    ['EMAIL_PER_SECOND', 'fast', /number/],
    ['SMTP_URL', 'mail.example:25', /smtp:\/\//],
    ['BOUNCE_ADDRESS', 'bounce', /must be a bare mailbox/],
    ['BOUNCE_ADDRESS', `${'b'.repeat(40)}@example.org`, /short local part/],
    ['BOUNCE_PORT', '-1', /0/],
    ['OFFICE_TIMEZONE', 'China', /IANA time zone/],
    ['DEFAULT_LOCALE', 'zh_CN', /language tag/],
    ['AUDIT_ANCHOR_EMAILS', 'keeper@example.org, keeper', /mailboxes/],
    ['LOG_LEVEL', 'loud', /debug/],
    ['SMS_PRICE_PER_SEGMENT', '-1', /number such as 0.05/],
    ['SMS_CURRENCY', '¥', /ISO 4217/],
    ['SMS_SIGNATURE', 'zh_CN=滨江公安', /zh-CN=滨江公安,en=/],
    ['SMS_SIGNATURE', 'zh-CN=,en=Police', /must be a name/],
  ])('%s=%s', (name, value, must) => {
    const error = wrong({ ...DATABASE, ...WHOLES, [name]: value });
    expect(error).toMatchObject({ kind: 'invalid', code: 'invalid-configuration' });
    expect(error.issues.map((issue) => issue.path)).toEqual([name]);
    expect(error.message).toContain(`${name} ${error.issues[0]?.message}`);
    expect(error.issues[0]?.message).toMatch(must);
    expect(error.fix).toMatch(/docs\/operations\.md/);
  });

  it('all of them at once, and no value of a secret in the message', () => {
    const error = wrong({ PORT: 'x', HERALD_MODE: 'y', HERALD_SECRET: 'hunter2', DATABASE_URL: 'hunter2' });
    expect(error.issues.map((issue) => issue.path).sort()).toEqual([
      'DATABASE_URL',
      'HERALD_MODE',
      'HERALD_SECRET',
      'PORT',
    ]);
    expect(JSON.stringify([error.message, error.issues, error.fix])).not.toContain('hunter2');
  });
});

describe('what one variable demands of another', () => {
  const RELAY = { SMTP_URL: 'smtp://mail.example', EMAIL_FROM: 'a@example.org' };
  const cases: [string, Record<string, string>, string, RegExp][] = [
    [
      'a database without a secret',
      { DATABASE_URL: DATABASE.DATABASE_URL },
      'HERALD_SECRET',
      /same on every host/,
    ],
    ['Redis beside the embedded database', { REDIS_URL: 'redis://r' }, 'REDIS_URL', /needs DATABASE_URL/],
    [
      'an account without its token',
      { TWILIO_ACCOUNT_SID: SID, TWILIO_FROM: '+15005550006' },
      'TWILIO_AUTH_TOKEN',
      /is required/,
    ],
    ['a token without its account', { TWILIO_AUTH_TOKEN: 't' }, 'TWILIO_ACCOUNT_SID', /is required/],
    [
      'a sender without an account',
      { TWILIO_FROM: '+15005550006', TWILIO_API_URL: 'https://twilio.example' },
      'TWILIO_ACCOUNT_SID',
      /is required with TWILIO_FROM, TWILIO_API_URL: set it, or unset those/,
    ],
    [
      'a From without a relay',
      { EMAIL_FROM: 'a@example.org' },
      'SMTP_URL',
      /is required with EMAIL_FROM: set it, or unset that/,
    ],
    [
      'DKIM without a relay',
      { DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 's', DKIM_PRIVATE_KEY_FILE: import.meta.filename },
      'SMTP_URL',
      /is required with DKIM_DOMAIN, DKIM_SELECTOR, DKIM_PRIVATE_KEY_FILE/,
    ],
    [
      'an account without a sender',
      { TWILIO_ACCOUNT_SID: SID, TWILIO_AUTH_TOKEN: 't' },
      'TWILIO_FROM',
      /TWILIO_MESSAGING_SERVICE_SID/,
    ],
    ['a relay without a From', { SMTP_URL: 'smtp://mail.example' }, 'EMAIL_FROM', /is required/],
    [
      'half of DKIM',
      { ...RELAY, DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 's' },
      'DKIM_PRIVATE_KEY_FILE',
      /is required.*all three or none/,
    ],
    [
      'the other half of DKIM',
      { ...RELAY, DKIM_PRIVATE_KEY_FILE: import.meta.filename },
      'DKIM_DOMAIN',
      /DKIM_SELECTOR/,
    ],
    ['live without an address of its own', { HERALD_MODE: 'live' }, 'PUBLIC_URL', /must reach Herald/],
  ];
  it.each(cases)('%s', (_what, environment, path, message) => {
    const error = wrong(environment);
    expect(error).toMatchObject({ kind: 'invalid', code: 'invalid-configuration' });
    expect(error.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it('several at once are all named', () => {
    const error = wrong({ HERALD_MODE: 'live', SMTP_URL: 'smtp://m', DATABASE_URL: DATABASE.DATABASE_URL });
    expect(error.issues.map((issue) => issue.path)).toEqual(['HERALD_SECRET', 'EMAIL_FROM', 'PUBLIC_URL']);
  });
});

it('what is wrong alone and what is wrong together are named at once, each variable once', () => {
  const error = wrong({
    HERALD_MODE: 'live',
    PORT: 'abc',
    SMTP_URL: 'smtp://m',
    TWILIO_FROM: 'far too long for a sender',
  });
  expect(error.issues.map((issue) => issue.path).sort()).toEqual([
    'EMAIL_FROM',
    'PORT',
    'PUBLIC_URL',
    'TWILIO_ACCOUNT_SID',
    'TWILIO_FROM',
  ]);
  const once = wrong({ HERALD_MODE: 'live', PUBLIC_URL: 'herald.example' });
  expect(once.issues).toEqual([{ path: 'PUBLIC_URL', message: expect.stringMatching(/must be a URL/) }]);
});

describe('what is read', () => {
  it('a whole live configuration', () => {
    const config = loadConfig({
      ...DATABASE,
      REDIS_URL: 'redis://:r-password@redis.example:6379',
      HERALD_MODE: 'live',
      PUBLIC_URL: 'https://herald.example/base///',
      TWILIO_ACCOUNT_SID: SID,
      TWILIO_AUTH_TOKEN: 'twilio-token',
      TWILIO_MESSAGING_SERVICE_SID: `MG${'1'.repeat(32)}`,
      TWILIO_FROM: '+15005550006',
      SMTP_URL: 'smtps://user:smtp-password@mail.example',
      EMAIL_FROM: 'a@example.org',
      SMS_SEGMENTS_PER_SECOND: '3.5',
      WEBHOOK_ALLOWED_CIDRS: ' 10.0.0.0/8 ,, fd00::/8',
      HERALD_TEMPLATES_DIR: 'mine',
    });
    expect(config).toMatchObject({
      publicUrl: 'https://herald.example/base',
      // A service chooses the sender; it wins.
      twilio: { accountSid: SID, sender: { messagingServiceSid: `MG${'1'.repeat(32)}` } },
      smtp: { from: 'a@example.org', dkim: undefined },
      bounceAddress: undefined,
      rates: { live: { sms: 3.5, email: 20 }, sandbox: { sms: 3.5, email: 1_000 } },
      webhookAllowedCidrs: ['10.0.0.0/8', 'fd00::/8'],
    });
    // The office's own folder comes last, and wins.
    expect(config.templatesDirs.at(-1)).toBe(resolve('mine'));
  });

  it('signatures: Chinese in 【】, however they are written', () => {
    expect(parseSignature('滨江公安', 'zh-CN')).toEqual({ 'zh-CN': '【滨江公安】' });
    expect(parseSignature('【滨江公安】', 'zh-CN')).toEqual({ 'zh-CN': '【滨江公安】' });
    expect(parseSignature(' zh-CN = 滨江公安 , en = Binjiang Police ', 'en')).toEqual({
      'zh-CN': '【滨江公安】',
      en: 'Binjiang Police: ',
    });
    expect(parseSignature(undefined, 'en')).toEqual({});
  });

  it('a key for one purpose opens nothing of another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(purposeKey(SECRET, a)).toHaveLength(32);
        expect(purposeKey(SECRET, a).equals(purposeKey(SECRET, b))).toBe(a === b);
        expect(purposeKey(SECRET, a).equals(purposeKey(`${SECRET}!`, a))).toBe(false);
      }),
    );
  });
});

describe('what is shown', () => {
  it('no secret, wherever it stands', () => {
    const secrets = [
      'TOPSECRET-1',
      'TOPSECRET-2',
      'TOPSECRET-3',
      'TOPSECRET-4',
      'TOPSECRET-5',
      'TOPSECRET-6',
    ];
    const [pg, redis, twilio, smtp, own, query] = secrets;
    const config = loadConfig({
      DATABASE_URL: `postgres://herald:${pg}@db.example/herald?password=${query}`,
      REDIS_URL: `redis://:${redis}@redis.example`,
      HERALD_SECRET: `${own}-and-more-characters-to-be-long-enough`,
      TWILIO_ACCOUNT_SID: SID,
      TWILIO_AUTH_TOKEN: twilio,
      TWILIO_FROM: '+15005550006',
      TWILIO_API_URL: `https://proxy:${twilio}@twilio.example`,
      SMTP_URL: `smtp://user:${smtp}@mail.example`,
      EMAIL_FROM: 'a@example.org',
    });
    const shown = JSON.stringify(redacted(config));
    for (const secret of secrets) expect(shown).not.toContain(secret);
    for (const kept of ['db.example', 'redis.example', 'mail.example', SID, '+15005550006'])
      expect(shown).toContain(kept);
  });

  it('no part of a password, whatever it is made of', () => {
    const password = fc.string({ unit: fc.constantFrom(...'@:%&=+!aZ9é密'), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(password, (text) => {
        const shown = redacted(
          loadConfig({ ...DATABASE, DATABASE_URL: `postgres://u:${encodeURIComponent(text)}@host/db` }),
        );
        expect(shown.databaseUrl).toBe('postgres://u:***@host/db');
      }),
    );
    // People do not always encode it.
    const careless = redacted(loadConfig({ ...DATABASE, DATABASE_URL: 'postgres://u:p@ss:w@rd@host/db' }));
    expect(careless.databaseUrl).toBe('postgres://u:***@host/db');
  });

  it('what holds no secret is shown as it is', () => {
    const config = loadConfig({
      ...DATABASE,
      DATABASE_URL: 'postgres://u@host/db',
      HERALD_SANDBOX_URL: 'http://s:9',
    });
    expect(redacted(config)).toMatchObject({
      databaseUrl: 'postgres://u@host/db',
      sandboxUrl: 'http://s:9',
      secret: '***',
    });
    expect(redacted(loadConfig({})).secret).toBeUndefined();
  });
});
