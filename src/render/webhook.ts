import { HeraldError } from '../domain/errors.ts';
import type { WebhookContent } from '../domain/message.ts';
import type { RenderContext } from '../domain/template.ts';
import {
  ENVELOPE_SCHEMA,
  EVENT_TYPES,
  MAX_ENVELOPE_BYTES,
  type WebhookEnvelope,
} from '../domain/webhook-envelope.ts';
import type { WebhookFacts } from '../pipeline/ports.ts';

/** Kept free at compilation for the facts that are not known yet: state, links, successor. */
const FACTS_BYTES = 1_500;

/** Makes the raw body of a webhook: the envelope is made here, templates only give the texts in it. */
export function envelopeWriter(
  context: RenderContext,
  texts: WebhookEnvelope['data']['texts'],
): (facts: WebhookFacts) => WebhookContent {
  const kind = (Object.keys(EVENT_TYPES) as (keyof typeof EVENT_TYPES)[]).find(
    (known) => known === context.announcement.kind,
  );
  if (!kind) {
    throw new HeraldError(
      'invalid',
      'unknown-kind',
      `"${context.announcement.kind}" is no kind of announcement`,
    );
  }
  const { announcement, case: about, office } = context;
  const bytes = Buffer.byteLength(JSON.stringify({ about, office, texts }));
  if (bytes > MAX_ENVELOPE_BYTES - FACTS_BYTES) {
    throw new HeraldError(
      'too-large',
      'webhook-too-large',
      `the texts make a webhook of ${bytes + FACTS_BYTES} bytes, and outlets take ${MAX_ENVELOPE_BYTES}`,
      { fix: 'shorten the longest field; a Chinese character takes 3 bytes' },
    );
  }
  return (facts) => ({
    channel: 'webhook',
    body: JSON.stringify({
      type: EVENT_TYPES[kind],
      timestamp: facts.publishedAt,
      data: {
        schema: ENVELOPE_SCHEMA,
        id: announcement.id,
        sequence: facts.sequence,
        kind,
        state: facts.state,
        urgency: announcement.urgency,
        exercise: announcement.exercise,
        case: { reference: about.reference, title: about.title },
        supersedes: announcement.supersedes,
        supersededBy: facts.supersededBy,
        publishedAt: facts.publishedAt,
        office: { name: office.name },
        texts,
        links: facts.links,
      },
    }),
  });
}
