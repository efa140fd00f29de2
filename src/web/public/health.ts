import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { z } from 'zod';
import type { App } from '../../app.ts';
import type { ZodServer } from '../api/common.ts';

/** Liveness, readiness, and numbers for Prometheus. No personal data, and nothing that counts rows. */
export function healthRoutes(server: ZodServer, app: Pick<App, 'ready' | 'reports'>): void {
  const config = { access: 'public', rateLimit: false, quiet: true } as const;
  const tags = ['operations'];

  server.get('/healthz', {
    config,
    schema: {
      tags,
      summary: 'Whether the process lives',
      response: { 200: z.object({ ok: z.literal(true) }) },
    },
    handler: async () => ({ ok: true }) as const,
  });

  const readiness = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) });
  server.get('/readyz', {
    config,
    schema: {
      tags,
      summary: 'Whether it can work, and which check says no',
      response: { 200: readiness, 503: readiness },
    },
    handler: async (_request, reply) => {
      const { ready, checks } = await app.ready();
      return reply.code(ready ? 200 : 503).send({ ready, checks: { ...checks } });
    },
  });

  const { registry, refresh } = metrics(server, app);
  server.get('/metrics', {
    config,
    schema: { tags, summary: 'Prometheus', produces: ['text/plain'] },
    handler: async (request, reply) => {
      await refresh((error) => request.log.warn({ err: error }, 'the metrics of the database are missing'));
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  });
}

function metrics(server: ZodServer, app: Pick<App, 'reports'>) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'herald_http_request_duration_seconds',
    help: 'Time to answer, by route',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    duration.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
  });

  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `herald_${name}`, help, labelNames, registers });
  const up = gauge('database_up', '1 while the database answers', []);
  const oldestDue = gauge('oldest_due_seconds', 'How long the oldest due shard has waited', []);
  const shardsDue = gauge('shards_due', 'Shards whose time has come and that nobody works on', ['channel']);
  const breakers = gauge('breaker_open', '1 while a provider refuses us', ['channel', 'gateway', 'code']);
  const setApart = gauge('shards_set_apart', 'Shards that keep killing their workers', []);
  const workers = gauge('workers', 'Workers that have not ended', ['kind']);

  /** Reads them all at once. Without a database the process' own numbers are still told. */
  async function refresh(onError: (error: unknown) => void): Promise<void> {
    for (const stale of [oldestDue, shardsDue, setApart, breakers, workers]) stale.reset();
    try {
      const health = await app.reports.health();
      up.set(1);
      oldestDue.set(health.oldestDueSeconds);
      for (const [channel, count] of Object.entries(health.shardsDue)) shardsDue.set({ channel }, count);
      for (const { channel, gateway, code } of health.breakers) breakers.set({ channel, gateway, code }, 1);
      setApart.set(health.setApart.length);
      for (const { kind } of health.workers) workers.inc({ kind });
    } catch (error) {
      up.set(0);
      onError(error);
    }
  }
  return { registry, refresh };
}
