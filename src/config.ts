import { hkdfSync } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Channel } from './domain/channel.ts';
import { type Environment, listed, parseSignature, readEnvironment, VARIABLES } from './environment.ts';
import { packageRoot } from './root.ts';

/** Segments and messages per second where nothing is configured: what one alphanumeric sender, and a shy relay, take. */
const LIVE_RATE = { sms: 10, email: 20 };
/** The sandbox has no limit of its own; this keeps a rehearsal from taking the whole machine. */
const SANDBOX_RATE = { sms: 1_000, email: 1_000 };

/** Requests to newsrooms at a time in one worker process: each has few, and waits for nobody else's answer. */
const WEBHOOK_CONNECTIONS = 100;

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
  /** Requests a second to one endpoint, over all processes. */
  readonly webhooksPerSecond: number;
  /** Requests at a time in one worker process. */
  readonly connections: Readonly<Record<Channel, number>>;
  /** What the provider takes for a segment, for estimates; undefined: nobody said. */
  readonly smsPrice: { readonly perSegment: number; readonly currency: string } | undefined;
  /** Locale → what stands before an SMS. */
  readonly smsSignature: Readonly<Record<string, string>>;
  readonly officeName: string;
  readonly officeTimezone: string;
  readonly defaultLocale: string;
  readonly webhookAllowedCidrs: readonly string[];
  /** Who is mailed the head of the audit chain each day. */
  readonly auditAnchorEmails: readonly string[];
  readonly logLevel: Environment['LOG_LEVEL'];
}

/** A configuration with which a database can be opened. */
export type ReadyConfig = Config & { readonly databaseUrl: string; readonly secret: string };

/**
 * Reads and checks the environment.
 * @throws HeraldError `invalid-configuration` naming every variable that is wrong, and what it must be
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  return toConfig(readEnvironment(environment));
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
    webhooksPerSecond: env.WEBHOOK_PER_SECOND,
    connections: { sms: env.SMS_CONNECTIONS, email: env.EMAIL_CONNECTIONS, webhook: WEBHOOK_CONNECTIONS },
    smsPrice:
      env.SMS_PRICE_PER_SEGMENT === undefined
        ? undefined
        : { perSegment: env.SMS_PRICE_PER_SEGMENT, currency: env.SMS_CURRENCY },
    smsSignature: parseSignature(
      env.SMS_SIGNATURE ?? 'zh-CN=滨江公安,en=Binjiang Police',
      env.DEFAULT_LOCALE,
    ),
    officeName: env.OFFICE_NAME,
    officeTimezone: env.OFFICE_TIMEZONE,
    defaultLocale: env.DEFAULT_LOCALE,
    webhookAllowedCidrs: listed(env.WEBHOOK_ALLOWED_CIDRS ?? ''),
    auditAnchorEmails: listed(env.AUDIT_ANCHOR_EMAILS ?? ''),
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

/** Empties every variable of Herald's but `kept`, which means that it is not set, whatever this process was told. */
export function emptied(kept: readonly (keyof Environment)[]): Record<string, string> {
  return Object.fromEntries(VARIABLES.filter((name) => !kept.includes(name)).map((name) => [name, '']));
}

/** The environment of a process that this one starts: its own, with what was decided meanwhile. */
export function childEnvironment(decided: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  return { ...process.env, ...decided };
}
