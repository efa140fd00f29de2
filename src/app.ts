import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type pg from 'pg';
import type { Logger as PinoLogger } from 'pino';
import { createAdapters, leaveAddress, REQUEST_TIMEOUT_MS } from './adapters.ts';
import { openAdministration } from './administration.ts';
import { parseBounce } from './channels/email/bounce.ts';
import type { BounceListener } from './channels/email/bounce-listener.ts';
import { TWILIO_ABILITIES } from './channels/sms/twilio.ts';
import { generateSecret } from './channels/webhook/signature.ts';
import { checkEndpointUrl } from './channels/webhook/ssrf.ts';
import { clock } from './clock.ts';
import type { ReadyConfig } from './config.ts';
import { purposeKey } from './config.ts';
import { requireDatabase } from './database-errors.ts';
import { CHANNELS } from './domain/channel.ts';
import { OpaqueIds } from './domain/opaque-id.ts';
import { findSandbox } from './find-sandbox.ts';
import { openIdentity } from './identity.ts';
import { normaliseEmail, normalisePhone } from './pipeline/address.ts';
import type { Administration } from './pipeline/admin-store.ts';
import { type Announce, createAnnounce } from './pipeline/announce.ts';
import type { AuditStore } from './pipeline/audit-store.ts';
import { type ApproverCalls, createApproverCalls } from './pipeline/call-approvers.ts';
import { type Composer, createComposer } from './pipeline/compose.ts';
import type { Identity } from './pipeline/identity/identity.ts';
import type { LeaveByCode } from './pipeline/leave-by-code.ts';
import { createMessenger, type Messenger } from './pipeline/message.ts';
import type { Clock, Job, Limiter, Renderer, StartRunner, WakeUps } from './pipeline/ports.ts';
import { createReader, type ReadMessage } from './pipeline/read.ts';
import { createReceive, type Receive } from './pipeline/receive.ts';
import { recentAudience } from './pipeline/recent.ts';
import type { ReportStore } from './pipeline/report-store.ts';
import type {
  BreakerStore,
  DeliveryStore,
  ExpansionStore,
  ReceiptQuestionStore,
  ReceiptStore,
  SweepStore,
  WorkerStore,
} from './pipeline/stores.ts';
import { createRunner, createWakeUps, migrateQueue, type QueueOptions } from './queue/bullmq.ts';
import { createRedisLimiter } from './queue/redis-limiter.ts';
import { type Readiness, readiness, SCHEMA } from './readiness.ts';
import { loadTemplates, sha256OfLibrary, type TemplateLibrary } from './render/load.ts';
import { createRenderer } from './render/renderer.ts';
import { packageRoot } from './root.ts';
import { createAnnouncementStore } from './storage/announcements.ts';
import { createCallStore } from './storage/approver-calls.ts';
import { createAuditStore } from './storage/audit.ts';
import { SLOTS } from './storage/counts.ts';
import { createDeliveryStore } from './storage/deliveries.ts';
import { EndpointStore } from './storage/endpoints.ts';
import { createExpansionStore } from './storage/expansions.ts';
import { IdempotencyStore } from './storage/idempotency.ts';
import { ImportStore } from './storage/imports.ts';
import { openInstallation } from './storage/installation.ts';
import { createPostgresLimiter } from './storage/limiter.ts';
import { ListStore } from './storage/lists.ts';
import { createMessageStore } from './storage/messages.ts';
import { migrate, requireSchema } from './storage/migrate.ts';
import { createPool, type PoolOptions } from './storage/pool.ts';
import { QuietHoursStore } from './storage/quiet-hours.ts';
import { createReceiptQuestionStore } from './storage/receipt-questions.ts';
import { createReceiptStore, suppressAddress } from './storage/receipts.ts';
import { createReportStore } from './storage/reports.ts';
import { createSealer } from './storage/seal.ts';
import { SubscriberStore } from './storage/subscribers.ts';
import { createSweepStore } from './storage/sweeps.ts';
import { UserStore } from './storage/users.ts';
import { createBreakerStore, createWorkerStore } from './storage/workers.ts';
import { undo } from './undo.ts';

/** For claims, results and receipts, beside what else a process asks. */
const KEYED_CONNECTIONS = 6;
export const MIGRATIONS = join(packageRoot, 'src/storage/migrations');

/** Everything that web, command line and workers use: the verbs and the nouns, put together once. */
export interface App {
  readonly config: ReadyConfig;
  readonly log: PinoLogger;
  readonly pool: pg.Pool;
  /** Stands in the names of its queues. */
  readonly installationId: string;
  readonly ids: OpaqueIds;
  readonly clock: Clock;

  readonly announce: Announce;
  readonly messenger: Messenger;
  readonly approverCalls: ApproverCalls;
  readonly receive: Receive;
  readonly reports: ReportStore;
  /** The message of a delivery. */
  readonly readMessage: ReadMessage;

  /** What was done, chained; the acts note themselves. */
  readonly audit: AuditStore;
  readonly users: UserStore;
  /** Who signs in to the console. */
  readonly identity: Identity;
  readonly administration: Administration;
  /** For citizens who can neither open a link nor answer. */
  readonly leaveByCode: LeaveByCode;
  readonly subscribers: SubscriberStore;
  readonly endpoints: EndpointStore;
  readonly lists: ListStore;
  readonly imports: ImportStore;
  readonly quietHours: QuietHoursStore;
  readonly idempotency: IdempotencyStore;
  readonly templates: TemplateLibrary;

  /** What worker processes run on. */
  readonly engine: Engine;

  /**
   * Takes bounces by SMTP: at BOUNCE_PORT, or in trial mode at a free port that the sandbox is told. `undefined` when
   * nothing is configured.
   */
  listenForBounces(): Promise<BounceListener | undefined>;
  ready(): Promise<Readiness>;
  close(): Promise<void>;
}

export interface Engine {
  readonly deliveries: DeliveryStore;
  readonly expansions: ExpansionStore;
  readonly sweeps: SweepStore;
  readonly receipts: ReceiptStore;
  readonly receiptQuestions: ReceiptQuestionStore;
  readonly mode: ReadyConfig['mode'];
  readonly workers: WorkerStore;
  readonly breakers: BreakerStore;
  readonly limiter: Limiter;
  readonly wakeUps: WakeUps;
  readonly startRunner: StartRunner;
  readonly composer: Composer;
  readonly adapters: ReturnType<typeof createAdapters>;
  readonly requestTimeoutMs: typeof REQUEST_TIMEOUT_MS;
}

function queueOptions(config: ReadyConfig, installationId: string): QueueOptions {
  return config.redisUrl
    ? { backend: 'redis', url: config.redisUrl, installationId }
    : { backend: 'postgres', connectionString: config.databaseUrl, installationId };
}

/** Brings the database to this code's schema, BullMQ's tables included. Safe to run twice, and by two at a time. */
export async function migrateDatabase(config: ReadyConfig, log: PinoLogger): Promise<void> {
  const pool = createPool({
    connectionString: config.databaseUrl,
    max: 2,
    applicationName: 'herald migrate',
  });
  try {
    await requireDatabase(pool, config.databaseUrl);
    await migrate(pool, { folder: MIGRATIONS, log: (line: string) => log.info(line) });
    if (!config.redisUrl)
      await migrateQueue({ backend: 'postgres', connectionString: config.databaseUrl, installationId: '' });
  } finally {
    await pool.end();
  }
}

/**
 * Opens Herald on a migrated database.
 * @param options.name of this process, for the database's list of connections
 * @param options.connections most database connections of ours; BullMQ's come on top
 * @param options.operator who runs this command, for the audit log; absent: it is Herald itself
 * @throws HeraldError `database-unavailable`, `schema-too-old`, `wrong-secret`, `has-been-live`, `template-error`, `sandbox-unavailable`…
 */
export async function open(
  config: ReadyConfig,
  options: {
    readonly log: PinoLogger;
    readonly name: string;
    readonly connections?: number;
    readonly operator?: string;
  },
): Promise<App> {
  const { log } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const closeAll = () => undo(closers);
  try {
    const connect = (max: number, more: Partial<PoolOptions> = {}) => {
      const { databaseUrl: connectionString } = config;
      const pool = createPool({ connectionString, max, applicationName: options.name, ...more });
      closers.push(() => pool.end());
      return pool;
    };
    // Nothing hangs for good on a connection that was cut without a word.
    const pool = connect(options.connections ?? 4, { operator: options.operator, queryTimeoutMs: 60_000 });
    const keyed = connect(KEYED_CONNECTIONS, { byKeys: true, queryTimeoutMs: 30_000 });
    // Heartbeats do not queue behind anything: a worker with much to ask is not a dead one.
    const heart = connect(1, { queryTimeoutMs: 5_000 });
    // Nor does looking at breakers.
    const brisk = connect(2, { queryTimeoutMs: 5_000 });
    await requireDatabase(pool, config.databaseUrl);
    await requireSchema(pool, SCHEMA);

    const sandbox = await findSandbox(config, log);
    const adapters = createAdapters(config, sandbox, log);
    closers.push(() => adapters.close());
    // Made now, so that what is wrong with a key, a URL or a network stops the start and not the first message.
    for (const channel of CHANNELS) adapters.adapterFor(channel, 'live');
    const templates = await loadTemplates(config.templatesDirs, { defaultLocale: config.defaultLocale });
    // After what can be wrong with a configuration: the first start in live mode makes a database live for good.
    const installation = await openInstallation(
      pool,
      createHmac('sha256', purposeKey(config.secret, 'check')).update('herald').digest(),
      config.mode,
      config.officeTimezone,
    );
    const audit = createAuditStore(pool);
    await audit.noticeTemplates(sha256OfLibrary(templates, config.defaultLocale));
    const queue = {
      ...queueOptions(config, installation.id),
      onWarning: (message: string) => log.warn(message),
    };
    const wakeUps = await createWakeUps(queue);
    closers.push(() => wakeUps.close());

    const ids = new OpaqueIds(installation.idKey);
    const leaveKey = purposeKey(config.secret, 'leave');
    const renderer: Renderer = createRenderer();
    // Counter slots spread the processes' writes; which one a process takes does not matter.
    const slot = process.pid % SLOTS;
    const announcements = createAnnouncementStore(pool);
    const quietHours = new QuietHoursStore(pool);
    const deliveries = createDeliveryStore(
      keyed,
      createSealer(purposeKey(config.secret, 'endpoints'), 'endpoint-secret'),
    );
    const receipts = createReceiptStore(keyed, slot);
    const sweeps = createSweepStore(pool, keyed);
    const limiter = config.redisUrl
      ? createRedisLimiter({ url: config.redisUrl, prefix: installation.id })
      : undefined;
    if (limiter) closers.push(() => limiter.close());

    const common = { ids, officeName: config.officeName, renderer, mode: config.mode, log };
    const writing = {
      templates,
      style: {
        defaultLocale: config.defaultLocale,
        signature: config.smsSignature,
        officeName: config.officeName,
      },
      missingProvider: adapters.missingProvider,
      smsRoutes: TWILIO_ABILITIES.routes,
    };
    /** A head start on the sweeper, which does the same within a second. */
    const wake = async (jobs: () => Promise<readonly Job[]>) => {
      try {
        await wakeUps.ping();
        await wakeUps.enqueue(await jobs());
      } catch (error) {
        log.warn({ err: error }, 'written down; the sweeper will start it');
      }
    };
    const lists = new ListStore(pool);
    const suppress = (client: pg.PoolClient, suppression: Parameters<typeof suppressAddress>[2]) =>
      suppressAddress(client, slot, suppression);

    const mailboxes = {
      bounceAddress: config.bounceAddress,
      leaveAddress: config.bounceAddress && leaveAddress(config.bounceAddress),
      messageIdDomain: new URL(config.publicUrl).hostname,
    };
    const receive = createReceive({
      ...common,
      receipts,
      deliveries,
      callbacks: adapters.callbacks,
      leaveKey,
      parseBounce: (raw) => parseBounce(raw, mailboxes),
    });

    const reports = createReportStore(pool);
    const composer = createComposer({ ...common, deliveries, publicUrl: config.publicUrl, leaveKey, clock });
    const readMessage = createReader({ reports, composer, smsRoutes: TWILIO_ABILITIES.routes });
    const messenger = createMessenger({
      ...common,
      ...writing,
      messages: createMessageStore(pool, slot),
      wake: (job) => wake(async () => [job]),
    });
    const approverCalls = createApproverCalls({
      calls: createCallStore(pool, slot),
      messenger,
      ids,
      publicUrl: config.publicUrl,
      defaultLocale: config.defaultLocale,
      wake: (jobs) => wake(async () => jobs),
      log,
    });

    return {
      config,
      log,
      pool,
      ids,
      clock,
      announce: createAnnounce({
        ...common,
        ...writing,
        announcements,
        rates: config.rates,
        publicUrl: config.publicUrl,
        heldUntil: (channels, at) => quietHours.heldUntil(channels, at),
        recentAudience: recentAudience(announcements, clock),
        wake: () => wake(() => sweeps.startDue()),
        callApprovers: () =>
          approverCalls.callDue().then(
            () => undefined,
            (error: unknown) => log.warn({ err: error }, 'the sweeper will call the approvers'),
          ),
      }),
      messenger,
      approverCalls,
      receive,
      reports,
      readMessage,
      audit,
      users: new UserStore(pool),
      identity: openIdentity(pool, config, audit),
      ...openAdministration(pool, config, {
        ...{ messenger, leaveKey, log },
        ...{ slot, receipts, readMessage, ids, clock, templates, renderer, style: writing.style },
        adapterFor: adapters.adapterFor,
      }),
      lists,
      subscribers: new SubscriberStore(pool, {
        lists,
        suppress,
        normalise: { sms: normalisePhone, email: normaliseEmail },
      }),
      endpoints: new EndpointStore(pool, {
        lists,
        sealer: createSealer(purposeKey(config.secret, 'endpoints'), 'endpoint-secret'),
        generateSecret,
        checkUrl: (url) =>
          checkEndpointUrl(url, {
            allowedCidrs: config.webhookAllowedCidrs,
            allowedHosts: sandbox ? [new URL(sandbox.url).host] : [],
          }),
      }),
      imports: new ImportStore(pool),
      quietHours,
      idempotency: new IdempotencyStore(
        pool,
        createSealer(purposeKey(config.secret, 'answers'), 'idempotent-answer'),
      ),
      templates,
      engine: {
        deliveries,
        expansions: createExpansionStore(pool, slot),
        sweeps,
        receipts,
        receiptQuestions: createReceiptQuestionStore(keyed),
        mode: config.mode,
        workers: createWorkerStore(heart),
        breakers: createBreakerStore(brisk),
        // Who asks holds the limit's row until it is committed, and all others wait; what a crash forgets is long past when the
        // server is back.
        limiter: limiter ?? createPostgresLimiter(connect(2, { queryTimeoutMs: 5_000, mayForget: true })),
        wakeUps,
        startRunner: createRunner(queue),
        composer,
        adapters,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
      },
      async listenForBounces() {
        if (!config.bounceAddress || (config.bouncePort === undefined && config.mode === 'live'))
          return undefined;
        const { startBounceListener } = await import('./channels/email/bounce-listener.ts');
        return startBounceListener({
          ...mailboxes,
          host: config.bouncePort === undefined ? '127.0.0.1' : config.host,
          port: config.bouncePort ?? 0,
          onReport: async (report) => {
            if (!(await receive.mail(report)))
              log.warn({ kind: report.kind }, 'a bounce names no delivery of ours');
          },
          onError: (error) => log.warn({ err: error }, 'a mail to the bounce address was not taken'),
        });
      },
      ready: () => readiness(pool, wakeUps),
      installationId: installation.id,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
