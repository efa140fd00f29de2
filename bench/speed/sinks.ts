import { type Child, startProcess } from './processes.ts';

/** What a sink is told, and what it answers; each order is answered once. */
export type SinkOrder =
  | { readonly do: 'configure'; readonly latencyMs: number }
  | { readonly do: 'reset' }
  | { readonly do: 'report' };

export type Kind = 'sms' | 'email' | 'webhook';

/** A message as a gateway took it: what the limit sends again and again. */
export interface Sample {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface SinkReport {
  /** Messages since the last reset. */
  readonly counts: Readonly<Record<Kind, number>>;
  /** When the first of them came, in milliseconds since the epoch. */
  readonly firstAt: Readonly<Partial<Record<Kind, number>>>;
  readonly samples: Readonly<Partial<Record<Kind, Sample>>>;
  /** Most requests that waited for an answer at a time: what latency leaves of a client's connections. */
  readonly mostWaiting: number;
}

/** The fast gateways, in a process of their own. */
export interface Sinks {
  readonly pid: number;
  /** `http://127.0.0.1:port`: a Twilio, and a receiver of webhooks at `/hooks/…`. */
  readonly url: string;
  readonly smtpPort: number;
  /** Milliseconds before each answer. */
  setLatency(ms: number): Promise<void>;
  reset(): Promise<void>;
  report(): Promise<SinkReport>;
  /** @throws Error when nothing of the kind has come */
  sample(kind: Kind): Promise<Sample>;
  stop(): Promise<void>;
}

export async function startSinks(): Promise<Sinks> {
  const child: Child = await startProcess('./sinks-main.js');
  const { url, smtpPort } = child.ready as { url: string; smtpPort: number };
  const report = async () => (await child.ask({ do: 'report' } satisfies SinkOrder)) as SinkReport;
  return {
    pid: child.pid,
    url,
    smtpPort,
    async setLatency(latencyMs) {
      await child.ask({ do: 'configure', latencyMs } satisfies SinkOrder);
    },
    async reset() {
      await child.ask({ do: 'reset' } satisfies SinkOrder);
    },
    report,
    async sample(kind) {
      const sample = (await report()).samples[kind];
      if (!sample) throw new Error(`no ${kind} has come to the sinks`);
      return { ...sample, body: Buffer.from(sample.body) };
    },
    stop: () => child.stop(),
  };
}
