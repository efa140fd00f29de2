import { z } from 'zod';
import { KINDS, type Kind, URGENCIES } from './announcement.ts';
import { localeSchema } from './template.ts';

/** The envelope's `type`, by what the announcement is (Standard Webhooks: full-stop delimited, past tense). */
export const EVENT_TYPES = {
  notice: 'announcement.published',
  update: 'announcement.updated',
  correction: 'announcement.corrected',
  retraction: 'announcement.retracted',
} as const satisfies Record<Kind, string>;

/** Value of `data.schema`; its JSON Schema is published at `/schemas/announcement.v1.json`. */
export const ENVELOPE_SCHEMA = 'announcement.v1';

/** Most bytes of a webhook's body (Standard Webhooks advises about 20 kB). */
export const MAX_ENVELOPE_BYTES = 20_000;

const timestamp = z.iso.datetime({ offset: true });
const opaqueId = z.string().min(1).max(64);

/**
 * What an outlet receives: Standard Webhooks' `{type, timestamp, data}`. Objects are loose because members may
 * be added to a version, while none is removed or changes its meaning.
 */
export const webhookEnvelopeSchema = z
  .looseObject({
    type: z.enum(Object.values(EVENT_TYPES)),
    timestamp: timestamp.describe('When the announcement was published; the same in every attempt'),
    data: z.looseObject({
      schema: z.literal(ENVELOPE_SCHEMA),
      id: opaqueId.describe('The announcement'),
      sequence: z
        .int()
        .min(0)
        .describe('Grows with each announcement to this endpoint; a gap is a missed one'),
      kind: z.enum(KINDS),
      state: z.string().min(1).describe('Present state of the announcement when this attempt was made'),
      urgency: z.enum(URGENCIES),
      exercise: z.boolean().describe('A rehearsal: must not be published'),
      case: z.looseObject({ reference: z.string(), title: z.string() }),
      supersedes: opaqueId.nullable().describe('The announcement that this one replaces'),
      supersededBy: opaqueId.nullable().describe('The announcement that has replaced this one by now'),
      publishedAt: timestamp,
      office: z.looseObject({ name: z.string() }),
      texts: z
        .record(
          localeSchema,
          z.object({ text: z.string().describe('Short and ready to print') }).catchall(z.string()),
        )
        .describe("By language: the template's fields, and `text`, short and ready to print"),
      links: z.record(z.string(), z.url()),
    }),
  })
  .meta({ title: 'Herald announcement, version 1' });
export type WebhookEnvelope = z.infer<typeof webhookEnvelopeSchema>;

/** JSON Schema (draft 2020-12) of {@link webhookEnvelopeSchema}. */
export const announcementSchemaV1 = {
  ...z.toJSONSchema(webhookEnvelopeSchema),
  $id: `/schemas/${ENVELOPE_SCHEMA}.json`,
};
