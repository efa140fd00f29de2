import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { WORKER_KINDS } from '../../src/domain/health.ts';
import { packageRoot } from '../../src/root.ts';

const read = (file: string) => readFile(join(packageRoot, file), 'utf8');

/** The keys of the schema in src/config.ts. */
async function variables(): Promise<string[]> {
  return [...(await read('src/environment.ts')).matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(
    ([, name = '']) => name,
  );
}

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly restart?: string;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: true };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
}

async function services(): Promise<Readonly<Record<string, Service>>> {
  return parse(await read('docker-compose.yml'), { merge: true }).services;
}

test('docs/operations.md describes exactly the variables that there are', async () => {
  const rows = (await read('docs/operations.md')).split('\n').filter((line) => line.startsWith('| `'));
  const described = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name),
  );
  expect(described.sort()).toEqual((await variables()).sort());
});

describe('docker-compose.yml', () => {
  test('has a service for every worker, and each starts what Herald can do', async () => {
    const all = await services();
    for (const kind of WORKER_KINDS) {
      expect(all[kind]?.command).toEqual(['node', 'dist/src/cli/main.js', 'work', kind]);
    }
    expect(all.web?.command.at(-1)).toBe('serve');
    expect(all.migrate?.command.at(-1)).toBe('migrate');
  });

  test('opens ports on this machine only, restarts what ends, and lets it drain', async () => {
    for (const [name, service] of Object.entries(await services())) {
      for (const port of service.ports ?? []) expect(`${name} ${port}`).toMatch(/ 127\.0\.0\.1:\d+:\d+$/);
      expect(service.restart, name).toMatch(/unless-stopped|on-failure/);
      expect(Number.parseInt(service.stop_grace_period ?? '10', 10), name).toBeGreaterThanOrEqual(30);
    }
  });

  test('whatever is waited for has a way to tell that it is there', async () => {
    const all = await services();
    for (const service of Object.values(all)) {
      for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(all[name], name).toBeDefined();
        if (condition === 'service_healthy') expect(all[name]?.healthcheck?.test, name).toBeDefined();
      }
    }
  });

  test('Redis keeps its data and throws nothing away', async () => {
    const { redis } = await services();
    expect(redis?.command.join(' ')).toContain('--appendonly yes');
    expect(redis?.command.join(' ')).toContain('--maxmemory-policy noeviction');
  });

  test('hands every setting on that makes sense in a container, and what it sets is a valid configuration', async () => {
    const { web } = await services();
    const environment = web?.environment ?? {};
    // The database's folder, which a container with DATABASE_URL does not have.
    expect(Object.keys(environment).sort()).toEqual(
      (await variables()).filter((name) => name !== 'HERALD_DATA_DIR').sort(),
    );

    const given: Record<string, string> = {
      HERALD_SECRET: 'x'.repeat(44),
      POSTGRES_PASSWORD: 'abc123',
      PUBLIC_URL: 'http://web:8080',
    };
    const filled = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        String(value).replace(
          /\$\{(\w+)(:-([^}]*)|:\?[^}]*)?\}/g,
          (_, variable: string, __, fallback = '') => given[variable] ?? fallback,
        ),
      ]),
    );
    const config = loadConfig(filled);
    expect(config).toMatchObject({
      mode: 'trial',
      sandboxUrl: 'http://sandbox:8090',
      redisUrl: 'redis://redis:6379',
    });
    expect(config.databaseUrl).toBe('postgres://herald:abc123@postgres:5432/herald');
  });

  test('starts nothing without its secrets and its public address', async () => {
    const text = await read('docker-compose.yml');
    for (const name of ['HERALD_SECRET', 'POSTGRES_PASSWORD', 'PUBLIC_URL']) {
      expect(text).toContain(`\${${name}:?`);
      expect(text).not.toContain(`\${${name}:-`);
    }
  });
});

test('the Dockerfile copies nothing that .dockerignore leaves out', async () => {
  const sent = (await read('.dockerignore'))
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  const copies = [...(await read('Dockerfile')).matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(
    ([, args = '']) => args.split(' ').slice(0, -1),
  );
  expect(copies.length).toBeGreaterThan(5);
  for (const path of copies) expect(sent, path).toContain(path.split('/')[0]);
});
