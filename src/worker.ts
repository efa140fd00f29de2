import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { SINGLE_CONNECTIONS } from './adapters.ts';
import type { App } from './app.ts';
import type { Channel, Gateway } from './domain/channel.ts';
import type { WorkerKind } from './domain/health.ts';
import { anchorDaily } from './pipeline/anchor.ts';
import { createBatcher } from './pipeline/batcher.ts';
import { type DeliverDeps, deliver } from './pipeline/deliver.ts';
import { createEndpointTurns } from './pipeline/endpoint-turns.ts';
import { expand } from './pipeline/expand.ts';
import { createLease, HEARTBEAT_MS, LEASE_MS, type Lease, LeaseLost } from './pipeline/lease.ts';
import { createPacer, type Pacer } from './pipeline/pacer.ts';
import { type JobRunner, type QueueName, queueOf, SINGLE_PRIORITY } from './pipeline/ports.ts';
import { createRoom } from './pipeline/room.ts';
import { createSlots } from './pipeline/slots.ts';
import type { AttemptRecord } from './pipeline/stores.ts';
import { sweep } from './pipeline/sweep.ts';
import { aborted } from './process.ts';

/** Shards that are being sent at a time. */
const SHARDS_AT_ONCE: Readonly<Record<Channel, number>> = { sms: 4, email: 4, webhook: 50 };
/** Shards that only wait for slow answers, beside them: an endpoint that never answers holds up nobody else’s. */
const WAITING_AT_ONCE: Readonly<Record<Channel, number>> = { sms: 16, email: 16, webhook: 400 };
/** Rows that this process has claimed and not yet sent: enough to keep every connection busy while the next are claimed. */
const CLAIMED_AT_ONCE: Readonly<Record<Channel, number>> = { sms: 200, email: 100, webhook: 200 };
const SWEEP_EVERY_MS = 1_000;
/** Answers kept for repeated requests, imports that nobody goes on with, the daily anchor: looked at every ten minutes. */
const TURNS_BETWEEN_PRUNES = 600;

/**
 * Runs one kind of worker until `stopping` aborts, then finishes what is in flight and gives the rest back.
 * @param onReady called when it has signed on
 * @throws LeaseLost when others have declared this process dead: it must end, and its supervisor start another
 */
export async function runWorker(
  app: App,
  kind: WorkerKind,
  stopping: AbortSignal,
  onReady: () => void = () => {},
): Promise<void> {
  const { engine, clock, log } = app;
  const workerId = await engine.workers.register({ kind, host: hostname(), pid: process.pid });
  const lease = createLease(engine.workers, workerId, clock);
  await lease.renew();
  log.info({ worker: workerId, kind }, 'worker is ready');
  onReady();

  const lost = new AbortController();
  const finished = new AbortController();
  // It goes on beating while it drains: others must not take over what is still in flight here.
  const beating = Promise.all([
    beat(app, lease, finished.signal, lost),
    kind === 'expand' || kind === 'sweep' ? undefined : watchBreakers(app, kind, finished.signal),
  ]);
  const until = AbortSignal.any([stopping, lost.signal]);
  // Every pause of every shard in hand listens for the end.
  setMaxListeners(0, until);
  try {
    await RUN[kind](app, lease, until);
  } finally {
    finished.abort();
    if (!lost.signal.aborted)
      await engine.workers.leave(workerId).catch((error) => log.warn({ err: error }, 'could not sign off'));
  }
  await beating;
  if (lost.signal.aborted) throw new LeaseLost(`worker ${workerId} was declared dead`);
}

/** Heartbeats, until the worker ends. */
async function beat(app: App, lease: Lease, finished: AbortSignal, lost: AbortController): Promise<void> {
  while (!finished.aborted && !lost.signal.aborted) {
    try {
      await lease.renew();
    } catch (error) {
      if (error instanceof LeaseLost) return lost.abort(error);
      app.log.warn({ err: error }, 'no heartbeat: the database does not answer, so nothing new is sent');
    }
    await app.clock.sleep(HEARTBEAT_MS, finished);
  }
}

/** Probes of a provider that refuses us, beside the heartbeats: one that hangs must not cost the lease. */
async function watchBreakers(app: App, channel: Channel, finished: AbortSignal): Promise<void> {
  while (!finished.aborted) {
    await probe(app, channel, finished).catch((error: unknown) =>
      app.log.warn({ err: error }, `could not look after the breakers of ${channel}`),
    );
    await app.clock.sleep(HEARTBEAT_MS, finished);
  }
}

async function probe(app: App, channel: Channel, finished: AbortSignal): Promise<void> {
  const { breakers, adapters } = app.engine;
  for (const gateway of await breakers.takeProbes(channel)) {
    const verdict = await adapters
      .adapterFor(channel, gateway)
      ?.probe(AbortSignal.any([finished, AbortSignal.timeout(app.engine.requestTimeoutMs[channel])]));
    if (!verdict?.ok) continue;
    await breakers.close(channel, gateway);
    app.log.info({ channel, gateway }, 'the provider takes us again; the channel goes on');
  }
}

type Run = (app: App, lease: Lease, until: AbortSignal) => Promise<void>;
const RUN: Readonly<Record<WorkerKind, Run>> = {
  expand: runExpand,
  sms: (app, lease, until) => runChannel(app, 'sms', lease, until),
  email: (app, lease, until) => runChannel(app, 'email', lease, until),
  webhook: (app, lease, until) => runChannel(app, 'webhook', lease, until),
  sweep: runSweep,
};

/** Two at a time: an urgent announcement does not wait for a slice of one to a million. */
async function runExpand({ engine, log }: App, _lease: Lease, until: AbortSignal): Promise<void> {
  const runner = await engine.startRunner(
    'expand',
    { concurrency: 2, onError: (error) => log.warn({ err: error }, 'expand: the queue has trouble') },
    (job) => expand(engine, job),
  );
  await ended(until, runner);
}

async function runSweep(
  { engine, approverCalls, idempotency, imports, audit, messenger, config, clock, log }: App,
  _lease: Lease,
  until: AbortSignal,
): Promise<void> {
  for (let turn = 0; !until.aborted; turn += 1) {
    const started = clock.monotonicMs();
    try {
      // First, and by whichever sweeper comes: approvers do not wait for a broadcast's rows.
      await approverCalls.callDue();
    } catch (error) {
      log.warn({ err: error }, 'approvers were not called; the next turn tries again');
    }
    try {
      await sweep({ ...engine, clock, log });
      if (turn % TURNS_BETWEEN_PRUNES === 0)
        await Promise.all([
          idempotency.prune(),
          imports.failAbandoned(),
          engine.sweeps.lead(LEASE_MS, async () => {
            await anchorDaily({ audit, messenger, emails: config.auditAnchorEmails, log });
          }),
        ]);
    } catch (error) {
      log.warn({ err: error }, 'a turn of the sweeper failed; the next one tries again');
    }
    await clock.sleep(SWEEP_EVERY_MS - (clock.monotonicMs() - started), until);
  }
}

async function runChannel(app: App, channel: Channel, lease: Lease, until: AbortSignal): Promise<void> {
  const { engine, clock, config, log } = app;
  const persist = persistently(app, until);
  const recorder = createBatcher<AttemptRecord>(
    (results) => persist(() => engine.deliveries.record(results, lease.workerId)),
    { maxItems: 500, lingerMs: 20 },
  );
  const pacers = new Map<Gateway, Pacer>();
  const pacerFor: DeliverDeps['pacerFor'] = (_, gateway) => {
    if (channel === 'webhook') return undefined;
    let pacer = pacers.get(gateway);
    if (!pacer) {
      pacer = createPacer(engine.limiter, `${channel}:${gateway}`, config.rates[gateway][channel], clock);
      pacers.set(gateway, pacer);
    }
    return pacer;
  };
  const deps: DeliverDeps = {
    ...engine,
    adapterFor: engine.adapters.adapterFor,
    recorder,
    persist,
    lease,
    pacerFor,
    endpointTurn: createEndpointTurns(engine.limiter, config.webhooksPerSecond, clock, log),
    // An outlet that does not answer has a connection of its own.
    room: createRoom(
      // Enough to keep every connection busy while the next rows are claimed.
      Math.max(CLAIMED_AT_ONCE[channel], channel === 'webhook' ? 0 : 3 * config.connections[channel]),
      channel === 'webhook' ? CLAIMED_AT_ONCE.webhook : config.connections[channel],
      clock.monotonicMs,
    ),
    clock,
    random: Math.random,
    stopping: until,
    log,
  };
  const slots = createSlots(WAITING_AT_ONCE[channel], (error) =>
    log.warn({ err: error }, 'a shard that waited for slow answers ended badly; putting it back finds them'),
  );
  const start = (queue: QueueName, concurrency: number, depsOf: () => DeliverDeps) =>
    engine.startRunner(
      queue,
      { concurrency, onError: (error) => log.warn({ err: error }, `${queue}: the queue has trouble`) },
      (job) => slots.run((giveWay) => deliver(depsOf(), job, giveWay)),
    );
  const runners: JobRunner[] = [];
  try {
    runners.push(await start(channel, SHARDS_AT_ONCE[channel], () => deps));
    if (channel !== 'webhook') {
      // Nothing that a broadcast can hold is shared with it but the limits, where it outranks all others. Each takes room
      // for one, so that it asks for no more tokens than it needs.
      const single = { ...deps, adapterFor: engine.adapters.singleAdapterFor };
      const lane = queueOf(channel, SINGLE_PRIORITY);
      runners.push(
        await start(lane, SINGLE_CONNECTIONS[channel], () => ({
          ...single,
          room: createRoom(1, 1, clock.monotonicMs),
        })),
      );
    }
  } catch (error) {
    // What runs already ends first: the worker signs off when nothing of it is under way.
    await Promise.all(runners.map((runner) => runner.close()));
    await slots.idle();
    throw error;
  }
  await ended(until, ...runners);
  await slots.idle();
  await recorder.idle();
}

/** Resolves when the signal has aborted and what was under way is done. */
async function ended(until: AbortSignal, ...runners: readonly JobRunner[]): Promise<void> {
  await aborted(until);
  await Promise.all(runners.map((runner) => runner.close()));
}

/** Repeats a database call until it works: a result that is not written would leave its delivery in doubt. */
function persistently({ clock, log }: App, until: AbortSignal): DeliverDeps['persist'] {
  return async (call) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call();
      } catch (error) {
        log.warn({ err: error, tries }, 'the database did not take a result; trying again');
        // While stopping there is a bound: what is unwritten then is settled like a dead worker's.
        if (until.aborted && tries > 20) throw error;
        await clock.sleep(Math.min(100 * tries, 2_000));
      }
    }
  };
}
