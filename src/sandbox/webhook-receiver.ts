import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, readBody } from './http.ts';
import type { Ledger } from './ledger.ts';

/** What an outlet's endpoint can do. `take`: it has the webhook, whatever it answers. */
const BEHAVIOURS = {
  ok: { take: true, status: 200 },
  /** Answers after `delayMs`. */
  slow: { take: true, status: 200 },
  'fail-500': { take: false, status: 500 },
  /** `fail-500`, but once unless `times` says otherwise. */
  'fail-then-ok': { take: false, status: 500 },
  'gone-410': { take: false, status: 410 },
  redirect: { take: false, status: 302, headers: { location: '/hooks/elsewhere' } },
  throttle: { take: false, status: 429, headers: { 'retry-after': '1' } },
  /** Has it, and cuts the connection before answering. */
  reset: { take: true, outcome: 'reset' },
  /** Has it, and never answers. */
  hang: { take: true, outcome: 'hung' },
} as const satisfies Record<
  string,
  { take: boolean; status?: number; headers?: Record<string, string>; outcome?: 'reset' | 'hung' }
>;
export type HookBehaviour = keyof typeof BEHAVIOURS;
export const HOOK_BEHAVIOURS = Object.keys(BEHAVIOURS) as readonly HookBehaviour[];

export interface HookSettings {
  /** `whsec_…`; with none, signatures are not looked at. */
  readonly secrets?: readonly string[];
  /** Default `ok`. */
  readonly behaviour?: HookBehaviour;
  /** After so many requests it behaves as `ok`. Default: never, and 1 for `fail-then-ok`. */
  readonly times?: number;
  /** Milliseconds before the answer. Default 0, and 2,000 for `slow`. */
  readonly delayMs?: number;
}

export interface WebhookReceiver {
  /** Answers `POST /hooks/<name>`. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Replaces an endpoint's settings and begins its `times` anew. One that was never configured is `ok`. */
  configure(name: string, settings: HookSettings): void;
}

/** Standard Webhooks 1.0: seconds that a timestamp may be off. */
const TOLERANCE_SECONDS = 300;

/**
 * The outlets' side of webhooks: verifies Standard Webhooks signatures with its own few lines (not the sender's), and
 * writes what it has into the ledger. The same `webhook-id` again is the repeat that the standard allows: its outcome
 * is `repeat 1`, `repeat 2` ….
 */
export function createWebhookReceiver(ledger: Ledger): WebhookReceiver {
  const hooks = new Map<string, { settings: HookSettings; requests: number }>();
  const seen = new Map<string, number>();

  return {
    configure(name, settings) {
      hooks.set(name, { settings, requests: 0 });
    },

    async handle(request, response) {
      const name = (request.url ?? '').replace(/[?#].*$/, '').replace(/^\/hooks\//, '');
      if (request.method !== 'POST') return answerJson(response, 405, { error: 'an endpoint takes POST' });
      const body = await readBody(request);
      const hook = hooks.get(name) ?? { settings: {}, requests: 0 };
      const { secrets = [], behaviour = 'ok', delayMs = behaviour === 'slow' ? 2_000 : 0 } = hook.settings;
      if (secrets.length > 0 && !isSigned(request, body, secrets)) {
        return answerJson(response, 401, { error: 'the signature or its timestamp is wrong' });
      }
      const { times = behaviour === 'fail-then-ok' ? 1 : Number.POSITIVE_INFINITY } = hook.settings;
      const plan: (typeof BEHAVIOURS)[HookBehaviour] =
        hook.requests++ < times ? BEHAVIOURS[behaviour] : BEHAVIOURS.ok;
      const outcome = 'outcome' in plan ? plan.outcome : undefined;

      if (plan.take) {
        const id = String(request.headers['webhook-id'] ?? '');
        const repeats = seen.get(`${name} ${id}`) ?? 0;
        seen.set(`${name} ${id}`, repeats + 1);
        ledger.add({
          channel: 'webhook',
          gatewayMessageId: id,
          deliveryId: id,
          address: `http://${request.headers.host}${request.url}`,
          body,
          headers: flat(request),
          outcome: repeats > 0 ? `repeat ${repeats}` : (outcome ?? 'accepted'),
        });
      }
      if (outcome === 'hung') return;
      if (delayMs > 0) await later(delayMs, response);
      if (outcome === 'reset') request.socket.destroy();
      else if ('status' in plan) {
        const headers = 'headers' in plan ? plan.headers : {};
        answerJson(response, plan.status, { ok: plan.status < 300 }, headers);
      }
    },
  };
}

/** Resolves after `ms`, or when the client has gone. */
function later(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function isSigned(request: IncomingMessage, body: string, secrets: readonly string[]): boolean {
  const {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures,
  } = request.headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false;
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const given = signatures.split(' ').map((signature) => Buffer.from(signature));
  return secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const wanted = Buffer.from(`v1,${mac}`);
    return given.some((bytes) => bytes.length === wanted.length && timingSafeEqual(bytes, wanted));
  });
}

function flat(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}
