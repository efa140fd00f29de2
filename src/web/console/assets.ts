import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { HeraldError } from '../../domain/errors.ts';
import type { ZodServer } from '../api/common.ts';

const own = (name: string) => fileURLToPath(new URL(`./assets/${name}`, import.meta.url));
const require = createRequire(import.meta.url);
/** A file of a package, by the file that the package is imported as. */
const of = (entry: string, path: string) => join(dirname(require.resolve(entry)), path);

const FILES = {
  'console.css': own('console.css'),
  'console.js': own('console.js'),
  'passkey.js': own('passkey.js'),
  'write.js': own('write.js'),
  'favicon.svg': own('favicon.svg'),
  'htmx.js': of('htmx.org', 'htmx.min.js'),
  'sse.js': of('htmx-ext-sse', 'sse.min.js'),
  'webauthn.js': of('@simplewebauthn/browser', '../dist/bundle/index.umd.min.js'),
} as const;
export type Asset = keyof typeof FILES;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Loaded {
  readonly url: string;
  readonly type: string;
  readonly body: Buffer;
}

const loaded = new Map<Asset, Loaded>();
function load(name: Asset): Loaded {
  const known = loaded.get(name);
  if (known) return known;
  const body = readFileSync(FILES[name]);
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12);
  const type = extname(name);
  const asset = {
    body,
    type: TYPES[type] ?? 'application/octet-stream',
    url: `/console/assets/${name.slice(0, -type.length)}.${hash}${type}`,
  };
  loaded.set(name, asset);
  return asset;
}

/** Where an asset is; the address changes with its content, so that browsers may keep it for ever. */
export const asset = (name: Asset): string => load(name).url;

/** Stylesheet, scripts and mark: the same for everybody. */
export function assetRoutes(server: ZodServer): void {
  const byUrl = new Map((Object.keys(FILES) as Asset[]).map((name) => [asset(name), load(name)]));
  server.get('/assets/:file', {
    config: { access: 'public', stateless: true, quiet: true },
    schema: { params: z.object({ file: z.string().max(100) }) },
    handler: (request, reply) => {
      const found = byUrl.get(`/console/assets/${request.params.file}`);
      if (!found) throw new HeraldError('not-found', 'no-such-asset', 'there is no such file');
      return reply
        .type(found.type)
        .header('cache-control', 'public, max-age=31536000, immutable')
        .send(found.body);
    },
  });
}
