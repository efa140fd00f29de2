import type { Sample } from '../sinks.ts';

/** What a client process is told to send; it answers with the milliseconds that it took. */
export type Order =
  | {
      readonly run: 'limit-sms' | 'limit-webhook';
      readonly origin: string;
      readonly connections: number;
      readonly messages: number;
      readonly sample: Sample;
      readonly endpoints: number;
    }
  | {
      readonly run: 'limit-email';
      readonly smtpPort: number;
      readonly connections: number;
      readonly messages: number;
      readonly raw: Buffer;
      /** PEM; a signature a message is made with it. */
      readonly privateKey?: string | undefined;
    }
  | PlainOrder
  | {
      readonly run: 'callbacks';
      readonly origin: string;
      readonly connections: number;
      readonly requests: readonly Callback[];
    };

/** One status callback, signed. */
export interface Callback {
  readonly path: string;
  readonly body: string;
  readonly signature: string;
}

export interface PlainOrder {
  readonly run: 'plain-sms' | 'plain-email' | 'plain-webhook';
  readonly sinkUrl: string;
  readonly smtpPort: number;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly connections: number;
  readonly messages: number;
  readonly endpoints: number;
  /** Handlebars with `name` and `leaveUrl`; the subject, text and HTML of a mail. */
  readonly templates: Readonly<Record<string, string>>;
  readonly dkim?:
    | { readonly domain: string; readonly selector: string; readonly privateKey: string }
    | undefined;
}
