import { createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto';
import nodemailer from 'nodemailer';
import { type Dispatcher, Pool } from 'undici';
import type { Order } from './orders.ts';

type OrderOf<R extends Order['run']> = Extract<Order, { readonly run: R }>;

/** Runs `send(i)` for 0 ≤ i < count, so many at a time. */
async function inParallel(atOnce: number, count: number, send: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const i = next;
      next += 1;
      await send(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
}

/** The barest request that undici makes. @returns the status; the answer's body is thrown away */
function exchange(pool: Pool, options: Dispatcher.DispatchOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0;
    pool.dispatch(options, {
      onRequestStart: () => undefined,
      onResponseStart(_controller, code) {
        status = code;
      },
      onResponseData: () => undefined,
      onResponseEnd: () => resolve(status),
      onResponseError: (_controller, error) => reject(error),
    });
  });
}

async function post(pool: Pool, expected: number, options: Omit<Dispatcher.DispatchOptions, 'method'>) {
  const status = await exchange(pool, { method: 'POST', ...options });
  if (status !== expected) throw new Error(`${options.path} answered ${status}, not ${expected}`);
}

/** Headers that belong to one connection or one message. */
const OWN = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
];

/** The same bytes again and again, as fast as they are taken; a webhook is signed each time. */
export async function sendLimitHttp(order: OrderOf<'limit-sms' | 'limit-webhook'>): Promise<void> {
  const { connections, messages, sample, endpoints } = order;
  const pool = new Pool(order.origin, { connections });
  const key = Buffer.alloc(32, 7);
  const body = Buffer.from(sample.body);
  const common = Object.fromEntries(Object.entries(sample.headers).filter(([name]) => !OWN.includes(name)));
  const hook = (i: number) => {
    const id = randomUUID();
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
    return {
      path: `/hooks/outlet-${i % endpoints}`,
      headers: {
        ...common,
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${mac}`,
      },
    };
  };
  const sms = { path: sample.path, headers: common };
  const of = order.run === 'limit-webhook' ? hook : () => sms;
  const expected = order.run === 'limit-webhook' ? 204 : 201;
  await inParallel(connections, messages, (i) => post(pool, expected, { ...of(i), body }));
  await pool.close();
}

/** One prebuilt mail through nodemailer's pool; with a key, a bare signature for each. */
export async function sendLimitEmail(order: OrderOf<'limit-email'>): Promise<void> {
  const { connections, messages, smtpPort } = order;
  const raw = Buffer.from(order.raw);
  const key = order.privateKey === undefined ? undefined : createPrivateKey(order.privateKey);
  const transport = nodemailer.createTransport({
    pool: true,
    host: '127.0.0.1',
    port: smtpPort,
    maxConnections: connections,
    maxMessages: Number.POSITIVE_INFINITY,
  });
  const envelope = { from: 'notices@bench.example', to: ['citizen@example.org'] };
  // Twice as many as there are connections, so that the pool always has the next one at hand.
  await inParallel(connections * 2, messages, async () => {
    if (key) sign('RSA-SHA256', raw, key);
    await transport.sendMail({ envelope, raw });
  });
  transport.close();
}

/** Twilio's status callbacks. */
export async function sendCallbacks({ origin, connections, requests }: OrderOf<'callbacks'>): Promise<void> {
  const pool = new Pool(origin, { connections });
  await inParallel(connections, requests.length, async (i) => {
    const request = requests[i];
    if (!request) return;
    await post(pool, 204, {
      path: request.path,
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-twilio-signature': request.signature,
      },
      body: request.body,
    });
  });
  await pool.close();
}
