import { generateKeyPairSync } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import type pg from 'pg';
import { loadConfig } from '../../src/config.ts';
import { packageRoot } from '../../src/root.ts';
import { createPool } from '../../src/storage/pool.ts';
import { undo } from '../../src/undo.ts';
import { temporaryFolder } from '../../test/support/servers.ts';
import { type Servers, startServers } from '../chaos/servers.ts';
import { postmasterOf } from './proc.ts';
import { type Profiler, startProfiler } from './profile.ts';
import { type Sinks, startSinks } from './sinks.ts';

export interface Options {
  /** Citizens of the largest announcement, of the expansion and of the import. */
  readonly recipients: number;
  /** Messages of one round where clients are compared. */
  readonly messages: number;
  readonly rounds: number;
  readonly backend: 'redis' | 'postgres';
}

/** What all figures stand on: servers of their own, the gateways, and the settings that Herald is given. */
export interface Ground {
  readonly options: Options;
  readonly say: (line: string) => void;
  readonly servers: Servers;
  readonly sinks: Sinks;
  /** The bench's own connections. */
  readonly pool: pg.Pool;
  readonly profiler: Profiler | undefined;
  /** The first process of PostgreSQL. */
  readonly postmaster: number;
  /** Redis's process, where there is one. */
  readonly redis: number | undefined;
  /** A folder that PostgreSQL may read. */
  readonly folder: string;
  readonly dkim: {
    readonly domain: string;
    readonly selector: string;
    readonly privateKey: string;
    readonly file: string;
  };
  stop(): Promise<void>;
}

export const PUBLIC_URL = 'https://herald.bench.example';
/** The example's template, with the recipient's name in the SMS as well. */
export const TEMPLATE = 'personal-case';

/** @param profiles where CPU profiles go, if Herald is to be profiled */
export async function prepareGround(
  options: Options,
  say: (line: string) => void,
  profiles?: string,
): Promise<Ground> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = () => undo(stops);
  try {
    const folder = await temporaryFolder('bench');
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const sinks = await startSinks();
    stops.push(() => sinks.stop());
    const servers = await startServers(loadConfig({}), options.backend);
    stops.push(() => servers.stop());
    const pool = createPool({
      connectionString: servers.config.databaseUrl,
      max: 4,
      applicationName: 'bench',
    });
    stops.push(() => pool.end());
    const profiler = profiles === undefined ? undefined : await startProfiler(pool, resolve(profiles));
    await personalTemplate(folder);
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const file = join(folder, 'dkim.pem');
    await writeFile(file, privateKey, { mode: 0o600 });
    return {
      options,
      say,
      servers,
      sinks,
      pool,
      profiler,
      postmaster: await postmasterOf(pool),
      redis: servers.config.redisUrl ? await redisAt(servers.config.redisUrl) : undefined,
      folder,
      dkim: { domain: 'bench.example', selector: 'bench', privateKey, file },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function redisAt(url: string): Promise<number> {
  const client = new Redis(url);
  try {
    return Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
  } finally {
    client.disconnect();
  }
}

async function personalTemplate(folder: string): Promise<void> {
  const target = join(folder, 'templates', TEMPLATE);
  await cp(join(packageRoot, 'templates/hot-case'), target, { recursive: true });
  const manifest = join(target, 'template.json');
  const described = JSON.parse(await readFile(manifest, 'utf8')) as object;
  await writeFile(manifest, JSON.stringify({ ...described, name: TEMPLATE }));
  const sms = join(target, 'zh-CN/sms.hbs');
  await writeFile(sms, `{{#if recipient.name}}{{recipient.name}}，{{/if}}${await readFile(sms, 'utf8')}`);
}
