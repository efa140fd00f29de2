import { startOf } from '../domain/announcement.ts';
import { type Channel, routeFor } from '../domain/channel.ts';
import { HeraldError } from '../domain/errors.ts';
import { leaveToken } from '../domain/leave-token.ts';
import type { MessageContent } from '../domain/message.ts';
import type { OpaqueIds } from '../domain/opaque-id.ts';
import type { SendOutcome } from '../domain/outcome.ts';
import type { RenderContext, TemplateBundle } from '../domain/template.ts';
import type {
  ChannelAdapter,
  Clock,
  CompiledTemplate,
  OutgoingByChannel,
  Renderer,
  SettleQuestion,
} from './ports.ts';
import type { ClaimedDelivery, DeliveryStore, SendingFacts, SentRecord, ShardClaim } from './stores.ts';

/** One message, ready to go, or why it cannot. */
export type Composed = { readonly cost: number; readonly segments: number | null } & (
  | { readonly ready: true; readonly send: (startWithinMs: number) => Promise<SendOutcome> }
  | { readonly ready: false; readonly outcome: SendOutcome }
);

/** An announcement as one shard's run sends it. */
export interface Composition {
  /** Limiter tokens that a message usually costs: segments for SMS, else 1. */
  readonly cost: number;
  /** Milliseconds until nothing more may be sent; never, for newsrooms. */
  expiresInMs(): number;
  /** Milliseconds since it began to be sent. */
  ageMs(): number;
  compose(row: ClaimedDelivery, adapter: ChannelAdapter): Composed;
  /**
   * The message itself. Of one that was sent, the very text, but that a citizen's name, and the state that a webhook
   * carries, are today's.
   * @throws HeraldError `no-route`, `too-many-segments`
   */
  content(row: Reader, over: Carrier): MessageContent;
  /** For asking the provider about it. */
  question(
    row: ClaimedDelivery,
    adapter: ChannelAdapter,
  ): Pick<SettleQuestion, 'deliveryId' | 'address' | 'body'>;
}

/** What a message needs to know of whom it is for. */
export type Reader = Pick<ClaimedDelivery, 'address' | 'contactId' | 'locale' | 'name' | 'sequence'>;
/** What it needs to know of how it gets there. */
export type Carrier = Pick<ChannelAdapter, 'provider' | 'abilities'>;

export interface Composer {
  open(claim: Pick<ShardClaim, 'announcementId' | 'channel'>): Promise<Composition>;
}

export interface ComposerDeps {
  readonly deliveries: Pick<DeliveryStore, 'sendingFacts'>;
  readonly renderer: Renderer;
  readonly ids: OpaqueIds;
  readonly publicUrl: string;
  readonly leaveKey: Buffer;
  readonly mode: 'trial' | 'live';
  readonly clock: Clock;
}

/** What a single message is about. */
const NO_CASE = { reference: '', title: '' };
/** A number that no contact has. */
const NOBODY = 0;

/** Facts older than this are read again: a webhook carries the announcement's present state. Milliseconds. */
const FACTS_KEEP_MS = 1_000;
/** Announcements whose compiled templates are kept. */
const KEPT = 250;

/** What templates see of an announcement; the same at preview, at submission and when it is sent. */
export function renderContext(
  record: Pick<SentRecord, 'id' | 'kind' | 'urgency' | 'mode' | 'supersedes' | 'draft'>,
  bundle: TemplateBundle,
  ids: OpaqueIds,
): RenderContext {
  const { draft } = record;
  const filled = Object.entries(draft.content).map(([locale, fields]) => [
    locale,
    Object.fromEntries(bundle.manifest.fields.map((f) => [f.name, fields[f.name] ?? ''])),
  ]);
  return {
    announcement: {
      id: ids.encode('announcement', record.id),
      kind: record.kind,
      urgency: record.urgency,
      exercise: record.mode === 'exercise',
      supersedes: record.supersedes === null ? null : ids.encode('announcement', record.supersedes),
    },
    case: draft.case ?? NO_CASE,
    office: { name: bundle.officeName },
    content: Object.fromEntries(filled),
  };
}

export function createComposer(deps: ComposerDeps): Composer {
  const { ids, clock } = deps;
  const kept = new Map<number, { facts: SendingFacts; readAt: number; template: CompiledTemplate }>();

  async function load(announcementId: number) {
    const known = kept.get(announcementId);
    if (known && clock.monotonicMs() - known.readAt < FACTS_KEEP_MS) return known;
    const readAt = clock.monotonicMs();
    const facts = await deps.deliveries.sendingFacts(announcementId);
    const template =
      known?.template ?? deps.renderer.compile(facts.bundle, renderContext(facts.record, facts.bundle, ids));
    const loaded = { facts, readAt, template };
    kept.delete(announcementId);
    kept.set(announcementId, loaded);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    return loaded;
  }

  return {
    async open({ announcementId, channel }) {
      const { facts, readAt, template } = await load(announcementId);
      const { record } = facts;
      const sinceRead = () => clock.monotonicMs() - readAt;
      const begun = startOf(record);
      // A rehearsal's links are as long as the real ones and lead nowhere: whoever tries one removes no citizen.
      const inert = deps.mode === 'live' && record.gateway === 'sandbox';
      const leaveUrls = new WeakMap<Reader, string>();
      /** In a mail's text and in its header: made once. */
      const leaveUrl = (row: Reader) => {
        if (record.kind === 'message') return null;
        const url =
          leaveUrls.get(row) ??
          `${deps.publicUrl}/u/${leaveToken(deps.leaveKey, inert ? NOBODY : row.contactId)}`;
        leaveUrls.set(row, url);
        return url;
      };
      const thread = {
        announcementId: ids.encode('announcement', announcementId),
        supersededIds: facts.chain.map((id) => ids.encode('announcement', id)),
      };
      const deliveryId = (row: ClaimedDelivery) => ids.encode('delivery', announcementId, row.n);

      function render(row: Reader, adapter: Carrier): MessageContent {
        if (channel === 'webhook') {
          return template.webhook({
            state: record.state,
            sequence: row.sequence ?? 0,
            publishedAt: (begun ?? record.createdAt).toISOString(),
            supersededBy:
              record.supersededBy.length > 0
                ? ids.encode('announcement', record.supersededBy.at(-1) ?? 0)
                : null,
            links: { schema: `${deps.publicUrl}/schemas/announcement.v1.json` },
          });
        }
        const { locale } = template.resolveLocale(row.locale);
        const recipient = (links: boolean) => {
          const link = links ? leaveUrl(row) : null;
          return { name: row.name, ...(link !== null && { leaveUrl: link }) };
        };
        if (channel === 'email') return template.emailInPieces(locale, recipient(true));
        const route = routeFor(adapter.abilities, row.address);
        if (!route)
          throw new HeraldError('invalid', 'no-route', `${adapter.provider} serves no route to this number`);
        const content = template.sms(locale, recipient(route.links));
        if (route.maxSegments !== undefined && content.segments.count > route.maxSegments) {
          throw new HeraldError(
            'invalid',
            'too-many-segments',
            `${content.segments.count} segments; this route takes ${route.maxSegments}`,
          );
        }
        return content;
      }

      function outgoing(
        row: ClaimedDelivery,
        content: MessageContent,
        startWithinMs: number,
      ): OutgoingByChannel[Channel] {
        const common = { deliveryId: deliveryId(row), attempt: row.attempt };
        switch (content.channel) {
          case 'sms':
            return {
              ...common,
              address: row.address,
              content,
              validForMs: facts.expiresInMs - sinceRead(),
              startWithinMs,
            };
          case 'email':
            return {
              ...common,
              address: row.address,
              content,
              leaveUrl: leaveUrl(row),
              ...thread,
            };
          case 'webhook':
            return {
              ...common,
              address: row.endpoint?.url ?? '',
              content,
              secrets: row.endpoint?.secrets ?? [],
            };
        }
      }

      /** Null: a name or a route has changed since, so that no text can be made. */
      const bodyOf = (row: ClaimedDelivery, adapter: ChannelAdapter): string | null => {
        try {
          const content = render(row, adapter);
          return content.channel === 'sms' ? content.body : null;
        } catch {
          // Whatever it is, sending it says so (see compose below); what was sent is asked for without it.
          return null;
        }
      };

      const sample =
        channel === 'sms'
          ? template.sms(template.resolveLocale(facts.bundle.defaultLocale).locale, { name: null })
          : null;
      return {
        cost: sample?.segments.count ?? 1,
        expiresInMs: () =>
          channel === 'webhook' ? Number.POSITIVE_INFINITY : facts.expiresInMs - sinceRead(),
        ageMs: () => (begun ? facts.nowMs - begun.getTime() + sinceRead() : 0),
        compose(row, adapter) {
          try {
            const content = render(row, adapter);
            const segments = content.channel === 'sms' ? content.segments.count : null;
            return {
              ready: true,
              cost: segments ?? 1,
              segments,
              // Made when its turn has come: how long it is valid counts from then.
              // No signal: a request that was written is awaited, whatever happens; the adapter bounds it by its own time.
              send: (startWithinMs) => adapter.send(outgoing(row, content, startWithinMs) as never),
            };
          } catch (error) {
            // Templates were checked when they were frozen; what is left is a fact about this one address.
            const { code, message } =
              error instanceof HeraldError ? error : { code: 'render-failed', message: String(error) };
            return {
              ready: false,
              cost: 0,
              segments: null,
              outcome: { outcome: 'refused', category: 'permanent', code, message },
            };
          }
        },
        content: render,
        question(row, adapter) {
          return { deliveryId: deliveryId(row), address: row.address, body: bodyOf(row, adapter) };
        },
      };
    },
  };
}
