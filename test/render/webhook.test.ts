import { describe, expect, it } from 'vitest';
import { KINDS } from '../../src/domain/announcement.ts';
import {
  announcementSchemaV1,
  MAX_ENVELOPE_BYTES,
  webhookEnvelopeSchema,
} from '../../src/domain/webhook-envelope.ts';
import type { WebhookFacts } from '../../src/pipeline/ports.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { bundleOf, contextOf, errorOf } from './fixtures.ts';

const FACTS: WebhookFacts = {
  state: 'sending',
  sequence: 7,
  publishedAt: '2026-11-23T08:00:00Z',
  supersededBy: null,
  links: { announcement: 'https://herald.example/v1/announcements/ann_1' },
};

const envelope = (bundle = bundleOf(), context = contextOf(), facts = FACTS) =>
  webhookEnvelopeSchema.parse(JSON.parse(createRenderer().compile(bundle, context).webhook(facts).body));

describe('the webhook envelope', () => {
  it('carries every language, the fields and the text, and keeps to its schema', () => {
    const locales = ['zh-CN', 'en'];
    const context = contextOf(
      { headline: '"News" \u2028 <b>', body: 'Text' },
      { urgency: 'urgent' },
      locales,
    );
    const { type, timestamp, data } = envelope(
      bundleOf({ webhook: '{{headline}}\n{{case.title}}' }, { locales }),
      context,
    );
    expect([type, timestamp]).toEqual(['announcement.published', FACTS.publishedAt]);
    const text = { headline: '"News" \u2028 <b>', body: 'Text', text: '"News" \u2028 <b>\nRefund frauds' };
    expect(data).toEqual({
      schema: 'announcement.v1',
      id: 'ann_1',
      sequence: 7,
      kind: 'notice',
      state: 'sending',
      urgency: 'urgent',
      exercise: false,
      case: { reference: 'DL-2026-0117', title: 'Refund frauds' },
      supersedes: null,
      supersededBy: null,
      publishedAt: FACTS.publishedAt,
      office: { name: 'Binjiang Police' },
      texts: { 'zh-CN': text, en: text },
      links: FACTS.links,
    });
  });

  it('is named by the kind of announcement', () => {
    const types = KINDS.map((kind) => envelope(bundleOf(), contextOf({}, { kind })).type);
    expect(types).toEqual([
      'announcement.published',
      'announcement.updated',
      'announcement.corrected',
      'announcement.retracted',
    ]);
  });

  it('tells of the present state and the successor at each attempt, and is otherwise the same', () => {
    const template = createRenderer().compile(bundleOf(), contextOf());
    expect(template.webhook(FACTS)).toEqual(template.webhook({ ...FACTS }));
    const { data } = JSON.parse(
      template.webhook({ ...FACTS, state: 'cancelled', supersededBy: 'ann_2' }).body,
    );
    expect(data).toMatchObject({ state: 'cancelled', supersededBy: 'ann_2', sequence: 7 });
  });

  it('is refused before anything is sent when it is too large for outlets', async () => {
    const fits = (length: number) =>
      createRenderer()
        .compile(bundleOf(), contextOf({ body: '警'.repeat(length) }))
        .webhook(FACTS).body;
    expect(Buffer.byteLength(fits(6_000))).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES);
    const error = await errorOf(() => fits(7_000));
    expect(error).toMatchObject({ kind: 'too-large', code: 'webhook-too-large' });
  });

  it('has a published JSON Schema that says what is required', () => {
    expect(announcementSchemaV1).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: '/schemas/announcement.v1.json',
      required: ['type', 'timestamp', 'data'],
    });
  });
});
