import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';
import { packageRoot } from '../src/root.ts';

/**
 * Who may import whom, type imports included. A part of src is its folder; the files directly in src are the
 * composition root, `app`; pipeline's ports and stores are the contracts that adapters implement.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain'],
  contracts: ['contracts', 'domain'],
  pipeline: ['pipeline', 'contracts', 'domain'],
  render: ['render', 'contracts', 'domain'],
  channels: ['channels', 'contracts', 'domain'],
  storage: ['storage', 'contracts', 'domain'],
  queue: ['queue', 'contracts', 'domain'],
  sandbox: ['sandbox', 'domain'],
  app: ['app', 'pipeline', 'contracts', 'domain', 'render', 'channels', 'storage', 'queue', 'sandbox'],
  web: ['web', 'app', 'pipeline', 'contracts', 'domain'],
  cli: ['cli', 'web', 'app', 'pipeline', 'contracts', 'domain'],
  workers: ['workers', 'app'],
};
/** Packages that are one part's business; the domain has none but these. */
const ONLY_IN: Readonly<Record<string, string>> = { bullmq: 'queue', ioredis: 'queue', fastify: 'web' };
const DOMAIN_MAY_USE = ['zod', 'node:crypto'];
const MOST_LINES = 400;

/** Path from the checkout's root → source text. */
type Sources = Readonly<Record<string, string>>;

function partOf(path: string): string {
  const [top = '', folder = '', file] = path.split('/');
  if (top !== 'src') return top;
  if (file === undefined) return 'app';
  return folder === 'pipeline' && /^(ports|stores|[a-z]+-store)\.ts$/.test(file) ? 'contracts' : folder;
}

/** What a module imports or re-exports by name; `import()` with a computed name is not seen. */
function importsOf(path: string, source: string): string[] {
  const statements = parseAst(source, { lang: path.endsWith('x') ? 'tsx' : 'ts' }).body.flatMap((node) =>
    'source' in node && node.source ? [String(node.source.value)] : [],
  );
  return [...statements, ...[...source.matchAll(/\bimport\('([^']+)'\)/g)].map((match) => match[1] ?? '')];
}

function violations(sources: Sources): string[] {
  const found: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [path, source] of Object.entries(sources)) {
    const part = partOf(path);
    const imports = importsOf(path, source);
    edges.set(path, []);
    for (const name of imports) {
      if (name.startsWith('.')) {
        const target = normalize(join(dirname(path), name));
        edges.get(path)?.push(target);
        if (!MAY_IMPORT[part]?.includes(partOf(target)))
          found.push(`${path}: ${part} must not import ${target}`);
        continue;
      }
      const owner = Object.keys(ONLY_IN).find((it) => name === it || name.startsWith(`${it}/`));
      if (owner && ONLY_IN[owner] !== part) found.push(`${path}: only ${ONLY_IN[owner]} imports ${owner}`);
      if (part === 'domain' && !DOMAIN_MAY_USE.includes(name))
        found.push(`${path}: the domain does not use ${name}`);
    }
    if (path !== 'src/config.ts' && (/\bprocess\.env\b/.test(source) || imports.includes('node:process'))) {
      found.push(`${path}: only src/config.ts reads the environment`);
    }
    const lines = source.trimEnd().split('\n').length;
    if (lines > MOST_LINES) found.push(`${path}: ${lines} lines; split it by idea`);
  }
  return [...found, ...cycles(edges)];
}

function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path))
      found.push(`a cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
    if (done.has(path) || trail.includes(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

function readSources(): Sources {
  const files = ['src', 'workers'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => join(folder, file)),
  );
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(packageRoot, path), 'utf8')]));
}

test('every import, the environment and the length of files keep to the architecture', () => {
  const sources = readSources();
  expect(Object.keys(sources).length).toBeGreaterThan(50);
  expect(violations(sources)).toEqual([]);
});

describe('the check finds', () => {
  test.each<[string, Sources, string]>([
    [
      'a part that imports its neighbour, if only a type',
      {
        'src/storage/a.ts': `import type { B } from '../queue/b.ts';`,
        'src/queue/b.ts': 'export type B = 1;',
      },
      'src/storage/a.ts: storage must not import src/queue/b.ts',
    ],
    [
      'a re-export that does',
      { 'src/domain/a.ts': `export * from '../pipeline/ports.ts';` },
      'src/domain/a.ts: domain must not import src/pipeline/ports.ts',
    ],
    [
      'a verb where only its contract may be known',
      { 'src/render/a.ts': `import { expand } from '../pipeline/expand.ts';` },
      'src/render/a.ts: render must not import src/pipeline/expand.ts',
    ],
    [
      'an import in the middle of the code',
      { 'src/web/api/a.ts': `const m = await import('../../storage/pool.ts');` },
      'src/web/api/a.ts: web must not import src/storage/pool.ts',
    ],
    [
      'BullMQ outside the queue',
      { 'src/app.ts': `import { Queue } from 'bullmq';` },
      'src/app.ts: only queue imports bullmq',
    ],
    [
      'I/O in the domain',
      { 'src/domain/a.ts': `import 'node:fs';` },
      'src/domain/a.ts: the domain does not use node:fs',
    ],
    [
      'somebody who reads the environment',
      { 'src/web/a.ts': 'const port = process.env.PORT;' },
      'src/web/a.ts: only src/config.ts reads the environment',
    ],
    ['a long file', { 'src/web/a.ts': 'f();\n'.repeat(401) }, 'src/web/a.ts: 401 lines; split it by idea'],
    [
      'a cycle',
      {
        'src/web/a.ts': `import './b.ts';`,
        'src/web/b.ts': `import type { C } from './c.ts';`,
        'src/web/c.ts': `import './b.ts';`,
      },
      'a cycle: src/web/b.ts → src/web/c.ts → src/web/b.ts',
    ],
  ])('%s', (_, sources, message) => {
    expect(violations(sources)).toEqual([message]);
  });
});
