import type { AnnouncementState } from '../domain/announcement.ts';
import type { Gateway } from '../domain/channel.ts';
import type { DeliveryStatus } from '../domain/delivery.ts';
import type { Content } from '../domain/template.ts';
import type { By } from './audit-store.ts';

/** What was last sent to an endpoint. */
export interface LastDelivery {
  readonly status: DeliveryStatus;
  readonly code: string | null;
  /** When something last happened to it; null: not yet. */
  readonly at: Date | null;
}

export interface OutletDelivery extends LastDelivery {
  readonly announcementId: number;
  readonly n: number;
  readonly attempt: number;
  readonly content: Content;
}

export interface EndpointTest {
  readonly id: number;
  readonly at: Date;
  readonly userId: number | null;
  /** HTTP; null: none came (yet). */
  readonly status: number | null;
  /** Our code for why there is none. */
  readonly error: string | null;
  readonly ms: number | null;
}

/** Where an endpoint is written to, and what it is signed with. */
export interface EndpointAddress {
  readonly url: string;
  /** `whsec_…`, newest first. */
  readonly secrets: readonly string[];
  readonly disabledAt: Date | null;
}

export interface OutletStore {
  /** By endpoint; one that was never written to is absent. */
  last(endpointIds: readonly number[]): Promise<ReadonlyMap<number, LastDelivery>>;
  /** Newest first. @param page.before the delivery that the last page ended with */
  deliveries(
    endpointId: number,
    page: { readonly before?: number | undefined; readonly limit: number },
  ): Promise<readonly OutletDelivery[]>;
  /** Newest first. */
  tests(endpointId: number, limit: number): Promise<readonly EndpointTest[]>;
  /** @throws HeraldError `no-such-endpoint` */
  address(endpointId: number): Promise<EndpointAddress>;
  /** What is to be sent again, with its announcement's gateway. @throws HeraldError `no-such-delivery` */
  sent(
    announcementId: number,
    n: number,
  ): Promise<{
    readonly endpointId: number;
    readonly status: DeliveryStatus;
    readonly attempt: number;
    readonly gateway: Gateway;
    /** Its announcement's. */
    readonly state: AnnouncementState;
    /** Another one that was approved has taken its place. */
    readonly replaced: boolean;
  }>;
  /** Written down before it is sent. @throws HeraldError `no-such-endpoint` */
  beginTest(endpointId: number, by: By): Promise<number>;
  endTest(
    testId: number,
    result: { readonly status: number | null; readonly error: string | null; readonly ms: number },
  ): Promise<void>;
  /** For the audit log. */
  noteAgain(announcementId: number, n: number, by: By): Promise<void>;
}

/** What is sent to one outlet because somebody asked for it. */
export interface OutletSends {
  /**
   * A signed message of type `test`, which no newsroom can take for an announcement; in trial mode it stays in the
   * sandbox. Its answer is on record. @throws HeraldError `no-such-endpoint`, `no-provider` (conflict)
   */
  test(endpointId: number, by: By): Promise<void>;
  /**
   * The same message under the same `webhook-id`, so that an outlet which has it drops it. Taken, it is proof of delivery.
   * @returns whether it was taken
   * @throws HeraldError `no-such-delivery`, `no-such-endpoint`; `endpoint-disabled`, `still-under-way` (conflict)
   */
  again(announcementId: number, n: number, by: By): Promise<boolean>;
}
