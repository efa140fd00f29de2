import type { Channel, Gateway } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import type { Troubles } from '../domain/progress.ts';

/** What is shown of announcements, deliveries and the engine. Implemented in src/storage/reports.ts. */

export interface ChannelReport {
  readonly counts: Readonly<Partial<Record<DeliveryStatus, number>>>;
  readonly segments: number;
  readonly total: number;
  /** Sent ones of which the provider was asked and knows no end; not those that it was not asked about yet. */
  readonly withoutReceipt: number;
  /** Seconds from approval (or schedule) to sent. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
  /** How many had been sent by then, in order of time; right to within 10 % of the time. Seconds as above. */
  readonly sentBy: readonly { readonly seconds: number; readonly n: number }[];
}

export interface DeliverySums {
  readonly total: number;
  /** Not yet at an end: queued, being sent, unsettled. */
  readonly open: number;
  /** Of these, those that may have been sent and are being settled. */
  readonly unsettled: number;
  /** Taken by a provider, or delivered. */
  readonly sent: number;
}

export interface DeliveryRow {
  readonly announcementId: number;
  readonly n: number;
  readonly channel: Channel;
  readonly status: DeliveryStatus;
  readonly attempt: number;
  readonly address: string;
  readonly locale: string;
  readonly segments: number | null;
  readonly providerMessageId: string | null;
  readonly code: string | null;
  readonly dueAt: Date | null;
}

/** Whom one delivery's message is for. */
export interface Letter {
  readonly channel: Channel;
  readonly address: string;
  readonly contactId: number;
  readonly locale: string;
  readonly name: string | null;
  readonly sequence: number | null;
}

export interface DeliveryEvent {
  readonly type: string;
  readonly attempt: number | null;
  readonly source: string;
  readonly code: string | null;
  readonly detail: string | null;
  readonly at: Date;
}

export interface ReportStore {
  channels(announcementId: number): Promise<Readonly<Partial<Record<Channel, ChannelReport>>>>;
  /** Of several announcements, over all channels; one without deliveries is absent. */
  sums(announcementIds: readonly number[]): Promise<ReadonlyMap<number, DeliverySums>>;
  expanded(announcementId: number): Promise<boolean>;
  /** Why messages did not arrive. @param sampled from a bounded part of them, for while they are being sent */
  troubles(announcementId: number, sampled: boolean): Promise<Troubles>;
  deliveries(
    announcementId: number,
    page: {
      readonly after: number;
      readonly limit: number;
      readonly channel?: Channel;
      readonly status?: DeliveryStatus;
    },
  ): Promise<readonly DeliveryRow[]>;
  /** @throws HeraldError `no-such-delivery` */
  delivery(
    announcementId: number,
    n: number,
  ): Promise<DeliveryRow & { readonly events: readonly DeliveryEvent[] }>;
  /** Those of an announcement that go to one of these addresses, normalised. */
  deliveriesTo(
    announcementId: number,
    addresses: readonly { readonly channel: Channel; readonly address: string }[],
  ): Promise<readonly DeliveryRow[]>;
  /** @throws HeraldError `no-such-delivery` */
  letter(announcementId: number, n: number): Promise<Letter>;
  /** Shards due, oldest due age in seconds, open breakers, workers alive: for /readyz, /metrics and `status`. */
  health(): Promise<{
    /** Shards that keep killing their workers, and still have something to send. */
    readonly setApart: readonly {
      readonly shardId: number;
      readonly announcementId: number;
      readonly channel: Channel;
      readonly rows: number;
      readonly deaths: number;
    }[];
    readonly shardsDue: Readonly<Partial<Record<Channel, number>>>;
    readonly oldestDueSeconds: number;
    readonly breakers: readonly {
      readonly channel: Channel;
      readonly gateway: Gateway;
      readonly code: string;
      readonly message: string;
      readonly openedAt: Date;
    }[];
    readonly workers: readonly {
      readonly kind: string;
      readonly host: string;
      readonly pid: number;
      readonly silentMs: number;
    }[];
  }>;
}
