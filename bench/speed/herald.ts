import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type App, migrateDatabase, open } from '../../src/app.ts';
import { type Launched, launch } from '../../src/cli/launch.ts';
import { emptied, loadConfig, type ReadyConfig } from '../../src/config.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { createLog } from '../../src/log.ts';
import { packageRoot } from '../../src/root.ts';
import { hire } from '../chaos/population.ts';
import { type Ground, PUBLIC_URL, TEMPLATE } from './ground.ts';
import { type Cpu, startCpuMeter } from './proc.ts';

/** So high that the gateway is the limit. Segments and messages per second. */
const NO_LIMIT = '100000';
/** Its approvers cannot be called, of which each announcement would be a warning. */
const LOG_LEVEL = 'error';
const LOOK_AGAIN_MS = 20;
/** No result for so long: something is broken. Milliseconds. */
const STUCK_MS = 120_000;

export interface Settings {
  readonly dkim?: boolean;
  /** What a process is told of its connections for SMS, beyond its own default. */
  readonly smsConnections?: number;
}

/** Herald as it would run in earnest, but for where its gateways are. */
export interface Herald {
  readonly app: App;
  /** What its processes were told. */
  readonly env: Readonly<Record<string, string>>;
  readonly children: readonly { readonly name: string; readonly pid: number }[];
  /** `http://127.0.0.1:port` of its web process. */
  readonly webUrl: string;
  /** Writes and submits announcements, so that only the approval is missing. @returns their numbers */
  prepare(channel: Channel, topic: string, count?: number): Promise<readonly number[]>;
  approve(id: number): Promise<unknown>;
  /** Approves and waits until so many messages are recorded as sent, then until the announcements are closed. */
  broadcast(ids: readonly number[], messages: number): Promise<Sent>;
  apiKey(): Promise<string>;
  stop(): Promise<void>;
}

export interface Sent {
  readonly messages: number;
  /** Approval to last message recorded. */
  readonly ms: number;
  /** Of workers, web and PostgreSQL meanwhile. */
  readonly cpu: Cpu;
  /** When the approval was asked for, in milliseconds since the epoch. */
  readonly approvedAt: number;
  readonly endedAt: number;
}

function settings({ sinks, folder, dkim, servers }: Ground, { dkim: signs, smsConnections }: Settings) {
  return {
    HERALD_DATA_DIR: servers.config.dataDir,
    PUBLIC_URL,
    TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: 'token-of-the-bench',
    TWILIO_FROM: '+12025550100',
    TWILIO_API_URL: sinks.url,
    SMTP_URL: `smtp://127.0.0.1:${sinks.smtpPort}?ignoreTLS=true`,
    EMAIL_FROM: 'Police <notices@bench.example>',
    BOUNCE_ADDRESS: 'bounce@bench.example',
    ...(signs && {
      DKIM_DOMAIN: dkim.domain,
      DKIM_SELECTOR: dkim.selector,
      DKIM_PRIVATE_KEY_FILE: dkim.file,
    }),
    WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8',
    HERALD_SANDBOX_URL: sinks.url,
    HERALD_TEMPLATES_DIR: join(folder, 'templates'),
    SMS_SEGMENTS_PER_SECOND: NO_LIMIT,
    EMAIL_PER_SECOND: NO_LIMIT,
    WEBHOOK_PER_SECOND: NO_LIMIT,
    ...(smsConnections !== undefined && { SMS_CONNECTIONS: String(smsConnections) }),
  };
}

function environment(ground: Ground, wanted: Settings): Record<string, string> {
  const { databaseUrl, secret, redisUrl } = ground.servers.config;
  return {
    // Whatever this process was told.
    ...emptied([]),
    ...settings(ground, wanted),
    HERALD_MODE: 'live',
    LOG_LEVEL,
    DATABASE_URL: databaseUrl,
    HERALD_SECRET: secret,
    REDIS_URL: redisUrl ?? '',
  };
}

/** Herald's settings for a process of its own. */
export function configure(ground: Ground, wanted: Settings = {}) {
  const env = environment(ground, wanted);
  return { env, config: loadConfig({ ...env, PORT: '0' }) as ReadyConfig };
}

/** Makes the tables. */
export const migrate = (ground: Ground): Promise<void> =>
  migrateDatabase(configure(ground).config, createLog(LOG_LEVEL, 'bench'));

/** The whole of it, one worker process of each kind. */
export async function startHerald(ground: Ground, wanted: Settings = {}): Promise<Herald> {
  const { env, config } = configure(ground, wanted);
  const start = () => launch(config, createLog(LOG_LEVEL, 'bench'), { env });
  const launched: Launched = await (ground.profiler?.forking(start) ?? start());
  const children = launched.children.map(({ name, pid = 0 }) => ({ name, pid }));
  const { app } = launched;
  return {
    ...(await withOffice(ground, app, children)),
    env,
    webUrl: `http://127.0.0.1:${launched.config.port}`,
    stop: () => launched.stop(),
  };
}

/** Herald without any process of its own: nobody takes what is approved. */
export async function openHerald(ground: Ground) {
  const { config } = configure(ground);
  const app = await open(config, { log: createLog(LOG_LEVEL, 'bench'), name: 'bench', connections: 4 });
  return { ...(await withOffice(ground, app, [])), stop: () => app.close() };
}

async function withOffice(ground: Ground, app: App, children: Herald['children']) {
  const { pool, postmaster, redis, sinks } = ground;
  const { author, approver } = await hire({ app } as Launched);
  const example = JSON.parse(
    await readFile(join(packageRoot, 'examples/announcement.json'), 'utf8'),
  ) as object;

  const prepare: Herald['prepare'] = async (channel, topic, count = 1) => {
    const draft = {
      ...example,
      template: TEMPLATE,
      urgency: 'urgent',
      audience: { topics: [topic], districts: [] },
      channels: [channel],
    };
    const ids: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const { id } = await app.announce.create(draft, author);
      await app.announce.submit(id, author);
      ids.push(id);
    }
    return ids;
  };

  const recorded = async (ids: readonly number[]) => {
    const { rows } = await pool.query<{ n: number }>(
      `SELECT coalesce(sum(n), 0)::int AS n FROM delivery_counts
       WHERE announcement_id = ANY ($1) AND status IN ('sent', 'delivered')`,
      [ids],
    );
    return rows[0]?.n ?? 0;
  };
  const open = async (ids: readonly number[]) => {
    const { rows } = await pool.query(
      `SELECT FROM announcements WHERE id = ANY ($1) AND state <> 'completed'`,
      [ids],
    );
    return rows.length;
  };

  const broadcast: Herald['broadcast'] = async (ids, messages) => {
    const meter = startCpuMeter({
      pids: children.map((child) => child.pid),
      postmaster,
      queue: redis === undefined ? [] : [redis],
      bench: [sinks.pid, process.pid],
    });
    const approvedAt = Date.now();
    const began = performance.now();
    const waiting = [...ids];
    const approve = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
        await app.announce.approve(id, approver);
    };
    await Promise.all([approve(), approve()]);
    await until(async () => ({ now: await recorded(ids), goal: messages }));
    const sent = {
      messages,
      ms: performance.now() - began,
      cpu: meter(),
      approvedAt,
      endedAt: Date.now(),
    };
    // The closing of one must not fall into the next one's time.
    await until(async () => ({ now: ids.length - (await open(ids)), goal: ids.length }));
    return sent;
  };

  return {
    app,
    children,
    prepare,
    broadcast,
    approve: (id: number) => app.announce.approve(id, approver),
    cancel: (id: number) => app.announce.cancel(id, approver),
    apiKey: async () => (await app.users.createKey(approver.id)).key,
  };
}

/** @throws Error when it has stopped getting on */
async function until(look: () => Promise<{ readonly now: number; readonly goal: number }>): Promise<void> {
  let last = -1;
  let moved = performance.now();
  for (;;) {
    const { now, goal } = await look();
    if (now >= goal) return;
    if (now !== last) {
      last = now;
      moved = performance.now();
    } else if (performance.now() - moved > STUCK_MS)
      throw new Error(`nothing has happened for ${STUCK_MS / 1_000} s; ${now} of ${goal}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
