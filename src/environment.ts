import { accessSync, constants, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { checkPlusMailbox, parseFrom } from './channels/email/compose.ts';
import { isNetwork } from './channels/webhook/ssrf.ts';
import './domain/plain-words.ts';
import { HeraldError, type Issue } from './domain/errors.ts';
import { localeSchema } from './domain/template.ts';

const thatIs = (fits: (text: string) => boolean, must: string) => z.string().refine(fits, must);

const port = thatIs(
  (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
  'must be a whole number from 0 to 65535',
).transform(Number);
const rate = thatIs(
  (text) => /^\d{1,6}(\.\d+)?$/.test(text) && Number(text) > 0 && Number(text) <= 100_000,
  'must be a number above 0, and at most 100000',
).transform(Number);
const connections = thatIs(
  (text) => /^[1-9]\d{0,2}$/.test(text),
  'must be a whole number from 1 to 999',
).transform(Number);
const url = (protocols: readonly string[]) =>
  thatIs(
    (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
    `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  );
/** Paths are put behind it, so it ends with a host or a path. */
const baseUrl = (protocols: readonly string[]) =>
  url(protocols).refine(
    (text) => /^[^?#@]*$/.test(text),
    'must be a plain URL, without user, query or fragment',
  );

/** Environment variable → what it must be. The only place where Herald's environment is described. */
const environmentSchema = z.object({
  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  REDIS_URL: url(['redis:', 'rediss:']).optional(),
  HERALD_DATA_DIR: z.string().default('.herald'),
  HERALD_MODE: z.enum(['trial', 'live']).default('trial'),
  HERALD_TEMPLATES_DIR: z.string().optional(),
  HERALD_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters; make one with: openssl rand -base64 32')
    .optional(),
  HERALD_SANDBOX_URL: baseUrl(['http:']).optional(),
  HOST: thatIs(
    (text) => isIP(text) !== 0 || /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text),
    'must be an IP address or a host name',
  ).default('127.0.0.1'),
  PORT: port.default(8080),
  PUBLIC_URL: baseUrl(['http:', 'https:']).optional(),
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hexadecimal digits')
    .optional(),
  TWILIO_AUTH_TOKEN: z.string().optional(),
  TWILIO_MESSAGING_SERVICE_SID: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/, 'must be MG and 32 hexadecimal digits')
    .optional(),
  TWILIO_FROM: thatIs(
    // A number in E.164, a short code, or an alphanumeric sender with a letter in it.
    (text) => /^(\+[1-9]\d{6,14}|\d{3,8}|(?=.*[a-z])[a-z\d +&_-]{1,11})$/i.test(text),
    'must be a number such as +12025550100, a short code, or a sender of at most 11 letters and digits',
  ).optional(),
  TWILIO_API_URL: url(['http:', 'https:']).optional(),
  SMS_SEGMENTS_PER_SECOND: rate.optional(),
  SMS_CONNECTIONS: connections.default(64),
  SMS_SIGNATURE: z.string().optional(),
  SMS_PRICE_PER_SEGMENT: thatIs((text) => /^\d{1,6}(\.\d{1,6})?$/.test(text), 'must be a price such as 0.045')
    .transform(Number)
    .optional(),
  SMS_CURRENCY: thatIs(
    (text) => /^[A-Z]{3}$/.test(text),
    'must be a currency of ISO 4217, such as CNY',
  ).default('CNY'),
  SMTP_URL: url(['smtp:', 'smtps:']).optional(),
  EMAIL_FROM: thatIs(
    (text) => isTaken(() => parseFrom(text)),
    'must be one mailbox, such as Police <notices@example.org>',
  ).optional(),
  EMAIL_PER_SECOND: rate.optional(),
  EMAIL_CONNECTIONS: connections.default(10),
  WEBHOOK_PER_SECOND: rate.default(10),
  BOUNCE_ADDRESS: thatIs(
    (text) => z.email().safeParse(text).success && isTaken(() => checkPlusMailbox(text)),
    'must be a bare mailbox with a short local part, such as bounce@example.org',
  ).optional(),
  BOUNCE_PORT: port.optional(),
  DKIM_DOMAIN: z.string().optional(),
  DKIM_SELECTOR: z.string().optional(),
  DKIM_PRIVATE_KEY_FILE: thatIs(isReadable, 'must name a file that this user may read').optional(),
  WEBHOOK_ALLOWED_CIDRS: thatIs(
    (text) => listed(text).every(isNetwork),
    'must be networks such as 10.1.0.0/16 or fd00::/8, with commas between them',
  ).optional(),
  OFFICE_NAME: z.string().default('滨江市公安局'),
  OFFICE_TIMEZONE: thatIs(isTimezone, 'must be an IANA time zone such as Asia/Shanghai').default(
    'Asia/Shanghai',
  ),
  DEFAULT_LOCALE: thatIs(
    (text) => localeSchema.safeParse(text).success,
    'must be a language tag such as zh-CN or en',
  ).default('zh-CN'),
  AUDIT_ANCHOR_EMAILS: thatIs(
    (text) => listed(text).every((entry) => z.email().safeParse(entry).success),
    'must be mailboxes such as audit@example.org, with commas between them',
  ).optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});
export type Environment = z.infer<typeof environmentSchema>;
type Variable = keyof Environment;
/** Every variable that Herald reads. */
export const VARIABLES = Object.keys(environmentSchema.shape) as readonly Variable[];

/** Never repeated in a message: they hold passwords, or are taken for one that does when two lines were swapped. */
const UNTOLD: ReadonlySet<string> = new Set<Variable>([
  'DATABASE_URL',
  'REDIS_URL',
  'SMTP_URL',
  'HERALD_SECRET',
  'TWILIO_ACCOUNT_SID',
  'TWILIO_AUTH_TOKEN',
  'TWILIO_API_URL',
]);

/**
 * Reads and checks variables. An empty one (`REDIS_URL=`) means that it is not set.
 * @throws HeraldError `invalid-configuration` naming every variable that is wrong, and what it must be
 */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const set = Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  const { success, data, error } = environmentSchema.safeParse(set);
  const single = (error?.issues ?? []).map(({ path, message }) => {
    const name = String(path[0]);
    return { path: name, message: UNTOLD.has(name) ? message : `${message}, not ${shown(set[name] ?? '')}` };
  });
  // Of a variable that is wrong in itself, one reason is enough.
  const issues = [...single, ...relations(set)].filter(
    (issue, index, all) => all.findIndex(({ path }) => path === issue.path) === index,
  );
  if (success && issues.length === 0) return data;
  throw new HeraldError(
    'invalid',
    'invalid-configuration',
    `the configuration is wrong: ${issues.map((i) => `${i.path} ${i.message}`).join('; ')}`,
    { issues, fix: 'change the environment and start again; docs/operations.md lists every variable' },
  );
}

/** What stands before an @ may be a password. */
const shown = (value: string): string => JSON.stringify(value.replace(/\/\/.*@/s, '//***@').slice(0, 80));

/** Variables of a provider, and the one without which none of them means anything. */
const PARTS_OF: readonly [whole: Variable, parts: readonly Variable[]][] = [
  [
    'TWILIO_ACCOUNT_SID',
    ['TWILIO_AUTH_TOKEN', 'TWILIO_MESSAGING_SERVICE_SID', 'TWILIO_FROM', 'TWILIO_API_URL'],
  ],
  ['SMTP_URL', ['EMAIL_FROM', 'DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_PRIVATE_KEY_FILE']],
];
const DKIM = ['DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_PRIVATE_KEY_FILE'] as const;

/** What one variable demands of another, whether each is right in itself or not. */
function relations(env: Readonly<Partial<Record<Variable, string>>>): Issue[] {
  const has = (name: Variable) => env[name] !== undefined;
  const rules: [wrong: boolean, path: Variable, message: string][] = [
    [
      has('DATABASE_URL') && !has('HERALD_SECRET'),
      'HERALD_SECRET',
      'is required with DATABASE_URL, the same on every host; make one with: openssl rand -base64 32',
    ],
    [
      has('REDIS_URL') && !has('DATABASE_URL'),
      'REDIS_URL',
      'needs DATABASE_URL: the embedded database serves one machine, which needs no Redis',
    ],
    ...PARTS_OF.map(([whole, parts]): [boolean, Variable, string] => {
      const superfluous = parts.filter(has);
      const names = superfluous.join(', ');
      return [
        !has(whole) && superfluous.length > 0,
        whole,
        `is required with ${names}: set it, or unset ${superfluous.length > 1 ? 'those' : 'that'}`,
      ];
    }),
    [
      has('TWILIO_ACCOUNT_SID') && !has('TWILIO_AUTH_TOKEN'),
      'TWILIO_AUTH_TOKEN',
      'is required with TWILIO_ACCOUNT_SID',
    ],
    [
      has('TWILIO_ACCOUNT_SID') && !has('TWILIO_MESSAGING_SERVICE_SID') && !has('TWILIO_FROM'),
      'TWILIO_FROM',
      'or TWILIO_MESSAGING_SERVICE_SID is required with TWILIO_ACCOUNT_SID',
    ],
    [has('SMTP_URL') && !has('EMAIL_FROM'), 'EMAIL_FROM', 'is required with SMTP_URL'],
    [
      DKIM.some(has) && !DKIM.every(has),
      DKIM.find((name) => !has(name)) ?? DKIM[0],
      `is required: ${DKIM.join(', ')} go together, all three or none`,
    ],
    [
      // The default locale, which a bare name is given, is judged by itself.
      Object.entries(parseSignature(env.SMS_SIGNATURE, 'en')).some(
        ([locale, name]) => !localeSchema.safeParse(locale).success || /^【?】?[: ]*$/.test(name),
      ),
      'SMS_SIGNATURE',
      'must be a name, or pairs such as zh-CN=滨江公安,en=Binjiang Police',
    ],
    [
      env.HERALD_MODE === 'live' && !env.PUBLIC_URL?.startsWith('https:'),
      'PUBLIC_URL',
      'must be an https URL in live mode: providers and citizens must reach Herald, and leave links need it (RFC 8058)',
    ],
  ];
  return rules.filter(([wrong]) => wrong).map(([, path, message]) => ({ path, message }));
}

/**
 * `滨江公安` (the default locale's) or `zh-CN=滨江公安,en=Binjiang Police`. Chinese practice sets it in 【】.
 */
export function parseSignature(text: string | undefined, defaultLocale: string): Record<string, string> {
  if (!text) return {};
  const pairs = text.includes('=') ? text.split(',').map((p) => p.split('=', 2)) : [[defaultLocale, text]];
  return Object.fromEntries(
    pairs.map(([locale = '', name = '']) => {
      const bare = name.trim().replace(/^【|】$/g, '');
      return [locale.trim(), locale.trim().startsWith('zh') ? `【${bare}】` : `${bare}: `];
    }),
  );
}

/** `a, b` → a and b. */
export const listed = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);

function isTaken(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof HeraldError) return false;
    throw error;
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** A named zone: an offset such as +08:00 means the opposite to PostgreSQL, and knows no summer time. */
function isTimezone(zone: string): boolean {
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
