import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { answerJson, readBody } from './http.ts';
import type { SandboxSmtpSettings } from './smtp.ts';
import type { TwilioSettings } from './twilio.ts';
import { HOOK_BEHAVIOURS, type HookSettings } from './webhook-receiver.ts';

const ms = z.number().min(0).max(3_600_000);
const share = z.number().min(0).max(1);

/** What can be changed while the sandbox runs. */
export interface SandboxSettings {
  readonly twilio?: Partial<TwilioSettings>;
  readonly smtp?: Partial<SandboxSmtpSettings>;
  /** By the endpoint's name: what stands behind `/hooks/`. */
  readonly hooks?: Readonly<Record<string, HookSettings>>;
}

/** The gateways as something to steer. */
export interface Gateways {
  /** Changes settings; what is not named stays. */
  configure(settings: SandboxSettings): void;
  /** A citizen's SMS to the office. Resolves when it was answered, or given up. */
  inbound(from: string, body: string): Promise<void>;
  /** Resolves when no callback and no bounce is outstanding. */
  idle(): Promise<void>;
  /** Callbacks and bounces that no try got through to the receiver. */
  lost(): number;
}

const configSchema = z
  .strictObject({
    twilio: z
      .strictObject({
        latencyMs: ms,
        receiptDelayMs: ms,
        listLagMs: ms,
        requestsPerSecond: z.number().min(0).max(1_000_000),
        inboundUrl: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]),
        callbackFaults: z.strictObject({ duplicateShare: share, reorderShare: share, seed: z.int() }),
      })
      .partial(),
    smtp: z
      .strictObject({
        latencyMs: ms,
        bounceTo: z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }),
      })
      .partial(),
    hooks: z.record(
      z.string(),
      z
        .strictObject({
          secrets: z.array(z.string()),
          behaviour: z.enum(HOOK_BEHAVIOURS),
          times: z.int().min(0),
          delayMs: ms,
        })
        .partial(),
    ),
  })
  .partial();

const inboundSchema = z.strictObject({
  from: z.string().regex(/^\+[1-9]\d{6,14}$/),
  body: z.string().max(1600),
});

/**
 * `POST /_control/config` takes {@link SandboxSettings}; `POST /_control/inbound {from, body}` is a
 * citizen's SMS; `POST /_control/idle` answers when no callback and no bounce is outstanding. JSON only: a page in a browser
 * cannot post that to another origin unasked.
 */
export async function answerControl(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  gateways: Gateways,
): Promise<void> {
  if (request.method !== 'POST' || !request.headers['content-type']?.startsWith('application/json')) {
    return answerJson(response, 415, { error: 'the control takes POST with application/json' });
  }
  const body = parse(await readBody(request));
  switch (url.pathname) {
    case '/_control/config': {
      const config = configSchema.safeParse(body);
      if (!config.success) return answerJson(response, 400, { error: z.prettifyError(config.error) });
      // JSON has no undefined, which the type of an optional property would allow.
      gateways.configure(config.data as SandboxSettings);
      return answerJson(response, 200, { ok: true });
    }
    case '/_control/inbound': {
      const message = inboundSchema.safeParse(body);
      if (!message.success) return answerJson(response, 400, { error: z.prettifyError(message.error) });
      await gateways.inbound(message.data.from, message.data.body);
      return answerJson(response, 200, { ok: true });
    }
    case '/_control/idle':
      await gateways.idle();
      return answerJson(response, 200, { ok: true, lost: gateways.lost() });
    default:
      return answerJson(response, 404, { error: `the control has no ${url.pathname}` });
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON: the schema refuses it with a message of its own.
    return undefined;
  }
}
