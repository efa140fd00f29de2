import { hkdfSync } from 'node:crypto';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { HeraldError } from './domain/errors.ts';
import { localeSchema } from './domain/template.ts';
import { packageRoot } from './root.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const url = (protocols: readonly string[]) =>
  z.string().refine(
    (text) => {
      const parsed = URL.parse(text);
      return parsed !== null && protocols.includes(parsed.protocol);
    },
    `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  );
/** Paths are put behind it, so it ends with a host or a path. */
const baseUrl = (protocols: readonly string[]) =>
  url(protocols).refine(
    (text) => /^[^?#@]*$/.test(text),
    'must be a plain URL, without user, query or fragment',
  );
const rate = z.coerce.number().positive().max(100_000);

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
  HERALD_SANDBOX_URL: url(['http:']).optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(8080),
  PUBLIC_URL: baseUrl(['http:', 'https:']).optional(),
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hexadecimal digits')
    .optional(),
  TWILIO_AUTH_TOKEN: z.string().min(1).optional(),
  TWILIO_MESSAGING_SERVICE_SID: z
    .string()
    .regex(/^MG[0-9a-fA-F]{32}$/, 'must be MG and 32 hexadecimal digits')
    .optional(),
  TWILIO_FROM: z.string().min(1).optional(),
  TWILIO_API_URL: url(['http:', 'https:']).optional(),
  SMS_SEGMENTS_PER_SECOND: rate.optional(),
  SMS_SIGNATURE: z.string().optional(),
  SMTP_URL: url(['smtp:', 'smtps:']).optional(),
  EMAIL_FROM: z.string().min(3).optional(),
  EMAIL_PER_SECOND: rate.optional(),
  BOUNCE_ADDRESS: z.email().optional(),
  BOUNCE_PORT: port.optional(),
  DKIM_DOMAIN: z.string().optional(),
  DKIM_SELECTOR: z.string().optional(),
  DKIM_PRIVATE_KEY_FILE: z.string().optional(),
  WEBHOOK_ALLOWED_CIDRS: z.string().optional(),
  OFFICE_NAME: z.string().min(1).default('滨江市公安局'),
  OFFICE_TIMEZONE: z
    .string()
    .refine((zone) => isTimezone(zone), 'must be an IANA time zone such as Asia/Shanghai')
    .default('Asia/Shanghai'),
  DEFAULT_LOCALE: localeSchema.default('zh-CN'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});
type Environment = z.infer<typeof environmentSchema>;

/** Segments and messages per second where nothing is configured: what one alphanumeric sender, and a shy relay, take. */
const LIVE_RATE = { sms: 10, email: 20 };
/** The sandbox has no limit of its own; this keeps a rehearsal from taking the whole machine. */
const SANDBOX_RATE = { sms: 1_000, email: 1_000 };

export interface TwilioConfig {
  readonly accountSid: string;
  readonly authToken: string;
  readonly sender: { readonly messagingServiceSid: string } | { readonly from: string };
  readonly apiUrl: string | undefined;
}

export interface SmtpConfig {
  readonly url: string;
  readonly from: string;
  readonly dkim:
    | { readonly domain: string; readonly selector: string; readonly privateKeyFile: string }
    | undefined;
}

export interface Config {
  readonly mode: 'trial' | 'live';
  /** Absent: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Absent: BullMQ runs on PostgreSQL. */
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  /** Later folders win. */
  readonly templatesDirs: readonly string[];
  readonly host: string;
  readonly port: number;
  /** How the world reaches Herald; no trailing slash. */
  readonly publicUrl: string;
  /** Absent only with the embedded database, whose data directory keeps one. */
  readonly secret: string | undefined;
  /** Base URL of a running sandbox; absent: exercises and trial mode have nowhere to go. */
  readonly sandboxUrl: string | undefined;
  readonly twilio: TwilioConfig | undefined;
  readonly smtp: SmtpConfig | undefined;
  readonly bounceAddress: string | undefined;
  readonly bouncePort: number | undefined;
  /** Segments or messages per second, by gateway. */
  readonly rates: {
    readonly live: { sms: number; email: number };
    readonly sandbox: { sms: number; email: number };
  };
  /** Locale → what stands before an SMS. */
  readonly smsSignature: Readonly<Record<string, string>>;
  readonly officeName: string;
  readonly officeTimezone: string;
  readonly defaultLocale: string;
  readonly webhookAllowedCidrs: readonly string[];
  readonly logLevel: Environment['LOG_LEVEL'];
}

/** A configuration with which a database can be opened. */
export type ReadyConfig = Config & { readonly databaseUrl: string; readonly secret: string };

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

/**
 * Reads and checks the environment.
 * @throws HeraldError `invalid-configuration` naming every variable that is wrong, and what it must be
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  // An empty variable (`REDIS_URL=`) means that it is not set.
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(set);
  const issues = parsed.success
    ? relations(parsed.data)
    : parsed.error.issues.map((i) => ({ path: String(i.path[0]), message: i.message }));
  if (!parsed.success || issues.length > 0) {
    throw new HeraldError(
      'invalid',
      'invalid-configuration',
      `the configuration is wrong: ${issues.map((i) => `${i.path} ${i.message}`).join('; ')}`,
      {
        issues,
        fix: 'change the environment and start again; docs/operations.md lists every variable',
      },
    );
  }
  return toConfig(parsed.data);
}

/** What one variable demands of another. */
function relations(env: Environment): { path: string; message: string }[] {
  const rules: [wrong: boolean, path: string, message: string][] = [
    [
      env.DATABASE_URL !== undefined && env.HERALD_SECRET === undefined,
      'HERALD_SECRET',
      'is required with DATABASE_URL, the same on every host; make one with: openssl rand -base64 32',
    ],
    [
      env.REDIS_URL !== undefined && env.DATABASE_URL === undefined,
      'REDIS_URL',
      'needs DATABASE_URL: the embedded database serves one machine, which needs no Redis',
    ],
    [
      env.TWILIO_ACCOUNT_SID === undefined && env.TWILIO_AUTH_TOKEN !== undefined,
      'TWILIO_ACCOUNT_SID',
      'is required with TWILIO_AUTH_TOKEN',
    ],
    [
      env.TWILIO_ACCOUNT_SID !== undefined && env.TWILIO_AUTH_TOKEN === undefined,
      'TWILIO_AUTH_TOKEN',
      'is required with TWILIO_ACCOUNT_SID',
    ],
    [
      env.TWILIO_ACCOUNT_SID !== undefined && !env.TWILIO_MESSAGING_SERVICE_SID && !env.TWILIO_FROM,
      'TWILIO_FROM',
      'or TWILIO_MESSAGING_SERVICE_SID is required with TWILIO_ACCOUNT_SID',
    ],
    [env.SMTP_URL !== undefined && env.EMAIL_FROM === undefined, 'EMAIL_FROM', 'is required with SMTP_URL'],
    [
      !!env.DKIM_DOMAIN !== !!env.DKIM_PRIVATE_KEY_FILE || !!env.DKIM_DOMAIN !== !!env.DKIM_SELECTOR,
      'DKIM_DOMAIN',
      'needs DKIM_SELECTOR and DKIM_PRIVATE_KEY_FILE, and they need it',
    ],
    [
      Object.entries(parseSignature(env.SMS_SIGNATURE, env.DEFAULT_LOCALE)).some(
        ([locale, shown]) => !localeSchema.safeParse(locale).success || /^【?】?[: ]*$/.test(shown),
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

function toConfig(env: Environment): Config {
  return Object.freeze({
    mode: env.HERALD_MODE,
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    dataDir: resolve(env.HERALD_DATA_DIR),
    templatesDirs: [
      join(packageRoot, 'templates'),
      ...(env.HERALD_TEMPLATES_DIR ? [resolve(env.HERALD_TEMPLATES_DIR)] : []),
    ],
    host: env.HOST,
    port: env.PORT,
    publicUrl: (env.PUBLIC_URL ?? `http://127.0.0.1:${env.PORT}`).replace(/\/+$/, ''),
    secret: env.HERALD_SECRET,
    sandboxUrl: env.HERALD_SANDBOX_URL?.replace(/\/+$/, ''),
    twilio:
      env.TWILIO_ACCOUNT_SID && env.TWILIO_AUTH_TOKEN
        ? {
            accountSid: env.TWILIO_ACCOUNT_SID,
            authToken: env.TWILIO_AUTH_TOKEN,
            sender: env.TWILIO_MESSAGING_SERVICE_SID
              ? { messagingServiceSid: env.TWILIO_MESSAGING_SERVICE_SID }
              : { from: env.TWILIO_FROM ?? '' },
            apiUrl: env.TWILIO_API_URL,
          }
        : undefined,
    smtp:
      env.SMTP_URL && env.EMAIL_FROM
        ? {
            url: env.SMTP_URL,
            from: env.EMAIL_FROM,
            dkim:
              env.DKIM_DOMAIN && env.DKIM_SELECTOR && env.DKIM_PRIVATE_KEY_FILE
                ? {
                    domain: env.DKIM_DOMAIN,
                    selector: env.DKIM_SELECTOR,
                    privateKeyFile: resolve(env.DKIM_PRIVATE_KEY_FILE),
                  }
                : undefined,
          }
        : undefined,
    // .invalid (RFC 2606) leads nowhere: in trial mode only the sandbox writes to it.
    bounceAddress: env.BOUNCE_ADDRESS ?? (env.HERALD_MODE === 'trial' ? 'bounce@herald.invalid' : undefined),
    bouncePort: env.BOUNCE_PORT,
    rates: {
      live: {
        sms: env.SMS_SEGMENTS_PER_SECOND ?? LIVE_RATE.sms,
        email: env.EMAIL_PER_SECOND ?? LIVE_RATE.email,
      },
      sandbox: {
        sms: env.SMS_SEGMENTS_PER_SECOND ?? SANDBOX_RATE.sms,
        email: env.EMAIL_PER_SECOND ?? SANDBOX_RATE.email,
      },
    },
    smsSignature: parseSignature(
      env.SMS_SIGNATURE ?? 'zh-CN=滨江公安,en=Binjiang Police',
      env.DEFAULT_LOCALE,
    ),
    officeName: env.OFFICE_NAME,
    officeTimezone: env.OFFICE_TIMEZONE,
    defaultLocale: env.DEFAULT_LOCALE,
    webhookAllowedCidrs:
      env.WEBHOOK_ALLOWED_CIDRS?.split(',')
        .map((c) => c.trim())
        .filter(Boolean) ?? [],
    logLevel: env.LOG_LEVEL,
  });
}

/** A key for one purpose only (RFC 5869): what leaks in one place opens nothing in another. */
export function purposeKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'herald', purpose, 32));
}

/** The configuration as it may be shown: what is secret is replaced by whether it is set. */
export function redacted(config: Config): Record<string, unknown> {
  return {
    ...config,
    databaseUrl: hidePassword(config.databaseUrl),
    redisUrl: hidePassword(config.redisUrl),
    secret: config.secret ? '***' : undefined,
    sandboxUrl: hidePassword(config.sandboxUrl),
    twilio: config.twilio && {
      ...config.twilio,
      authToken: '***',
      apiUrl: hidePassword(config.twilio.apiUrl),
    },
    smtp: config.smtp && { ...config.smtp, url: hidePassword(config.smtp.url) },
  };
}

/** Passwords stand before the host, or in the query (`?password=`). */
function hidePassword(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = new URL(text);
  const names = [...url.searchParams.keys()].filter((name) => /pass|token|secret/i.test(name));
  if (!url.password && names.length === 0) return text;
  if (url.password) url.password = '***';
  for (const name of names) url.searchParams.set(name, '***');
  return url.href;
}

/** The environment of a process that this one starts: its own, with what was decided meanwhile. */
export function childEnvironment(decided: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  return { ...process.env, ...decided };
}
