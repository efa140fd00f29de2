import { z } from 'zod';

const micros = z.number().nonnegative();

const costSchema = z.strictObject({
  /** CPU of the channel's worker process. Microseconds a message. */
  workerMicros: micros.positive(),
  /** Cores that such a process can keep busy: one, and more where mails are signed beside. */
  threads: z.number().min(1),
  /** CPU of Herald's other processes: listing, sweeping, the web server. */
  otherMicros: micros,
  databaseMicros: micros,
  /** CPU of Redis. */
  queueMicros: micros,
  /** How much of what ended first was in use while messages went out steadily: the rest is waiting for each other. */
  use: z.number().positive().max(1),
});
/** What one message of a kind costs. */
export type Cost = z.infer<typeof costSchema>;

/** What has a cost of its own: the channels, and e-mail that Herald signs itself. */
export const COSTED = ['sms', 'email', 'email-dkim', 'webhook'] as const;
export type Costed = (typeof COSTED)[number];

/** What the bench found out about Herald on one machine: all that `herald plan` reckons with. */
export const capacityModelSchema = z.strictObject({
  measured: z.strictObject({
    at: z.iso.datetime(),
    backend: z.enum(['redis', 'postgres']),
    cpu: z.string(),
    cores: z.int().min(1),
    node: z.string(),
    postgres: z.string(),
    /** Of the largest announcement that it was fitted to. */
    recipients: z.int().min(1),
  }),
  /** From approval to messages that go out steadily. */
  startSeconds: z.number().nonnegative(),
  /** From approval to the first message. */
  firstSeconds: z.number().nonnegative(),
  costs: z.partialRecord(z.enum(COSTED), costSchema),
  /** Callbacks about an SMS: what one web process takes a second, and the CPU of it and of PostgreSQL for one. */
  receipt: z
    .strictObject({ perSecond: z.number().positive(), webMicros: micros, databaseMicros: micros })
    .optional(),
  /** How much of its connections a worker keeps busy when the gateway is far away; all, where it was not measured. */
  connectionsUse: z.number().positive().max(1).optional(),
  /** Recipients that one announcement lists a second. */
  listedPerSecond: z.number().positive().optional(),
  /** What a delivery leaves in the database, and writes to its write-ahead log. */
  databaseBytesEach: z.number().nonnegative(),
  walBytesEach: z.number().nonnegative(),
  /** Redis's memory: idle, and for each recipient of what is being sent. Absent where the queue is in PostgreSQL. */
  redis: z.strictObject({ idleBytes: z.number(), bytesEach: z.number().nonnegative() }).optional(),
  /** Memory of the process that took most of it. */
  processBytes: z.number().positive(),
});
export type CapacityModel = z.infer<typeof capacityModelSchema>;
