import { createHmac, randomUUID } from 'node:crypto';
import {
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  type Job,
  type PostgresConnectionOptions,
  Queue,
  Worker,
} from 'bullmq';
import Handlebars from 'handlebars';
import { Redis } from 'ioredis';
import nodemailer from 'nodemailer';
import pg from 'pg';
import twilio from 'twilio';
import type { PlainOrder } from './orders.ts';

/** As the libraries' own pages show it: one job a recipient, one message, one UPDATE. */

interface Recipient {
  readonly id: number;
  readonly name: string;
  readonly address: string;
}

const CONCURRENCY = 50;
const ADDED_AT_ONCE = 1_000;

/** @returns a function that sends one message and says its id at the gateway */
type MakeSender = (order: PlainOrder) => (to: Recipient) => Promise<string>;

const leaveUrlOf = ({ id }: Recipient) => `https://herald.bench.example/u/${String(id).padStart(27, 'x')}`;

const SENDERS: Readonly<Record<PlainOrder['run'], MakeSender>> = {
  'plain-sms': ({ sinkUrl, templates }) => {
    const client = twilio(`AC${'0'.repeat(32)}`, 'token');
    client.api.baseUrl = sinkUrl;
    const body = Handlebars.compile(templates.body ?? '', { noEscape: true });
    return async (to) => {
      const { sid } = await client.messages.create({
        to: to.address,
        from: '+12025550100',
        body: body({ name: to.name, leaveUrl: leaveUrlOf(to) }),
        statusCallback: `https://herald.bench.example/callbacks/twilio/status?delivery=${to.id}`,
      });
      return sid;
    };
  },
  'plain-email': ({ smtpPort, connections, templates, dkim }) => {
    const transport = nodemailer.createTransport({
      pool: true,
      host: '127.0.0.1',
      port: smtpPort,
      maxConnections: connections,
      ...(dkim && {
        dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey },
      }),
    });
    const html = Handlebars.compile(templates.html ?? '');
    const text = Handlebars.compile(templates.text ?? '', { noEscape: true });
    return async (to) => {
      const leaveUrl = leaveUrlOf(to);
      const values = { name: to.name, leaveUrl };
      const { messageId } = await transport.sendMail({
        from: 'Police <notices@bench.example>',
        to: to.address,
        subject: templates.subject ?? '',
        text: text(values),
        html: html(values),
        headers: {
          'List-Unsubscribe': `<${leaveUrl}>`,
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        },
      });
      return messageId;
    };
  },
  'plain-webhook': ({ sinkUrl, templates, endpoints }) => {
    const key = Buffer.alloc(32, 7);
    const body = Handlebars.compile(templates.body ?? '', { noEscape: true });
    return async (to) => {
      const id = randomUUID();
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const content = body({ name: to.name });
      const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${content}`).digest('base64');
      const answer = await fetch(`${sinkUrl}/hooks/outlet-${to.id % endpoints}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${mac}`,
        },
        body: content,
      });
      await answer.text();
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return id;
    };
  },
};

/** BullMQ's connection, to the server that Herald uses as well. */
function openQueueServer({ redisUrl, databaseUrl }: PlainOrder) {
  if (redisUrl) {
    const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
    const factory: BackendFactory<IQueueBackend, unknown> = (name, opts, more) =>
      createRedisBackend(name, { ...opts, connection }, more);
    return { factory, close: async () => connection.disconnect() };
  }
  const pool = new pg.Pool({ connectionString: databaseUrl, options: '-c search_path=bullmq' });
  pool.on('error', () => undefined);
  // A pg.Pool is what BullMQ asks for; its own description of one is just not written for these types.
  const connection = pool as unknown as PostgresConnectionOptions;
  const factory: BackendFactory<IQueueBackend, unknown> = (name, opts, more) =>
    createPostgresBackend(name, { ...opts, connection }, more);
  return { factory, close: () => pool.end() };
}

/** @returns milliseconds from the first job that is added to the last result that is written */
export async function sendPlain(order: PlainOrder): Promise<number> {
  const pool = new pg.Pool({ connectionString: order.databaseUrl, max: 10 });
  await pool.query(`
    DROP TABLE IF EXISTS bench_plain;
    CREATE TABLE bench_plain (
      id int PRIMARY KEY, name text NOT NULL, address text NOT NULL, status text NOT NULL DEFAULT 'queued',
      message_id text, sent_at timestamptz)`);
  const address = order.run === 'plain-email' ? `'c' || i || '@example.org'` : `'+1' || 2000000000 + i`;
  await pool.query(
    `INSERT INTO bench_plain (id, name, address) SELECT i, 'Citizen ' || i, ${address} FROM generate_series(1, $1::int) AS i`,
    [order.messages],
  );
  const { rows } = await pool.query<Recipient>('SELECT id, name, address FROM bench_plain ORDER BY id');
  const send = SENDERS[order.run](order);
  const server = openQueueServer(order);
  const name = `plain-${randomUUID()}`;
  const queue = new Queue(name, { connection: {} }, server.factory);
  let done = 0;
  const worker = new Worker(
    name,
    async (job: Job<Recipient>) => {
      const id = await send(job.data);
      await pool.query(
        `UPDATE bench_plain SET status = 'sent', message_id = $2, sent_at = now() WHERE id = $1`,
        [job.data.id, id],
      );
    },
    { connection: {}, concurrency: CONCURRENCY },
    server.factory,
  );
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const finished = new Promise<void>((resolve, reject) => {
    worker.on('completed', () => {
      done += 1;
      if (done === rows.length) resolve();
    });
    worker.on('failed', (_job, error) => reject(error));
  });
  const began = performance.now();
  for (let from = 0; from < rows.length; from += ADDED_AT_ONCE)
    await queue.addBulk(
      rows.slice(from, from + ADDED_AT_ONCE).map((data) => ({
        name: 'send',
        data,
        opts: {
          attempts: 3,
          backoff: { type: 'exponential', delay: 1_000 },
          removeOnComplete: true,
          removeOnFail: true,
        },
      })),
    );
  await finished;
  const ms = performance.now() - began;
  await worker.close();
  await queue.close();
  await server.close();
  await pool.end();
  return ms;
}
